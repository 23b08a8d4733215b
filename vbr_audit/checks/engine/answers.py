"""Asking a check: what it gets to see, whether its answer means anything, and the words it need not say itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import Outcome, Words
from vbr_audit.checks.engine.registry import Check
from vbr_audit.checks.engine.settings import SETTINGS_OF, missing_text
from vbr_audit.checks.engine.tables import TABLES, sources_of
from vbr_audit.checks.engine.views import READABLE, ServerView
from vbr_audit.checks.logic.codes import Cells, Codes, codes_of, combined, repeated
from vbr_audit.checks.logic.dates import minute_text
from vbr_audit.checks.logic.three_valued import named, surely_not, worded
from vbr_audit.errors import CheckError
from vbr_audit.tables.build.arrays import STRING
from vbr_audit.tables.build.naming import marked
from vbr_audit.tables.build.schema import empty, named_frame
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
        nothing = empty(TABLES[table])
        return named_frame({name: nothing[name].array for name in columns}, nothing.index, labels="objects")
    frame = view.columns(table, columns)
    if settings := SETTINGS_OF.get(table):
        for name in check.optional.keys() & frozenset(columns):
            values = frame[name].array.copy()
            values[settings.lacks(view, name) & values.isna()] = check.optional[name]
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
    answer = check.function(*frames, **params, **{name: getattr(view, name) for name in check.reserved})
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


def _demand_severities(severities: Words) -> None:
    if severities is None:
        return
    words = codes_of(severities).texts.tolist() if isinstance(severities, pd.Series) else [severities]
    if unknown := sorted(set(words) - set(SEVERITIES)):
        raise CheckError(f"severity is {unknown[0]!r}, not one of {', '.join(SEVERITIES)}")


# Honest words where a check cannot tell: which of the values that it reads is missing, and why.


def unknown_texts(check: Check, view: ServerView, rows: Cells) -> Cells:
    """Why the rows at these positions of the population could not be answered; those with one cause are worded once.

    The check may have changed the frame that it was given: the population is looked at as it was read.
    """
    columns, frame = check.reads[check.population], frame_for(check, check.population, view)
    looked_at = {name: _are_missing(frame, name, rows) for name in columns}
    settings = SETTINGS_OF.get(check.population)
    if settings is None:
        return _each(len(rows), looked_at, {}, lambda missing: missing_text(missing))
    objects = view.frame(check.population)
    for name in columns:
        for source in settings.sources_of(name):
            looked_at.setdefault(source, looked_at[name] & _are_missing(objects, source, rows))
    kinds = {name: codes_of(view.text(check.population, name)) for name in settings.explained_by}
    of_rows = {name: Codes(kind.texts, kind.rows[rows]) for name, kind in kinds.items()}
    return _each(len(rows), looked_at, of_rows, settings.why_unknown)


def _are_missing(frame: pd.DataFrame, name: str, rows: Cells) -> Cells:
    """A plain boolean array: those of these rows that have no value there."""
    return np.asarray(frame[name].array.take(rows).isna())


def _each(size: int, missing: Mapping[str, Cells], kinds: Mapping[str, Codes], word: Callable[..., str]) -> Cells:
    """`word(names, *texts)` for each of `size` rows: the names that are `missing` there, and its texts of `kinds`.

    Asked once for all rows that are alike.
    """
    alike = combined([*missing.values(), *(kind.rows for kind in kinds.values())], size)
    first = np.unique(alike, return_index=True)[1]
    texts = np.empty(len(first), dtype=object)
    for place, row in enumerate(first):
        names = [name for name, gaps in missing.items() if gaps[row]]
        texts[place] = word(names, *(kind.text_at(row) for kind in kinds.values()))
    return texts[alike]


# The words of a finding that a check need not say itself: what was observed, what is expected, and where it stands.


def expected_text(check: Check, params: Mapping[str, Any]) -> str | None:
    """The good state in words, with the parameters in force."""
    if not check.expected:
        return None
    usual = {parameter.name: parameter.default for parameter in check.parameters}
    # A text that somebody wrote into a policy may name what is theirs.
    told = {name: _told_parameter(value, usual.get(name)) for name, value in params.items()}
    return check.expected.format_map(told)


def _told_parameter(value: Any, usual: Any) -> Any:
    return marked("server text", value) if isinstance(value, str) and value != usual else value


def shown_values(check: Check, view: ServerView) -> Cells | None:
    """The value that the check is about, as it was read, as text per object; NA where it is missing.

    None where that value is not a column of the population; the check says it itself then.
    """
    if check.about not in check.reads[check.population]:
        return None
    values = frame_for(check, check.population, view, [check.about])[check.about]
    holds = TABLES[check.population].holds.get(check.about, "kept")
    return value_texts(values if values.dtype != STRING or holds == "kept" else named(values, holds))


def value_texts(values: pd.Series) -> Cells:
    """Values as a reader expects them: on and off, numbers, instants to the minute in UTC."""
    if values.dtype == pd.BooleanDtype():
        return worded(values.index, (values, "on"), (surely_not(values), "off")).to_numpy(dtype=object)
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return minute_text(values)
    if values.dtype == STRING:
        return values.to_numpy(dtype=object).copy()
    codes = codes_of(values)
    return codes.spread(map(str, codes.texts.tolist()), object, missing=pd.NA)


def governing_paths(check: Check, view: ServerView) -> Cells | str | None:
    """The JSON path of the value that the check is about, per object; NA where its kind has no such setting."""
    settings = SETTINGS_OF.get(check.population)
    by_kind = None if settings is None else settings.paths_of(view, check.about, check.json_path)
    return check.json_path if by_kind is None else by_kind
