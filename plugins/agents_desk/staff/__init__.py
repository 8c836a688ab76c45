"""The people of the desk: when they work, what they are given, and how they are."""
