"""Answers from the team's own sources."""
