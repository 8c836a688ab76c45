"""The way of a message, one module a stage."""
