"""What can go wrong with models, apart from what loads them."""

from __future__ import annotations

from gateway import WarmlineError


class BadModel(ValueError):
    """A model file that cannot be used; its message says why."""


class TrainingFailed(WarmlineError):
    """The process that trains ended with an error; the message is its last line."""


class ReadingFailed(WarmlineError):
    """The process that reads could not, or has ended."""


class NoEncoder(WarmlineError):
    """A sentence-transformers model cannot be had; the message says why, and how to mend it."""
