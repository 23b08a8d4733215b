"""Counts the JSON keys below the top level of rows that no known revision lists.

A key is known if any answer of any revision has one of that name: `nested_keys.txt` lists those that hold objects or
lists, and then the others below the top level. Rows of one shape are looked at together, and only what may hold more
keys is looked into.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib import resources
from typing import Any, Final

from vbr_audit.tables.build.notes import Notes

_DEEPEST: Final = 20
_HOLDERS: Final = (dict, list)


@lru_cache(maxsize=1)
def nested_keys() -> tuple[frozenset[str], frozenset[str]]:
    """The known keys: those that hold objects or lists, and these with all others below the top level."""
    text = resources.files("vbr_audit.tables").joinpath("nested_keys.txt").read_text("utf-8")
    holders, others = (frozenset(part.split()) for part in text.split("\n\n"))
    return holders, holders | others


def count_unknown_below(columns: Mapping[str, Sequence[Any]], notes: Notes) -> None:
    """Count in `notes` the unknown keys below each of `columns`, which are named by their top-level keys."""
    holders, _ = nested_keys()
    for key in columns.keys() & holders:
        _look_into(key, columns[key], notes, 0)


def _look_into(where: str, values: Iterable[Any], notes: Notes, depth: int) -> None:
    held = [value for value in values if type(value) in _HOLDERS]
    if not held or depth > _DEEPEST:
        return
    objects = [value for value in held if type(value) is dict]
    if len(objects) < len(held):
        _look_into(f"{where}[]", [item for value in held if type(value) is list for item in value], notes, depth + 1)
    holders, known = nested_keys()
    found: set[str] = set()
    for keys, times in Counter(map(tuple, objects)).items():
        found.update(keys)
        for key in keys:
            if key not in known:
                notes.count_unknown_field(f"{where}.{key}", times)
    for key in sorted(found & holders):
        _look_into(f"{where}.{key}", [value.get(key) for value in objects], notes, depth + 1)
