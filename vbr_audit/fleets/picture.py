"""The facts of a fleet report: coverage first, then the worst servers, and the causes that many of them share."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from vbr_audit.checks.catalogue import REGISTRY
from vbr_audit.checks.engine.failure import names_in, predicate, subject_alone
from vbr_audit.display import count, number, period_text, time_zone
from vbr_audit.findings.rating import GRADES, NOT_RATED, Rating
from vbr_audit.fleets.fleet import Fleet, cells_of, checks_of
from vbr_audit.fleets.population import Population, PopulationFinding, held_against
from vbr_audit.fleets.summaries import CheckCount, Outcome, ServerSummary, not_audited
from vbr_audit.reports.record import severity_rank
from vbr_audit.vocabulary import SEVERITIES

MOST_WORST: Final = 20
SCRUBBED: Final = "replaced by pseudonyms on purpose"
_SHIPPED: Final = {check.id: check for check in REGISTRY}


@dataclass(frozen=True)
class ServerLine:
    """One server: its summary and its rating, None where it was not audited."""

    summary: ServerSummary
    rating: Rating | None

    @property
    def grade(self) -> str:
        """The letter, `not rated`, or `not audited`."""
        return str(Outcome.NOT_AUDITED) if self.rating is None else self.rating.grade


@dataclass(frozen=True)
class SharedCause:
    """One check that fails on several servers: how many of those that were asked, and for how many objects."""

    check_id: str
    severity: str
    told: str
    servers: int
    asked: int
    objects: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class TenantLine:
    """The servers of one tenant in numbers; `grades` counts them by grade."""

    tenant: str
    servers: int
    audited: int
    grades: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class FleetPicture:
    """What a fleet report shows; every number of it is computed here, once.

    `total` counts every server that ought to be audited: those of the fleet, and those of the list that nobody asked
    for. `tenant` is whose picture it is, None for the picture of all.
    """

    fleet: Fleet
    title: str
    tenant: str | None
    lines: tuple[ServerLine, ...]
    total: int
    judged: int
    not_audited: tuple[ServerLine, ...]
    population: tuple[PopulationFinding, ...] | None
    grades: Mapping[str, int]
    shared: tuple[SharedCause, ...]
    check_ids: tuple[str, ...]
    versions: tuple[tuple[str, str, int], ...]
    tenants: tuple[TenantLine, ...]
    periods: tuple[str, ...]
    policies: tuple[str, ...]

    @property
    def coverage(self) -> float | None:
        """The share of `total` that was audited; None of no server."""
        return self.judged / self.total if self.total else None

    @property
    def names_note(self) -> str:
        """What is to be said of the names; nothing where they are the real ones."""
        return f"Names of servers, tenants and objects are {SCRUBBED}." if self.fleet.scrub_key_ids else ""

    @property
    def coverage_text(self) -> str:
        """`3 of 412 servers were not audited.`"""
        missing = self.total - self.judged
        if not self.total:
            return "No server was asked for."
        if not missing:
            return (
                f"All of {count(self.total, 'server')} were audited." if self.total > 1 else "The server was audited."
            )
        return f"{number(missing)} of {count(self.total, 'server')} {'was' if missing == 1 else 'were'} not audited."

    @property
    def worst(self) -> tuple[ServerLine, ...]:
        """The worst servers of those that were audited."""
        return tuple(line for line in self.lines if line.rating is not None)[:MOST_WORST]

    @cached_property
    def matrix(self) -> tuple[tuple[str, ...], ...]:
        """For each of `lines`, the status of each of `check_ids`, as `fleet.matrix` has it."""
        return tuple(cells_of(line.summary, self.check_ids) for line in self.lines)


def picture_of(
    fleet: Fleet, population: Population | None = None, *, title: str = "Backup servers", tenant: str | None = None
) -> FleetPicture:
    """The picture of a fleet, or of what one tenant has in it; `population` is the list of what ought to be audited.

    The picture of a tenant is made of the summaries of its own servers alone.
    """
    if tenant is not None:
        own = tuple(summary for summary in fleet.summaries if summary.tenant == tenant)
        whose = {summary.server.casefold(): summary.tenant for summary in fleet.summaries}
        fleet = Fleet(own, fleet.now, fleet.batch)
        population = None if population is None else population.of_tenant(tenant, whose)
    asked = {summary.server.casefold() for summary in fleet.summaries}
    unasked = [] if population is None else [each for each in population.servers if each.name.casefold() not in asked]
    absent = [not_audited(each.name, "in the list, but nobody asked for it", tenant=each.tenant) for each in unasked]
    lines = tuple(sorted(map(_line, (*fleet.summaries, *absent)), key=_worst_first))
    judged = tuple(line.summary for line in lines if line.rating is not None)
    grades = Counter(line.grade for line in lines)
    return FleetPicture(
        fleet=fleet,
        title=title,
        tenant=tenant,
        lines=lines,
        total=len(lines),
        judged=len(judged),
        not_audited=tuple(line for line in lines if line.rating is None),
        population=None if population is None else held_against(population, fleet.summaries),
        grades={grade: grades.get(grade, 0) for grade in _ORDER},
        shared=_shared(judged),
        check_ids=checks_of(judged),
        versions=_versions(judged),
        tenants=() if tenant is not None else _tenants(lines),
        periods=tuple(sorted({_period(summary) for summary in judged})),
        policies=tuple(sorted({summary.policy_name or "default profile" for summary in judged})),
    )


_ORDER: Final = (*(grade.letter for grade in reversed(GRADES)), NOT_RATED, str(Outcome.NOT_AUDITED))
"""The grades in the order of the report: the worst first, then those of which too little is known."""


def _line(summary: ServerSummary) -> ServerLine:
    return ServerLine(summary, summary.rating)


def _worst_first(line: ServerLine) -> tuple[object, ...]:
    """Not audited first, as nothing is known of it; then by grade, then by causes of each severity, then by name."""
    point = line.summary.point
    if line.rating is None or point is None:
        return (0, 0, (), line.summary.server.casefold(), line.summary.server)
    causes = tuple(-point.causes.get(severity, 0) for severity in SEVERITIES)
    return (1, _ORDER.index(line.rating.grade), causes, line.summary.server.casefold(), line.summary.server)


def _shared(summaries: Sequence[ServerSummary]) -> tuple[SharedCause, ...]:
    """The checks that fail on at least two servers, by severity, then by the number of servers."""
    failing: dict[str, list[tuple[ServerSummary, CheckCount]]] = defaultdict(list)
    asked: Counter[str] = Counter()
    for summary in summaries:
        for check in summary.checks:
            asked[check.check_id] += 1
            if check.failing:
                failing[check.check_id].append((summary, check))
    shared = [_shared_cause(check_id, found, asked[check_id]) for check_id, found in failing.items() if len(found) > 1]
    return tuple(sorted(shared, key=lambda one: (severity_rank(one.severity), -one.servers, one.check_id)))


def _shared_cause(check_id: str, found: Sequence[tuple[ServerSummary, CheckCount]], asked: int) -> SharedCause:
    objects = sum(check.failing for _, check in found)
    worst = min((check.severity or SEVERITIES[-1] for _, check in found), key=severity_rank)
    names = sorted((summary.server for summary, _ in found), key=str.casefold)
    severity = worst if worst in SEVERITIES else SEVERITIES[-1]
    return SharedCause(check_id, severity, _told(check_id, found, objects), len(found), asked, objects, tuple(names))


def _told(check_id: str, found: Sequence[tuple[ServerSummary, CheckCount]], objects: int) -> str:
    """What fails, in the words of the check; of a check that is not at hand, its own title, else its id."""
    check = _SHIPPED.get(check_id)
    if check is None:
        return next((one.title for _, one in found if one.title), None) or check_id
    if check.failure is None or set(names_in(check.failure)) & set(check.model.model_fields):
        return check.title  # a limit in the phrase is that of a policy, which may differ from server to server
    return f"{subject_alone(check.object_kind, objects)} {predicate(check.failure, {}, objects)}"


def _versions(summaries: Iterable[ServerSummary]) -> tuple[tuple[str, str, int], ...]:
    """Each build and API revision with the number of servers, the most frequent first."""
    found = Counter((summary.build or "not known", summary.revision or "not known") for summary in summaries)
    return tuple((build, revision, many) for (build, revision), many in sorted(found.items(), key=_most_first))


def _most_first(entry: tuple[tuple[str, str], int]) -> tuple[int, tuple[str, str]]:
    return -entry[1], entry[0]


def _tenants(lines: Iterable[ServerLine]) -> tuple[TenantLine, ...]:
    by_tenant: dict[str, list[ServerLine]] = defaultdict(list)
    for line in lines:
        if line.summary.tenant is not None:
            by_tenant[line.summary.tenant].append(line)
    return tuple(
        TenantLine(
            tenant,
            len(own),
            sum(line.rating is not None for line in own),
            {grade: sum(line.grade == grade for line in own) for grade in _ORDER},
        )
        for tenant, own in sorted(by_tenant.items(), key=lambda entry: entry[0].casefold())
    )


def _period(summary: ServerSummary) -> str:
    since, until, zone = summary.since, summary.until, summary.timezone
    if since is None or until is None or zone is None:
        return "not known"
    return period_text(since, until, time_zone(zone), zone)


def rating_rules() -> tuple[tuple[str, str], ...]:
    """Each grade with its rule, the best first."""
    return tuple((grade.letter, grade.rule) for grade in GRADES)
