"""The trend of a run: one point per month, of the runs before it that are about the same servers and jobs, and its own.

A month about which no run is stays a gap, and a point that was judged by another policy or another version of
vbr-audit than the one before it is marked, as it need not be the estate that changed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from vbr_audit.display import time_zone
from vbr_audit.histories.run_records import NUMBERS, HistoryRecord
from vbr_audit.tables.build.schema import Column, TableSpec, conform

MONTHS_SHOWN: Final = 12
"""How many months a report shows, its own included."""

TREND_SPEC: Final = TableSpec(
    name="trend",
    key=("month",),
    help="One row per month: the numbers of the latest run about it. A month without a run is a gap, not a zero.",
    columns=(
        Column("month", "string", "The month that the run is about, as YYYY-MM.", holds="kept"),
        Column("is_missing", "boolean", "No run is about this month: nothing is known of it."),
        Column("run_id", "string", "The id of the run.", holds="digest"),
        Column("now", "datetime", "The clock of the run."),
        Column("since", "datetime", "The first instant of its period."),
        Column("until", "datetime", "The first instant after its period."),
        *NUMBERS.values(),
        Column("policy_changed", "boolean", "Another policy or site file than at the point before it."),
        Column("version_changed", "boolean", "Another version of vbr-audit than at the point before it."),
        Column("policy_name", "string", "The policy that it was judged by.", holds="file"),
        Column("tool_version", "string", "The version of vbr-audit.", holds="kept"),
    ),
)


@dataclass(frozen=True)
class TrendMonth:
    """One month with the latest run about it, None where there is none, and whether the rules changed before it."""

    month: str
    run: HistoryRecord | None = None
    policy_changed: bool = False
    version_changed: bool = False


@dataclass(frozen=True)
class Trend:
    """The months up to that of a run, gaps included; the last one is the run itself.

    `beside` counts the earlier runs that are no points of it, as they are about other servers or other jobs.
    """

    months: tuple[TrendMonth, ...]
    beside: int = 0

    @property
    def frame(self) -> pd.DataFrame:
        """One row per month, with the columns of `TREND_SPEC`."""
        rows = [_row(month) for month in self.months]
        return conform({name: [row.get(name) for row in rows] for name in TREND_SPEC.names}, TREND_SPEC)[0]


def month_of(record: HistoryRecord) -> str:
    """The month that a run is about, as YYYY-MM: that of the middle of its period, on the clock of its own zone."""
    middle = record.since + (record.until - record.since) / 2
    try:
        zone = time_zone(record.timezone)
    except ValueError:  # a zone that only the machine of the run knew
        zone = dt.UTC
    return f"{middle.astimezone(zone):%Y-%m}"


def is_alike(record: HistoryRecord, other: HistoryRecord) -> bool:
    """Whether two runs are about the same servers and were narrowed to the same jobs, so that their numbers compare."""
    ours, theirs = ({server.server_id for server in each.servers} for each in (record, other))
    return ours == theirs and record.scope == other.scope


def trend_of(earlier: Iterable[HistoryRecord], last: HistoryRecord, *, months: int | None = None) -> Trend:
    """The trend up to the run `last`, of the `earlier` runs that are like it; the last `months` of it, or all."""
    before = [record for record in earlier if record.order < last.order and month_of(record) <= month_of(last)]
    alike = sorted((record for record in before if is_alike(record, last)), key=lambda record: record.order)
    latest = {month_of(record): record for record in (*alike, last)}
    end = pd.Period(month_of(last), freq="M")
    start = pd.Period(min(latest), freq="M")
    if months is not None:
        start = max(start, end - (months - 1))
    names = [str(month) for month in pd.period_range(start, end, freq="M")]
    made: list[TrendMonth] = []
    previous: HistoryRecord | None = None
    for name in names:
        run = latest.get(name)
        made.append(_month(name, run, previous))
        previous = run or previous
    shown = set(names)
    return Trend(tuple(made), sum(month_of(record) in shown and not is_alike(record, last) for record in before))


def _month(name: str, run: HistoryRecord | None, previous: HistoryRecord | None) -> TrendMonth:
    if run is None or previous is None:
        return TrendMonth(name, run)
    rules = [(record.policy_sha256, record.site_sha256) for record in (run, previous)]
    return TrendMonth(name, run, rules[0] != rules[1], run.tool_version != previous.tool_version)


def _row(month: TrendMonth) -> dict[str, Any]:
    """The columns of a month."""
    if month.run is None:
        return {"month": month.month, "is_missing": True}
    marks = {"policy_changed": month.policy_changed, "version_changed": month.version_changed}
    return {**month.run.row, "month": month.month, "is_missing": False, **marks}
