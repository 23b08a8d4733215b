"""The two sides of a pair of objects: what else each run knows of the object, and of the repositories of its server."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

import numpy as np
import orjson
import pandas as pd

from vbr_audit.checks.drift.matching import OBJECT_COLUMNS, Matching, Numbered
from vbr_audit.checks.drift.rules import Read
from vbr_audit.checks.drift.sources import REPOSITORY, SCALE_OUT
from vbr_audit.checks.drift.values import UNREADABLE, Value, compared_value, items_in
from vbr_audit.checks.logic.codes import Cells

_HOURS: Final = "_hours"
_DAYS: Final = "_days"


class _Object:
    """One object in one run; its rows are looked for once another setting of it matters."""

    def __init__(self, kind: str, number: int, run: _Run, immutable: Mapping[str, bool]) -> None:
        self._kind = kind
        self._number = number
        self._run = run
        self._immutable = immutable

    @cached_property
    def _rows(self) -> Mapping[str, tuple[Any, Any]]:
        return self._run.rows_of_object(self._number)

    def value(self, control: str) -> Read:
        """The value of a setting; `UNREADABLE` where it is not known."""
        text, _ = self._rows.get(control, (pd.NA, pd.NA))
        return UNREADABLE if pd.isna(text) else compared_value(self._kind, control, text)

    def has(self, control: str) -> bool | None:
        """Whether the object has a setting; None where there is no row of it."""
        if control not in self._rows:
            return None
        text, supported = self._rows[control]
        return bool(pd.notna(text) or supported is not False)

    def is_immutable(self, repository: str) -> bool | None:
        """Whether backups in a repository of its server are immutable; None where that is not known."""
        return self._immutable.get(repository.casefold())

    def paired(self, control: str, text: str) -> Value | None:
        """The hours of each day, whatever the order of the days; None for any other setting, and for unlike lists."""
        if not control.endswith(_HOURS):
            return None
        days, _ = self._rows.get(control.removesuffix(_HOURS) + _DAYS, (pd.NA, pd.NA))
        lists = [None if pd.isna(each) else _list_of(each) for each in (days, text)]
        if lists[0] is None or lists[1] is None or len(lists[0]) != len(lists[1]):
            return None
        pairs = zip(*lists, strict=True)
        return frozenset((str(day).casefold(), str(hours)) for day, hours in pairs)


def _list_of(text: str) -> list[Any] | None:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, list) else None


def is_paired_hours(pairs: pd.DataFrame, differ: Cells) -> Cells:
    """Whether a row holds the hours of days whose list is written differently in the two runs."""
    controls = pairs["control"]
    hours = controls.str.endswith(_HOURS).to_numpy(dtype=bool)
    if not hours.any():
        return hours
    days = differ & controls.str.endswith(_DAYS).to_numpy(dtype=bool)
    window = controls.str.removesuffix(_DAYS).str.removesuffix(_HOURS)
    keys = pd.MultiIndex.from_arrays([pairs["pair"], window])
    return hours & keys.isin(keys[days])


class _Run:
    """The rows of one run by object."""

    def __init__(self, run: Numbered, rows: pd.DataFrame) -> None:
        codes = rows["object"].to_numpy()
        self._order = np.argsort(codes, kind="stable")
        self._starts = np.searchsorted(codes[self._order], np.arange(len(run.objects) + 1))
        self._servers, self._kinds = (run.objects[name].tolist() for name in ("server_id", "object_type"))
        self._columns = tuple(rows[name].to_numpy(dtype=object) for name in ("control", "value", "supported"))
        self._made: dict[int, _Object] = {}
        self._immutable = _immutable_by_server(rows)

    def object(self, number: int) -> _Object:
        """The object with this number."""
        if number not in self._made:
            immutable = self._immutable.get(self._servers[number], {})
            self._made[number] = _Object(self._kinds[number], number, self, immutable)
        return self._made[number]

    def rows_of_object(self, number: int) -> Mapping[str, tuple[Any, Any]]:
        """Value and support of each setting of an object."""
        places = self._order[self._starts[number] : self._starts[number + 1]]
        controls, values, supported = (column[places].tolist() for column in self._columns)
        return dict(zip(controls, zip(values, supported, strict=True), strict=True))


def _immutable_by_server(rows: pd.DataFrame) -> Mapping[str, Mapping[str, bool]]:
    """For each server its repositories of which it is known whether backups there are immutable.

    A scale-out repository is immutable if all its performance extents are, and is not if one of them is not.
    """
    known: dict[str, dict[str, bool]] = {}
    for kind, control in ((REPOSITORY, "immutability_enabled"), (SCALE_OUT, "performance_extents")):
        mine = rows["object_type"].eq(kind) & rows["control"].eq(control) & rows["value"].notna()
        kept = rows[mine.fillna(False).to_numpy(dtype=bool)]
        columns = (kept[name].tolist() for name in ("server_id", "object_id", "value"))
        for server, repository, text in zip(*columns, strict=True):
            here = known.setdefault(server, {})
            value = compared_value(kind, control, text)
            answer = value if kind == REPOSITORY else _all_immutable(value, here)
            if repository is not pd.NA and isinstance(answer, bool):
                here[repository.casefold()] = answer
    return known


def _all_immutable(extents: Read, known: Mapping[str, bool]) -> bool | None:
    answers = [known.get(str(extent).casefold()) for extent in items_in(extents) or ()]
    if False in answers:
        return False
    return True if answers and None not in answers else None


class Sides:
    """The objects of all pairs on both sides."""

    def __init__(self, old: pd.DataFrame, new: pd.DataFrame, matching: Matching) -> None:
        self._matching = matching
        self._old, self._new = _Run(matching.old, old), _Run(matching.new, new)
        self._frames = {"old": old, "new": new}
        self._kinds = matching.new.objects["object_type"].tolist()

    def old(self, pair: int) -> _Object:
        """The object of a pair in the earlier run."""
        return self._old.object(self._matching.pairs[pair][0])

    def new(self, pair: int) -> _Object:
        """The object of a pair in the later run."""
        return self._new.object(self._matching.pairs[pair][1])

    def kind(self, pair: int) -> str:
        """What the object of a pair is."""
        return str(self._kinds[self._matching.pairs[pair][1]])

    def named(self, pairs: pd.DataFrame) -> dict[str, Any]:
        """The object and the control of these rows, as the later run names them."""
        rows = self._frames["new"].iloc[pairs["new_row"].to_numpy()]
        return {name: rows[name].array for name in (*OBJECT_COLUMNS, "control")}

    def path(self, pairs: pd.DataFrame) -> Cells:
        """The JSON path of these rows in the later run, else in the earlier one."""
        new, old = (
            self._frames[name]["json_path"].to_numpy(dtype=object)[pairs[f"{name}_row"].to_numpy()]
            for name in ("new", "old")
        )
        paths: Cells = np.where(pd.isna(new), old, new)
        return paths
