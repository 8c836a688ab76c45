"""From tickets to knowledge: questions that come again become proposals of intents with answers."""
