"""The desk: what agents do with a conversation, and the record of it."""
