"""Kills the gateway at random instants, and checks what became of every message."""
