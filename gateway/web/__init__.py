"""What every HTTP surface shares: health, metrics, the shape of errors."""
