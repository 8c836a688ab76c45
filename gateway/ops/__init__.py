"""For those who operate a gateway: doctor, retention, evaluation."""
