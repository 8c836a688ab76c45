"""What happened to customers and agents: facts, measures and findings."""
