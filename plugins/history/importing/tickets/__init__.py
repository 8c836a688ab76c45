"""Tickets of other systems, and tables."""
