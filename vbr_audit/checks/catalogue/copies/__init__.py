"""Checks of copies (CPY)."""
