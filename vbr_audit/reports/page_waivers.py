"""The register of exceptions on the page: every waiver, those that end soon first."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vbr_audit.display import NOT_KNOWN, day, number
from vbr_audit.reports.record import Capped, cell_text, first_rows
from vbr_audit.reports.words import Badge, badge

if TYPE_CHECKING:
    from vbr_audit.findings.results import Results
    from vbr_audit.findings.waivers import Waiver

STATES: Final = (
    ("ends within 30 days", "UNKNOWN"),
    ("in force", "WAIVED"),
    ("expired", "FAIL"),
    ("too long", "FAIL"),
    ("fits nothing", "NOT_APPLICABLE"),
)
"""What may become of a waiver, in the order of the register, with the status whose looks it has."""


@dataclass(frozen=True)
class WaiverRow:
    """One waiver: what became of it, what it accepts, who answers for it, until when, and how many findings it meets.

    `note` says what `badge` does not: that it fits nothing, or runs for longer than the policy allows.
    """

    badge: Badge
    rank: int
    waiver_id: str
    check: str
    about: str
    reason: str
    owner: str
    approver: str
    ticket: str
    created: str
    expires: str
    expires_sort: str
    matched: str
    note: str


def waiver_rows(results: Results, limit: int) -> Capped:
    """Every waiver of the run by what became of it, then by its last day."""
    report = results.waivers
    every = dict.fromkeys((*report.active, *report.expired, *report.unmatched, *report.too_long))
    matched = Counter(results.findings.loc[results.findings["status"] == "WAIVED", "waiver_id"].dropna().tolist())
    rows = [_row(waiver, results, matched[waiver.id]) for waiver in every]
    return first_rows(sorted(rows, key=lambda row: (row.rank, row.expires_sort, row.waiver_id)), limit)


def _row(waiver: Waiver, results: Results, matched: int) -> WaiverRow:
    report = results.waivers
    notes = [
        word
        for word, group in (
            ("fits no finding", report.unmatched),
            ("runs for longer than the policy allows: it accepts nothing", report.too_long),
            ("its findings fail again", [one for one in report.expired if one not in report.unmatched]),
        )
        if waiver in group
    ]
    rank = _state(waiver, results)
    word, looks = STATES[rank]
    return WaiverRow(
        badge=badge(looks, word),
        rank=rank,
        waiver_id=cell_text(waiver.id),
        check=cell_text(waiver.check),
        about=_about(waiver),
        reason=cell_text(waiver.reason),
        owner=cell_text(waiver.owner),
        approver=cell_text(waiver.approved_by),
        ticket=cell_text(waiver.ticket),
        created=_day(waiver.created),
        expires=_day(waiver.expires),
        expires_sort=waiver.expires.isoformat(),
        matched=number(matched),
        note="; ".join(notes),
    )


def _state(waiver: Waiver, results: Results) -> int:
    report = results.waivers
    if waiver in report.expired:
        return 2
    if waiver in report.too_long:
        return 3
    if waiver in report.expiring_soon:
        return 0
    return 4 if waiver in report.unmatched else 1


def _about(waiver: Waiver) -> str:
    told = waiver.object_name or waiver.object_id
    where = f" on {cell_text(waiver.server)}" if waiver.server else ""
    return f"{cell_text(told)}{where}"


def _day(date: Any) -> str:
    return day(date) if isinstance(date, dt.date) else NOT_KNOWN
