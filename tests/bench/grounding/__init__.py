"""What a language model invents, and what of it leaves: `make bench PARTS=grounding`."""
