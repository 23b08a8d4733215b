"""What can be judged: the tables whose rows are objects of findings, how those are named, and their causes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vbr_audit.checks.engine.tables import TABLES
from vbr_audit.checks.logic.codes import Cells
from vbr_audit.tables.build.schema import ObjectKind

__all__ = ["KEYS", "OBJECTS", "UNREAD", "Causes", "ObjectKind", "default_cause", "kinds_of_cause"]


OBJECTS: Final[Mapping[str, ObjectKind]] = {name: spec.kind for name, spec in TABLES.items() if spec.kind is not None}
"""The tables whose rows can be judged."""


# Which causes a finding can have: what has to be changed for it to go.

KEYS: Final[Mapping[tuple[str, str], str]] = {
    (population, kind): column for population, own in OBJECTS.items() for kind, column in own.causes
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
    own = OBJECTS[population]
    return own.cause or own.kind


def kinds_of_cause(population: str) -> frozenset[str]:
    """The kinds of cause that a check of this population can declare."""
    return frozenset({default_cause(population)} | {kind for table, kind in KEYS if table == population})
