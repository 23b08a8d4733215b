"""The checks that ship with the package, one module per theme; importing one registers its checks."""

from __future__ import annotations

from vbr_audit.checks.catalogue import evidence, jobs, runs

__all__ = ["evidence", "jobs", "runs"]
