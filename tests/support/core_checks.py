"""A policy of fifteen checks that a small estate can answer, for the tests of everything but the catalogue."""

from __future__ import annotations

from functools import cache

from vbr_audit.checks import Policy, load_policy

CORE_CHECKS = (
    *("EVD-001", "EVD-002", "EVD-003", "JOB-001", "JOB-002", "JOB-003", "JOB-004", "JOB-007", "JOB-008"),
    *("JOB-012", "JOB-015", "RUN-001", "RUN-003", "RUN-004", "RUN-005"),
)


def text_of(*checks: str) -> str:
    """A policy in which only these checks are enabled."""
    return "\n".join(
        [
            "version: 1",
            "checks:",
            '  "*": {enabled: false, reason: not part of these tests}',
            *(f"  {name}: {{enabled: true}}" for name in checks),
            "",
        ]
    )


CORE_TEXT = text_of(*CORE_CHECKS)


@cache
def core_policy() -> Policy:
    """The policy in force, read once; only the core checks are enabled."""
    return load_policy(CORE_TEXT, name="default profile")


HOUSE_FRAMEWORK = """version: 1
id: house
title: House rules
edition: "3"
source: our handbook
requirements:
  - {id: R-1, title: Nobody reads a stolen backup, checks: [JOB-008], judgement: own}
"""
"""Requirements of a house of its own, as a file for `--framework`."""
