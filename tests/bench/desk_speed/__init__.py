"""How long the pages of the desk take with many conversations."""
