"""Runs over time: a folder of run folders, what became of their findings, and what their tables show together."""
