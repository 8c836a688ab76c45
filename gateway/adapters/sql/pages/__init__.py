"""What pages show of many conversations at once: one statement a view."""
