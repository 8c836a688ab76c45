"""The cellars: what the services stand on, each behind a Protocol of its own."""
