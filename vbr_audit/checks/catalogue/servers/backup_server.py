"""Checks of the backup server itself: its build, its clock, its certificate."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome, hours_ago
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.dates import minute_text, within
from vbr_audit.checks.logic.three_valued import beside, named, surely, worded

_EARLIEST: Final = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)
_RSA: Final = {"valid_until": hours_ago(-24 * 30), "key_algorithm": "RSA", "key_bits": 2048}
_TRUSTED: Final = {"trust_needed": True}


@check(
    "SRV-003",
    "The server has a supported build",
    severity="high",
    tables=("servers", "supported_builds"),
    reads=("build", "supported_builds.release", "supported_builds.oldest_build"),
    json_path="buildVersion",
    failure="{has} a build older than the site file accepts",
    consequence="could be open to attacks that are publicly known",
    remediation="Download the newest build from veeam.com > Downloads; update the server after a configuration backup.",
    examples=(
        Example(
            "PASS", {"build": "13.0.1.180"}, {"supported_builds": [{"release": "13.0", "oldest_build": "13.0.1.180"}]}
        ),
        Example(
            "PASS", {"build": "13.0.10.5"}, {"supported_builds": [{"release": "13", "oldest_build": "13.0.9.180"}]}
        ),
        Example(
            "FAIL", {"build": "13.0.1.179"}, {"supported_builds": [{"release": "13.0", "oldest_build": "13.0.1.180"}]}
        ),
        Example(
            "FAIL",
            {"build": "12.3.1.5"},
            {
                "supported_builds": [
                    {"release": "12", "oldest_build": "12.0.0.1"},
                    {"release": "12.3", "oldest_build": "12.3.2.1"},
                ]
            },
        ),
        Example(
            "UNKNOWN", {"build": "11.0.1.1261"}, {"supported_builds": [{"release": "13.0", "oldest_build": "13.0.0.1"}]}
        ),
        Example("UNKNOWN", {"build": "13.01"}, {"supported_builds": [{"release": "13.0", "oldest_build": "13.0.0.1"}]}),
        Example(
            "UNKNOWN", {"build": "13.0.1.180a"}, {"supported_builds": [{"release": "13.0", "oldest_build": "13.0.0.1"}]}
        ),
        Example(
            "UNKNOWN", {"build": "latest"}, {"supported_builds": [{"release": "13.0", "oldest_build": "13.0.0.1"}]}
        ),
        Example("UNKNOWN", {"build": "13.0.1.180"}, {"supported_builds": [{"release": "13.0", "oldest_build": "new"}]}),
        Example("UNKNOWN", {}, {"supported_builds": [{"release": "13.0", "oldest_build": "13.0.0.1"}]}),
        Example("UNKNOWN", {"build": "13.0.1.180"}, datasets={"site": "not given"}),
    ),
)
def build_supported(servers: pd.DataFrame, builds: pd.DataFrame) -> Outcome:
    """Old builds have known vulnerabilities that are no longer fixed. The site file lists the oldest supported builds.

    The check uses the release in the site file with which the build starts, or the longest one if several match.
    """
    oldest: dict[tuple[int, ...], tuple[int, ...]] = {}
    for release, build in zip(builds["release"], builds["oldest_build"], strict=True):
        if (key := _numbers(release)) and (limit := _numbers(build)):
            oldest[key] = limit
    rules = [_rule(build, oldest) for build in servers["build"].map(_numbers)]
    answers = [None if limit is None else build >= limit for build, limit in rules]
    ok = pd.Series(pd.array(answers, dtype="boolean"), index=servers.index)
    return Outcome(
        ok,
        observed=named(servers["build"], "word"),
        expected=worded(
            servers.index,
            *(
                (np.arange(len(rules)) == row, f"≥ {'.'.join(map(str, limit))}")
                for row, (_, limit) in enumerate(rules)
                if limit is not None
            ),
            default="a build that the site file names as good",
        ),
        reason=worded(
            servers.index,
            (ok.notna(), pd.NA),
            (servers["build"].isna(), "the build of the server is not known"),
            default="the site file names no oldest good build for this release",
        ),
    )


def _numbers(build: object) -> tuple[int, ...]:
    """`13.0.1.180` as numbers; empty for what is not made of numbers and dots."""
    parts = build.split(".") if isinstance(build, str) else []
    return tuple(map(int, parts)) if all(part.isascii() and part.isdigit() for part in parts) else ()


def _rule(
    build: tuple[int, ...], oldest: dict[tuple[int, ...], tuple[int, ...]]
) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
    """The build, and the oldest good one of its release; None where that is not known."""
    releases = [release for release in oldest if build[: len(release)] == release]
    return build, oldest[max(releases, key=len)] if releases else None


@check(
    "SRV-004",
    "The server's clock is right",
    severity="medium",
    table="servers",
    reads=("clock_skew_s",),
    json_path="serverTime",
    expected="at most {max_minutes} min from the collector's clock",
    failure="{has} a clock that is wrong by more than {max_minutes} min",
    consequence="could delete backups too early, or show wrong times",
    remediation="Set the server's time source (w32tm or chrony); then compare its clock with the collector's again.",
    examples=(
        Example("PASS", {"clock_skew_s": 300.0}),
        Example("PASS", {"clock_skew_s": -300.0}),
        Example("FAIL", {"clock_skew_s": 300.1}),
        Example("FAIL", {"clock_skew_s": -300.1}),
        Example("FAIL", {"clock_skew_s": 90.0}, params={"max_minutes": 1}),
        Example("UNKNOWN", {"clock_skew_s": None}),
    ),
)
def clock_right(
    servers: pd.DataFrame,
    *,
    max_minutes: Annotated[int, param("Maximum accepted difference.", unit="minutes", ge=0)] = 5,
) -> Outcome:
    """Ages of restore points, immutability and the evidence of a run all depend on the server's clock."""
    skew = servers["clock_skew_s"]
    seen = [f"{_span(abs(seconds))} {'ahead' if seconds > 0 else 'behind'}" for seconds in skew.fillna(0).tolist()]
    return Outcome(
        skew.abs() <= max_minutes * 60,
        observed=worded(servers.index, (skew.notna(), seen)),
        reason=worded(servers.index, (skew.isna(), "the server did not report its time")),
    )


def _span(seconds: float) -> str:
    """`4.0 min`, or in days from two days on."""
    days = seconds / 86400
    return f"{days:,.1f} days" if days >= 2 else f"{seconds / 60:,.1f} min"


@check(
    "SRV-005",
    "The server's certificate is valid and strong",
    severity="medium",
    tables=("servers", "server_certificate"),
    reads=(
        "server_certificate.valid_until",
        "server_certificate.key_algorithm",
        "server_certificate.key_bits",
        "server_certificate.is_trusted",
        "server",
        "server_certificate.server",
    ),
    json_path="validBy",
    failure="{has} a certificate that expires soon or has expired, is weak, or is not trusted as required",
    consequence="could be imitated by an attacker, or refuse connections",
    remediation="Main menu > Options > Security > Install: install a certificate of your own authority in time.",
    examples=(
        Example("PASS", {}, {"server_certificate": [_RSA]}),
        Example("PASS", {}, {"server_certificate": [{**_RSA, "key_algorithm": "ECDSA", "key_bits": 256}]}),
        Example("FAIL", {}, {"server_certificate": [{**_RSA, "key_algorithm": "ECDSA", "key_bits": 255}]}),
        Example("FAIL", {}, {"server_certificate": [{**_RSA, "key_bits": 2047}]}),
        Example("PASS", {}, {"server_certificate": [{**_RSA, "is_trusted": True}]}, params=_TRUSTED),
        Example("FAIL", {}, {"server_certificate": [{**_RSA, "is_trusted": False}]}, params=_TRUSTED),
        Example("FAIL", {}, {"server_certificate": [{**_RSA, "valid_until": hours_ago(-24 * 30 + 1)}]}),
        Example("FAIL", {}, {"server_certificate": [{"valid_until": hours_ago(24)}]}),
        Example("UNKNOWN", {}, {"server_certificate": [{**_RSA, "is_trusted": None}]}, params=_TRUSTED),
        Example("UNKNOWN", {}, {"server_certificate": [{**_RSA, "key_algorithm": "Kyber"}]}),
        Example("UNKNOWN", {}, {"server_certificate": [{**_RSA, "key_algorithm": "DSA"}]}),
        Example("UNKNOWN", {}),
    ),
)
def certificate_good(
    servers: pd.DataFrame,
    certificate: pd.DataFrame,
    *,
    now: dt.datetime,
    min_days: Annotated[int, param("Minimum number of days before it expires.", unit="days", ge=0)] = 30,
    min_rsa_bits: Annotated[int, param("Minimum size of an RSA key.", unit="bit", ge=1)] = 2048,
    min_ec_bits: Annotated[int, param("Minimum size of an elliptic curve key.", unit="bit", ge=1)] = 256,
    trust_needed: Annotated[bool, param("Whether the server itself must trust the certificate.")] = False,
) -> Outcome:
    """An expired certificate stops the agents, and a weak key can be forged. A certificate that nobody can verify
    teaches users to ignore warnings. The one from the installation is of that kind, so trust is checked only if the
    policy demands it.

    One of these faults is enough to fail, even if the others are not known. From 1.3-rev0 on, the server reports
    whether it trusts the certificate.
    """
    certificates = beside(servers["server"], certificate, "server")
    until, bits, trusted = certificates["valid_until"], certificates["key_bits"], certificates["is_trusted"]
    name = certificates["key_algorithm"].str.upper()
    rsa, curve = surely(name.str.contains("RSA", regex=False)), surely(name.str.match(r"EC|ID-EC"))
    soon = within(until, _EARLIEST, now + dt.timedelta(days=min_days))
    strong = (bits >= min_rsa_bits).where(rsa, (bits >= min_ec_bits).where(curve))
    good_trust = trusted if trust_needed else trusted | True
    ok = ~soon & strong & good_trust
    return Outcome(
        ok,
        observed=worded(servers.index, (until.notna(), _certificate_texts(certificates))),
        expected=f"valid for ≥ {min_days} days, RSA ≥ {min_rsa_bits} or EC ≥ {min_ec_bits} bit"
        + (", trusted" if trust_needed else ""),
        json_path=worded(servers.index, (soon, pd.NA), (~strong, "keySize"), (~good_trust, "isTrusted")),
        reason=worded(
            servers.index,
            (ok.notna(), pd.NA),
            (until.isna(), "until when it is valid is not reported"),
            (strong.isna(), "the algorithm or size of its key is not reported, or not known to this check"),
            default="isTrusted is not reported; available from 1.3-rev0 on",
        ),
    )


def _certificate_texts(certificate: pd.DataFrame) -> list[str]:
    """`until 2026-12-01 00:00 UTC, RSA 2048 bit, not trusted` per row."""
    columns = named(certificate["key_algorithm"], "word"), certificate["key_bits"], certificate["is_trusted"]
    words = []
    for at, algorithm, bits, trusted in zip(minute_text(certificate["valid_until"]), *columns, strict=True):
        key = f"{algorithm} {bits} bit" if algorithm is not pd.NA and bits is not pd.NA else "key not known"
        trust = "trust unknown" if trusted is pd.NA else "trusted" if trusted else "not trusted"
        words.append(f"until {at}, {key}, {trust}")
    return words
