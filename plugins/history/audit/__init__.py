"""Replays stored conversations in shadow."""
