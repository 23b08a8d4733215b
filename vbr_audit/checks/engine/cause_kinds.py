"""Which causes a finding can have: what has to be changed for it to go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vbr_audit.checks.engine.objects import OBJECTS
from vbr_audit.checks.logic.codes import Cells

_OTHERWISE: Final[Mapping[str, str]] = {
    "servers": "server setting",
    "protected_objects": "machine",
    "assets": "machine",
}
"""Populations whose objects are called otherwise where they are the cause."""

KEYS: Final[Mapping[tuple[str, str], str]] = {
    ("protected_objects", "job"): "job_id",
    ("replicas", "job"): "job_id",
    ("jobs", "repository"): "repository_id",
    ("jobs", "encryption password"): "encryption_password_id",
    ("malware_events", "machine"): "machine",
}
"""The column of a population that holds the key of a cause which is not the object itself."""

UNREAD: Final = "server"
"""The kind of cause of what could not be asked at all."""


@dataclass(frozen=True, eq=False)
class Causes:
    """Kind, key and name of the cause of each finding, as object arrays; keys are unique by server, check, kind."""

    kind: Cells
    key: Cells
    name: Cells


def default_cause(population: str) -> str:
    """The kind of cause where the object itself is what has to be changed."""
    return _OTHERWISE.get(population) or OBJECTS[population].kind


def kinds_of_cause(population: str) -> frozenset[str]:
    """The kinds of cause that a check of this population can declare."""
    return frozenset({default_cause(population)} | {kind for table, kind in KEYS if table == population})
