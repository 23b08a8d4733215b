"""The rows of the HTML page, in words: what is wrong, what has no answer, what is accepted, how each check went."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vbr_audit.checks.outcome import SEVERITIES
from vbr_audit.display import is_known, number, plain
from vbr_audit.reports.anchors import anchor
from vbr_audit.reports.page_protection import DigitCount, digit_counts, protection_rows
from vbr_audit.reports.page_requirements import FrameworkTable, framework_tables
from vbr_audit.reports.record import cell_text, record_text
from vbr_audit.reports.words import Badge, badge

if TYPE_CHECKING:
    import pandas as pd

    from vbr_audit.checks.policy import CheckUse
    from vbr_audit.reports.context import ReportContext

MAX_ROWS = 1_000
"""The page shows so many rows of a table; the workbook has them all."""
MAX_NAMES = 12
"""So many objects are named in a group, then counted."""


@dataclass(frozen=True)
class Capped:
    """The first rows of a table and how many there are."""

    rows: tuple[Any, ...]
    total: int

    @property
    def is_cut(self) -> bool:
        """Whether there are more rows than shown."""
        return len(self.rows) < self.total


@dataclass(frozen=True)
class FindingRow:
    """One finding in words; `rank` sorts severities, worst first."""

    anchor: str
    finding_id: str
    badge: Badge
    rank: int
    server: str
    check_id: str
    check_anchor: str
    title: str
    object_type: str
    object_name: str
    object_id: str
    observed: str
    expected: str
    json_path: str
    reason: str
    remediation: str
    waiver: str
    waiver_owner: str
    waiver_expires: str


@dataclass(frozen=True)
class Wrong:
    """One check that fails somewhere on one server: on how many objects of how many."""

    badge: Badge
    server: str
    check_id: str
    check_anchor: str
    title: str
    failing: str
    population: str


@dataclass(frozen=True)
class OpenQuestion:
    """Questions without an answer for one reason: the checks that asked, and the objects they asked about."""

    badge: Badge
    server: str
    reason: str
    checks: tuple[tuple[str, str, str], ...]
    questions: int
    names: tuple[str, ...]
    more: int


@dataclass(frozen=True)
class CheckRow:
    """How one check went on one server: its population and the findings by status."""

    anchor: str
    server: str
    check_id: str
    title: str
    severity: str
    rank: int
    rationale: str
    parameters: str
    population: str
    counts: tuple[str, ...]
    whole: bool
    reason: str


@dataclass(frozen=True)
class Page:
    """The tables of the page."""

    many_servers: bool
    in_short: tuple[Wrong, ...]
    wrong: Capped
    questions: Capped
    accepted: Capped
    checks: Capped
    access: Capped
    not_asked: Capped
    disabled: tuple[tuple[str, str, str], ...]
    frameworks: tuple[FrameworkTable, ...]
    digits: tuple[DigitCount, ...]
    protection: Capped


def build_page(context: ReportContext) -> Page:
    """The rows that the page shows, worst first, at most `MAX_ROWS` in each table."""
    findings = context.results.findings
    status = findings["status"]
    uses = {use.check.id: use for use in context.results.uses}
    return Page(
        many_servers=len(context.manifest.servers) > 1,
        in_short=_in_short(findings, context.results.coverage),
        wrong=_finding_rows(findings[status == "FAIL"]),
        questions=_open_questions(findings[status.isin(["UNKNOWN", "ERROR"])]),
        accepted=_finding_rows(findings[status == "WAIVED"]),
        checks=_check_rows(context.results.coverage, uses),
        access=_capped(row for row in context.access if row.is_asked),
        not_asked=_capped(row for row in context.access if not row.is_asked),
        disabled=tuple(
            (use.check.id, use.check.title, plain(use.reason) if use.reason else "")
            for use in context.results.uses
            if not use.enabled
        ),
        frameworks=framework_tables(context.results.requirements),
        digits=digit_counts(context.results.protected),
        protection=Capped(protection_rows(context.results.protected, MAX_ROWS), len(context.results.protected)),
    )


def _capped(rows: Iterable[Any]) -> Capped:
    every = tuple(rows)
    return Capped(every[:MAX_ROWS], len(every))


def _finding_rows(findings: pd.DataFrame) -> Capped:
    records = findings.head(MAX_ROWS).to_dict("records")
    return Capped(tuple(_finding_row(record) for record in records), len(findings))


def _finding_row(record: Mapping[Any, Any]) -> FindingRow:
    text = record_text(record)
    word = text["severity"] if text["status"] == "FAIL" else None
    return FindingRow(
        anchor=anchor("f", text["finding_id"]),
        finding_id=text["finding_id"],
        badge=badge(text["status"], word),
        rank=_rank(text["severity"]),
        server=text["server"],
        check_id=text["check_id"],
        check_anchor=anchor("check", text["check_id"]),
        title=text["title"],
        object_type=text["object_type"],
        object_name=text["object_name"] or "(no name)",
        object_id=text["object_id"],
        observed=text["observed"],
        expected=text["expected"],
        json_path=text["json_path"],
        reason=text["reason"],
        remediation=text["remediation"],
        waiver=text["waiver_id"],
        waiver_owner=text["waiver_owner"],
        waiver_expires=text["waiver_expires"],
    )


def _in_short(findings: pd.DataFrame, coverage: pd.DataFrame) -> tuple[Wrong, ...]:
    """The checks that fail by the severity of their findings, worst first, then by the number of objects."""
    population = {(row["server"], row["check_id"]): row["population"] for row in coverage.to_dict("records")}
    keys = ["server", "check_id", "title", "severity"]
    failing = findings[findings["status"] == "FAIL"]
    groups = Counter(zip(*(failing[name].tolist() for name in keys), strict=True))
    lines = sorted(groups.items(), key=lambda item: (_rank(item[0][3]), -item[1]))
    return tuple(
        Wrong(
            badge=badge("FAIL", cell_text(severity)),
            server=cell_text(server),
            check_id=cell_text(check_id),
            check_anchor=anchor("check", cell_text(check_id)),
            title=cell_text(title),
            failing=number(objects),
            population=number(population[server, check_id]),
        )
        for (server, check_id, title, severity), objects in lines
    )


def _open_questions(findings: pd.DataFrame) -> Capped:
    """Findings without an answer, together where server, reason and objects are the same, in their order."""
    columns = ("server", "status", "reason", "check_id", "title", "object_name")
    by_check: dict[tuple[str, ...], list[str]] = {}
    for values in zip(*(findings[name].tolist() for name in columns), strict=True):
        *key, name = (cell_text(value) for value in values)
        by_check.setdefault(tuple(key), []).append(name or "(no name)")
    groups: dict[tuple[Any, ...], list[tuple[str, str, str]]] = {}
    for (server, status, reason, check_id, title), names in by_check.items():
        check = (check_id, anchor("check", check_id), title)
        groups.setdefault((server, status, reason, tuple(names)), []).append(check)
    rows = [
        OpenQuestion(
            badge=badge(status),
            server=server,
            reason=reason or "no reason given",
            checks=tuple(checks),
            questions=len(names) * len(checks),
            names=names[:MAX_NAMES],
            more=max(len(names) - MAX_NAMES, 0),
        )
        for (server, status, reason, names), checks in list(groups.items())[:MAX_ROWS]
    ]
    return Capped(tuple(rows), len(groups))


COUNTED = ("pass", "fail", "waived", "unknown", "error", "not_applicable")
"""The columns of the coverage that count findings, in the order of the page."""


def _check_rows(coverage: pd.DataFrame, uses: Mapping[str, CheckUse]) -> Capped:
    rows = []
    seen: set[str] = set()
    for record in coverage.head(MAX_ROWS).to_dict("records"):
        check_id = cell_text(record["check_id"])
        use = uses.get(check_id)
        first = check_id not in seen
        seen.add(check_id)
        rows.append(
            CheckRow(
                anchor=anchor("check", check_id) if first else "",
                server=cell_text(record["server"]),
                check_id=check_id,
                title=cell_text(record["title"]),
                severity=cell_text(record["severity"]),
                rank=_rank(record["severity"]),
                rationale=prose(use.check.rationale) if use else "",
                parameters=parameters_text(use.params) if use else "",
                population=number(record["population"]),
                counts=tuple(number(record[name]) for name in COUNTED),
                whole=is_known(record["whole"]) and bool(record["whole"]),
                reason=cell_text(record["reason"]),
            )
        )
    return Capped(tuple(rows), len(coverage))


def parameters_text(params: Any) -> str:
    """The parameters of a check as `name = value, …`."""
    values = params.model_dump(mode="json") if hasattr(params, "model_dump") else dict(params or {})
    return ", ".join(f"{name} = {_value(value)}" for name, value in values.items())


def prose(text: str) -> str:
    """A docstring as running text: on one line, its code in quotation marks."""
    return re.sub(r"`+([^`]+)`+", r"“\1”", " ".join(text.split()))


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_value(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return "[" + ", ".join(_value(entry) for entry in value) + "]"
    return plain(value)


def _rank(severity: Any) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)
