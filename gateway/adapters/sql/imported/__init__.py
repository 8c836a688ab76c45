"""Imports of past conversations."""
