"""Checks of repositories (REP)."""
