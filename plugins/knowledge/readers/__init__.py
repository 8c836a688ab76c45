"""Readers: from the bytes of a page, a file or an export to documents with passages."""
