"""Past conversations: what the bot would have answered, before and while people do."""
