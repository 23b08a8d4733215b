"""Checks of the evidence itself (EVD)."""
