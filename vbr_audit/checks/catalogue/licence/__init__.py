"""Checks of the licence (LIC)."""
