"""Lists of conversations: filters, saved views, and what is done to many at once."""
