"""Checks of security (SEC)."""
