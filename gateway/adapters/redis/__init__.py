"""Several processes as one gateway, through Redis. It holds nothing that may not be lost."""
