"""Runs over time: what is kept of each, and what changed between them."""
