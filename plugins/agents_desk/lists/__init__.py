"""Lists of conversations: their filters and pages, saved views, and what is done to many at once."""
