"""Laying waivers over results: what is accepted, what no longer is, and which waivers fit nothing."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from vbr_audit.checks.logic.three_valued import Cells
from vbr_audit.checks.policy.model import LONGEST_WAIVER
from vbr_audit.findings.results import WaiverOutcome, WaiverReport, WaiverState
from vbr_audit.findings.waivers import Waiver


@dataclass(frozen=True, eq=False)
class Waived:
    """The status and reason of each result after waivers, and the waiver that is at work, as object arrays."""

    status: Cells
    reason: Cells
    waiver_id: Cells
    waiver_owner: Cells
    waiver_expires: Cells
    report: WaiverReport

    @property
    def columns(self) -> dict[str, Cells]:
        """The columns of the findings that depend on waivers."""
        return {
            "status": self.status,
            "reason": self.reason,
            "waiver_id": self.waiver_id,
            "waiver_owner": self.waiver_owner,
            "waiver_expires": self.waiver_expires,
        }


def apply_waivers(
    results: pd.DataFrame, waivers: Sequence[Waiver], now: dt.datetime, *, horizon_days: int = LONGEST_WAIVER
) -> Waived:
    """What `waivers` make of the failing results, and of those without an answer where they cover them.

    What was accepted in the product itself is waived without a waiver of ours.
    Of several waivers that fit one finding, one in force counts more than one that is not, then the one that ends
    last. One that fits only after its last day, or that runs for more than `horizon_days`, leaves the finding as it
    is, and the reason says so.
    """
    status = results["result"].to_numpy(dtype=object, copy=True)
    reason = results["reason"].to_numpy(dtype=object, copy=True)
    blank = np.full(len(results), pd.NA, dtype=object)
    found = Waived(status, reason, blank, blank.copy(), blank.copy(), WaiverReport())
    said = results["accepted"].to_numpy(dtype=object)
    accepted = (status == "FAIL") & ~pd.isna(said)
    status[accepted], reason[accepted] = "WAIVED", said[accepted]
    coverable = {covered for waiver in waivers for covered in waiver.covers}
    open_ones = np.flatnonzero(np.isin(status.astype(str), sorted(coverable))).tolist()
    keys = [results[name].to_numpy(dtype=object) for name in ("server", "check_id", "object_id", "object_name")]
    for position in open_ones:
        server, check_id, object_id, name = (None if key[position] is pd.NA else key[position] for key in keys)
        fitting = [
            waiver
            for waiver in waivers
            if status[position] in waiver.covers and waiver.fits(server, check_id, object_id, name)
        ]
        if fitting:
            best = max(fitting, key=lambda one: (not one.is_too_long(now, horizon_days), one.expires, one.id))
            _lay(found, position, best, now, horizon_days)
    return replace(found, report=_report(results, found, waivers, now, horizon_days))


def _lay(found: Waived, position: int, waiver: Waiver, now: dt.datetime, horizon_days: int) -> None:
    """Write one waiver into the row at `position`."""
    found.waiver_id[position] = waiver.id
    found.waiver_owner[position] = waiver.owner
    found.waiver_expires[position] = waiver.expires.isoformat()
    if waiver.is_too_long(now, horizon_days):
        words = f"waiver {waiver.id} does not count: it runs until {waiver.expires}, more than {horizon_days} days"
    elif waiver.is_active(now):
        found.status[position] = "WAIVED"
        ticket = f" ({waiver.ticket})" if waiver.ticket else ""
        words = f"accepted until {waiver.expires} by waiver {waiver.id}{ticket}: {waiver.reason}"
    else:
        words = f"waiver {waiver.id} expired {waiver.expires}"
    own = found.reason[position]
    found.reason[position] = words if own is pd.NA else f"{own}; {words}"


def _report(
    results: pd.DataFrame, found: Waived, waivers: Sequence[Waiver], now: dt.datetime, horizon_days: int
) -> WaiverReport:
    """Each waiver with what became of it, by id."""
    ordered = sorted(waivers, key=lambda waiver: waiver.id)
    columns = [results[name].to_numpy(dtype=object) for name in ("server", "check_id", "object_id", "object_name")]
    rows = [[None if cell is pd.NA else cell for cell in row] for row in zip(*columns, strict=True)] if ordered else []
    matched = Counter(found.waiver_id.tolist())
    accepted = Counter(found.waiver_id[found.status == "WAIVED"].tolist())

    def state_of(waiver: Waiver) -> WaiverState:
        if not waiver.is_active(now):
            return WaiverState.EXPIRED
        if waiver.is_too_long(now, horizon_days):
            return WaiverState.TOO_LONG
        if not any(waiver.fits(*row) for row in rows):
            return WaiverState.FITS_NOTHING
        return WaiverState.ENDS_SOON if waiver.expires_soon(now) else WaiverState.IN_FORCE

    return WaiverReport(tuple(WaiverOutcome(one, state_of(one), matched[one.id], accepted[one.id]) for one in ordered))
