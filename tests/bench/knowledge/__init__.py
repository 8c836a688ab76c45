"""The search in a team's sources: how fast, how large, and what indexing costs customers."""
