"""How the customer feels: cues, evidence, and what was learnt from labelled sentences."""
