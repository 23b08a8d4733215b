"""The findings as test results, `findings.junit.xml`, for Jenkins, GitLab and whatever else reads JUnit.

One suite per server and area, one case per finding. FAIL is a `failure`. UNKNOWN is an `error` like ERROR, not
`skipped`: a build server shows skipped cases in grey and stays green, and a question without an answer must not look
as if all were well. WAIVED and NOT_APPLICABLE are `skipped`, each with its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree

from vbr_audit.display import iso, plain
from vbr_audit.reports.exports.encoding import records, what_was_found
from vbr_audit.reports.interface import export

if TYPE_CHECKING:
    from vbr_audit.reports.context import ReportContext

OUTCOMES: Final[Mapping[str, str]] = {
    "FAIL": "failure",
    "ERROR": "error",
    "UNKNOWN": "error",
    "WAIVED": "skipped",
    "NOT_APPLICABLE": "skipped",
}
"""The element inside a case, by status; PASS has none."""
_COUNTED: Final = {"failure": "failures", "error": "errors", "skipped": "skipped"}

Row = dict[str, Any]


def findings_junit(context: ReportContext) -> bytes:
    """The findings as JUnit XML in UTF-8.

    Suites are in the order of server and area, cases of check and object. The name of a case is the object's with the
    finding's id, and its class name server and check, so that a case is the same one in the next run. Characters that
    XML cannot hold are shown as pictures or code points.
    """
    rows = records(context.results.findings)
    suites: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(rows, key=_place):
        suites.setdefault((row["server"] or "", row["area"] or ""), []).append(row)
    root = ElementTree.Element("testsuites", {"name": "vbr-audit"} | _totals(rows))
    for (server, area), members in suites.items():
        suite = ElementTree.SubElement(root, "testsuite", {"name": plain(f"{server}: {area}")} | _totals(members))
        suite.set("timestamp", iso(context.manifest.run.now))
        _add_properties(suite, context, server)
        for row in members:
            _add_case(suite, row)
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _place(row: Row) -> tuple[str, ...]:
    return tuple(row[name] or "" for name in ("server", "area", "check_id", "object_name", "finding_id"))


def _totals(rows: Sequence[Row]) -> dict[str, str]:
    by_outcome = Counter(OUTCOMES.get(row["status"], "") for row in rows)
    counts = {"tests": len(rows)} | {name: by_outcome[kind] for kind, name in _COUNTED.items()}
    return {name: str(number) for name, number in counts.items()}


def _add_properties(suite: ElementTree.Element, context: ReportContext, server: str) -> None:
    run = context.manifest.run
    record = next((record for record in context.manifest.servers if record.name == server), None)
    properties = {
        "run_id": context.manifest.run_id,
        "tool": f"vbr-audit {run.tool_version}",
        "since": iso(run.since),
        "until": iso(run.until),
        "policy_sha256": run.policy_sha256,
        "revision": record.revision if record else None,
        "build": record.build if record else None,
        "incomplete": "; ".join(context.results.incomplete) or None,
    }
    box = ElementTree.SubElement(suite, "properties")
    for name, value in properties.items():
        if value is not None:
            ElementTree.SubElement(box, "property", {"name": name, "value": plain(value)})


def _add_case(suite: ElementTree.Element, row: Row) -> None:
    name = f"{plain(row['object_name'])} [{row['finding_id']}]"
    class_name = plain(f"{row['server']}.{row['check_id']}")
    case = ElementTree.SubElement(suite, "testcase", {"name": name, "classname": class_name})
    kind = OUTCOMES.get(row["status"])
    if kind is None:
        return
    message = what_was_found(row)
    outcome = ElementTree.SubElement(case, kind, {"message": plain(f"{row['status']}: {row['title']}: {message}")})
    if kind == "skipped":
        return
    outcome.set("type", row["status"])
    lines = {
        "check": f"{row['check_id']}, {row['title']}",
        "severity": row["severity"],
        "object": f"{row['object_type']} {row['object_name']}",
        "observed": row["observed"],
        "expected": row["expected"],
        "field": row["json_path"],
        "reason": row["reason"],
        "remediation": row["remediation"],
    }
    shown = [f"{label}: {plain(value)}" for label, value in lines.items() if value is not None]
    outcome.text = "\n" + "\n".join(shown) + "\n"


JUNIT: Final = export("junit", "findings.junit.xml", 70, findings_junit)
