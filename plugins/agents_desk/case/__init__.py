"""The case on the card: facts to confirm, promises, and what the customer needs."""
