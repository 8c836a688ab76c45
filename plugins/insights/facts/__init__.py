"""Facts of one conversation, found in its messages and suggestions by pure functions."""
