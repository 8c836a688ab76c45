"""Finding the passages that answer a question: words, meanings, and both together."""

from .retriever import PassageSearch, ServerSearch

__all__ = ["PassageSearch", "ServerSearch"]
