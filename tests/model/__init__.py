"""A model of inbox, lane lock and outbox as a small state machine, checked in every state."""
