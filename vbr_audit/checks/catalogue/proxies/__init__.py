"""Checks of proxies (PRX)."""
