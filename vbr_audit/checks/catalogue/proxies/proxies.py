"""Checks of backup proxies."""

from __future__ import annotations

from typing import Annotated, Final

import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.three_valued import named, one_of, surely, surely_not, worded
from vbr_audit.datasets.infrastructure import PROXY_TYPES

_GOOD: Final = {"is_online": True, "is_out_of_date": False, "is_disabled": False}
_MODES: Final = ("Auto", "DirectAccess", "VirtualAppliance", "Network")
_OVER_NETWORK: Final = {"type": "ViProxy", "transport_mode": "Network"}
_DIRECT: Final = {"type": "ViProxy", "transport_mode": "DirectAccess"}


@check(
    "PRX-001",
    "The proxy is online, enabled and up to date",
    severity="high",
    table="proxy_states",
    reads=("is_online", "is_out_of_date", "is_disabled"),
    json_path="isOnline",
    expected="online, enabled and up to date",
    failure="{is} offline, out of date or disabled",
    consequence="could make backups late, or fail",
    remediation="Backup Infrastructure > Backup Proxies: enable it; check its host and services; Main menu > Upgrade.",
    examples=(
        Example("PASS", _GOOD),
        Example("FAIL", {**_GOOD, "is_online": False}, severity="high"),
        Example("FAIL", {**_GOOD, "is_out_of_date": True}, severity="medium"),
        Example("FAIL", {**_GOOD, "is_disabled": True}, severity="low"),
        Example("FAIL", {**_GOOD, "is_out_of_date": True, "is_disabled": True}, severity="medium"),
        Example("FAIL", {"is_online": False, "is_out_of_date": True, "is_disabled": True}, severity="high"),
        Example("UNKNOWN", {**_GOOD, "is_online": None}),
    ),
)
def proxy_ready(states: pd.DataFrame) -> Outcome:
    """Without its proxy, a job waits or uses a slower path; an outdated proxy fails after the next server update.

    The severity is high for an offline proxy, medium for an outdated and low for a disabled one; the worst counts.
    """
    online, old, disabled = states["is_online"], states["is_out_of_date"], states["is_disabled"]
    faults = (surely_not(online), "offline"), (surely(old), "out of date"), (surely(disabled), "disabled")
    reasons = [", ".join(word for wrong, word in faults if wrong[row]) for row in range(len(states))]
    ready = online & ~old & ~disabled
    return Outcome(
        ready,
        observed=worded(
            states.index,
            (surely_not(online) | surely(old) | surely(disabled), reasons),
            default="online, enabled and up to date",
        ),
        severity=worded(states.index, (~online, "high"), (old, "medium"), (disabled, "low")),
        reason=worded(states.index, (ready.isna(), "isOnline, isOutOfDate or isDisabled is missing in the answer")),
    )


@check(
    "PRX-002",
    "There are enough proxies of each type",
    severity="low",
    table="proxies",
    aggregates=("proxies",),
    reads=("type",),
    json_path="type",
    expected="at least {min_proxies} of its kind",
    failure="{belongs|belong} to a kind with fewer than {min_proxies} proxies",
    consequence="could stop many backups by failing alone",
    remediation="Backup Infrastructure > Backup Proxies > Add: add a second proxy of this type on another host.",
    examples=(
        Example("PASS", {"type": "ViProxy"}, params={"min_proxies": 1}),
        Example("FAIL", {"type": "ViProxy"}),
        Example("UNKNOWN", {"type": None}),
        Example("UNKNOWN", {"type": "ViProxy"}, params={"min_proxies": 1}, datasets={"proxies": "partial"}),
    ),
)
def proxy_not_alone(
    proxies: pd.DataFrame,
    *,
    min_proxies: Annotated[int, param("Minimum number of proxies of each type.", unit="proxies", ge=1)] = 2,
) -> Outcome:
    """If the only proxy of a type fails, every job that needs this type stops."""
    kind = proxies["type"]
    counts = kind.map(kind.value_counts()).astype("Int64")
    enough, may_be = counts >= min_proxies, counts + kind.isna().sum() >= min_proxies
    enough = enough.where(surely(enough == may_be))
    return Outcome(
        enough,
        observed=worded(
            proxies.index,
            (kind.notna(), [f"{n} {k}" for n, k in zip(counts.fillna(0), named(kind, "word").fillna(""), strict=True)]),
        ),
        reason=worded(proxies.index, (enough.isna(), "the kind of this proxy, or of another one, is not reported")),
    )


@check(
    "PRX-003",
    "Data that the proxy reads over the network is encrypted",
    severity="medium",
    table="proxies",
    reads=("host_to_proxy_encryption", "type", "transport_mode", "failover_to_network"),
    json_path="server.hostToProxyEncryption",
    expected="encrypted",
    failure="{reads|read} over the network without encryption",
    consequence="could have data read by somebody on the network",
    remediation="Backup Proxy > Edit > Server > Transport mode > Options > Enable host to proxy traffic encryption.",
    examples=(
        Example("PASS", {**_OVER_NETWORK, "host_to_proxy_encryption": True}),
        Example("PASS", {**_DIRECT, "failover_to_network": True, "host_to_proxy_encryption": True}),
        Example("FAIL", {**_OVER_NETWORK, "host_to_proxy_encryption": False}, severity="medium"),
        Example("FAIL", {**_OVER_NETWORK, "transport_mode": "Auto", "host_to_proxy_encryption": False}, severity="low"),
        Example("FAIL", {**_DIRECT, "failover_to_network": True, "host_to_proxy_encryption": False}, severity="low"),
        Example("UNKNOWN", {**_OVER_NETWORK, "host_to_proxy_encryption": None}),
        Example("UNKNOWN", {"type": "ViProxy", "transport_mode": "Tunnel", "host_to_proxy_encryption": True}),
        Example("UNKNOWN", {"type": "AhvProxy", "transport_mode": "Network", "host_to_proxy_encryption": True}),
        Example("UNKNOWN", {**_DIRECT, "host_to_proxy_encryption": True}),
        Example("NOT_APPLICABLE", {**_DIRECT, "failover_to_network": False, "host_to_proxy_encryption": False}),
        Example("NOT_APPLICABLE", {"type": "HvProxy"}),
        Example("NOT_APPLICABLE", {"type": "GeneralPurposeProxy"}),
    ),
)
def network_reading_encrypted(proxies: pd.DataFrame) -> Outcome:
    """Without encryption, disk data crosses the network in clear text: a listener sees the data of every machine.

    A proxy that reads over the network only as a fallback fails with low severity.
    """
    kind, mode = proxies["type"], proxies["transport_mode"]
    encrypted = proxies["host_to_proxy_encryption"]
    vmware = (kind == "ViProxy").mask(surely_not(one_of(kind, PROXY_TYPES)))
    known = surely(one_of(mode, _MODES))
    at_times = (one_of(mode, ("Auto", "Network")) | proxies["failover_to_network"]).where(known)
    applies = vmware & at_times
    return Outcome(
        encrypted,
        observed=worded(proxies.index, (encrypted, "encrypted"), (surely_not(encrypted), "not encrypted")),
        severity=worded(proxies.index, (~encrypted & (mode != "Network"), "low")),
        applies=applies,
        reason=worded(
            proxies.index,
            (surely_not(vmware), "it does not read disks of VMware machines"),
            (surely_not(at_times), "it never reads over the network"),
            (vmware.isna(), "its kind is not known"),
            (~known, "its transport mode is not known"),
            (applies.isna(), "whether it may read over the network is not reported"),
            (encrypted.isna(), "whether the traffic is encrypted is not reported"),
        ),
    )
