"""The findings that somebody has to look at, as SARIF 2.1.0, `findings.sarif`, for dashboards of code and of risks.

A rule for each enabled check; a result for each finding that is FAIL, WAIVED, UNKNOWN or ERROR. What has no answer is
`open`, which SARIF keeps apart from what fails, and which has no level there; its severity is a property. A waiver is
an accepted suppression. Where the findings say what changed since an earlier run, each result has its `baselineState`,
and what is gone since then is a result that is `absent`.

Messages of SARIF may contain links and placeholders: text from outside that looks like one is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from vbr_audit.display import iso, plain
from vbr_audit.reports.exports.encoding import (
    first_seen_of,
    json_bytes,
    outcome_uuid,
    records,
    stable_uuid,
    what_was_found,
)
from vbr_audit.reports.interface import export

if TYPE_CHECKING:
    from vbr_audit.checks.policy.use import CheckUse
    from vbr_audit.reports.context import ReportContext

SARIF_VERSION: Final = "2.1.0"
_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: Final[Mapping[str, str]] = {
    "critical": "error",
    "high": "error",
    "medium": "warning",
    "low": "note",
    "info": "note",
}
_KINDS: Final[Mapping[str, str]] = {"FAIL": "fail", "WAIVED": "fail", "UNKNOWN": "open", "ERROR": "open"}
"""What a result is, by status; any other status is a result only if something is gone since the earlier run."""
BASELINE_STATES: Final[Mapping[str, str]] = {
    "FIRST": "new",
    "NEW": "new",
    "REGRESSED": "new",
    "STILL": "unchanged",
    "LOST_SIGHT": "updated",
    "POLICY_CHANGED": "updated",
    "METHOD_CHANGED": "updated",
    "ACCEPTED": "updated",
    "WAIVER_ENDED": "updated",
    "FIXED": "absent",
    "OBJECT_GONE": "absent",
}
"""What SARIF calls a change since the earlier run. What came back is new: the earlier run did not have it."""
_LINK: Final = re.compile(r"\]\s*\(")
_SPECIAL: Final = re.compile(r"[\\\[\]]")

Row = dict[str, Any]


def findings_sarif(context: ReportContext) -> bytes:
    """The findings as one SARIF log with one run; ids are the same from run to run for the same finding."""
    results, run = context.results, context.manifest.run
    uses = [use for use in results.uses if use.enabled]
    places = {use.check.id: place for place, use in enumerate(uses)}
    reasons = {outcome.waiver.id: outcome.waiver.reason for outcome in results.waivers.outcomes}
    rows = [row for row in records(results.findings) if row["status"] in _KINDS or _state_of(row) == "absent"]
    # Where one result has a state, SARIF wants one of each; a change of a setting is of this run, and of no other.
    without = "new" if results.findings["change"].notna().any() else None
    document = {
        "tool": {
            "driver": {
                "name": "vbr-audit",
                "version": plain(run.tool_version),
                "rules": [_rule(use) for use in uses],
            }
        },
        "automationDetails": {"id": "vbr-audit/", "guid": outcome_uuid(context)},
        "invocations": [
            {
                "executionSuccessful": not results.incomplete,
                "endTimeUtc": iso(run.now),
                "toolExecutionNotifications": [
                    {"level": "warning", "message": _message(reason)} for reason in results.incomplete
                ],
            }
        ],
        "columnKind": "unicodeCodePoints",
        "results": [_result(row, _state_of(row) or without, places, reasons) for row in rows],
        "properties": {
            "runId": context.manifest.run_id,
            "verdict": context.summary.verdict.level,
            "since": iso(run.since),
            "until": iso(run.until),
            "counts": dict(context.summary.counts),
        },
    }
    return json_bytes({"$schema": _SCHEMA, "version": SARIF_VERSION, "runs": [document]})


def _rule(use: CheckUse) -> Row:
    check = use.check
    return {
        "id": check.id,
        "shortDescription": _message(check.title),
        "fullDescription": _message(check.rationale or check.title),
        "help": _message(check.remediation or check.title),
        "defaultConfiguration": {"level": _LEVELS[use.severity]},
        "properties": {"tags": [check.area], "severity": use.severity},
    }


def _result(row: Row, state: str | None, places: Mapping[str, int], reasons: Mapping[str, str]) -> Row:
    kind = _KINDS.get(row["status"], "pass")
    seen = first_seen_of(row)
    names = ("status", "result", "severity", "area", "observed", "expected", "json_path", "remediation", "change")
    return _known(
        {
            "ruleId": row["check_id"],
            "ruleIndex": places.get(row["check_id"]),
            "kind": kind,
            "level": _LEVELS[row["severity"]] if kind == "fail" else "none",
            "message": _message(f"{row['title']}: {what_was_found(row)}"),
            "locations": [{"logicalLocations": [_place(row)]}],
            "correlationGuid": stable_uuid("finding", row["finding_id"]),
            "partialFingerprints": {"findingId/v1": row["finding_id"]},
            "suppressions": [_suppression(row, reasons)] if row["status"] == "WAIVED" else [],
            "baselineState": state,
            "provenance": {"firstDetectionTimeUtc": iso(seen)} if seen is not None else None,
            "properties": _known({name: row.get(name) for name in names}),
        }
    )


def _place(row: Row) -> Row:
    """The object on its server, which is no place in a file."""
    which = row["object_id"] if row["object_id"] is not None else row["object_name"]
    parts = [part for part in (row["server"], row["object_type"], which) if part is not None]
    name = row["object_name"] if row["object_name"] is not None else row["object_id"]
    return _known({"name": name, "fullyQualifiedName": "/".join(parts), "kind": row["object_type"]})


def _suppression(row: Row, reasons: Mapping[str, str]) -> Row:
    waiver = {name: row[name] for name in ("waiver_id", "waiver_owner", "waiver_expires")}
    reason = reasons.get(row["waiver_id"] or "", row["reason"])
    return _known(
        {"kind": "external", "status": "accepted", "justification": reason, "properties": _known(waiver) or None}
    )


def _state_of(row: Row) -> str | None:
    return BASELINE_STATES.get(row.get("change") or "")


def _message(text: str) -> Row:
    """`text` as a message in which nothing is a link, a placeholder or a control character."""
    shown = plain(text, lines=True).replace("{", "{{").replace("}", "}}")
    return {"text": _SPECIAL.sub(r"\\\g<0>", shown) if _LINK.search(shown) else shown}


def _known(entries: Row) -> Row:
    return {name: value for name, value in entries.items() if value is not None}


SARIF: Final = export("sarif", "findings.sarif", 85, findings_sarif)
