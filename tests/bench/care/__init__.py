"""Care against round robin and least busy, on simulated weeks."""
