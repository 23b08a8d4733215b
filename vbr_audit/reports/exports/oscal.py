"""The evidence as OSCAL assessment results, `assessment-results.json`.

OSCAL knows only satisfied and not-satisfied. Satisfied is what every check that speaks for a requirement supports;
an exception, also an accepted one, and insufficient evidence are not-satisfied, and the property `evidence` says which.
One observation a finding, whatever its status; one finding a requirement; one risk a waived finding.

Titles, descriptions and remarks are markup in OSCAL: text from outside stands in them as plain words or as code. Values
of properties are text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from vbr_audit.display import iso, plain
from vbr_audit.findings.requirements import ACCEPTED, EXCEPTION, INSUFFICIENT, SUPPORTS
from vbr_audit.reports.exports.encoding import (
    first_seen_of,
    json_bytes,
    outcome_uuid,
    records,
    stable_uuid,
    text,
    what_was_found,
)
from vbr_audit.reports.interface import export

if TYPE_CHECKING:
    from vbr_audit.reports.context import ReportContext

OSCAL_VERSION: Final = "1.2.1"
NAMESPACE: Final = "urn:vbr-audit:oscal"
"""The namespace of the properties."""
_STATES: Final[Mapping[str, tuple[str, str]]] = {
    SUPPORTS: ("satisfied", "pass"),
    EXCEPTION: ("not-satisfied", "fail"),
    ACCEPTED: ("not-satisfied", "other"),
    INSUFFICIENT: ("not-satisfied", "other"),
}
_REMARKS: Final = "vbr-audit gives evidence; whether the requirement is met is for the assessor to conclude."
_PLAN: Final = stable_uuid("assessment plan")
_TOOL: Final = stable_uuid("tool")
_POLICY: Final = stable_uuid("policy")
_NO_TOKEN: Final = re.compile(r"[^A-Za-z0-9._-]+")

Row = dict[str, Any]


def assessment_results(context: ReportContext) -> bytes:
    """The assessment results of a run as OSCAL JSON; ids are the same from run to run for the same object."""
    run, outcome = context.manifest.run, outcome_uuid(context)
    document = {
        "uuid": stable_uuid("assessment results", outcome),
        "metadata": {
            "title": text(context.title),
            "last-modified": iso(run.now),
            "version": context.manifest.run_id,
            "oscal-version": OSCAL_VERSION,
            "props": _properties({"tool-version": run.tool_version, "note": run.note}),
        },
        "import-ap": {"href": f"#{_PLAN}", "remarks": "There is no assessment plan; the policy is used in its place."},
        "results": [_result(context, outcome)],
        "back-matter": {"resources": _resources(context)},
    }
    return json_bytes({"assessment-results": document}, indent=False)


def _result(context: ReportContext, outcome: str) -> Row:
    datasets, run = context.manifest.datasets, context.manifest.run
    rows, requirements = records(context.results.findings), records(context.results.requirements)
    open_words = [f"Not read whole: {text(reason)}" for reason in context.results.incomplete]
    limits = [f"Not looked at: {text(line)}" for line in context.results.limits]
    summary = context.summary
    properties = {"verdict": summary.verdict.level, "period-since": iso(run.since), "period-until": iso(run.until)}
    counts = {f"count-{status.lower()}": str(number) for status, number in summary.counts.items()}
    return _known(
        {
            "uuid": stable_uuid("result", outcome),
            "title": text(summary.verdict.headline),
            "description": text(summary.verdict.detail),
            "start": iso(min((record.started for record in datasets), default=run.now)),
            "end": iso(max((record.ended for record in datasets), default=run.now)),
            "props": _properties(properties | counts),
            "local-definitions": _local_definitions(context, rows),
            "reviewed-controls": {"control-selections": _selections(context, requirements)},
            "observations": [_observation(row, iso(run.now)) for row in rows],
            "risks": list(_risks(context, rows)),
            "findings": list(_findings(rows, requirements)),
            "remarks": "\n\n".join([*open_words, *limits]),
        }
    )


def _local_definitions(context: ReportContext, rows: Sequence[Row]) -> Row:
    servers = [
        {
            "uuid": stable_uuid("server", server.name),
            "type": "software",
            "title": text(server.name),
            "description": "A backup server.",
            "props": _properties({"name": server.name, "build": server.build, "revision": server.revision}),
            "status": {"state": "operational"},
        }
        for server in context.manifest.servers
    ]
    known = {server["uuid"] for server in servers}
    tool = {
        "uuid": _TOOL,
        "type": "software",
        "title": "vbr-audit",
        "description": "The tool that read the servers and asked the checks.",
        "props": _properties({"version": context.manifest.run.tool_version}),
        "status": {"state": "operational"},
    }
    platform = {"uuid": stable_uuid("platform"), "uses-components": [{"component-uuid": _TOOL}]}
    return _known(
        {
            "components": servers,
            "inventory-items": [_item(row, known) for row in {_object_uuid(row): row for row in rows}.values()],
            "assessment-assets": {"components": [tool], "assessment-platforms": [platform]},
        }
    )


def _item(row: Row, known: set[Any]) -> Row:
    server = stable_uuid("server", row["server"] or "")
    properties = {"object-type": row["object_type"], "object-name": row["object_name"], "object-id": row["object_id"]}
    return _known(
        {
            "uuid": _object_uuid(row),
            "description": f"{text(row['object_type'])} {text(row['object_name'])}",
            "props": _properties(properties),
            "implemented-components": [{"component-uuid": server}] if server in known else [],
        }
    )


def _selections(context: ReportContext, requirements: Sequence[Row]) -> list[Row]:
    """What was looked at: the requirements of each framework, or without any the checks themselves."""
    by_requirement: dict[tuple[str, str], list[str]] = {}
    for row in requirements:
        by_requirement.setdefault((row["framework"], row["edition"]), []).append(_target(row))
    chosen = [
        {
            "description": text(f"{framework}, {edition}"),
            "props": _properties({"framework": framework, "edition": edition}),
            "include-controls": [{"control-id": target} for target in targets],
        }
        for (framework, edition), targets in by_requirement.items()
    ]
    checks = [{"control-id": _token(use.check.id)} for use in context.results.uses if use.enabled]
    if chosen or not checks:
        return chosen or [{"description": "No check was enabled.", "include-all": {}}]
    return [{"description": "The checks of the run; no framework was asked about.", "include-controls": checks}]


def _observation(row: Row, collected: str) -> Row:
    properties = {
        name.replace("_", "-"): row[name] for name in ("finding_id", "check_id", "severity", "status", "result")
    }
    values = {name.replace("_", "-"): row[name] for name in ("observed", "expected", "waiver_id")}
    seen, field = first_seen_of(row), text(row["json_path"])
    values["first-seen"] = None if seen is None else iso(seen)
    return _known(
        {
            "uuid": _observation_uuid(row),
            "title": text(f"{row['check_id']} {row['title']}"),
            "description": f"{row['status']}: {text(what_was_found(row))}",
            "props": _properties(properties | values),
            "methods": ["EXAMINE"],
            "types": ["control-objective"],
            "subjects": [{"subject-uuid": _object_uuid(row), "type": "inventory-item"}],
            "relevant-evidence": [{"description": f"Field {field} in the server's answer"}] if row["json_path"] else [],
            "collected": collected,
        }
    )


def _risks(context: ReportContext, rows: Sequence[Row]) -> Iterator[Row]:
    reasons = {one.waiver.id: one.waiver.reason for one in context.results.waivers.outcomes}
    for row in rows:
        if row["status"] == "WAIVED":
            reason = reasons.get(row["waiver_id"] or "", row["reason"])
            properties = {"waiver-id": row["waiver_id"], "owner": row["waiver_owner"], "severity": row["severity"]}
            yield _known(
                {
                    "uuid": _risk_uuid(row),
                    "title": text(f"{row['check_id']} {row['title']}: accepted"),
                    "description": text(what_was_found(row)),
                    "statement": f"Accepted, for this reason: {text(reason)}",
                    "props": _properties(properties),
                    "status": "deviation-approved",
                    "deadline": f"{row['waiver_expires']}T23:59:59Z" if row["waiver_expires"] else None,
                    "related-observations": [{"observation-uuid": _observation_uuid(row)}],
                }
            )


def _findings(rows: Sequence[Row], requirements: Sequence[Row]) -> Iterator[Row]:
    by_check: dict[str, list[Row]] = {}
    for row in rows:
        if row["status"] != "NOT_APPLICABLE":
            by_check.setdefault(row["check_id"], []).append(row)
    for requirement in requirements:
        own = [row for check_id in requirement["checks"].split(", ") for row in by_check.get(check_id, [])]
        state, reason = _STATES[requirement["answer"]]
        properties = {
            name: requirement[name] for name in ("framework", "edition", "requirement", "checks", "judgement")
        }
        title = text(f"{requirement['requirement']} {requirement['title']}")
        yield _known(
            {
                "uuid": stable_uuid("requirement", _target(requirement), requirement["requirement"]),
                "title": title,
                "description": f"{requirement['answer']}: {text(requirement['why'])}",
                "props": _properties({"evidence": requirement["answer"]} | properties),
                "origins": [{"actors": [{"type": "tool", "actor-uuid": _TOOL}]}],
                "target": {
                    "type": "objective-id",
                    "target-id": _target(requirement),
                    "title": title,
                    "status": {"state": state, "reason": reason, "remarks": _REMARKS},
                },
                "related-observations": [{"observation-uuid": _observation_uuid(row)} for row in own],
                "related-risks": [{"risk-uuid": _risk_uuid(row)} for row in own if row["status"] == "WAIVED"],
            }
        )


def _resources(context: ReportContext) -> list[Row]:
    run = context.manifest.run
    policy: Row = {
        "uuid": _POLICY,
        "title": "The policy that the checks ran under",
        "props": _properties({"name": run.policy_name, "sha-256": run.policy_sha256}),
        "rlinks": [{"href": "policy.yaml"}],
    }
    plan = {"uuid": _PLAN, "title": "In place of a plan", "description": f"See the policy, resource {_POLICY}."}
    return [plan, _known(policy)]


def _target(requirement: Row) -> str:
    return _token(f"{requirement['framework']}-{requirement['edition']}_{requirement['requirement']}")


def _token(name: str) -> str:
    """`name` as an OSCAL token: it begins with a letter or an underscore and has no space."""
    token = _NO_TOKEN.sub("-", name).strip("-")
    return token if re.match(r"[A-Za-z_]", token) else f"_{token}"


def _object_uuid(row: Row) -> str:
    which = f"id:{row['object_id']}" if row["object_id"] is not None else f"name:{row['object_name']}"
    return stable_uuid("object", str(row["server"]), str(row["object_type"]), which)


def _observation_uuid(row: Row) -> str:
    return stable_uuid("observation", row["finding_id"])


def _risk_uuid(row: Row) -> str:
    return stable_uuid("risk", row["finding_id"])


def _properties(values: Mapping[str, str | None]) -> list[Row]:
    texts = {name: plain(value).strip() for name, value in values.items() if value is not None}
    return [{"name": name, "ns": NAMESPACE, "value": value} for name, value in texts.items() if value]


def _known(entries: Row) -> Row:
    """`entries` without what is not known and without empty lists, which OSCAL forbids."""
    return {name: value for name, value in entries.items() if value not in (None, [], "")}


OSCAL: Final = export("oscal", "assessment-results.json", 90, assessment_results)
