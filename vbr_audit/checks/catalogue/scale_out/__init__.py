"""Checks of scale-out repositories (SOB)."""
