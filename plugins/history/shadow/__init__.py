"""The gateway live, saying nothing."""
