"""The rows of the page that show findings: what is wrong, what has no answer, what is accepted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vbr_audit.display import number
from vbr_audit.reports.anchors import cause_anchor, check_anchor, finding_anchor
from vbr_audit.reports.record import NO_NAME, Capped, cell_text, first_rows, record_text, severity_rank
from vbr_audit.reports.words import Badge, badge

if TYPE_CHECKING:
    import pandas as pd

MAX_NAMES: Final = 12
"""Maximum number of objects that are named in a group."""


@dataclass(frozen=True)
class FindingRow:
    """One finding in words; `rank` sorts severities, worst first. `cause_anchor` is empty where the page does not show
    its cause."""

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
    cause_anchor: str
    cause_kind: str
    cause_name: str


@dataclass(frozen=True)
class Wrong:
    """One check that fails somewhere on one server: how bad at worst, on how many objects of how many, how many causes
    that has."""

    badge: Badge
    server: str
    check_id: str
    check_anchor: str
    title: str
    failing: str
    population: str
    causes: int


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


def finding_rows(findings: pd.DataFrame, limit: int, causes: Collection[str] = ()) -> Capped:
    """The first `limit` findings, in their order; `causes` are the anchors of the causes that the page shows."""
    records = findings.head(limit).to_dict("records")
    return Capped(tuple(_finding_row(record, causes) for record in records), len(findings))


def _finding_row(record: Mapping[Any, Any], causes: Collection[str]) -> FindingRow:
    text = record_text(record)
    cause = cause_anchor(text["cause"])
    word = text["severity"] if text["status"] == "FAIL" else None
    return FindingRow(
        anchor=finding_anchor(text["finding_id"]),
        finding_id=text["finding_id"],
        badge=badge(text["status"], word),
        rank=severity_rank(text["severity"]),
        server=text["server"],
        check_id=text["check_id"],
        check_anchor=check_anchor(text["check_id"]),
        title=text["title"],
        object_type=text["object_type"],
        object_name=text["object_name"] or NO_NAME,
        object_id=text["object_id"],
        observed=text["observed"],
        expected=text["expected"],
        json_path=text["json_path"],
        reason=text["reason"],
        remediation=text["remediation"],
        waiver=text["waiver_id"],
        waiver_owner=text["waiver_owner"],
        waiver_expires=text["waiver_expires"],
        cause_anchor=cause if cause in causes else "",
        cause_kind=text["cause_kind"],
        cause_name=text["cause_name"] or NO_NAME,
    )


def wrong_in_short(failed: pd.DataFrame, coverage: pd.DataFrame) -> tuple[Wrong, ...]:
    """The checks that fail, those with the worst finding first, then those with the most; `failed` are the findings."""
    causes = failed.groupby(["server", "check_id"])["cause"].nunique()
    failing = coverage[(coverage["fail"] > 0).to_numpy(dtype=bool, na_value=False)].to_dict("records")
    ordered = sorted(failing, key=lambda record: (severity_rank(record["worst_severity"]), -record["fail"]))
    return tuple(
        Wrong(
            badge=badge("FAIL", cell_text(record["worst_severity"])),
            server=cell_text(record["server"]),
            check_id=cell_text(record["check_id"]),
            check_anchor=check_anchor(cell_text(record["check_id"])),
            title=cell_text(record["title"]),
            failing=number(record["fail"]),
            population=number(record["population"]),
            causes=int(causes.get((record["server"], record["check_id"]), 0)),
        )
        for record in ordered
    )


def open_questions(findings: pd.DataFrame, limit: int) -> Capped:
    """Findings without an answer, together where server, reason and objects are the same, in their order."""
    columns = ("server", "status", "reason", "check_id", "title", "object_name")
    by_check: dict[tuple[str, ...], list[str]] = {}
    for values in zip(*(findings[name].tolist() for name in columns), strict=True):
        *key, name = (cell_text(value) for value in values)
        by_check.setdefault(tuple(key), []).append(name or NO_NAME)
    groups: dict[tuple[Any, ...], list[tuple[str, str, str]]] = {}
    for (server, status, reason, check_id, title), names in by_check.items():
        check = (check_id, check_anchor(check_id), title)
        groups.setdefault((server, status, reason, tuple(names)), []).append(check)
    shown = first_rows(list(groups.items()), limit)
    return Capped(tuple(_question(*group) for group in shown.rows), shown.total)


def _question(key: tuple[Any, ...], checks: list[tuple[str, str, str]]) -> OpenQuestion:
    server, status, reason, names = key
    return OpenQuestion(
        badge=badge(status),
        server=server,
        reason=reason or "no reason given",
        checks=tuple(sorted(checks)),
        questions=len(names) * len(checks),
        names=names[:MAX_NAMES],
        more=max(len(names) - MAX_NAMES, 0),
    )
