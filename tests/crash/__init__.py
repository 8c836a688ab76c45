"""Killing the gateway at random instants, and counting what became of every message."""
