"""Answers from the team's own sources: which passage answers, how surely, and in which words."""
