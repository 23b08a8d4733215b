"""Checks of the evidence itself: whether the answers of the other checks rest on everything there is."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import EXAMPLE_SINCE, Example, Outcome, hours_ago
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.dates import at_or_before, minute_text
from vbr_audit.checks.logic.three_valued import Cells, named, one_of, places_of, surely, surely_not, taken, worded
from vbr_audit.datasets import DATASETS, is_never_offered
from vbr_audit.tables.build.arrays import are_missing

_PAGED = tuple(name for name, dataset in DATASETS.items() if dataset.shape.is_paged)
_JOBS = {"name": "jobs", "rows_duplicate": 0}
_OLD_SERVER = {"servers": [{"revision_newest": "1.2-rev1"}]}
_READ_NOTHING = ("denied", "absent", "failed", "not collected")
NEVER_OFFERED = "no revision of this server offers it"


@check(
    "EVD-001",
    "Every dataset that the checks need was read whole",
    severity="high",
    tables=("datasets", "servers"),
    reads=("status", "name", "reason", "servers.revision_newest"),
    expected="complete",
    failure="{was} not read completely",
    consequence="could hide failures that this report does not show",
    remediation="Give the account a role that can read it, or fix what the reason names; then collect again.",
    examples=(
        Example("PASS", {"name": "sessions", "status": "complete"}),
        Example("FAIL", {"name": "sessions", "status": "denied", "reason": "403"}),
        Example("FAIL", {"name": "jobs", "status": "partial"}),
        Example("FAIL", {"name": "users", "status": "absent"}, {"servers": [{"revision_newest": "1.3-rev1"}]}),
        Example("FAIL", {"name": "users", "status": "absent"}),
        Example("FAIL", {"name": "users", "status": "failed"}, _OLD_SERVER),
        Example("NOT_APPLICABLE", {"name": "users", "status": "absent"}, _OLD_SERVER),
        Example("UNKNOWN", {"name": "sessions", "status": None}),
        Example("NOT_APPLICABLE", {"name": "server_info", "status": "denied"}),
    ),
)
def dataset_complete(datasets: pd.DataFrame, servers: pd.DataFrame, *, needed: frozenset[str]) -> Outcome:
    """Data that was not read cannot be checked: a gap in the evidence must never look like a good result.

    A dataset that no revision of the server offers does not count; the checks that need it report it as not known.
    """
    status, why = datasets["status"], datasets["reason"]
    needs = one_of(datasets["name"], needed)
    unoffered = never_offered(datasets, servers)
    return Outcome(
        status == "complete",
        observed=named(status, "word"),
        applies=needs.mask(unoffered, False),
        reason=worded(
            datasets.index,
            (surely_not(needs), "no enabled check needs it"),
            (unoffered, NEVER_OFFERED),
            (status.isna(), "its status is not known"),
            default=named(why, "server text"),
        ),
    )


def never_offered(datasets: pd.DataFrame, servers: pd.DataFrame) -> Cells:
    """A plain boolean array: whether a dataset is absent as not even the newest revision of the server has it."""
    newest = next(iter(servers["revision_newest"].dropna()), None)
    never = [is_never_offered(name, newest) for name in datasets["name"].tolist()]
    beyond: Cells = surely(datasets["status"] == "absent") & np.array(never, dtype=bool)
    return beyond


@check(
    "EVD-002",
    "The number of rows read equals the server's own count",
    severity="high",
    tables=("datasets", "servers"),
    reads=("rows_received", "rows_duplicate", "api_total", "name", "status", "servers.revision_newest"),
    failure="{differs|differ} from the server's own count of rows",
    consequence="could lack rows, so that this report may miss failures",
    remediation="Collect again, at a quiet time if the server adds rows during collection; keep both runs.",
    examples=(
        Example("PASS", {**_JOBS, "rows_received": 41, "api_total": 41, "status": "complete"}),
        Example("FAIL", {**_JOBS, "rows_received": 40, "api_total": 41, "status": "partial"}),
        Example("FAIL", {**_JOBS, "rows_received": 82, "api_total": 41, "status": "partial"}),
        Example("UNKNOWN", {**_JOBS, "rows_received": 41, "status": "complete"}),
        Example("UNKNOWN", {**_JOBS, "rows_received": 0, "status": "denied"}),
        Example("UNKNOWN", {"name": "users", "rows_received": 0, "status": "absent"}),
        Example("NOT_APPLICABLE", {"name": "users", "rows_received": 0, "status": "absent"}, _OLD_SERVER),
        Example("NOT_APPLICABLE", {"name": "server_time", "rows_received": 1, "status": "complete"}),
    ),
)
def rows_match_total(datasets: pd.DataFrame, servers: pd.DataFrame, *, needed: frozenset[str]) -> Outcome:
    """A truncated list looks like a short list: only the server's own count shows the difference."""
    distinct, total = datasets["rows_received"] - datasets["rows_duplicate"], datasets["api_total"]
    paged, status = one_of(datasets["name"], _PAGED), datasets["status"]
    nothing = surely(one_of(status, _READ_NOTHING))
    unwanted = nothing & surely_not(one_of(datasets["name"], needed))
    unoffered = never_offered(datasets, servers)
    seen, counted = _rows(distinct), _rows(total)
    return Outcome(
        (distinct == total).mask(nothing | are_missing(status)),
        observed=worded(datasets.index, (distinct.notna(), seen)),
        expected=worded(datasets.index, (total.notna(), counted), default="the server's total"),
        applies=paged.mask(unwanted | unoffered, False),
        reason=worded(
            datasets.index,
            (surely_not(paged), "the answer is one object, without a total"),
            (unwanted, "no enabled check needs it, and it was not read"),
            (unoffered, NEVER_OFFERED),
            (nothing, "it was not read"),
            (status.isna(), "its status is not known"),
            (distinct.isna(), "how many rows were read is not known"),
            (total.isna(), "the server named no total"),
        ),
    )


def _rows(numbers: pd.Series) -> list[str]:
    return [f"{number:,} row{'' if number == 1 else 's'}" for number in numbers.fillna(0)]


@check(
    "EVD-003",
    "The session history reaches back to the start of the period",
    severity="high",
    tables=("servers", "session_history"),
    reads=("session_history.oldest_session", "server", "session_history.server"),
    json_path="creationTime",
    failure="{has} a session history that begins after the start of the period",
    consequence="could have failed runs that this report does not show",
    remediation="Main menu > Options > History: keep sessions longer than the reporting period; collect in time.",
    examples=(
        Example("PASS", {}, {"session_history": [{"oldest_session": hours_ago(24 * 90)}]}),
        Example("PASS", {}, {"session_history": [{"oldest_session": EXAMPLE_SINCE}]}),
        Example("FAIL", {}, {"session_history": [{"oldest_session": hours_ago(24 * 10)}]}),
        Example("UNKNOWN", {}, {"session_history": [{"oldest_session": None}]}),
        Example("UNKNOWN", {}),
        Example("UNKNOWN", {}, datasets={"session_history": "denied"}),
    ),
)
def history_long_enough(servers: pd.DataFrame, history: pd.DataFrame, *, since: dt.datetime) -> Outcome:
    """The server deletes old sessions: activity before the oldest one is not visible, and rates look too good."""
    row = places_of(servers["server"], history["server"])
    oldest = taken(history["oldest_session"], row, servers.index)
    return Outcome(
        at_or_before(oldest, since),
        observed=worded(servers.index, (oldest.notna(), minute_text(oldest))),
        expected=f"at or before {since.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC",
        reason=worded(servers.index, (oldest.isna(), "the server keeps no session at all")),
    )
