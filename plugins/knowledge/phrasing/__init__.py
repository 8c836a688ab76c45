"""Answers from the sources in a language model's words, every sentence checked against them."""
