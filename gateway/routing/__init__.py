"""Routing: the policy, and every reason to step back."""
