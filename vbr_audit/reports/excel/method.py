"""The sheets of how it was done: where the data come from and whether they are whole, checks, limits, meanings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from vbr_audit.checks.policy.use import DEFAULT
from vbr_audit.collection.run_folder import EVIDENCE, MANIFEST, evidence_names
from vbr_audit.datasets import DATASETS
from vbr_audit.display import is_known
from vbr_audit.reports.access_map import NOT_ASKED
from vbr_audit.reports.excel.data import (
    columns_of,
    file_of_table,
    left_out,
    left_out_text,
    place_of_table,
    source_of,
    table_of,
)
from vbr_audit.reports.record import severity_rank
from vbr_audit.reports.words import DEFINITIONS, parameters_text, prose
from vbr_audit.spreadsheet.sheet import SheetColumn, SheetPlan
from vbr_audit.tables.build.schema import STRING, Column, TableSpec

if TYPE_CHECKING:
    from vbr_audit.checks.policy.use import CheckUse
    from vbr_audit.collection.manifest import DatasetRecord
    from vbr_audit.reports.access_map import AccessRow
    from vbr_audit.reports.context import ReportContext
    from vbr_audit.reports.interface import ReportOptions

METHOD_TAB: Final = "8467B5"
"""The colour of the tabs of method."""

_PROVENANCE: Final[Mapping[str, tuple[str, str]]] = {
    "server": ("string", "The server that was asked; empty in the last line, which is about the run itself."),
    "dataset": ("string", "The dataset; the last line is the manifest."),
    "status": ("string", "complete, partial, denied, absent or failed."),
    "reconciled": ("string", "Whether all counts of the row agree, from the server's total to the sheet."),
    "remark": ("string", "What does not agree, why it was not read whole, or where there is no total to compare."),
    "api_total": ("Int64", "The number of rows that the server itself named last; empty where it names none."),
    "rows_received": ("Int64", "Rows in all answers."),
    "rows_after_duplicates": ("Int64", "Different rows: those received without those received again."),
    "rows_outside_period": ("Int64", "Rows left out because they lie outside the period."),
    "rows_out_of_scope": ("Int64", "Rows left out because their job is not in scope."),
    "rows_kept": ("Int64", "Rows that were taken into the table."),
    "rows_in_sheet": ("Int64", "Rows of this server in the sheet or file of the dataset, counted when it was made."),
    "sha256": ("string", "Hash over the answers in their order; of the manifest: over manifest.json as written."),
    "sheet": (
        "string",
        "The sheet with the rows, which goes on in a second one past a million; or the file of the run folder.",
    ),
    "path": ("string", "The path that was asked."),
    "filters": ("string", "The query, without paging."),
    "pages": ("Int64", "Answers received."),
    "started": ("datetime", "When the first answer was asked for."),
    "ended": ("datetime", "When the last answer was in."),
    "bytes": ("Int64", "Size of all answers, decoded."),
    "evidence": ("string", "The file of the run folder that holds the answers."),
    "revision": ("string", "The API revision that was used."),
    "build": ("string", "The server's build number."),
    "account": ("string", "The account that read it, and its role where the server reports it."),
    "clock_skew_s": ("Float64", "The server's clock minus the collector's, in seconds."),
}
_PROVENANCE_SPEC: Final = TableSpec(
    "provenance",
    (),
    tuple(
        Column(name, "string", text, "s" if name.endswith("_s") else None) for name, (_, text) in _PROVENANCE.items()
    ),
    "",
)
_CHECKS: Final[Mapping[str, str]] = {
    "check_id": "The check.",
    "title": "The good state that it asks for.",
    "area": "The area that it belongs to.",
    "enabled": "Whether it ran in this run.",
    "worst_severity": "The worst severity that one of its failing findings has; empty where none fails.",
    "severity": "The severity in force for objects without an override.",
    "parameters": "Its parameters as used in this run.",
    "where_set": "Where severity, parameters and being enabled are set: file and line of the policy, or the default.",
    "overrides": "What the policy says for single objects.",
    "why_disabled": "Why the policy turns it off.",
    "rationale": "Why it matters.",
    "remediation": "What to do where it fails.",
    "datasets": "The datasets that it looks at.",
    "requirements": "The requirements that it gives evidence for.",
}
_LIMITS: Final[Mapping[str, str]] = {
    "kind": "What sort of limit it is.",
    "server": "The server; empty where it is about the whole run.",
    "subject": "What it is about.",
    "text": "The limit in words.",
}
_DICTIONARY: Final[Mapping[str, tuple[str, str]]] = {
    "sheet": ("string", "The sheet, or the CSV file of the run folder."),
    "column": ("string", "The header of the column; empty for what a row of the sheet or file is."),
    "meaning": ("string", "Its meaning. An empty cell means: not known, or there is no such thing."),
    "kind_of_value": ("string", "text, whole number, number, yes or no, date and time, day, or time taken."),
    "source": ("string", "Where the values come from."),
    "rows": ("Int64", "How many rows it has; empty for columns, and where a sheet is filled later than this one."),
}


def _frame(columns: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    dtypes: dict[str, Any] = {"string": STRING, "datetime": "datetime64[us, UTC]"}
    series = {}
    for name, values in columns.items():
        kind = values[0] if isinstance(values, tuple) else "string"
        series[name] = pd.Series([row.get(name) for row in rows], dtype=dtypes.get(kind, kind))
    return pd.DataFrame(series)


def provenance_plan(context: ReportContext, footer: str, options: ReportOptions) -> SheetPlan:
    """What was asked of whom, what came, and the proof that it is all in the workbook; last the manifest's hash."""
    kept = () if context.manifest.is_scrubbed else context.manifest.servers
    files = evidence_names(server.name for server in kept)
    servers = {server.name: server for server in context.manifest.servers}
    absent = {spec.name: left_out_text(spec, rows, options) for spec, rows in left_out(context, options)}
    rows: list[dict[str, Any]] = []
    for record in context.manifest.datasets:
        in_sheet, sheet = _rows_in_sheet(context, record, options)
        remark = _gap(record, in_sheet)
        server = servers.get(record.server)
        rows.append(
            {
                **record.model_dump(),
                "status": str(record.status),
                "dataset": record.name,
                "reconciled": "no" if remark else "yes",
                "remark": record.reason or remark or (None if sheet else absent.get(record.name)) or _no_total(record),
                "rows_after_duplicates": record.rows_received - record.rows_duplicate,
                "rows_in_sheet": in_sheet,
                "sheet": sheet,
                "filters": "&".join(f"{key}={value}" for key, value in record.query.items()),
                "evidence": f"{EVIDENCE}/{files[record.server]}" if record.pages and record.server in files else None,
                "build": server and server.build,
                "account": server and ", ".join(part for part in (server.account, server.role) if part),
                "clock_skew_s": server and server.clock_skew_s,
            }
        )
    manifest = context.manifest.to_json()
    rows.append(
        {
            "dataset": MANIFEST,
            "remark": "the terms of the run, and every line above",
            "bytes": len(manifest),
            "sha256": hashlib.sha256(manifest).hexdigest(),
        }
    )
    columns = columns_of(
        _frame(_PROVENANCE, rows), context.zone_name, spec=_PROVENANCE_SPEC, source="manifest.json", counts=True
    )
    return SheetPlan(
        "Provenance",
        "tblProvenance",
        columns,
        2,
        footer,
        wrap=True,
        help="One row per server and dataset: the question, the counts and the hash; the last row is the manifest.",
        tab=METHOD_TAB,
    )


def _rows_in_sheet(
    context: ReportContext, record: DatasetRecord, options: ReportOptions
) -> tuple[int | None, str | None]:
    """How many rows of a dataset its sheet or file has, and which it is; None where there is none."""
    dataset = DATASETS.get(record.name)
    if dataset is None:
        return None, None
    table = dataset.tables[0]
    frame = context.snapshot.tables[table]
    place = place_of_table(table, len(frame), options)
    if len(frame) and place is None:
        return None, None
    own = frame["server"].eq(record.server)
    if table == "jobs":  # a job that only its state or its backups report is in the table, but not of this dataset
        own &= frame["seen_in"].str.split("+").map(lambda parts: "jobs" in parts, na_action="ignore").eq(True)
    number = int(own.to_numpy(dtype=bool, na_value=False).sum())
    return number, place


def _gap(record: DatasetRecord, in_sheet: int | None) -> str:
    """The first two counts of a dataset that do not agree, in words; empty where all do."""
    different = record.rows_received - record.rows_duplicate
    if str(record.status) != "complete":
        return f"not read whole: {record.status}"
    if record.api_total is not None and different != record.api_total:
        return f"the server counts {record.api_total:,} rows, {different:,} different ones were received"
    left = different - record.rows_outside_period - record.rows_out_of_scope
    if left != record.rows_kept:
        return f"{left:,} rows should have been kept, {record.rows_kept:,} were"
    if in_sheet is not None and in_sheet != record.rows_kept:
        return f"{record.rows_kept:,} rows were kept, {in_sheet:,} are in the sheet or file"
    return ""


def _no_total(record: DatasetRecord) -> str | None:
    return "the server names no total for it" if record.api_total is None and record.pages else None


def checks_plan(context: ReportContext, footer: str) -> SheetPlan:
    """Every check with what was in force for it, and where that is set."""
    supports: dict[str, list[str]] = {}
    for row in context.results.requirements.to_dict("records"):
        for check_id in str(row["checks"]).replace(",", " ").split():
            supports.setdefault(check_id, []).append(f"{row['framework']} {row['requirement']}")
    coverage = context.results.coverage
    worst: dict[str, str] = {}
    for check_id, severity in zip(coverage["check_id"].tolist(), coverage["worst_severity"].tolist(), strict=True):
        if is_known(severity):
            worst[check_id] = min(worst.get(check_id, severity), severity, key=severity_rank)
    rows = [
        _check_row(use, supports.get(use.check.id, ())) | {"worst_severity": worst.get(use.check.id)}
        for use in context.results.uses
    ]
    columns = columns_of(
        _frame(_CHECKS, rows), context.zone_name, helps=_CHECKS, source="the policy, and the declaration of the check"
    )
    return SheetPlan(
        "Checks as configured",
        "tblChecks",
        columns,
        2,
        footer,
        wrap=True,
        help="One row per check that this tool or its user declares, whether it ran or not.",
        tab=METHOD_TAB,
    )


def _check_row(use: CheckUse, requirements: Iterable[str]) -> dict[str, Any]:
    sources = {"enabled": use.enabled_source, "severity": use.severity_source, **use.params_source}
    places: dict[str, list[str]] = {}
    for name, source in sources.items():
        places.setdefault(source, []).append(name)
    named = [f"{', '.join(names)}: {source}" for source, names in places.items() if source != DEFAULT]
    rest = ["all else: default" if named else "all: default"] if DEFAULT in places else []
    return {
        "check_id": use.check.id,
        "title": use.check.title,
        "area": use.check.area,
        "enabled": "yes" if use.enabled else "no",
        "severity": use.severity,
        "parameters": parameters_text(use.params) or None,
        "where_set": "; ".join(named + rest),
        "overrides": "\n".join(_override_texts(use)) or None,
        "why_disabled": None if use.enabled else use.reason,
        "rationale": prose(use.check.rationale),
        "remediation": use.check.remediation,
        "datasets": ", ".join(sorted(use.check.datasets)) or None,
        "requirements": "; ".join(dict.fromkeys(requirements)) or None,
    }


def _override_texts(use: CheckUse) -> Iterator[str]:
    for override in use.overrides:
        texts: list[str] = []
        for rule, _ in override.rules:
            texts += [] if rule.enabled is None else ["enabled" if rule.enabled else f"disabled ({rule.reason})"]
            texts += [] if rule.severity is None else [f"severity {rule.severity}"]
            texts += [parameters_text(rule.params)] if rule.params else []
        yield f"{override.match}: {', '.join(texts)} ({override.place})"


def limits_plan(context: ReportContext, footer: str, options: ReportOptions) -> SheetPlan:
    """What was not looked at and why, what could not be taken over, and how the words of the report are meant."""
    rows = [dict(zip(_LIMITS, row, strict=True)) for row in _limit_rows(context, options)]
    columns = columns_of(_frame(_LIMITS, rows), context.zone_name, helps=_LIMITS, source="manifest.json, policy")
    return SheetPlan(
        "Limits", "tblLimits", columns, 1, footer, wrap=True, help="One row per limit or definition.", tab=METHOD_TAB
    )


def _limit_rows(context: ReportContext, options: ReportOptions) -> Iterator[tuple[str, str | None, str | None, str]]:
    for text in context.results.incomplete:
        yield "incomplete", None, None, text
    for record in context.unread:
        yield "not read whole", record.server, record.name, f"{record.status}: {record.reason or 'no reason given'}"
    for text in context.results.limits:
        yield "not looked at", None, None, text
    for spec, rows in left_out(context, options):
        yield "not in the workbook", None, spec.name, left_out_text(spec, rows, options)
    for row in context.access:
        if row.status == NOT_ASKED:
            yield "not asked for", row.server, row.name, row.reason or _not_asked(row)
    yield from _history_rows(context)
    for text in context.notes:
        yield "not taken as it stood", None, None, text
    for text in context.manifest.warnings:
        yield "warning while reading", None, None, text
    for word, meaning in DEFINITIONS:
        yield "definition", None, word, meaning


def _not_asked(row: AccessRow) -> str:
    return f"looked at by {', '.join(row.checks)}" if row.checks else "no enabled check looks at it"


def _history_rows(context: ReportContext) -> Iterator[tuple[str, str | None, str | None, str]]:
    """How far back each server still keeps sessions, against the first day of the period."""
    history = context.snapshot.session_history
    known = history[history["oldest_session"].notna()]
    for server, moment in zip(known["server"].tolist(), known["oldest_session"].tolist(), strict=True):
        oldest = moment.tz_convert(context.zone)
        reach = "before" if moment <= context.snapshot.since else "after"
        yield (
            "history",
            str(server),
            "sessions",
            f"the oldest session that the server keeps is of {oldest:%Y-%m-%d %H:%M:%S}, {reach} the period begins",
        )


def dictionary_plan(
    plans: Iterable[SheetPlan], context: ReportContext, footer: str, options: ReportOptions
) -> SheetPlan:
    """Every column of every sheet of `plans`, then of the files beside the workbook: what it means and holds."""
    rows: list[dict[str, Any]] = []
    for plan in plans:
        rows.append({"sheet": plan.name, "rows": plan.rows if plan.rows else None, "meaning": plan.help})
        rows += [
            {
                "sheet": plan.name,
                "column": column.header,
                "meaning": column.help,
                "kind_of_value": column.kind,
                "source": column.source,
            }
            for column in plan.columns
        ]
    rows += _file_rows(context, options)
    helps = {name: text for name, (_, text) in _DICTIONARY.items()}
    columns = columns_of(_frame(_DICTIONARY, rows), context.zone_name, helps=helps, source="this tool", counts=True)
    return SheetPlan(
        "Dictionary", "tblDictionary", columns, 2, footer, wrap=True, help="One row per column.", tab=METHOD_TAB
    )


def _file_rows(context: ReportContext, options: ReportOptions) -> Iterator[dict[str, Any]]:
    """What the Dictionary says of these tables: of each file its rows and columns, or that there is no file."""
    for listed, rows in left_out(context, options):
        if not options.data_files:
            yield {"sheet": f"{listed.name} (no sheet)", "rows": rows, "meaning": left_out_text(listed, rows, options)}
            continue
        frame, spec = table_of(context, listed.name)
        file, source = file_of_table(spec.name), source_of(spec.name)
        yield {"sheet": file, "rows": rows, "meaning": prose(spec.help)}
        for column in spec.columns:
            yield {
                "sheet": file,
                "column": column.name,
                "meaning": prose(column.help) + (f" In {column.unit}." if column.unit else ""),
                "kind_of_value": SheetColumn(column.name, frame[column.name]).kind,
                "source": source,
            }
