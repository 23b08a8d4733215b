"""Values of controls as received to the arrays of `jobs`: words folded, what several places say made one answer."""

from __future__ import annotations

from typing import Any

from pandas.api.extensions import ExtensionArray

from vbr_audit.tables.build.arrays import to_array
from vbr_audit.tables.build.enums import CONTROL_WORDS, SOUND_WORDS, Folding, fold_control_words
from vbr_audit.tables.build.notes import Notes
from vbr_audit.tables.build.schema import ZERO_GUID
from vbr_audit.tables.jobs.control_list import CONTROLS, ID_CONTROLS, LIST_CONTROLS


def control_array(name: str, values: list[Any], notes: Notes) -> ExtensionArray:
    """`values` of the control `name` in its dtype; a tuple is what several places or entries of a list say."""
    dtype = CONTROLS[name].dtype
    if dtype == "boolean":
        values = [_all_of(value) if type(value) is tuple else value for value in values]
    elif name in ID_CONTROLS:
        values = without_zero_ids(values)
    elif name in LIST_CONTROLS:
        values = [_joined(value) if type(value) is tuple else value for value in values]
    elif dtype == "string":
        values = _fold(name, values, notes)
    return to_array(values, dtype, name, notes)


def without_zero_ids(values: list[Any]) -> list[Any]:
    """`values` with None for the all-zero id, which means that there is none."""
    return [None if value == ZERO_GUID else value for value in values]


def _all_of(values: tuple[Any, ...]) -> Any:
    """Yes if all say yes, no if any says no; else a value that does not fit, or None."""
    if any(value is False for value in values):
        return False
    return next((value for value in values if value is not True), True if values else None)


def _joined(words: tuple[Any, ...]) -> Any:
    """The words joined by commas, capitalised; a value that does not fit if one of them is no text."""
    return next((word for word in words if not isinstance(word, str)), ",".join(map(str, words)).title())


def _fold(name: str, values: list[Any], notes: Notes) -> list[Any]:
    folding = fold_control_words().get(name)
    if folding is None:
        return values
    order = CONTROL_WORDS[name]
    folded = [
        _worst([_folded(part, folding) for part in value], order) if type(value) is tuple else _folded(value, folding)
        for value in values
    ]
    for value in values if folding.unknown else ():
        for part in value if type(value) is tuple else (value,):
            if isinstance(part, str) and part in folding.unknown:
                notes.count_unknown_value(name, part)
    return folded


def _folded(value: Any, folding: Folding) -> Any:
    return folding[value] if isinstance(value, str) else value


def _worst(words: list[Any], order: tuple[str, ...]) -> Any:
    """The first word of `order` that occurs; a sound one only if no entry leaves open whether it is worse."""
    worst = next((word for word in order if word in words), None)
    if worst is not None and worst not in SOUND_WORDS:
        return worst
    return next((word for word in words if word not in order), worst)
