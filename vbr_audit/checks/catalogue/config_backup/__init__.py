"""Checks of the configuration backup (CFG)."""
