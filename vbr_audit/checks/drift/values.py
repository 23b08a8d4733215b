"""Values of settings as they are compared: JSON text without the order of lists, letter case, or old spellings."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import orjson

from vbr_audit.checks.drift.sources import JOB
from vbr_audit.tables.build.enums import RENAMED_CONTROL_WORDS

_AS_WRITTEN: Final = frozenset({"schedule_after_job_name"})
"""The settings of jobs that hold a name: there, letter case counts."""
_RENAMED: Final = {old.casefold(): new.casefold() for old, new in RENAMED_CONTROL_WORDS.items()}

Value = bool | int | float | str | frozenset[Any] | None
"""A value of a setting: a list is a set, None stands for none at all."""


class Unreadable:
    """Stands for a text that is no JSON, or an object, which cannot be put in an order."""


UNREADABLE: Final = Unreadable()


@lru_cache(maxsize=65_536)
def compared_value(kind: str, control: str, text: str) -> Value | Unreadable:
    """The value that `text` stands for in comparisons."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return UNREADABLE
    return _plain(value, folds=kind == JOB and control not in _AS_WRITTEN)


def _plain(value: Any, *, folds: bool) -> Value | Unreadable:
    if isinstance(value, dict):
        return UNREADABLE
    if isinstance(value, list):
        items = [_plain(item, folds=folds) for item in value]
        return UNREADABLE if any(item is UNREADABLE for item in items) else frozenset(map(_keyed, items))
    if isinstance(value, str) and folds:
        word = value.casefold()
        return _RENAMED.get(word, word)
    plain: Value = value
    return plain


def _keyed(item: Any) -> tuple[str, Any]:
    """An item of a set: true is another one than 1."""
    return type(item).__name__ if isinstance(item, bool | str) else "", item


def is_same(before: Value | Unreadable, after: Value | Unreadable) -> bool:
    """Whether two values are the same; what cannot be read never is."""
    if before is UNREADABLE or after is UNREADABLE:
        return False
    return isinstance(before, bool) == isinstance(after, bool) and before == after


def items_in(value: Value | Unreadable) -> list[Any] | None:
    """The items of a list, the value itself as the only one; None for what cannot be read."""
    if isinstance(value, Unreadable):
        return None
    if isinstance(value, frozenset):
        return [item for _, item in value]
    return [value]
