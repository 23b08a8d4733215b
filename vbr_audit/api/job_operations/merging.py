"""Changing some keys of a document without touching any other."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from vbr_audit.errors import ConfigurationError


def merged(document: Mapping[str, Any], change: Mapping[str, Any], *, where: str = "") -> dict[str, Any]:
    """A copy of `document` with the values of `change` at the same paths; objects are merged, anything else replaced.

    Raises `ConfigurationError` for a key that the document does not have: it would be a slip that nobody notices.
    """
    result = copy.deepcopy(dict(document))
    for key, value in change.items():
        path = f"{where}.{key}" if where else str(key)
        if key not in result:
            raise ConfigurationError(
                f"the job has no {path}", hint="Look at its document for the spelling; a function may add new keys."
            )
        old = result[key]
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        result[key] = merged(old, value, where=path) if both else copy.deepcopy(value)
    return result


def lost_keys(before: Mapping[str, Any], after: Mapping[str, Any], *, where: str = "") -> list[str]:
    """The paths of the keys that `before` has and `after` lacks, looking into objects that both have."""
    lost: list[str] = []
    for key, old in before.items():
        path = f"{where}.{key}" if where else key
        if key not in after:
            lost.append(path)
        elif isinstance(old, Mapping) and isinstance(after[key], Mapping):
            lost += lost_keys(old, after[key], where=path)
    return lost
