"""Several processes as one gateway, through Redis. It holds nothing that must not be lost."""
