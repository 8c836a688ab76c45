"""Writing an answer: saved replies, undo, what is checked before sending, and who else is there."""
