"""A model provider for tests: OpenAI, Anthropic and Ollama wire formats, programmable faults."""
