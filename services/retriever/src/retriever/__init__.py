"""The search index: vectors, terms, versions and hybrid search."""
