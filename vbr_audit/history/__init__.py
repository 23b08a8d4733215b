"""Runs kept over time: what changed between them, and what follows from a series of them."""
