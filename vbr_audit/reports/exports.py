"""The findings for machines: `findings.json` and `findings.csv`, byte-equal for equal results."""

from __future__ import annotations

import csv
import datetime as dt
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from vbr_audit.collection.files import write_bytes
from vbr_audit.display import is_known, iso

if TYPE_CHECKING:
    import pandas as pd

    from vbr_audit.reports.context import ReportContext

SCHEMA = 1
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet may run a cell that begins like this; in the CSV an apostrophe stands before it."""


def write_json(context: ReportContext, path: Path) -> None:
    """Write `findings.json`; raises `OutputError`."""
    write_bytes(path, findings_json(context))


def write_csv(context: ReportContext, path: Path) -> None:
    """Write `findings.csv`; raises `OutputError`."""
    write_bytes(path, findings_csv(context))


def findings_json(context: ReportContext) -> bytes:
    """The whole outcome of a run as JSON; what is not known is null, moments are ISO 8601 in UTC."""
    manifest = context.manifest
    run = manifest.run.model_dump(mode="json") | {
        "servers": [server.model_dump(mode="json") for server in manifest.servers],
        "incomplete": list(context.results.incomplete),
        "limits": list(context.results.limits),
    }
    document = {
        "schema": SCHEMA,
        "run": run,
        "findings": _records(context.results.findings),
        "coverage": _records(context.results.coverage),
        "requirements": _records(context.results.requirements),
        "summary": _summary(context),
    }
    return orjson.dumps(_encodable(document), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def findings_csv(context: ReportContext) -> bytes:
    """The findings as RFC 4180 text in UTF-8 without a byte order mark.

    A cell that a spreadsheet could run as a formula has an apostrophe before it: one that begins with one of
    `FORMULA_STARTS`. What is not known is an empty cell.
    """
    findings = context.results.findings
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(findings.columns)
    columns = [[_csv_cell(value) for value in findings[name].tolist()] for name in findings.columns]
    writer.writerows(zip(*columns, strict=True))
    return stream.getvalue().encode("utf-8", "replace")


def _csv_cell(value: Any) -> str:
    plain = _plain_value(value)
    if plain is None:
        return ""
    text = str(plain)
    return f"'{text}" if isinstance(plain, str) and text.startswith(FORMULA_STARTS) else text


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    columns = [[_plain_value(value) for value in frame[name].tolist()] for name in frame.columns]
    return [dict(zip(frame.columns, row, strict=True)) for row in zip(*columns, strict=True)]


def _plain_value(value: Any) -> Any:
    if not is_known(value):
        return None
    if isinstance(value, dt.datetime):
        return iso(value)
    return value.isoformat() if isinstance(value, dt.date) else value


def _summary(context: ReportContext) -> dict[str, Any]:
    summary = context.summary
    return {
        "verdict": {
            "level": summary.verdict.level,
            "headline": summary.verdict.headline,
            "detail": summary.verdict.detail,
        },
        "counts": dict(summary.counts),
        "failing_by_severity": dict(summary.failing_by_severity),
        "by_area": [
            {
                "area": entry.area,
                "counts": dict(entry.counts),
                "compliance": entry.compliance,
                "assessed": entry.assessed,
            }
            for entry in summary.by_area
        ],
        "compliance": summary.compliance,
        "assessed": summary.assessed,
        "jobs_in_scope": summary.jobs_in_scope,
        "jobs_disabled": summary.jobs_disabled,
        "jobs_whole": summary.jobs_whole,
        "needed_complete": summary.needed_complete,
        "needed_total": summary.needed_total,
        "sessions_by_result": dict(summary.sessions_by_result),
        "sessions_whole": summary.sessions_whole,
        "success_rate": summary.success_rate,
        "datasets_complete": summary.datasets_complete,
        "datasets_total": summary.datasets_total,
    }


def _encodable(value: Any) -> Any:
    """`value` without lone surrogates, which have no UTF-8; each becomes a question mark."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(entry) for key, entry in value.items()}
    return [_encodable(entry) for entry in value] if isinstance(value, list) else value
