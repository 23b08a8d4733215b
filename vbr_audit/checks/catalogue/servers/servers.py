"""Checks of the machines that work for the backup server."""

from __future__ import annotations

from typing import Annotated, Final

import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.three_valued import named, one_of, surely, surely_not, worded
from vbr_audit.datasets.infrastructure import MANAGED_SERVER_TYPES

_UPDATED: Final = ("WindowsHost", "LinuxHost", "HvServer")
_BAD_UPDATES: Final = {
    "OutOfDate": "out of date",
    "LastInstallFailed": "the last update failed",
    "CheckUpdatesFailed": "the search for updates failed",
}
_UPDATES_WAIT: Final = "updates are available"
_WINDOWS: Final = {"type": "WindowsHost"}
_GB: Final = 1024**3


@check(
    "SRV-001",
    "The managed server can be reached",
    severity="high",
    table="managed_servers",
    reads=("status",),
    json_path="status",
    expected="Available",
    failure="{is} unavailable",
    consequence="could make backups and restores fail",
    remediation="Backup Infrastructure > Managed Servers > Rescan: check network, credentials and Veeam services.",
    examples=(
        Example("PASS", {"status": "Available"}),
        Example("FAIL", {"status": "Unavailable"}),
        Example("UNKNOWN", {"status": "Resting"}),
        Example("UNKNOWN", {"status": None}),
    ),
)
def managed_server_reached(servers: pd.DataFrame) -> Outcome:
    """While the server cannot be reached, jobs cannot use what runs on it, such as a proxy or a repository."""
    status = servers["status"]
    known = surely(one_of(status, ("Available", "Unavailable")))
    return Outcome(
        (status == "Available").where(known),
        observed=named(status, "word"),
        reason=worded(servers.index, (~known, "the server names no status, or one that this check does not know")),
    )


@check(
    "SRV-002",
    "The managed server is up to date",
    severity="medium",
    table="managed_servers",
    reads=("updates_state", "type"),
    json_path="updatesState",
    expected="no update is due",
    failure="{has} updates waiting, or an update or a search for updates that failed",
    consequence="could be open to known attacks",
    remediation="Backup Infrastructure > Managed Servers: install the updates; find out why the last one failed.",
    examples=(
        Example("PASS", {**_WINDOWS, "updates_state": "NotAvailable"}),
        Example("FAIL", {**_WINDOWS, "updates_state": "OutOfDate"}, severity="medium"),
        Example("FAIL", {**_WINDOWS, "updates_state": "LastInstallFailed"}, severity="medium"),
        Example("FAIL", {"type": "LinuxHost", "updates_state": "CheckUpdatesFailed"}, severity="medium"),
        Example("FAIL", {"type": "HvServer", "updates_state": "Available"}, severity="low"),
        Example("UNKNOWN", {**_WINDOWS, "updates_state": "Installing"}),
        Example("UNKNOWN", {**_WINDOWS, "updates_state": "Resting"}),
        Example("UNKNOWN", _WINDOWS),
        Example("UNKNOWN", {"type": "AhvHost", "updates_state": "NotAvailable"}),
        Example("NOT_APPLICABLE", {"type": "ViHost"}),
    ),
)
def managed_server_updated(servers: pd.DataFrame) -> Outcome:
    """Attackers use known vulnerabilities of old components; failed updates go unnoticed until an upgrade fails.

    If an update is only available, the check fails with low severity.
    """
    state, kind = servers["updates_state"], servers["type"]
    bad, waiting = surely(one_of(state, _BAD_UPDATES)), surely(state == "Available")
    settled = bad | waiting | surely(state == "NotAvailable")
    is_updated_kind = one_of(kind, _UPDATED).where(surely(one_of(kind, MANAGED_SERVER_TYPES)))
    return Outcome(
        (state == "NotAvailable").where(settled),
        observed=worded(
            servers.index,
            (waiting, _UPDATES_WAIT),
            (settled, state.replace({**_BAD_UPDATES, "NotAvailable": "updated"})),
        ),
        severity=worded(servers.index, (waiting, "low")),
        applies=is_updated_kind,
        reason=worded(
            servers.index,
            (surely_not(is_updated_kind), "the server reports no updates for this kind of server"),
            (is_updated_kind.isna(), "its kind is not known"),
            (settled, pd.NA),
            (state.isna(), "updatesState is not reported; available from 1.3-rev0 on"),
            default="the search or the installation is under way, or the state is not known to this check",
        ),
    )


@check(
    "SRV-006",
    "The WAN accelerator has a cache",
    severity="info",
    table="wan_accelerators",
    reads=("cache_bytes",),
    json_path="cache.cacheSize",
    expected="a cache ≥ {min_gb} GB",
    failure="{has} a cache smaller than {min_gb} GB",
    consequence="could slow down copies to another site",
    remediation="Backup Infrastructure > WAN Accelerators > Edit > Cache: set its size; choose a folder with enough "
    "free space.",
    examples=(
        Example("PASS", {"cache_bytes": _GB}),
        Example("FAIL", {"cache_bytes": _GB - 1}),
        Example("FAIL", {"cache_bytes": 0}),
        Example("FAIL", {"cache_bytes": 99 * _GB}, params={"min_gb": 100}),
        Example("UNKNOWN", {"cache_bytes": None}),
    ),
)
def accelerator_has_cache(
    accelerators: pd.DataFrame,
    *,
    min_gb: Annotated[int, param("Minimum size of the cache.", unit="GB", ge=0)] = 1,
) -> Outcome:
    """Without a cache, the same blocks are transferred again and again, and copies fall behind.

    Only the configured size is known: the server does not report the state of an accelerator.
    """
    size = accelerators["cache_bytes"]
    return Outcome(
        size >= min_gb * _GB,
        observed=worded(accelerators.index, (size.notna(), [f"{n / _GB:,.1f} GB" for n in size.fillna(0)])),
        reason=worded(
            accelerators.index, (size.isna(), "the size of its cache is not reported, or in a unit that is not known")
        ),
    )
