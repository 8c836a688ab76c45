"""Labels, snoozes and blocked addresses: what people change, and what a turn changes."""
