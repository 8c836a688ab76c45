"""The way of a message: one module for each stage."""
