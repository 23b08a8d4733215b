"""Checks that hand on what Veeam's own Security & Compliance Analyzer found, and when it last looked."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome, explained, hours_ago
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.dates import minute_text, older_than
from vbr_audit.checks.logic.three_valued import beside, named, nullable, one_of, surely, surely_not, texts, worded
from vbr_audit.tables.build.arrays import are_known
from vbr_audit.vocabulary import Severity

_DEFAULT: Final[Severity] = "medium"
_WEIGHTS: Final[tuple[tuple[Severity, str], ...]] = (
    ("critical", r"multi-?\s?factor|\bmfa\b"),
    ("critical", r"immutab|offline media"),
    ("critical", r"configuration backup.*(?:enabled|encrypt)"),
    ("high", r"configuration backup"),
    ("high", r"production domain"),
    ("high", r"at least one copy|3-2-1"),
    ("high", r"password loss"),
    ("high", r"cloud.*encrypt|encrypt.*cloud"),
    ("high", r"compliance mode"),
    ("high", r"latest (?:product )?updates|product updates"),
    ("high", r"hardened.*(?:ssh|virtual machine|\bvms?\b)|ssh.*hardened"),
    ("high", r"remote desktop|\brdp\b"),
    ("high", r"smb ?v?1(?:\.0)?\b"),
    ("high", r"lsass|wdigest|credential guard"),
    ("low", r"reverse incremental"),
    ("low", r"postgresql"),
    ("low", r"script host|\bwpad\b|web proxy auto|llmnr|netbios"),
    ("low", r"high availability"),
)
"""How much a violation weighs, by words of the item; the first that fits decides. Items that fit none are medium."""

BEST_PRACTICE: Final = "SCA-001"
"""The check that hands on the items of the analyzer."""

ALSO_ANSWERED: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    (r"multi-?\s?factor|\bmfa\b", ("SEC-001",)),
    (r"immutab\w* or offline|offline media", ("CPY-004",)),
    (r"at least one copy|3-2-1", ("CPY-001",)),
    (r"e-?mail notification", ("SEC-018",)),
    (r"reverse incremental", ("JOB-014",)),
    (r"unknown linux", ("SEC-020",)),
    (r"configuration backup.*stored on", ("CFG-004",)),
    (r"configuration backup.*(?:enabled|encrypt)", ("CFG-001", "CFG-002")),
    (r"host.to.proxy", ("PRX-003",)),
    (r"hardened.*(?:\bssh\b|virtual|\bvms?\b|prox)", ("IMM-005",)),
    (r"compliance mode|governance mode", ("IMM-004",)),
    (r"network traffic encryption", ("SEC-014",)),
    (r"linux servers.*password", ("SEC-011",)),
    (r"passwords?.*(?:rotat|annual)", ("SEC-010", "SEC-009", "SEC-008")),
    (r"cloud.*encrypt|encrypt.*cloud", ("JOB-009",)),
    (r"latest (?:product )?updates|product updates", ("SRV-003", "SRV-002")),
)
"""The checks that answer an item too, by words of the item; the first that fits decides."""

_STATUSES: Final = ("OK", "Violation", "Suppressed", "UnableToCheck", "Analyzing", "None")
_DAILY = {"analyzer_schedule": [{"daily_scan_enabled": True}]}
_WHY_UNKNOWN: Final = {
    "UnableToCheck": "the analyzer could not check it (UnableToCheck)",
    "Analyzing": "the analyzer is still at it (Analyzing)",
    "None": "the analyzer has not looked at it yet (None)",
}


@check(
    "SCA-000",
    "The Security & Compliance Analyzer runs regularly",
    severity="medium",
    tables=("servers", "analyzer_last_run", "analyzer_schedule"),
    fallback=("analyzer_last_run", "analyzer_schedule"),
    reads=(
        "analyzer_last_run.created",
        "analyzer_schedule.daily_scan_enabled",
        "server",
        "analyzer_last_run.server",
        "analyzer_schedule.server",
    ),
    json_path="creationTime",
    expected="run every day, and last at most {max_age_days} days ago",
    failure="{has} no daily scan of the analyzer, or no run in the last {max_age_days} days",
    consequence="could have unsafe settings that nobody notices",
    remediation="Home > Security & Compliance > Schedule: enable the daily scan; then start a scan manually.",
    examples=(
        Example("PASS", {}, {"analyzer_last_run": [{"created": hours_ago(30 * 24)}], **_DAILY}),
        Example("FAIL", {}, {"analyzer_last_run": [{"created": hours_ago(30 * 24 + 1)}], **_DAILY}),
        Example("FAIL", {}, {"analyzer_last_run": [{"created": hours_ago(49)}], **_DAILY}, params={"max_age_days": 2}),
        Example(
            "FAIL",
            {},
            {"analyzer_last_run": [{"created": hours_ago(9)}], "analyzer_schedule": [{"daily_scan_enabled": False}]},
        ),
        Example("FAIL", {}, {"analyzer_schedule": [{"daily_scan_enabled": False}]}),
        Example("UNKNOWN", {}, _DAILY, datasets={"analyzer_last_run": "absent"}),
        Example("UNKNOWN", {}, {"analyzer_last_run": [{"created": hours_ago(-72)}], **_DAILY}),
        Example("UNKNOWN", {}, {"analyzer_last_run": [{"created": hours_ago(9)}]}),
    ),
)
def analyzer_runs(
    servers: pd.DataFrame,
    last_run: pd.DataFrame,
    schedule: pd.DataFrame,
    *,
    now: dt.datetime,
    max_age_days: Annotated[int, param("Maximum age of the last run.", unit="days", ge=1)] = 30,
) -> Outcome:
    """Results of the analyzer are as old as its last run: a setting that was weakened since then still looks good.

    If no last run is reported, the analyzer may never have run, or its run is not shown. The result is then UNKNOWN,
    unless the daily scan is disabled.
    """
    started = beside(servers["server"], last_run, "server")["created"]
    daily = beside(servers["server"], schedule, "server")["daily_scan_enabled"]
    old = older_than(started, dt.timedelta(days=max_age_days), now=now)
    ran = texts(minute_text(started), servers.index)
    last = ("last run " + ran).fillna("no last run is reported")
    plan = worded(servers.index, (daily, "; daily scan on"), (surely_not(daily), "; daily scan off"), default="")
    return explained(
        Outcome(
            ~old & daily,
            observed=last + plan,
            reason=worded(
                servers.index,
                (started.isna(), "no run of the analyzer is reported: it may never have run"),
                (old.isna(), "the last run lies in the future"),
                default="whether it runs every day is not reported",
            ),
        )
    )


@check(
    "SCA-001",
    "Best practice of the Security & Compliance Analyzer is followed",
    severity=_DEFAULT,
    table="best_practices",
    reads=("status", "note", "best_practice"),
    json_path="items.status",
    expected="OK",
    failure="{is} violated",
    consequence="may be {the gap|gaps} that an attacker uses",
    remediation="Home > Security & Compliance: open the item, and follow its link to Veeam's recommendation.",
    examples=(
        Example("PASS", {"status": "OK"}),
        Example("FAIL", {"status": "Violation", "best_practice": "An item that is new"}, severity="medium"),
        Example("FAIL", {"status": "Violation", "best_practice": "MFA for the console is on"}, severity="critical"),
        Example("FAIL", {"status": "Violation", "best_practice": "LLMNR is disabled"}, severity="low"),
        Example("FAIL", {"status": "Violation", "best_practice": None}, severity="medium"),
        Example("FAIL", {"status": "Suppressed", "note": "Isolated network, CHG-7"}),
        Example("FAIL", {"status": "Suppressed", "note": None}),
        Example("UNKNOWN", {"status": "UnableToCheck"}),
        Example("UNKNOWN", {"status": "Analyzing"}),
        Example("UNKNOWN", {"status": "None"}),
        Example("UNKNOWN", {"status": "Postponed"}),
        Example("UNKNOWN", {"status": None}),
    ),
)
def best_practice_followed(items: pd.DataFrame) -> Outcome:
    """Veeam's analyzer inspects the backup server itself, and sees what no other interface shows.

    Each item keeps the server's wording. A suppressed item counts as accepted, with its note as the reason.
    """
    status, note = items["status"], items["note"].str.strip()
    suppressed = surely(status == "Suppressed")
    noted = surely(note != "")
    good, bad = surely(status == "OK"), suppressed | surely(status == "Violation")
    weight = np.full(len(items), _DEFAULT, dtype=object)
    for severity, words in reversed(_WEIGHTS):
        weight[surely(items["best_practice"].str.contains(words, case=False, regex=True).astype("boolean"))] = severity
    prefix = "suppressed in Veeam Backup & Replication"
    told_status, told_note = named(status, "word"), named(note, "prose")
    return explained(
        Outcome(
            nullable(good, ~(good | bad), items.index),
            observed=worded(
                items.index, (suppressed & noted, "Suppressed: " + told_note), (status.notna(), told_status)
            ),
            severity=texts(weight, items.index),
            reason=worded(
                items.index,
                *[(surely(status == word), reason) for word, reason in _WHY_UNKNOWN.items()],
                (status.isna(), "status is missing in the answer"),
                (~(good | bad), "the server gives a status that this check does not know: " + told_status),
            ),
            accepted=worded(
                items.index,
                (suppressed & noted, f"{prefix}: " + told_note),
                (suppressed & are_known(note), f"{prefix}, without a note"),
                (suppressed, f"{prefix}; without a note"),
            ),
        )
    )


@check(
    "SCA-002",
    "Each suppressed item of the analyzer has a note with the reason",
    severity="medium",
    table="best_practices",
    reads=("note", "status"),
    json_path="items.note",
    expected="a note",
    failure="{is} suppressed without a note",
    consequence="may hide a real weakness",
    remediation="Home > Security & Compliance > right-click the item > Suppress: note why, who agreed, and until when.",
    examples=(
        Example("PASS", {"status": "Suppressed", "note": "Isolated network, CHG-7"}),
        Example("FAIL", {"status": "Suppressed", "note": ""}),
        Example("FAIL", {"status": "Suppressed", "note": "  "}),
        Example("UNKNOWN", {"status": "Suppressed", "note": None}),
        Example("UNKNOWN", {"status": "Postponed", "note": "CHG-7"}),
        Example("NOT_APPLICABLE", {"status": "Violation"}),
        Example("NOT_APPLICABLE", {"status": "OK", "note": ""}),
    ),
)
def suppression_explained(items: pd.DataFrame) -> Outcome:
    """An exception without a reason cannot be reviewed, so it stays forever."""
    status, note = items["status"], items["note"].str.strip()
    known, suppressed = surely(one_of(status, _STATUSES)), surely(status == "Suppressed")
    return explained(
        Outcome(
            (note != "").astype("boolean"),
            observed=worded(
                items.index,
                (known & ~suppressed, named(status, "word")),
                (surely(note == ""), "without a note"),
                (note.notna(), named(note, "prose")),
            ),
            applies=nullable(suppressed, ~known, items.index),
            reason=worded(
                items.index,
                (~known, "its status is missing, or not known to this check"),
                (~suppressed, "it is not suppressed"),
                default="note is missing in the answer",
            ),
        )
    )
