"""Word lists of the model of mood."""
