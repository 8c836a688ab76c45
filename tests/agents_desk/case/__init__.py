"""Tests of the case on the card."""
