"""Slack: one package for the customers who write there and the agents who answer there."""
