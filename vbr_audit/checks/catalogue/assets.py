"""Checks of the machines that the site file lists."""

from __future__ import annotations

import pandas as pd

from vbr_audit.checks.logic import surely, worded
from vbr_audit.checks.outcome import Example, Outcome
from vbr_audit.checks.registry import check


@check(
    "RPO-004",
    "Every machine of the asset list is protected",
    severity="critical",
    table="assets",
    reads=("is_protected", "exempt"),
    expected="a backup with a restore point",
    remediation="Home > Jobs > Edit > Virtual Machines: add the machine to a job; or give a reason in column exempt.",
    examples=(
        Example("PASS", {"name": "srv-1", "is_protected": True}),
        Example("FAIL", {"name": "srv-1", "is_protected": False}),
        Example("UNKNOWN", {"name": "srv-1", "is_protected": None}),
        Example("UNKNOWN", {"name": "srv-1", "is_protected": True}, datasets={"site": "not given"}),
        Example("NOT_APPLICABLE", {"name": "srv-1", "is_protected": False, "exempt": "built anew at every start"}),
    ),
)
def asset_protected(assets: pd.DataFrame) -> Outcome:
    """Backups cannot show a machine that nobody backs up: only a list that comes from elsewhere can.

    A machine is found by its name, whatever the case, with or without its domain, on any server of the report.
    """
    held, exempt = assets["is_protected"], assets["exempt"].notna()
    return Outcome(
        held,
        observed=worded(assets.index, (held, "a backup holds it"), (surely(~held), "not in any backup")),
        applies=(~exempt).astype("boolean"),
        reason=worded(
            assets.index,
            (exempt.to_numpy(dtype=bool), ("exempt: " + assets["exempt"].fillna("")).to_numpy(dtype=object)),
            (held.isna(), "not found, but the backups of a server, or its restore points, are not all known"),
        ),
    )
