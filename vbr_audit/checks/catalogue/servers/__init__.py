"""Checks of backup servers and infrastructure (SRV)."""
