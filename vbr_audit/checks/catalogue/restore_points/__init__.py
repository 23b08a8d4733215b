"""Checks of restore points (RPO)."""
