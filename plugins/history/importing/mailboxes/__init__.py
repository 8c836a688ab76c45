"""Mailboxes: their mails, and which of them belong together."""
