"""The sheets about time: what became of the findings, the settings that changed, and the months up to this run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pandas as pd

from vbr_audit.checks.drift.compare import SPEC as DRIFT
from vbr_audit.findings.lifecycle import AGED_SPEC, State
from vbr_audit.histories.trends import TREND_SPEC
from vbr_audit.reports.excel.data import columns_of, header_of
from vbr_audit.reports.excel.front import PERCENT
from vbr_audit.reports.since import STATE_WORDS
from vbr_audit.spreadsheet.sheet import SheetPlan

if TYPE_CHECKING:
    from vbr_audit.findings.changes import Changes
    from vbr_audit.reports.context import ReportContext

TIME_TAB: Final = "5B3F8C"
"""The colour of the tabs about time."""
_CHANGES_FIRST: Final = (
    *("state", "severity", "check_id", "title", "server", "object_type", "object_name", "days_open", "open_since"),
    *("status_before", "status", "first_seen", "last_seen", "fixed_at", "fix_days", "times_reopened", "hint"),
)
_CHANGES_LEFT_OUT: Final = ("key", "server_id", "rule", "meaning", "policy", "revision", "as_of")
"""What only the tool itself compares by."""
_DRIFT_FIRST: Final = (
    *("direction", "server", "object_type", "object_name", "control", "before", "after", "changed_after"),
    *("changed_before", "changed_at", "who", "source", "approval", "approved_by", "ticket"),
)
_SHARES: Final = frozenset(map(header_of, ("compliance", "assessed", "protected_share", "success_rate", "used_share")))
_SOURCE: Final = "this run and the earlier ones"


def time_plans(context: ReportContext, footer: str) -> Iterator[SheetPlan]:
    """Changes, Drift and Trend; each only where an earlier run gives something to show."""
    changes, zone = context.results.changes, context.zone_name
    if changes is not None:
        rows = _changed_and_open(changes)
        columns = columns_of(rows, zone, first=_CHANGES_FIRST, spec=AGED_SPEC, source=_SOURCE)
        yield SheetPlan(
            *("Changes", "tblChanges", columns, 3, footer),
            wrap=True,
            help="One row per finding of which something became since the earlier run, then per one that still fails.",
            tab=TIME_TAB,
        )
    if len(context.results.drift):
        columns = columns_of(context.results.drift, zone, first=_DRIFT_FIRST, spec=DRIFT, source=_SOURCE)
        yield SheetPlan(*("Drift", "tblDrift", columns, 5, footer), wrap=True, help=DRIFT.help, tab=TIME_TAB)
    if context.trend is not None and context.figures.months is not None:
        columns = columns_of(context.trend.frame, zone, spec=TREND_SPEC, source=_SOURCE, counts=True)
        columns = tuple(
            replace(column, number_format=PERCENT) if column.header in _SHARES else column for column in columns
        )
        yield SheetPlan(*("Trend", "tblTrend", columns, 1, footer), help=TREND_SPEC.help, tab=TIME_TAB)


def _changed_and_open(changes: Changes) -> pd.DataFrame:
    """What changed, what needs attention first, then what still fails, what is open longest first."""
    rows = pd.concat([changes.changed, changes.still_open], ignore_index=True)
    words = rows["state"].map({str(state): STATE_WORDS[state] for state in State}).astype(rows["state"].dtype)
    return rows.assign(state=words).drop(columns=list(_CHANGES_LEFT_OUT))
