"""The findings as events of the Open Cybersecurity Schema Framework, `findings.ocsf.jsonl`.

One Compliance Finding (class 2003) of OCSF 1.5.0 a line, whatever the status: a data lake holds the population, not
only what is wrong. UNKNOWN and ERROR are status 0 (Unknown), never Pass.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

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
    from vbr_audit.reports.context import ReportContext

OCSF_VERSION: Final = "1.5.0"
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_SEVERITIES: Final[Mapping[str, tuple[int, str]]] = {
    "info": (1, "Informational"),
    "low": (2, "Low"),
    "medium": (3, "Medium"),
    "high": (4, "High"),
    "critical": (5, "Critical"),
}
_ANSWERS: Final[Mapping[str, tuple[int, str]]] = {
    "PASS": (1, "Pass"),
    "FAIL": (3, "Fail"),
    "UNKNOWN": (0, "Unknown"),
    "ERROR": (0, "Unknown"),
    "NOT_APPLICABLE": (99, "Not Applicable"),
}
"""The status of the compliance object, by result: what was found, whether or not it is accepted."""
_NOTHING_TO_DO: Final = ("PASS", "NOT_APPLICABLE")

Row = dict[str, Any]
Named = Mapping[str, list[tuple[str, str]]]


def findings_ocsf(context: ReportContext) -> bytes:
    """The findings as JSON lines in their order; moments are milliseconds since 1970 in UTC."""
    outcome, named = outcome_uuid(context), _requirements_by_check(context)
    sources = {
        server.name: f"Veeam Backup & Replication REST API {server.revision}" for server in context.manifest.servers
    }
    lines = [
        json_bytes(_event(context, row, outcome, named, sources), indent=False)
        for row in records(context.results.findings)
    ]
    return b"".join(lines)


def _event(context: ReportContext, row: Row, outcome: str, named: Named, sources: Mapping[str, str]) -> Row:
    run = context.manifest.run
    time = _milliseconds(run.now)
    severity = "info" if row["status"] in _NOTHING_TO_DO else row["severity"]
    severity_id, severity_name = _SEVERITIES[severity]
    return _known(
        {
            "activity_id": 1,
            "activity_name": "Create",
            "category_name": "Findings",
            "category_uid": 2,
            "class_name": "Compliance Finding",
            "class_uid": 2003,
            "type_name": "Compliance Finding: Create",
            "type_uid": 200301,
            "time": time,
            "severity_id": severity_id,
            "severity": severity_name,
            **_triage(row["status"]),
            "status_code": row["status"],
            "status_detail": what_was_found(row),
            "message": f"{row['check_id']} {row['status']}: {row['title']}: {row['object_name'] or row['object_type']}",
            "metadata": _known(
                {
                    "version": OCSF_VERSION,
                    "uid": stable_uuid("event", outcome, row["finding_id"]),
                    "correlation_uid": context.manifest.run_id,
                    "event_code": row["check_id"],
                    "product": {"name": "vbr-audit", "vendor_name": "vbr-audit", "version": run.tool_version},
                }
            ),
            "finding_info": _finding_info(row, time, sources),
            "compliance": _compliance(row, named),
            "resources": [
                _known(
                    {
                        "uid": row["object_id"],
                        "name": row["object_name"],
                        "type": row["object_type"],
                        "namespace": row["server"],
                    }
                )
            ],
            "remediation": {"desc": row["remediation"]} if row["remediation"] else None,
            "unmapped": _known({name: row[name] for name in ("result", "observed", "expected", "json_path")})
            | _known({name: row[name] for name in ("waiver_id", "waiver_owner", "waiver_expires")}),
        }
    )


def _triage(status: str) -> Row:
    """Where a finding stands for those who work on it."""
    if status == "WAIVED":
        return {"status_id": 3, "status": "Suppressed"}
    if status in _NOTHING_TO_DO:
        return {"status_id": 99, "status": "Nothing to do"}
    return {"status_id": 1, "status": "New"}


def _finding_info(row: Row, time: int, sources: Mapping[str, str]) -> Row:
    source, seen = sources.get(row["server"]), first_seen_of(row)
    return _known(
        {
            "uid": row["finding_id"],
            "title": row["title"],
            "types": [row["area"]] if row["area"] else None,
            "created_time": time,
            "first_seen_time": None if seen is None else _milliseconds(seen),
            "data_sources": [source] if source else None,
            "analytic": _known(
                {"uid": row["check_id"], "name": row["title"], "category": row["area"], "type_id": 1, "type": "Rule"}
            ),
        }
    )


def _compliance(row: Row, named: Named) -> Row:
    """The check as the control, and the requirements of frameworks that it speaks for."""
    status_id, status = _ANSWERS[row["result"]]
    severity_id, severity = _SEVERITIES[row["severity"]]
    requirements = named.get(row["check_id"], [])
    standards = list(dict.fromkeys(standard for standard, _ in requirements))
    check = {
        "uid": row["check_id"],
        "name": row["title"],
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
    }
    return _known(
        {
            "control": f"{row['check_id']}: {row['title']}",
            "category": row["area"],
            "standards": standards or None,
            "requirements": [requirement for _, requirement in requirements] or None,
            "status_id": status_id,
            "status": status,
            "status_code": row["result"],
            "checks": [check | ({"standards": standards} if standards else {})],
        }
    )


def _requirements_by_check(context: ReportContext) -> Named:
    by_check: dict[str, list[tuple[str, str]]] = {}
    for row in records(context.results.requirements):
        standard = f"{row['framework']} ({row['edition']})"
        for check_id in row["checks"].split(", "):
            by_check.setdefault(check_id, []).append((standard, f"{standard} {row['requirement']}: {row['title']}"))
    return by_check


def _milliseconds(moment: dt.datetime) -> int:
    return (moment - _EPOCH) // dt.timedelta(milliseconds=1)


def _known(entries: Row) -> Row:
    return {name: value for name, value in entries.items() if value is not None}


OCSF: Final = export("ocsf", "findings.ocsf.jsonl", 80, findings_ocsf)
