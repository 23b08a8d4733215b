"""Checks of immutability (IMM)."""
