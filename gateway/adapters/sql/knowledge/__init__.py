"""The team's sources in the database."""
