"""The register of exceptions on the page: every waiver, those that end soon first."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vbr_audit.display import NOT_KNOWN, day, number
from vbr_audit.findings.results import WaiverOutcome, WaiverState
from vbr_audit.reports.record import Capped, cell_text, first_rows
from vbr_audit.reports.words import Badge, badge

if TYPE_CHECKING:
    from vbr_audit.findings.results import Results
    from vbr_audit.findings.waivers import Waiver

_LOOKS: Final = {
    WaiverState.ENDS_SOON: "UNKNOWN",
    WaiverState.IN_FORCE: "WAIVED",
    WaiverState.EXPIRED: "FAIL",
    WaiverState.TOO_LONG: "FAIL",
    WaiverState.FITS_NOTHING: "NOT_APPLICABLE",
}
"""What may become of a waiver, in the order of the register, with the status whose looks it has."""
_ORDER: Final = tuple(_LOOKS)


@dataclass(frozen=True)
class WaiverRow:
    """One waiver: what became of it, what it accepts, who answers for it, until when, and how many findings it meets.

    `note` says why it accepts nothing, where that is so.
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
    rows = [_row(outcome) for outcome in results.waivers.outcomes]
    return first_rows(sorted(rows, key=lambda row: (row.rank, row.expires_sort, row.waiver_id)), limit)


def _row(outcome: WaiverOutcome) -> WaiverRow:
    waiver, state = outcome.waiver, outcome.state
    accepts = state in (WaiverState.IN_FORCE, WaiverState.ENDS_SOON)
    return WaiverRow(
        badge=badge(_LOOKS[state], state),
        rank=_ORDER.index(state),
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
        matched=number(outcome.accepted),
        note="" if accepts else state.meaning,
    )


def _about(waiver: Waiver) -> str:
    told = waiver.object_name or waiver.object_id
    where = f" on {cell_text(waiver.server)}" if waiver.server else ""
    return f"{cell_text(told)}{where}"


def _day(date: Any) -> str:
    return day(date) if isinstance(date, dt.date) else NOT_KNOWN
