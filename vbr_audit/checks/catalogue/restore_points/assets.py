"""Checks of the machines that the site file lists."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from vbr_audit.checks.catalogue.restore_points.points import aged
from vbr_audit.checks.engine.outcome import Example, Outcome, hours_ago
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.three_valued import named, phrased, surely, surely_not, worded
from vbr_audit.tables.build.arrays import are_known

_HELD = {"name": "srv-1", "is_protected": True, "latest_point": hours_ago(9)}


@check(
    "RPO-004",
    "Every machine in the asset list is protected",
    severity="critical",
    table="assets",
    reads=("is_protected", "is_backed_up", "latest_point", "exempt"),
    expected="a restore point, and a job that makes the next one",
    failure="{is} in no backup, or only in one that no job continues",
    consequence="could be lost, or come back only in an old state",
    remediation="Home > Jobs > Edit > Virtual Machines: add the machine to a job, or enter a reason in column exempt.",
    examples=(
        Example("PASS", {**_HELD, "is_backed_up": True}),
        Example("FAIL", {"name": "srv-1", "is_protected": False}),
        Example("FAIL", {**_HELD, "is_backed_up": False}),
        Example("UNKNOWN", {**_HELD, "is_backed_up": None}),
        Example("UNKNOWN", {**_HELD, "is_backed_up": True, "latest_point": None}),
        Example("UNKNOWN", {"name": "srv-1", "is_protected": None}),
        Example("UNKNOWN", {**_HELD, "is_backed_up": True}, datasets={"site": "not given"}),
        Example("NOT_APPLICABLE", {"name": "srv-1", "is_protected": False, "exempt": "built anew at every start"}),
    ),
)
def asset_protected(assets: pd.DataFrame, *, now: dt.datetime) -> Outcome:
    """Backups do not show a machine that no job backs up; only a list from another source does.

    The check finds a machine by name, in any letter case, with or without its domain, on any server of the report. A
    machine that is only in the backup chain of a deleted job is no longer protected. RPO-001 evaluates the age of the
    newest restore point.
    """
    held, exempt = assets["is_protected"], assets["exempt"].notna()
    newest, worked = assets["latest_point"], assets["is_backed_up"]
    dated = are_known(newest)
    last = phrased("newest restore point {}", np.array(aged(newest, now), dtype=object), where=dated)
    ended = surely(held) & surely_not(worked)
    ok = held & worked
    return Outcome(
        ok.mask(surely(ok) & ~dated),
        observed=worded(
            assets.index,
            (ended & dated, phrased("no job makes another one: {}", last, where=ended & dated)),
            (ended, "a backup holds it, and no job makes another restore point"),
            (surely(held) & dated, last),
            (surely_not(held), "not in any backup"),
        ),
        applies=(~exempt).astype("boolean"),
        reason=worded(
            assets.index,
            (
                exempt.to_numpy(dtype=bool),
                ("exempt: " + named(assets["exempt"], "prose").fillna("")).to_numpy(dtype=object),
            ),
            (held.isna(), "not found, but the backups of a server, or its restore points, are not all known"),
            (surely(ok) & ~dated, "a backup holds it, but the date of its newest restore point is not known"),
            (worked.isna(), "a backup holds it; whether a job still makes restore points of it is not known"),
        ),
    )
