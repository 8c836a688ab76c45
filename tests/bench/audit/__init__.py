"""The audit's forecast against the truth of simulated shops, and its speed on a large mailbox."""
