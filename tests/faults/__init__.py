"""Kills and pauses every process and breaks every connection in turn, under load."""
