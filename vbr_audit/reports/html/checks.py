"""The part of the page about each check and its findings: what it asks, how they did, and which do not fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from vbr_audit.display import count, is_known, number, plain
from vbr_audit.findings.table import EVIDENCE_COLUMNS
from vbr_audit.reports.record import (
    NO_NAME,
    Capped,
    cause_anchor,
    cell_text,
    check_anchor,
    finding_anchor,
    first_rows,
    record_text,
    severity_rank,
)
from vbr_audit.reports.words import STATUS_WORDS, Badge, badge, parameters_text, prose
from vbr_audit.vocabulary import COUNT_COLUMNS, SEVERITIES, STATUSES

if TYPE_CHECKING:
    import pandas as pd

    from vbr_audit.checks.policy.policy import CheckUse
    from vbr_audit.findings.failures import Failures
    from vbr_audit.findings.results import Results
    from vbr_audit.reports.context import ReportContext


MAX_OBJECTS: Final = 20
"""Maximum number of failing objects that are named in the part of one check."""


@dataclass(frozen=True)
class CheckRow:
    """How one check went on one server: its population and the findings by status.

    `severity` is the worst of its failing findings, and the one in force where none `fails`.
    """

    anchor: str
    server: str
    check_id: str
    title: str
    severity: str
    fails: bool
    rank: int
    population: str
    tested: str
    counts: tuple[str, ...]
    whole: bool
    reason: str


@dataclass(frozen=True)
class FailingObject:
    """One object that does not fit: `anchor` leads to its finding, empty where the page does not show that."""

    name: str
    server: str
    anchor: str
    badge: Badge
    observed: str


@dataclass(frozen=True)
class CheckPart:
    """One check in full: why, by which measure, how it went on each server, what does not fit, what to do."""

    anchor: str
    check_id: str
    title: str
    badge: Badge
    told: str
    severity: str
    rationale: str
    expected: str
    parameters: str
    remediation: str
    requirements: str
    servers: tuple[CheckRow, ...]
    objects: Capped


@dataclass(frozen=True)
class Area:
    """The checks of one area, in the order of their ids."""

    name: str
    told: str
    parts: tuple[CheckPart, ...]


@dataclass(frozen=True)
class Failing:
    """The first failing findings of a check as records, and how many there are."""

    records: list[dict[Any, Any]]
    total: int


def check_rows(context: ReportContext, limit: int) -> Capped:
    """How each check went on each server, in the order of the coverage."""
    coverage = context.results.coverage
    rows = tuple(_row(record, context.figures.tested) for record in coverage.head(limit).to_dict("records"))
    return Capped(rows, len(coverage))


def _row(record: Mapping[Any, Any], tested: Mapping[tuple[str, str], int]) -> CheckRow:
    text = record_text(record)
    return CheckRow(
        anchor=check_anchor(text["check_id"]),
        server=text["server"],
        check_id=text["check_id"],
        title=text["title"],
        severity=text["worst_severity"] or text["severity"],
        fails=bool(text["worst_severity"]),
        rank=severity_rank(text["worst_severity"] or text["severity"]),
        population=number(record["population"]),
        tested=number(tested.get((record["server"], record["check_id"]), 0)),
        counts=tuple(number(record[name]) for name in COUNT_COLUMNS),
        whole=is_known(record["whole"]) and bool(record["whole"]),
        reason=text["reason"],
    )


def check_areas(context: ReportContext, shown: Collection[str]) -> tuple[Area, ...]:
    """Every enabled check in full, by area; `shown` are the ids of the findings that the page shows elsewhere."""
    results = context.results
    uses = {use.check.id: use for use in results.uses}
    failing = _failing(results.findings)
    mapped = _requirements(results.requirements)
    causes = results.failed.groupby("check_id")["cause"].nunique()
    coverage = results.coverage.to_dict("records")
    parts = []
    for check_id, group in groupby(coverage, key=lambda record: str(record["check_id"])):
        records = list(group)
        part = _part(
            records,
            tuple(_row(record, context.figures.tested) for record in records),
            uses.get(check_id),
            failing.get(check_id, Failing([], 0)),
            shown,
            ", ".join(mapped.get(check_id, ())),
            int(causes.get(check_id, 0)),
        )
        parts.append((cell_text(records[0]["area"]), part))
    areas: dict[str, list[CheckPart]] = {}
    for area, part in parts:
        areas.setdefault(area, []).append(part)
    return tuple(Area(name, _area_text(own), tuple(own)) for name, own in areas.items())


def _area_text(parts: Sequence[CheckPart]) -> str:
    bad = sum(part.badge.word in SEVERITIES for part in parts)
    return f"{number(bad)} of {number(len(parts))} checks fail somewhere"


def _failing(findings: pd.DataFrame) -> dict[str, Failing]:
    """The failing findings by check: the first of them, and their number."""
    columns = ["finding_id", "check_id", "server", "severity", "object_name", "observed", "reason", "expected"]
    failing = findings.loc[(findings["status"] == "FAIL").to_numpy(dtype=bool, na_value=False), columns]
    failing_objects: dict[str, Failing] = {}
    totals = failing["check_id"].value_counts()
    for record in failing.groupby("check_id", sort=False).head(MAX_OBJECTS).to_dict("records"):
        check_id = str(record["check_id"])
        failing_objects.setdefault(check_id, Failing([], int(totals[check_id]))).records.append(record)
    return failing_objects


def _requirements(requirements: pd.DataFrame) -> dict[str, list[str]]:
    """The requirements that each check speaks for, as `framework requirement`."""
    by_check: dict[str, list[str]] = {}
    rows = zip(*(requirements[name].tolist() for name in ("framework", "requirement", "checks")), strict=True)
    for framework, requirement, checks in rows:
        for check_id in cell_text(checks).split(", "):
            by_check.setdefault(check_id, []).append(f"{cell_text(framework)} {cell_text(requirement)}")
    return by_check


def _part(
    records: Sequence[Mapping[Any, Any]],
    servers: tuple[CheckRow, ...],
    use: CheckUse | None,
    failing: Failing,
    shown: Collection[str],
    requirements: str,
    causes: int,
) -> CheckPart:
    counts = {name: sum(int(record[name]) for record in records) for name in COUNT_COLUMNS}
    populations = [record["population"] for record in records]
    population = sum(map(int, populations)) if all(map(is_known, populations)) else None
    status = next((status for status in STATUSES if counts[status.lower()]), "NOT_APPLICABLE")
    text = record_text(records[0])
    actual = [record["worst_severity"] for record in records if is_known(record["worst_severity"])]
    shown_severity = min(actual, key=severity_rank) if actual else text["severity"]
    return CheckPart(
        anchor=check_anchor(text["check_id"]),
        check_id=text["check_id"],
        title=text["title"],
        badge=badge(status, shown_severity if status == "FAIL" else None),
        told=_counts_text(counts, status, population) + (f"; {count(causes, 'cause')}" if causes else ""),
        severity=shown_severity,
        rationale=prose(use.check.rationale) if use else "",
        expected=_expected(failing.records, use),
        parameters=parameters_text(use.params) if use else "",
        remediation=use.check.remediation if use else "",
        requirements=requirements,
        servers=servers,
        objects=Capped(tuple(_object(record, shown) for record in failing.records), failing.total),
    )


def _counts_text(counts: Mapping[str, int], status: str, population: int | None) -> str:
    """What became of the objects: those that do not pass, else all that do, or that the check does not apply."""
    bad = ("FAIL", "ERROR", "UNKNOWN", "WAIVED")
    shown = [one for one in bad if counts[one.lower()]] or [status]
    parts = ", ".join(f"{number(counts[one.lower()])} {STATUS_WORDS[one]}" for one in shown)
    return parts if population is None else f"{parts} of {number(population)}"


def _expected(failing: Sequence[Mapping[Any, Any]], use: CheckUse | None) -> str:
    """What the check asks for: as a finding words it with its parameters, else as the check does."""
    worded = next((record["expected"] for record in failing if is_known(record["expected"])), None)
    declared = (use.check.expected if use else None) or ""
    return cell_text(worded) or ("" if "{" in declared else prose(declared))


def _object(record: Mapping[Any, Any], shown: Collection[str]) -> FailingObject:
    text = record_text(record)
    return FailingObject(
        name=text["object_name"] or NO_NAME,
        server=text["server"],
        anchor=finding_anchor(text["finding_id"]) if text["finding_id"] in shown else "",
        badge=badge("FAIL", text["severity"]),
        observed=text["observed"] or text["reason"] or "not known",
    )


def disabled_checks(uses: Iterable[CheckUse]) -> Iterator[tuple[str, str, str]]:
    """Id, title and reason of each check that the policy turns off."""
    for use in uses:
        if not use.enabled:
            yield use.check.id, use.check.title, plain(use.reason) if use.reason else ""


# The rows of the page that show findings: what is wrong, what has no answer, what is accepted.

MAX_NAMES: Final = 12
"""Maximum number of objects that are named in a group."""


@dataclass(frozen=True)
class FindingRow:
    """One finding in words; `rank` sorts severities, worst first. `failure` is what is wrong where it fails.
    `cause_anchor` is empty where the page does not show its cause."""

    anchor: str
    finding_id: str
    badge: Badge
    rank: int
    server: str
    check_id: str
    check_anchor: str
    title: str
    failure: str
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
    job_name: str
    repository_name: str
    evidence_file: str
    evidence_entry: str
    evidence_row: str
    evidence_sha256: str


@dataclass(frozen=True)
class Wrong:
    """One check that fails somewhere on one server: how bad at worst, what is wrong (`failure`, which says on how many
    objects of how many), and how many causes that has: `causes` tells them by severity where these differ.
    """

    badge: Badge
    server: str
    check_id: str
    check_anchor: str
    title: str
    failure: str
    failing: str
    population: str
    causes: str


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


def findings_beneath(failed: pd.DataFrame, causes: Collection[str], most: int) -> pd.DataFrame:
    """The first `most` failing findings of each of the causes whose anchors are given, in their order."""
    anchors = failed["cause"].astype(object).map(cause_anchor)
    place = failed.groupby("cause", sort=False).cumcount()
    return failed[(anchors.isin(list(causes)) & (place < most)).to_numpy(dtype=bool)]


def finding_rows(findings: pd.DataFrame, limit: int, failures: Failures, causes: Collection[str] = ()) -> Capped:
    """The first `limit` findings, in their order; `causes` are the anchors of the causes that the page shows."""
    records = findings.head(limit).to_dict("records")
    return Capped(tuple(_finding_row(record, failures, causes) for record in records), len(findings))


def _finding_row(record: Mapping[Any, Any], failures: Failures, causes: Collection[str]) -> FindingRow:
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
        failure=failures.alone(text["check_id"], 1) or text["title"],
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
        **{name: text[name] for name in ("job_name", "repository_name", *EVIDENCE_COLUMNS)},
    )


def wrong_in_short(results: Results) -> tuple[Wrong, ...]:
    """The checks that fail, those with the worst finding first, then those with the most."""
    coverage, failures = results.coverage, results.failures
    causes = _causes_by_severity(results.failed)
    failing = coverage[(coverage["fail"] > 0).to_numpy(dtype=bool, na_value=False)].to_dict("records")
    ordered = sorted(failing, key=lambda record: (severity_rank(record["worst_severity"]), -record["fail"]))
    return tuple(
        Wrong(
            badge=badge("FAIL", cell_text(record["worst_severity"])),
            server=cell_text(record["server"]),
            check_id=cell_text(record["check_id"]),
            check_anchor=check_anchor(cell_text(record["check_id"])),
            title=cell_text(record["title"]),
            failure=failures.of_server(record["check_id"], record["server"]),
            failing=number(record["fail"]),
            population=number(record["population"]),
            causes=_causes_text(causes.get((record["server"], record["check_id"]), Counter())),
        )
        for record in ordered
    )


def _causes_by_severity(failed: pd.DataFrame) -> dict[tuple[str, str], Counter[str]]:
    """By server and check the causes of its findings, each counted at the worst severity that these have.

    A cause may be worse than that, by a finding of another check: a badge here speaks of this check alone.
    """
    counted: dict[tuple[str, str], Counter[str]] = {}
    for (server, check_id, _), severities in failed.groupby(["server", "check_id", "cause"], sort=False)["severity"]:
        worst = min(severities.unique(), key=severity_rank)
        counted.setdefault((str(server), str(check_id)), Counter())[worst] += 1
    return counted


def _causes_text(counts: Counter[str]) -> str:
    """`4 causes`, and with more than one severity `4 causes: 1 critical, 3 high`."""
    parts = [f"{number(counts[severity])} {severity}" for severity in SEVERITIES if counts[severity]]
    return count(counts.total(), "cause") + (f": {', '.join(parts)}" if len(parts) > 1 else "")


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
