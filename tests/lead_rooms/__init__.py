"""Tests of the lead's rooms."""
