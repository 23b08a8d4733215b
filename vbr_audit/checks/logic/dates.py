"""The only way to compare dates in a check: a missing date answers "not known", never yes or no.

Plain comparison of `NaT` answers `False`, so that its negation would call a missing date good.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

import numpy as np
import pandas as pd

from vbr_audit.checks.logic.codes import repeated

LEEWAY: Final = dt.timedelta(days=1)
"""How far after the run's clock an instant may lie and still be believed: clocks differ, and reading takes time."""

_INSTANT: Final = re.compile(r"\b(\d{4}-\d\d-\d\d \d\d:\d\d) UTC(?![\w+-])")
"""An instant as `minute_text` writes it."""


def older_than(instants: pd.Series, limit: dt.timedelta, *, now: dt.datetime) -> pd.Series:
    """Whether each instant lies more than `limit` before `now`, as nullable boolean.

    NA for a missing instant, and for one that lies more than a day in the future.
    """
    moments = _moments(instants)
    unknown = np.isnat(moments) | (moments > _moment(now + LEEWAY))
    return _nullable(moments < _moment(now - limit), unknown, instants.index)


def within(instants: pd.Series, since: dt.datetime, until: dt.datetime) -> pd.Series:
    """Whether `since` ≤ instant < `until`, as nullable boolean; NA for a missing instant."""
    moments = _moments(instants)
    inside = (moments >= _moment(since)) & (moments < _moment(until))
    return _nullable(inside, np.isnat(moments), instants.index)


def are_outside(instants: pd.Series, since: dt.datetime, until: dt.datetime) -> np.ndarray:
    """A plain boolean array: the instants that surely are not within `since` ≤ instant < `until`."""
    moments = _moments(instants)
    return np.asarray((moments < _moment(since)) | (moments >= _moment(until)))


def at_or_before(instants: pd.Series, moment: dt.datetime) -> pd.Series:
    """Whether each instant is `moment` or earlier, as nullable boolean; NA for a missing instant."""
    moments = _moments(instants)
    return _nullable(moments <= _moment(moment), np.isnat(moments), instants.index)


def hours_between(earlier: pd.Series, later: dt.datetime) -> pd.Series:
    """Hours from each instant to `later`, as `Float64`; NA for a missing instant."""
    moments = _moments(earlier)
    # To seconds first, as pandas does it: a number of hours is shown with all its digits.
    hours = (_moment(later) - moments).astype("timedelta64[us]").astype(float) / 1e6 / 3600
    return pd.Series(pd.arrays.FloatingArray(hours, np.isnat(moments)), index=earlier.index)


def minute_text(instants: pd.Series, *, where: np.ndarray | None = None) -> np.ndarray:
    """Each instant as `2026-10-31 22:04 UTC`, in an object array; NA for a missing one, and where `where` is not."""
    minutes = _moments(instants).astype("datetime64[m]")
    rows = np.flatnonzero(~np.isnat(minutes) if where is None else where & ~np.isnat(minutes))
    texts = np.full(len(minutes), pd.NA, dtype=object)
    if len(rows):
        minute_texts = np.char.replace(np.datetime_as_string(minutes[rows]), "T", " ")
        texts[rows] = np.char.add(minute_texts, " UTC").astype(object)
    return texts


def on_clock(texts: np.ndarray, zone: dt.tzinfo, name: str) -> np.ndarray:
    """`texts` with every instant that a check wrote down in UTC told by the clock of the report, and of which.

    Checks do not know for whom they write; one place puts their instants on the clock that all other dates of the
    report are on.
    """
    if name == "UTC":
        return texts
    if texts.strides == (0,):
        # One text for all rows.
        return repeated(on_clock(texts[:1].copy(), zone, name)[0], len(texts)) if len(texts) else texts
    nothing, cells = pd.NA, texts.tolist()
    # Many rows may share few texts: each is looked at once.
    dated = [text for text in set(cells) if text is not nothing and " UTC" in text]
    if not dated:
        return texts
    known = {text: _INSTANT.sub(lambda match: _on_report_clock(match, zone, name), text) for text in dated}
    moments = np.empty(len(texts), dtype=object)
    moments[:] = [known.get(text, text) for text in cells]
    return moments


def _on_report_clock(match: re.Match[str], zone: dt.tzinfo, name: str) -> str:
    try:
        moment = dt.datetime.fromisoformat(match[1]).replace(tzinfo=dt.UTC).astimezone(zone)
    except (ValueError, OverflowError):
        return match[0]
    return f"{moment:%Y-%m-%d %H:%M} {name}"


def _moments(instants: pd.Series) -> np.ndarray:
    """Instants as numpy has them, in UTC, to the microsecond."""
    return np.asarray(instants.array.tz_convert("UTC"), dtype="datetime64[us]")


def _moment(instant: dt.datetime) -> np.datetime64:
    return pd.Timestamp(instant).tz_convert("UTC").tz_localize(None).to_datetime64()


def _nullable(yes: np.ndarray, unknown: np.ndarray, index: pd.Index) -> pd.Series:
    return pd.Series(pd.arrays.BooleanArray(yes, unknown), index=index)
