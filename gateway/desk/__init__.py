"""The desk: what agents do with a conversation, and its audit log."""
