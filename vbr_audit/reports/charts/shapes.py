"""What a chart consists of, before anybody draws it: the same shape is drawn on the page and in the workbook."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Series:
    """One row of values with its word; None is not known, and is drawn as a gap. `state` is a key of `LOOKS`."""

    word: str
    state: str
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class Columns:
    """Stacked columns, one per step of time, from 0; a step of `gaps` has no run, `notes` say what changed before."""

    steps: tuple[str, ...]
    series: tuple[Series, ...]
    counted: str
    notes: tuple[str, ...] = ()
    gaps: tuple[bool, ...] = ()
    has_totals: bool = False


@dataclass(frozen=True)
class Lines:
    """Lines of shares, as fractions, from `base` to 100 %; each point has its number where `is_labelled`."""

    steps: tuple[str, ...]
    series: tuple[Series, ...]
    base: float = 0.0
    notes: tuple[str, ...] = ()
    gaps: tuple[bool, ...] = ()
    is_labelled: bool = False


@dataclass(frozen=True)
class Bars:
    """Stacked bars that lie, one per name, the first on top; `as_share` makes each as long as all. `ends` is its text.

    `below` says what is not drawn; `states` are for bars of one series, each of its own state.
    """

    names: tuple[str, ...]
    series: tuple[Series, ...]
    ends: tuple[str, ...]
    counted: str
    as_share: bool = False
    below: str = ""
    states: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ranges:
    """Per name a line from a usual value to an unusual one, in minutes."""

    names: tuple[str, ...]
    usual: Series
    longest: Series
    ends: tuple[str, ...]


@dataclass(frozen=True)
class Cells:
    """Per name a row of days, each a state; `words` names the states that occur, the best first."""

    names: tuple[str, ...]
    days: tuple[dt.date, ...]
    rows: tuple[tuple[str, ...], ...]
    words: tuple[tuple[str, str], ...]


Shape: TypeAlias = Columns | Lines | Bars | Ranges | Cells
