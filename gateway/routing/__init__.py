"""Routing: decides from the policy who answers a turn, and why."""
