"""Adapters to the outside: databases, Redis, files, HTTP, encryption, tracing."""
