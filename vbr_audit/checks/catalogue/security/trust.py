"""The check of whom the server trusts."""

from __future__ import annotations

from typing import Final

import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome, explained
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.three_valued import beside, named, surely_one, worded

_MODES: Final = ("TrustAll", "TrustSpecified")


@check(
    "SEC-020",
    "Each Linux host is trusted individually",
    severity="medium",
    tables=("servers", "host_authentication"),
    reads=("host_authentication.trust_mode", "server", "host_authentication.server"),
    json_path="mode",
    expected="TrustSpecified",
    failure="{trusts|trust} every Linux host",
    consequence="could send data to a machine that poses as a host",
    remediation="Main menu > Options > Security: check unknown hosts manually, and accept each fingerprint once.",
    examples=(
        Example("PASS", {}, {"host_authentication": [{"trust_mode": "TrustSpecified"}]}),
        Example("FAIL", {}, {"host_authentication": [{"trust_mode": "TrustAll"}]}),
        Example("UNKNOWN", {}, {"host_authentication": [{"trust_mode": None}]}),
        Example("UNKNOWN", {}, {"host_authentication": [{"trust_mode": "TrustSome"}]}),
        Example("UNKNOWN", {}),
        Example(
            "UNKNOWN",
            {},
            {"host_authentication": [{"trust_mode": "TrustSpecified"}]},
            datasets={"host_authentication": "denied"},
        ),
    ),
)
def hosts_trusted_by_hand(servers: pd.DataFrame, settings: pd.DataFrame) -> Outcome:
    """A server that accepts every fingerprint gives its credentials to any machine that answers at a host's address."""
    mode = beside(servers["server"], settings, "server")["trust_mode"]
    return explained(
        Outcome(
            (mode == "TrustSpecified").mask(~surely_one(mode, *_MODES)),
            observed=named(mode, "word"),
            reason=worded(
                servers.index,
                (mode.isna(), "mode is missing in the answer"),
                default="the server names a mode that this check does not know",
            ),
        )
    )
