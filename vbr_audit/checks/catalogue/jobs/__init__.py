"""Checks of job settings (JOB)."""
