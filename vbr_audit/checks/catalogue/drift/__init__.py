"""Checks of drift (DRF)."""
