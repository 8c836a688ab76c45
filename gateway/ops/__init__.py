"""What operators of a gateway use: diagnosis, retention, evaluation."""
