"""The numbers of a run for Prometheus, `metrics.prom`: OpenMetrics text that a textfile collector reads as well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from vbr_audit.checks.derived.protection import DIGITS
from vbr_audit.collection.manifest import DatasetStatus
from vbr_audit.display import is_known, plain
from vbr_audit.findings.rating import GRADES, NOT_RATED
from vbr_audit.histories.capacities import capacity_of
from vbr_audit.histories.run_records import ANSWERED, PROTECTED_BY, point_of
from vbr_audit.reports.figures.repository_list import SCALE_OUT
from vbr_audit.reports.figures.server_list import server_lines
from vbr_audit.reports.interface import export
from vbr_audit.vocabulary import COUNTED, SEVERITIES

if TYPE_CHECKING:
    from vbr_audit.reports.context import ReportContext

PREFIX: Final = "vbr_audit_"
_DAY: Final = 86_400
_READ: Final = (DatasetStatus.COMPLETE, DatasetStatus.PARTIAL)
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_ANSWERS: Final[Mapping[str, str]] = dict(zip(ANSWERED, ("fresh", "late", "waived", "unknown", "error"), strict=True))
"""The answers of the check that says which objects are protected, with their names here."""
_UNTIL_FULL: Final = {"expected": "days_to_full", "earliest": "days_low", "latest": "days_high"}


@dataclass
class _Family:
    """One metric, always a gauge: its name without prefix, what it is, its unit, and the samples by their labels.

    OpenMetrics has types of its own for facts and for states; the parser of the textfile collector refuses a file that
    has them. `unknown` are the labels of what has no value: no zero and no NaN may stand for it, as a comparison with
    NaN is never true, so that an alert would stay silent.
    """

    name: str
    help: str
    unit: str = ""
    samples: list[tuple[Mapping[str, str], float]] = field(default_factory=list)
    unknown: list[Mapping[str, str]] = field(default_factory=list)

    def add(self, value: Any, **labels: str) -> None:
        """A sample; what is not known is left out."""
        if is_known(value):
            self.samples.append((labels, value))
        else:
            self.unknown.append(labels)

    def lines(self) -> Iterator[str]:
        """The text of the metric; nothing where there is no sample."""
        if not self.samples:
            return
        name = PREFIX + self.name
        yield f"# TYPE {name} gauge"
        if self.unit:
            yield f"# UNIT {name} {self.unit}"
        yield f"# HELP {name} {self.help}"
        for labels, value in self.samples:
            told = ",".join(f'{label}="{text.translate(_ESCAPES)}"' for label, text in labels.items())
            yield f"{name}{{{told}}} {_number(value)}" if told else f"{name} {_number(value)}"


def run_metrics(context: ReportContext) -> bytes:
    """The numbers of a run as OpenMetrics text in UTF-8, the last line `# EOF`; all metrics are gauges.

    Control characters in names are shown as pictures, so that a dashboard obeys none. Two servers, or two repositories,
    that look alike then are told apart by a number in brackets: a file that has a series twice is refused as a whole.
    """
    servers = _distinct([*(each.name for each in context.manifest.servers), *context.results.findings["server"]])
    numbers, evidence, shares = _numbers(context), _evidence(context, servers), _shares(context, servers)
    families = [
        *(*_run(context), *numbers, *_findings(context, servers), *_protection(context, servers)),
        *(*_servers(context, servers), evidence, *shares, *_repositories(context, servers)),
        _known([*numbers, evidence, *shares]),
    ]
    lines = [line for family in families for line in family.lines()]
    return ("\n".join([*lines, "# EOF"]) + "\n").encode("utf-8", "replace")


def _number(value: float) -> str:
    return repr(float(value)) if value != int(value) else str(int(value))


def _distinct(names: Iterable[str]) -> dict[str, str]:
    """Each name as it is shown, no two alike."""
    shown: dict[str, str] = {}
    taken = set[str]()
    for name in dict.fromkeys(names):
        shown[name] = _free(plain(name), taken)
    return shown


def _free(label: str, taken: set[str]) -> str:
    """`label`, with a number where it is taken; from then on it is taken."""
    found, count = label, 1
    while found in taken:
        count += 1
        found = f"{label} ({count})"
    taken.add(found)
    return found


def _run(context: ReportContext) -> list[_Family]:
    """What the run is, when it was, and its rating."""
    run, rating = context.manifest.run, context.summary.rating
    info = _Family("run_info", "The run that these numbers are of; always 1.")
    info.add(1, run_id=context.manifest.run_id, tool_version=plain(run.tool_version))
    grades = _Family("rating", "1 for the grade of the run, 0 for the others.")
    for grade in (*(grade.letter for grade in GRADES), NOT_RATED):
        grades.add(int(rating.grade == grade), grade=grade)
    return [
        info,
        _single("run_timestamp_seconds", "The clock of the run.", run.now.timestamp(), "seconds"),
        _single("period_start_timestamp_seconds", "The start of the period.", run.since.timestamp(), "seconds"),
        _single("period_end_timestamp_seconds", "The end of the period.", run.until.timestamp(), "seconds"),
        grades,
        _single("rating_at_best", "1 if the true grade can be worse than the rating.", int(rating.at_best)),
        _single("incomplete_reasons", "For how many reasons the run is incomplete.", len(context.results.gaps)),
    ]


def _single(name: str, description: str, value: Any, unit: str = "") -> _Family:
    family = _Family(name, description, unit)
    family.add(value)
    return family


def _numbers(context: ReportContext) -> list[_Family]:
    """The headline numbers of the run."""
    summary, point = context.summary, point_of(context.results, capacity_of(context.snapshot))
    jobs = _single("jobs_in_scope", "Jobs in scope; at least so many if value_known is 0.", summary.jobs_in_scope)
    jobs.unknown += [] if summary.jobs_whole or jobs.unknown else [{}]
    runs = _Family("job_runs", "Finished job runs of the period by result; at least so many if value_known is 0.")
    for result, ended in summary.sessions_by_result.items():
        runs.add(ended, result=plain(result))
    runs.unknown += [] if summary.sessions_whole else [{}]
    needed = _Family("needed_datasets", "Datasets that the checks need, by whether they were read whole.")
    needed.add(summary.needed_complete, state="complete")
    needed.add(summary.needed_total - summary.needed_complete, state="incomplete")
    return [
        _single("checks_clean", "Checks without an open finding.", summary.checks_clean),
        _single("checks_judged", "Checks with a finding that applies.", summary.checks_judged),
        _single("compliance_ratio", "The share of the answers that are good.", summary.compliance, "ratio"),
        _single("assessed_ratio", "The share of the questions that have an answer.", summary.assessed, "ratio"),
        _single(
            "protected_ratio", "The share of the objects with a fresh restore point.", point.protected_share, "ratio"
        ),
        _single("job_runs_success_ratio", "The share of the job runs that succeeded.", summary.success_rate, "ratio"),
        jobs,
        _single("jobs_at_risk", "Jobs with a critical or high failing finding.", context.figures.jobs_at_risk),
        runs,
        needed,
    ]


def _findings(context: ReportContext, servers: Mapping[str, str]) -> list[_Family]:
    """Findings and causes, with a zero for what there is none of: it was counted."""
    found, causes = context.results.findings, context.results.causes
    own = Counter(zip(*(found[name].tolist() for name in ("server", "severity", "status")), strict=True))
    findings = _Family("findings", "Findings by server, severity and status.")
    for (name, shown), severity, status in product(servers.items(), SEVERITIES, COUNTED):
        findings.add(own[name, severity, status], server=shown, severity=severity, status=status)
    areas = _Family("area_findings", "Findings by area and status.")
    for entry in context.summary.by_area:
        for status in COUNTED:
            areas.add(entry.counts.get(status, 0), area=entry.area, status=status)
    many = Counter(zip(*(causes[name].tolist() for name in ("server", "severity")), strict=True))
    settled = _Family("causes", "Causes of failing findings, each one thing that somebody can do.")
    for (name, shown), severity in product(servers.items(), SEVERITIES):
        settled.add(many[name, severity], server=shown, severity=severity)
    return [findings, areas, settled]


def _protection(context: ReportContext, servers: Mapping[str, str]) -> list[_Family]:
    """The protected objects by their restore points, and by the digits of 3-2-1-1-0."""
    coverage = context.results.coverage
    objects = _Family("protected_objects", "Protected objects by whether their newest restore point is in time.")
    asked = coverage[coverage["check_id"].eq(PROTECTED_BY).to_numpy(dtype=bool, na_value=False)]
    for row in asked.to_dict("records"):
        for name, state in _ANSWERS.items():
            objects.add(row[name], server=servers.get(row["server"], plain(row["server"])), state=state)
    digits = _Family("digit_objects", "Protected objects by the digits of 3-2-1-1-0 that they meet.")
    for name, digit in zip(DIGITS, context.figures.protection.digits, strict=False):
        for state, number in (("met", digit.met), ("not met", digit.not_met), ("not known", digit.not_known)):
            digits.add(number, digit=name, state=state)
    return [objects, digits]


def _servers(context: ReportContext, servers: Mapping[str, str]) -> list[_Family]:
    """What each server is, and how far it was read."""
    manifest = context.manifest
    info = _Family("server_info", "What the server said of itself; always 1.")
    verified = _Family("server_certificate_verified", "1 if the certificate of the server was checked.")
    datasets = _Family("datasets", "Datasets that were asked for, by how far they were read.")
    counts = Counter((record.server, record.status) for record in manifest.datasets)
    for server in manifest.servers:
        shown = servers[server.name]
        info.add(1, server=shown, build=plain(server.build), revision=plain(server.revision))
        verified.add(int(server.verified), server=shown)
        for status in DatasetStatus:
            datasets.add(counts[server.name, status], server=shown, status=status.value)
    return [info, verified, datasets]


def _evidence(context: ReportContext, servers: Mapping[str, str]) -> _Family:
    """How old the evidence of each server is, by the first dataset of which anything was read."""
    evidence = _Family("evidence_timestamp_seconds", "When the oldest answer of the server was asked for.", "seconds")
    read = [record for record in context.manifest.datasets if record.status in _READ]
    for server in context.manifest.servers:
        begun = [record.started.timestamp() for record in read if record.server == server.name]
        evidence.add(min(begun, default=None), server=servers[server.name])
    return evidence


def _shares(context: ReportContext, servers: Mapping[str, str]) -> list[_Family]:
    """The shares of each server by itself."""
    good = _Family("server_compliance_ratio", "The share of the answers about the server that are good.", "ratio")
    answered = _Family("server_assessed_ratio", "The share of its questions that have an answer.", "ratio")
    ended = _Family("server_job_runs_success_ratio", "The share of its job runs that succeeded.", "ratio")
    figures = context.figures
    lines = figures.estate.servers or server_lines(context.snapshot, context.results, figures.runs)
    for line in sorted(lines, key=lambda line: line.server):
        shown = servers[line.server]
        good.add(line.compliance, server=shown)
        answered.add(line.assessed, server=shown)
        ended.add(line.success_rate, server=shown)
    return [good, answered, ended]


def _repositories(context: ReportContext, servers: Mapping[str, str]) -> list[_Family]:
    """The space of each repository, and when it is full; a scale-out repository is told by its extents."""
    rows = context.figures.estate.repositories
    space = {
        name: _Family(f"repository_{name}", description, "bytes")
        for name, description in (
            ("capacity_bytes", "The capacity; absent if there is none, or if it is not known."),
            ("used_bytes", "The used space; absent if it is not known."),
            ("free_bytes", "The free space; absent if it is not known."),
        )
    }
    full = _Family("repository_until_full_seconds", "Time until it is full, absent if not known.", "seconds")
    outlook = _Family("repository_outlook", "What can be said of when it is full; always 1.")
    taken: dict[str, set[str]] = {}
    for row in rows[rows["kind"].ne(SCALE_OUT).fillna(True)].to_dict("records"):
        server = servers.get(row["server"], plain(row["server"]))
        number = _free(plain(row["repository_id"]), taken.setdefault(server, set()))
        labels = {"server": server, "repository": plain(row["name"]), "repository_id": number}
        for name, family in space.items():
            family.add(row[name], **labels)
        for estimate, name in _UNTIL_FULL.items():
            full.add(row[name] * _DAY if is_known(row[name]) else None, **labels, estimate=estimate)
        outlook.add(1, **labels, outlook=plain(row["outlook"]))
    return [*space.values(), full, outlook]


def _known(families: Iterable[_Family]) -> _Family:
    """Which numbers are known, so that an alert can tell what is not known from what is good."""
    known = _Family("value_known", "1 if a number is known and whole; 0 if it is absent, or at least so many.")
    for family in families:
        for labels in family.unknown:
            known.add(0, metric=PREFIX + family.name, **labels)
        for labels, _ in family.samples:
            if labels not in family.unknown and set(labels) <= {"server"}:
                known.add(1, metric=PREFIX + family.name, **labels)
    return known


OPENMETRICS: Final = export("openmetrics", "metrics.prom", 95, run_metrics)
