"""The whole outcome of a run for machines, `findings.json`, and the JSON Schema that describes it."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from vbr_audit.collection.files import write_pieces
from vbr_audit.collection.run_folder import FINDINGS_JSON
from vbr_audit.display import iso
from vbr_audit.reports.exports.encoding import json_pieces, records
from vbr_audit.reports.interface import Format, ReportOptions

if TYPE_CHECKING:
    from pathlib import Path

    from vbr_audit.findings.changes import Changes
    from vbr_audit.findings.rating import Rating
    from vbr_audit.findings.results import AreaCount, WaiverOutcome
    from vbr_audit.histories.trends import Trend
    from vbr_audit.reports.context import ReportContext

SCHEMA: Final = 1
"""The version of the document; it grows when a field goes or changes its meaning, not when one is added."""


def findings_json(context: ReportContext) -> bytes:
    """The whole outcome of a run as JSON; what is not known is null, moments are ISO 8601 in UTC."""
    return b"".join(_pieces(context))


def findings_sha256(context: ReportContext) -> str:
    """The SHA-256 of `findings_json`, in lower-case hex; the document is never whole in memory."""
    digest = hashlib.sha256()
    for piece in _pieces(context):
        digest.update(piece)
    return digest.hexdigest()


def _pieces(context: ReportContext) -> Iterator[bytes]:
    """The document in pieces: of a large estate it has more than a hundred megabytes."""
    manifest = context.manifest
    run = manifest.run.model_dump(mode="json") | {
        "run_id": manifest.run_id,
        "servers": [server.model_dump(mode="json") for server in manifest.servers],
        "incomplete": list(context.results.incomplete),
        "limits": list(context.results.limits),
    }
    changes = context.results.changes
    return json_pieces(
        {
            "schema": SCHEMA,
            "run": run,
            "findings": context.results.findings,
            "causes": context.results.causes,
            "coverage": context.results.coverage,
            "requirements": context.results.requirements,
            "waivers": [_waiver(outcome) for outcome in context.results.waivers.outcomes],
            "summary": _summary(context),
            **({} if changes is None else {"changes": _changes(changes)}),
            **({} if context.trend is None else {"trend": _trend(context.trend)}),
        }
    )


def _changes(changes: Changes) -> dict[str, Any]:
    earlier = changes.earlier
    return {
        "earlier": {
            "run_id": earlier.run_id,
            "now": iso(earlier.now),
            "since": iso(earlier.since),
            "until": iso(earlier.until),
        },
        "not_compared": [{"kind": each.kind, "text": str(each)} for each in changes.not_compared],
        "left_out": list(changes.left_out),
        "counts": {str(state): number for state, number in changes.counts.items()},
        "changed": records(changes.changed),
        "ageing": changes.ageing,
        "median_fix_days": changes.median_fix_days,
    }


def _trend(trend: Trend) -> dict[str, Any]:
    return {"months": records(trend.frame), "runs_left_out": trend.beside}


def findings_schema() -> str:
    """The JSON Schema (2020-12) of `findings.json`, as text."""
    place = resources.files("vbr_audit.reports").joinpath("schemas", "findings.schema.json")
    return place.read_text(encoding="utf-8")


def _summary(context: ReportContext) -> dict[str, Any]:
    summary = context.summary
    verdict = summary.verdict
    return {
        "verdict": {"level": verdict.level, "headline": verdict.headline, "detail": verdict.detail},
        "rating": _rating(summary.rating),
        "counts": dict(summary.counts),
        "failing_by_severity": dict(summary.failing_by_severity),
        "by_area": [_area(entry) for entry in summary.by_area],
        "checks_clean": summary.checks_clean,
        "checks_judged": summary.checks_judged,
        "checks_share": summary.checks_share,
        "causes": len(context.results.causes),
        "compliance": summary.compliance,
        "assessed": summary.assessed,
        "jobs_at_risk": context.figures.jobs_at_risk,
        "jobs_in_scope": summary.jobs_in_scope,
        "jobs_disabled": summary.jobs_disabled,
        "jobs_whole": summary.jobs_whole,
        "jobs_found": dataclasses.asdict(summary.jobs_found),
        "needed_complete": summary.needed_complete,
        "needed_total": summary.needed_total,
        "sessions_by_result": dict(summary.sessions_by_result),
        "sessions_whole": summary.sessions_whole,
        "success_rate": summary.success_rate,
        "first_attempt_rate": summary.first_attempt_rate,
        "session_rate": summary.session_rate,
        "runs_open": summary.runs_beside.open,
        "runs_carried_in": dict(summary.runs_beside.carried_in),
        "runs_carried_in_open": summary.runs_beside.carried_in_open,
        "runs_of_unlisted_jobs": dict(summary.runs_beside.unlisted),
        "runs_of_unlisted_jobs_open": summary.runs_beside.unlisted_open,
        "offloads_by_result": dict(summary.offloads_by_result),
        "offload_rate": summary.offload_rate,
        "datasets_complete": summary.datasets_complete,
        "datasets_total": summary.datasets_total,
    }


def _rating(rating: Rating) -> dict[str, Any]:
    return {"grade": rating.grade, "at_best": rating.at_best, "rule": rating.rule, "reason": rating.reason}


def _waiver(outcome: WaiverOutcome) -> dict[str, Any]:
    document = outcome.waiver.model_dump(mode="json")
    counts = {"findings_matched": outcome.matched, "findings_accepted": outcome.accepted}
    return {**document, "state": outcome.state, **counts}


def _area(entry: AreaCount) -> dict[str, Any]:
    return {
        "area": entry.area,
        "counts": dict(entry.counts),
        "compliance": entry.compliance,
        "assessed": entry.assessed,
    }


def _write(context: ReportContext, path: Path, _: ReportOptions) -> None:
    write_pieces(path, _pieces(context))


JSON: Final = Format("json", FINDINGS_JSON, 50, _write, by_default=True)
