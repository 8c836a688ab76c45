"""What trials of a change need: a trained copy, stored turns, and masked examples."""
