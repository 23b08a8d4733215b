"""Checks of the licence."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome, hours_ago
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.dates import hours_between, minute_text, within
from vbr_audit.checks.logic.three_valued import Cells, beside, named, nullable, one_of, surely, worded
from vbr_audit.tables.build.arrays import are_missing

_DAY_H: Final = 24
_EARLIEST: Final = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)
_VALID: Final = {"status": "Valid"}
_PAID: Final = ("Perpetual", "Rental", "Subscription")
_UNPAID: Final = ("Evaluation", "NFR", "Free", "Promo", "Empty")
_EDITIONS: Final = ("Enterprise", "EnterprisePlus", "Standard", "Unspecified", "Community")
_KINDS: Final = (
    ("instances", "used_instances", "licensed_instances"),
    ("sockets", "used_sockets", "licensed_sockets"),
    ("TB", "used_capacity_tb", "licensed_capacity_tb"),
)


def _ends_within(ends: pd.Series, days: int, now: dt.datetime) -> pd.Series:
    """Whether fewer than `days` days are left, as nullable boolean."""
    return within(ends, _EARLIEST, now + dt.timedelta(days=days))


def _left(ends: pd.Series, now: dt.datetime) -> list[str]:
    """`2026-12-31 00:00 UTC (60 days left)` per row."""
    days = -hours_between(ends, now).fillna(0) / _DAY_H
    return [
        f"{at} ({f'{left:.0f} days left' if left >= 0 else f'{-left:.0f} days ago'})"
        for at, left in zip(minute_text(ends), days, strict=True)
    ]


@check(
    "LIC-001",
    "The licence is valid and does not expire soon",
    severity="high",
    tables=("servers", "license"),
    reads=("license.expires", "license.status", "license.type", "server", "license.server"),
    json_path="expirationDate",
    failure="{has} a licence that is invalid, has expired or expires too soon",
    consequence="could stop making backups",
    remediation="Main menu > License > Install: renew the licence before it expires; enable automatic update.",
    examples=(
        Example("PASS", {}, {"license": [{**_VALID, "expires": hours_ago(-24 * 90)}]}),
        Example("FAIL", {}, {"license": [{**_VALID, "expires": hours_ago(-24 * 90 + 1)}]}, severity="medium"),
        Example("FAIL", {}, {"license": [{**_VALID, "expires": hours_ago(-24 * 30)}]}, severity="medium"),
        Example("FAIL", {}, {"license": [{**_VALID, "expires": hours_ago(-24 * 30 + 1)}]}, severity="high"),
        Example("FAIL", {}, {"license": [{"status": "Expired", "expires": hours_ago(24)}]}, severity="high"),
        Example("FAIL", {}, {"license": [{"status": "Invalid", "expires": hours_ago(-24 * 900)}]}, severity="high"),
        Example("FAIL", {}, {"license": [{"status": "Expired", "expires": hours_ago(-24 * 60)}]}, severity="high"),
        Example("FAIL", {}, {"license": [{"status": "Expired", "type": "Perpetual"}]}, severity="high"),
        Example("UNKNOWN", {}, {"license": [{"status": "Resting", "expires": hours_ago(-24 * 900)}]}),
        Example("UNKNOWN", {}, {"license": [{**_VALID, "type": "Subscription"}]}),
        Example("UNKNOWN", {}, {"license": [{"status": None, "type": "Perpetual"}]}),
        Example("UNKNOWN", {}),
        Example("NOT_APPLICABLE", {}, {"license": [{**_VALID, "type": "Perpetual"}]}),
        Example("PASS", {}, {"license": [{**_VALID, "expires": hours_ago(-24 * 40)}]}, params={"warn_days": 30}),
    ),
)
def licence_valid(
    servers: pd.DataFrame,
    license: pd.DataFrame,
    *,
    now: dt.datetime,
    warn_days: Annotated[int, param("Fails with medium severity if fewer days are left.", unit="days", ge=0)] = 90,
    min_days: Annotated[int, param("Fails with full severity if fewer days are left.", unit="days", ge=0)] = 30,
) -> Outcome:
    """Jobs stop when the licence expires, and buying a new one takes weeks."""
    licences = beside(servers["server"], license, "server")
    status, ends = licences["status"], licences["expires"]
    valid = (status == "Valid").where(surely(one_of(status, ("Valid", "Expired", "Invalid"))))
    soon, very_soon = _ends_within(ends, max(warn_days, min_days), now), _ends_within(ends, min_days, now)
    endless = surely(valid & (licences["type"] == "Perpetual")) & are_missing(ends)
    left = _left(ends, now)
    told_status = named(status, "word")
    spoilt = (told_status + ", " + pd.Series(left, index=servers.index)).where(ends.notna(), told_status)
    ok = valid & ~soon
    return Outcome(
        ok,
        observed=worded(servers.index, (~valid, spoilt.to_numpy(dtype=object)), (ends.notna(), left)),
        expected=f"valid for ≥ {max(warn_days, min_days)} days; below {min_days} days it weighs in full",
        severity=worded(servers.index, (valid & soon & ~very_soon, "medium")),
        applies=pd.Series(~endless, index=servers.index, dtype="boolean"),
        reason=worded(
            servers.index,
            (endless, "a perpetual licence does not expire"),
            (ok.notna(), pd.NA),
            (valid.isna(), "the status of the licence is not known"),
            default="the server names no date of expiry; of licensed capacity it names none from 1.3-rev2 on",
        ),
    )


@check(
    "LIC-002",
    "The support contract does not end soon",
    severity="medium",
    tables=("servers", "license"),
    reads=("license.support_expires", "server", "license.server"),
    json_path="supportExpirationDate",
    failure="{has} a support contract that has ended or ends too soon",
    consequence="could be left without updates and help in an emergency",
    remediation="Main menu > License: renew the support contract, then install the new licence file.",
    examples=(
        Example("PASS", {}, {"license": [{"support_expires": hours_ago(-24 * 90)}]}),
        Example("FAIL", {}, {"license": [{"support_expires": hours_ago(-24 * 90 + 1)}]}, severity="low"),
        Example("FAIL", {}, {"license": [{"support_expires": hours_ago(-24 * 30)}]}, severity="low"),
        Example("FAIL", {}, {"license": [{"support_expires": hours_ago(-24 * 30 + 1)}]}, severity="medium"),
        Example("FAIL", {}, {"license": [{"support_expires": hours_ago(24)}]}, severity="medium"),
        Example("UNKNOWN", {}, {"license": [{"support_expires": None}]}),
        Example("UNKNOWN", {}),
    ),
)
def support_runs(
    servers: pd.DataFrame,
    license: pd.DataFrame,
    *,
    now: dt.datetime,
    warn_days: Annotated[int, param("Fails with low severity if fewer days are left.", unit="days", ge=0)] = 90,
    min_days: Annotated[int, param("Fails with full severity if fewer days are left.", unit="days", ge=0)] = 30,
) -> Outcome:
    """Without a support contract, there are no updates and no help with a restore."""
    ends = beside(servers["server"], license, "server")["support_expires"]
    soon, very_soon = _ends_within(ends, max(warn_days, min_days), now), _ends_within(ends, min_days, now)
    return Outcome(
        ~soon,
        observed=worded(servers.index, (ends.notna(), _left(ends, now))),
        expected=f"support for ≥ {max(warn_days, min_days)} days; below {min_days} days it weighs in full",
        severity=worded(servers.index, (soon & ~very_soon, "low")),
        reason=worded(servers.index, (ends.isna(), "the server names no date on which support ends")),
    )


@check(
    "LIC-003",
    "The licence has enough unused capacity",
    severity="medium",
    tables=("servers", "license"),
    reads=(
        "license.used_instances",
        "license.licensed_instances",
        "license.licensed_instances_with_promo",
        "license.used_sockets",
        "license.licensed_sockets",
        "license.used_capacity_tb",
        "license.licensed_capacity_tb",
        "server",
        "license.server",
    ),
    json_path="instanceLicenseSummary",
    failure="{has} too little room left in the licence",
    consequence="could leave new machines without backups",
    remediation="Main menu > License > Instances: revoke workloads no longer protected, or extend the licence.",
    examples=(
        Example("PASS", {}, {"license": [{"used_instances": 80, "licensed_instances": 100}]}),
        Example("PASS", {}, {"license": [{"used_sockets": 8, "licensed_sockets": 10}]}),
        Example(
            "PASS",
            {},
            {"license": [{"used_instances": 5, "licensed_instances": 10, "used_sockets": 0, "licensed_sockets": 0}]},
        ),
        Example("PASS", {}, {"license": [{"used_capacity_tb": 8, "licensed_capacity_tb": 10}]}),
        Example("PASS", {}, {"license": [{"used_instances": 90, "licensed_instances_with_promo": 120}]}),
        Example("FAIL", {}, {"license": [{"used_instances": 81, "licensed_instances": 100}]}, severity="low"),
        Example("FAIL", {}, {"license": [{"used_instances": 95, "licensed_instances": 100}]}, severity="low"),
        Example("FAIL", {}, {"license": [{"used_instances": 96, "licensed_instances": 100}]}, severity="medium"),
        Example(
            "FAIL",
            {},
            {
                "license": [
                    {
                        "used_instances": 1,
                        "licensed_instances": 100,
                        "used_capacity_tb": 9,
                        "licensed_capacity_tb": 10,
                    }
                ]
            },
            severity="low",
        ),
        Example("FAIL", {}, {"license": [{"used_instances": 1, "licensed_instances": 0}]}, severity="medium"),
        Example("UNKNOWN", {}, {"license": [{"used_instances": 1}]}),
        Example("UNKNOWN", {}, {"license": [{"licensed_instances": 1}]}),
        Example("UNKNOWN", {}, {"license": [{"used_instances": 1, "licensed_instances": 100, "licensed_sockets": 4}]}),
        Example("UNKNOWN", {}, {"license": [{}]}),
        Example("UNKNOWN", {}),
        Example("NOT_APPLICABLE", {}, {"license": [{"used_instances": 0, "licensed_instances": 0}]}),
    ),
)
def licence_has_room(
    servers: pd.DataFrame,
    license: pd.DataFrame,
    *,
    warn_percent: Annotated[float, param("Fails with low severity if more than this is used.", unit="%", ge=0)] = 80.0,
    max_percent: Annotated[float, param("Fails with full severity if more than this is used.", unit="%", ge=0)] = 95.0,
) -> Outcome:
    """Workloads beyond the licence are not protected, or stop being protected: the newest machines first."""
    licences = beside(servers["server"], license, "server")
    licences["licensed_instances"] = licences["licensed_instances_with_promo"].fillna(licences["licensed_instances"])
    used, licensed = (
        licences[[kind[place] for kind in _KINDS]].to_numpy(dtype=float, na_value=np.nan) for place in (1, 2)
    )
    half, both = np.isnan(used) ^ np.isnan(licensed), ~np.isnan(used + licensed)
    limit = min(warn_percent, max_percent)
    over, far_over = (np.asarray((100 * used > share * licensed).any(axis=1)) for share in (limit, max_percent))
    known, partly = both.any(axis=1), half.any(axis=1)
    nothing = known & ~partly & (np.nansum(used + licensed, axis=1) == 0)
    ok = nullable(~over, ~over & (partly | ~known), servers.index)
    return Outcome(
        ok,
        observed=worded(servers.index, (known, _counts(used, licensed, both))),
        expected=f"at most {limit:g} % used; above {max_percent:g} % it weighs in full",
        severity=worded(servers.index, (over & ~far_over, "low")),
        applies=nullable(~nothing, np.zeros(len(servers), dtype=bool), servers.index),
        reason=worded(
            servers.index,
            (nothing, "nothing is licensed, and nothing is used"),
            (ok.notna(), pd.NA),
            default="what is licensed, or what of it is used, is not reported",
        ),
    )


def _counts(used: Cells, licensed: Cells, both: Cells) -> list[str]:
    """`189 of 250 instances, 8 of 10 sockets` per row."""
    return [
        ", ".join(
            f"{used[row, kind]:g} of {licensed[row, kind]:g} {unit}"
            for kind, (unit, _, _) in enumerate(_KINDS)
            if both[row, kind] and used[row, kind] + licensed[row, kind] > 0
        )
        for row in range(len(used))
    ]


@check(
    "LIC-004",
    "The licence is paid",
    severity="medium",
    tables=("servers", "license"),
    reads=("license.type", "license.edition", "server", "license.server"),
    json_path="type",
    expected="a perpetual licence, a subscription or a rental, not of the Community edition",
    failure="{has} a licence that is not paid, or the Community edition",
    consequence="could lack features and support in an emergency",
    remediation="Main menu > License > Install: install a licence for production use.",
    examples=(
        Example("PASS", {}, {"license": [{"type": "Perpetual", "edition": "Standard"}]}),
        Example("PASS", {}, {"license": [{"type": "Subscription", "edition": "EnterprisePlus"}]}),
        Example("PASS", {}, {"license": [{"type": "Rental", "edition": "Unspecified"}]}),
        Example("FAIL", {}, {"license": [{"type": "NFR", "edition": "EnterprisePlus"}]}),
        Example("FAIL", {}, {"license": [{"type": "Evaluation"}]}),
        Example("FAIL", {}, {"license": [{"type": "Subscription", "edition": "Community"}]}),
        Example("FAIL", {}, {"license": [{"edition": "Community"}]}),
        Example("UNKNOWN", {}, {"license": [{"type": "Loan", "edition": "Standard"}]}),
        Example("UNKNOWN", {}, {"license": [{"type": "Rental", "edition": "Gold"}]}),
        Example("UNKNOWN", {}, {"license": [{"edition": "Standard"}]}),
        Example("UNKNOWN", {}),
    ),
)
def licence_paid(servers: pd.DataFrame, license: pd.DataFrame) -> Outcome:
    """Trial and promotional licences end suddenly and include no support; the free edition protects little."""
    licences = beside(servers["server"], license, "server")
    kind, edition = licences["type"], licences["edition"]
    paid = one_of(kind, _PAID).where(surely(one_of(kind, (*_PAID, *_UNPAID))))
    full = (edition != "Community").where(surely(one_of(edition, _EDITIONS)))
    ok = paid & full
    kind, edition = named(kind, "word"), named(edition, "word")
    return Outcome(
        ok,
        observed=worded(
            servers.index,
            (kind.notna() & edition.notna(), (kind + ", edition " + edition).to_numpy(dtype=object)),
            (kind.notna(), kind),
            (edition.notna(), ("edition " + edition).to_numpy(dtype=object)),
        ),
        reason=worded(
            servers.index, (ok.isna(), "type or edition of the licence is not reported, or not known to this check")
        ),
    )
