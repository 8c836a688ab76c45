"""The measures: tallies of facts, and figures with intervals as pure functions of them."""
