"""What is kept of each server of a fleet: a summary small enough to travel, whatever the size of its audit.

A server that could not be audited has a summary as well: it stays in the number of all servers, and says why.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from vbr_audit import __version__
from vbr_audit.checks.catalogue import REGISTRY
from vbr_audit.display import is_known, shorten
from vbr_audit.findings.compared import rules_digest
from vbr_audit.findings.lifecycle import SPEAKS, State
from vbr_audit.findings.rating import Rating, rate
from vbr_audit.histories.adding import record_of_run
from vbr_audit.histories.run_records import Point
from vbr_audit.reports.record import severity_rank
from vbr_audit.vocabulary import COUNT_COLUMNS, COUNTED, SEVERITIES, STATUSES

if TYPE_CHECKING:
    import pandas as pd

    from vbr_audit.audited import Audit
    from vbr_audit.findings.changes import Changes

FORMAT: Final = 1
"""The version of a summary."""
MOST_BYTES: Final = 64 * 1024
"""What a summary may measure as JSON."""
MOST_CAUSES: Final = 20
MOST_REASONS: Final = 10
MOST_NEWS: Final = 20
_NAMES: Final = 3
"""Names that a group of news has; the others are counted."""
_OPEN: Final = ("FAIL", "ERROR", "UNKNOWN")
_TEXT: Final = 300
"""Characters of a text within a summary: a name from a server may be of any length."""


class Outcome(StrEnum):
    """How far the audit of one server came."""

    AUDITED = "audited"
    """Everything that the checks need was read."""
    INCOMPLETE = "incomplete"
    """It was judged, with questions left open because not everything could be read."""
    NOT_AUDITED = "not audited"
    """Nothing is known of it: it was not reached, refused the account, or its run was not kept."""


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class CheckCount(_Record):
    """The answers of one check on one server: how many of each of `vocabulary.COUNTED`, in that order.

    `severity` is the worst of its failing findings, None where none fails. `title` is that of a check of one's own,
    None for a shipped one.
    """

    check_id: str
    counts: tuple[int, int, int, int, int, int]
    severity: str | None = None
    title: str | None = None

    @property
    def status(self) -> str:
        """The worst status that it has on the server; NOT_APPLICABLE where it has no finding."""
        return next((status for status in STATUSES if self.counts[_PLACE[status]]), "NOT_APPLICABLE")

    @property
    def failing(self) -> int:
        """How many findings fail."""
        return self.counts[_PLACE["FAIL"]]


_PLACE: Final = {status: place for place, status in enumerate(COUNTED)}


class WorstCause(_Record):
    """One of the worst causes of a server; `kind` is that of the object that it is called by, `due` an ISO date."""

    cause: str
    check_id: str
    severity: str
    failure: str
    name: str
    findings: int
    open_since: str | None = None
    kind: str = ""
    title: str = ""
    consequence: str = ""
    owner: str | None = None
    due: str | None = None
    overdue: bool = False


class NewsGroup(_Record):
    """What became of `objects` findings of one check since the run before, so that somebody is to be told.

    `names` are the first of the objects.
    """

    state: str
    severity: str
    check_id: str
    title: str
    kind: str
    objects: int
    names: tuple[str, ...] = ()


class ServerSummary(_Record):
    """One server of a fleet: what came of its audit.

    `reasons` say why it is not whole, or was not audited at all: the first of `reasons_total`. `point` has the numbers
    that its own report shows, `changes` how many findings are in which state since its run before (`earlier_run`),
    empty without one, and `news` those of them of which somebody is to be told. `checks_cut` says that not all of its
    checks are in `checks`. `rules` is a digest of what it was judged by, `digest` one of what fails and what has no
    answer, `seconds` the time from its first request to its kept run. `scrub_key_id` tells the key by which the names
    in it were replaced, None where they were not.
    """

    format: Annotated[int, Field(alias="schema", ge=1)] = FORMAT
    server: str
    outcome: Outcome
    tenant: str | None = None
    reasons: tuple[str, ...] = ()
    reasons_total: int = 0
    server_id: str | None = None
    run_id: str | None = None
    folder: str | None = None
    now: AwareDatetime | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    timezone: str | None = None
    tool_version: str = __version__
    revision: str | None = None
    build: str | None = None
    role: str | None = None
    policy_name: str | None = None
    rules: str = ""
    point: Point | None = None
    checks: tuple[CheckCount, ...] = ()
    checks_cut: bool = False
    worst: tuple[WorstCause, ...] = ()
    causes_total: int = 0
    changes: Mapping[str, int] = Field(default_factory=dict)
    earlier_run: str | None = None
    news: tuple[NewsGroup, ...] = ()
    digest: str = ""
    seconds: float = 0.0
    scrub_key_id: str | None = None

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True, populate_by_name=True)

    @property
    def rating(self) -> Rating | None:
        """The rating of the server by the rule of its own report; None where it was not audited."""
        if self.point is None:
            return None
        return rate(self.point.causes, assessed=self.point.assessed, gaps=self.point.incomplete)

    @property
    def is_audited(self) -> bool:
        """Whether anything is known of it."""
        return self.outcome is not Outcome.NOT_AUDITED

    def to_json(self) -> bytes:
        """The summary as UTF-8 JSON of at most `MOST_BYTES`: what does not fit is left out, and said to be.

        Titles of own checks go first, then causes, news and reasons beyond the first, then checks that do not fail, and
        at last checks at all.
        """
        untitled = tuple(check.model_copy(update={"title": None}) for check in self.checks)
        failing = tuple(check for check in untitled if check.severity is not None)
        kept: dict[str, object] = {}
        for less in (
            {},
            {"checks": untitled},
            {"worst": self.worst[:1], "news": self.news[:1], "reasons": self.reasons[:1]},
            {"checks": failing, "checks_cut": True},
            {"checks": (), "worst": (), "news": ()},
        ):
            kept |= less
            content = self.model_copy(update=kept).model_dump_json(by_alias=True, exclude_none=True).encode()
            if len(content) <= MOST_BYTES:
                break
        return content


def not_audited(server: str, reason: str, *, tenant: str | None = None, seconds: float = 0.0) -> ServerSummary:
    """The summary of a server of which nothing is known; `reason` must hold no secret."""
    return ServerSummary(
        server=shorten(server, _TEXT),
        outcome=Outcome.NOT_AUDITED,
        tenant=tenant,
        reasons=(shorten(reason, _TEXT),),
        reasons_total=1,
        seconds=seconds,
    )


def summary_of(audit: Audit, *, tenant: str | None = None, seconds: float = 0.0) -> ServerSummary:
    """The summary of an audit of one server, whose run is called `folder` in a history.

    The numbers are those of its own reports. What would not fit `MOST_BYTES` is cut, and `causes_total` and
    `reasons_total` still count it. Raises `ValueError` for an audit of several servers, which share their numbers.
    """
    manifest, results = audit.snapshot.manifest, audit.results
    (server,) = manifest.servers
    record = record_of_run(audit.snapshot, results)
    run, gaps = manifest.run, [shorten(str(gap), _TEXT) for gap in results.gaps]
    return ServerSummary(
        server=shorten(server.name, _TEXT),
        outcome=Outcome.INCOMPLETE if gaps else Outcome.AUDITED,
        tenant=tenant,
        reasons=tuple(gaps[:MOST_REASONS]),
        reasons_total=len(gaps),
        server_id=shorten(manifest.server_ids[server.name], _TEXT),
        run_id=manifest.run_id,
        folder=record.folder,
        now=run.now,
        since=run.since,
        until=run.until,
        timezone=run.timezone,
        tool_version=run.tool_version,
        revision=server.revision,
        build=server.build,
        role=server.role,
        policy_name=run.policy_name,
        rules=rules_digest(run),
        point=record.point,
        checks=tuple(_check_counts(results.coverage, results.failed)),
        worst=tuple(_worst(results.causes.head(MOST_CAUSES))),
        causes_total=len(results.causes),
        digest=_digest(results.findings, gaps),
        seconds=seconds,
        scrub_key_id=run.scrub_key_id,
        **facts_of_changes(results.changes),
    )


def facts_of_changes(changes: Changes | None) -> dict[str, Any]:
    """The fields of a summary that say what became of the findings since the run before."""
    if changes is None:
        return {}
    return {
        "changes": {str(state): number for state, number in changes.counts.items() if number},
        "earlier_run": changes.earlier.run_id,
        "news": tuple(_news(changes.having(*SPEAKS)))[:MOST_NEWS],
    }


def _news(changed: pd.DataFrame) -> Iterator[NewsGroup]:
    """Findings of one check in one state, as one; what turned bad before what was lost sight of, the worst first."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for record in changed.to_dict("records"):
        words = [str(record[name]) for name in ("state", "severity", "check_id", "title", "object_type")]
        groups.setdefault(tuple(words), []).append(shorten(record["object_name"], _TEXT))
    ordered = sorted(groups, key=lambda words: (words[0] == State.LOST_SIGHT, severity_rank(words[1])))
    for state, severity, check_id, title, kind in ordered:
        names = groups[state, severity, check_id, title, kind]
        yield NewsGroup(
            state=state,
            severity=severity,
            check_id=check_id,
            title=shorten(title, _TEXT),
            kind=kind,
            objects=len(names),
            names=tuple(names[:_NAMES]),
        )


def _digest(findings: pd.DataFrame, gaps: Sequence[str]) -> str:
    """What is the same only where the same fails, and the same has no answer."""
    rows = zip(findings["finding_id"].tolist(), findings["status"].tolist(), strict=True)
    words = [*sorted(f"{key} {status}" for key, status in rows if status in _OPEN), *gaps]
    return hashlib.sha256("\n".join(words).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _check_counts(coverage: pd.DataFrame, failed: pd.DataFrame) -> Iterator[CheckCount]:
    ranks = failed["severity"].map({word: rank for rank, word in enumerate(SEVERITIES)})
    worst = {str(check): SEVERITIES[int(rank)] for check, rank in ranks.groupby(failed["check_id"]).min().items()}
    shipped = {check.id for check in REGISTRY}
    for record in coverage.to_dict("records"):
        check_id = str(record["check_id"])
        yield CheckCount(
            check_id=check_id,
            counts=tuple(int(record[name]) for name in COUNT_COLUMNS),
            severity=worst.get(check_id),
            title=None if check_id in shipped else shorten(record["title"], _TEXT),
        )


def _worst(causes: pd.DataFrame) -> Iterator[WorstCause]:
    for record in causes.to_dict("records"):
        opened = record["open_since"]
        yield WorstCause(
            cause=record["cause"],
            check_id=record["check_id"],
            severity=record["severity"],
            failure=shorten(record["failure"], _TEXT),
            name=shorten(record["name"], _TEXT) if is_known(record["name"]) else "",
            findings=int(record["findings"]),
            open_since=opened if is_known(opened) else None,
            kind=record["kind"],
            title=shorten(record["title"], _TEXT),
            consequence=shorten(record["consequence"], _TEXT) if is_known(record["consequence"]) else "",
            owner=shorten(record["owner"], _TEXT) if is_known(record["owner"]) else None,
            due=record["due"] if is_known(record["due"]) else None,
            overdue=bool(record["overdue"]) if is_known(record["overdue"]) else False,
        )
