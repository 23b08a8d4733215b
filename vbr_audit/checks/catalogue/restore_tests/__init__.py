"""Checks of restore tests (TST)."""
