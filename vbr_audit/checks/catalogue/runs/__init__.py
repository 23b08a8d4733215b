"""Checks of job runs (RUN)."""
