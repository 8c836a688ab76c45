"""The case as it is told to people: the story, promises, and what was told already."""
