"""Turns: fetches the oldest inbox row of a lane, and commits what the turn changes."""
