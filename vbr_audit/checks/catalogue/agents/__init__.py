"""Checks of agents and protection groups (AGT)."""
