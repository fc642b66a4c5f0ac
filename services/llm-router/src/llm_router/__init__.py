"""Every call of a model: chat, stream, tools and embeddings."""
