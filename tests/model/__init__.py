"""The inbox, the lock and the outbox as a small machine whose every state is looked at."""
