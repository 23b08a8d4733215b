"""Asking a check: what it gets to see, and whether its answer means anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from vbr_audit.checks.engine.outcome import Outcome, Words
from vbr_audit.checks.engine.registry import Check
from vbr_audit.checks.engine.tables import TABLES, sources_of
from vbr_audit.checks.engine.views import READABLE, ServerView
from vbr_audit.checks.logic.codes import Cells, codes_of, repeated
from vbr_audit.errors import CheckError
from vbr_audit.tables.build.arrays import STRING
from vbr_audit.tables.build.schema import empty
from vbr_audit.vocabulary import SEVERITIES

_TEXTS = ("observed", "expected", "reason", "severity", "json_path", "accepted")


def frames_for(check: Check, view: ServerView) -> list[pd.DataFrame]:
    """The columns that the check reads, for it to do with as it likes, the population first.

    A fallback table that was not read whole is empty. A setting that the job's type lacks has the value that
    `optional` names for it.
    """
    return [frame_for(check, table, view) for table in check.tables]


def frame_for(check: Check, table: str, view: ServerView, names: Sequence[str] | None = None) -> pd.DataFrame:
    """The columns of one table that the check reads, or those of them in `names`.

    Nothing that it does to them reaches anybody else.
    """
    columns = check.reads.get(table, ()) if names is None else names
    if table in check.fallback and _is_lacking(table, view, beside=check.population):
        return empty(TABLES[table])[list(columns)]
    frame = view.columns(table, columns)
    if table == "jobs":
        for name in check.optional.keys() & frozenset(columns):
            values = frame[name].array.copy()
            values[view.absent(name) & values.isna()] = check.optional[name]
            frame[name] = values
    return frame


def _is_lacking(table: str, view: ServerView, *, beside: str) -> bool:
    """Whether a fallback table was not read whole; what is made of the judged rows is whole for those of them read."""
    own = sources_of(beside)
    statuses = ((source, reading.status) for source, reading in view.readings_of(table).items())
    return any(status not in (READABLE if source in own else ("complete",)) for source, status in statuses)


def ask(check: Check, view: ServerView, frames: list[pd.DataFrame], params: Mapping[str, Any]) -> Outcome:
    """The check's answer, looked over; raises whatever the check raises, and `CheckError` for an empty answer."""
    index = frames[0].index.copy()
    clock = {"now": view.now, "since": view.since, "until": view.until, "needed": view.needed, "zone": view.zone}
    clock |= {"server_zone": view.server_zone}
    if "clocks" in check.reserved:
        clock["clocks"] = view.clocks
    answer = check.function(*frames, **params, **{name: clock[name] for name in check.reserved})
    outcome = answer if isinstance(answer, Outcome) else Outcome(answer)
    _demand_yes_no(outcome.ok, index, "ok")
    if outcome.applies is not None:
        _demand_yes_no(outcome.applies, index, "applies")
    for name in _TEXTS:
        _demand_words(getattr(outcome, name), index, name)
    _demand_severities(outcome.severity)
    return outcome


def cells_of(words: Any, length: int) -> Cells:
    """A text for all, a Series, or nothing, as an object array of `str` and NA, not to be written to."""
    if isinstance(words, pd.Series):
        cells = words.to_numpy(dtype=object)
        if words.dtype != STRING:
            cells = cells.copy()
            cells[pd.isna(cells)] = pd.NA
        return cells
    return repeated(pd.NA if words is None else words, length)


def _demand_yes_no(value: Any, index: pd.Index, name: str) -> None:
    if not isinstance(value, pd.Series):
        raise CheckError(f"{name} is a {type(value).__name__}, not a Series")
    if value.dtype != pd.BooleanDtype():
        raise CheckError(f"{name} has dtype {value.dtype}, not nullable boolean: a missing value would look answered")
    if not value.index.equals(index):
        raise CheckError(f"{name} has {len(value)} rows, or another index than the {len(index)} objects")


def _demand_words(value: Any, index: pd.Index, name: str) -> None:
    if value is None or isinstance(value, str):
        return
    if not isinstance(value, pd.Series) or not value.index.equals(index):
        raise CheckError(f"{name} must be one text, or a Series on the index of the objects")
    if value.dtype != STRING and pd.api.types.infer_dtype(value, skipna=True) not in ("string", "empty"):
        raise CheckError(f"{name} must hold text")


def _demand_severities(said: Words) -> None:
    words = codes_of(said).texts.tolist() if isinstance(said, pd.Series) else [] if said is None else [said]
    if unknown := sorted(set(words) - set(SEVERITIES)):
        raise CheckError(f"severity is {unknown[0]!r}, not one of {', '.join(SEVERITIES)}")
