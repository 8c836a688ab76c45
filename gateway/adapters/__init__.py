"""Adapters: databases, Redis, files, HTTP, encryption, tracing."""
