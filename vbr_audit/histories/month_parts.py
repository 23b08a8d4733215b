"""The runs of a history that saw a part of a month, and what identifies a job or an object in all of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.logic.three_valued import Cells
from vbr_audit.collection.period import month_span
from vbr_audit.histories.evidence import HOUR, RunTables
from vbr_audit.tables.build.arrays import micros, micros_of
from vbr_audit.tables.build.schema import TableSpec, empty

_BETWEEN: Final = "\x1f"
"""What stands between the parts of a key; no name has it."""
NO_RUN_SAW: Final = "no run of the history covers it"
NO_RUN_KNOWS: Final = "no run of the history knows all of its restore points there"


@dataclass(frozen=True, eq=False)
class MonthParts:
    """What the runs of a history hold of one month: instants in microseconds, runs in order of their clocks."""

    start: int
    end: int
    runs: tuple[RunTables, ...]

    @property
    def hours(self) -> float:
        """The length of the month."""
        return (self.end - self.start) / HOUR

    def rows(self, spec: TableSpec) -> pd.DataFrame:
        """The rows of one table of all runs, with the place of the run of each as `rank`."""
        return self._ranked([run.table(spec) for run in self.runs], spec)

    def clipped(self, spec: TableSpec) -> pd.DataFrame:
        """The rows of parts of days that reach into the month, with their bounds inside of it as `start` and `end`."""
        tables = []
        for run in self.runs:
            table = run.table(spec)
            start = np.maximum(micros_of(table["since"]), self.start)
            end = np.minimum(micros_of(table["until"]), self.end)
            inside = start < end
            tables.append(table[inside].assign(start=start[inside], end=end[inside]))
        return self._ranked(tables, spec)

    @staticmethod
    def _ranked(tables: list[pd.DataFrame], spec: TableSpec) -> pd.DataFrame:
        filled = [table.assign(rank=place) for place, table in enumerate(tables) if len(table)]
        if filled:
            return pd.concat(filled, ignore_index=True)
        nothing = np.zeros(0, dtype=np.int64)
        return empty(spec).assign(rank=nothing, start=nothing, end=nothing)


def parts_of_month(month: str, zone: dt.tzinfo, runs: Iterable[RunTables]) -> MonthParts:
    """The runs, each once and in order of their clocks, with the bounds of the month `YYYY-MM` in `zone`."""
    return parts_of_span(*month_span(month, zone), runs)


def parts_of_span(since: dt.datetime, until: dt.datetime, runs: Iterable[RunTables]) -> MonthParts:
    """The runs, each once and in order of their clocks, with the bounds of any span of time in place of a month."""
    distinct = {run.run_id: run for run in runs}
    ordered = sorted(distinct.values(), key=lambda run: (run.now, run.run_id))
    return MonthParts(micros(since), micros(until), tuple(ordered))


def job_keys(rows: pd.DataFrame) -> Any:
    """What identifies the job of each row over time: its server and its id, else its name."""
    return joined_keys(rows["server_id"], rows["job_id"], rows["job_name"].where(rows["job_id"].isna().to_numpy()))


def joined_keys(*columns: pd.Series) -> Any:
    """One text for the texts that each row has in these columns; equal rows have equal ones."""
    number, cells = np.zeros(len(columns[0]), dtype=np.int64), np.array([""], dtype=object)
    for column in columns:
        codes, texts = pd.factorize(column.to_numpy(dtype=object), use_na_sentinel=False)
        number, pairs = pd.factorize(number * max(len(texts), 1) + codes)
        places = zip(*(np.asarray(place).tolist() for place in np.divmod(pairs, max(len(texts), 1))), strict=True)
        words = ["" if text is pd.NA else f"={text}" for text in texts]
        cells = np.array([*(f"{cells[one]}{_BETWEEN}{words[two]}" for one, two in places), ""], dtype=object)
    return cells[number]


def covered_length(start: Cells, end: Cells, first: int, last: int) -> tuple[int, int | None]:
    """How much of the span from `first` to `last` these spans cover together, and the first instant not covered."""
    order = np.argsort(start, kind="stable")
    reach, length, gap = first, 0, None
    for begin, stop in zip(start[order].tolist(), end[order].tolist(), strict=True):
        if begin > reach and gap is None:
            gap = reach
        length += max(stop - max(begin, reach), 0)
        reach = max(reach, stop)
    return length, reach if gap is None and reach < last else gap


def separate(key: str) -> list[str]:
    """The texts that a key of `joined_keys` was made of; an empty one for NA."""
    return [part.removeprefix("=") for part in key.split(_BETWEEN)[1:]]
