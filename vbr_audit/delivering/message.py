"""What a delivery says: the facts of one run, read from its folder once, the same for every channel.

Only `findings.json` and `manifest.json` are read, so that every number is the one of the reports. Texts are made
harmless for a line of text here; each channel escapes them for its own markup.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from vbr_audit.collection.manifest import Manifest
from vbr_audit.collection.run_folder import FILES, FINDINGS_JSON, SUMS, bytes_of, changed_files, read_manifest
from vbr_audit.display import count, moment, number, percent, period_text, shorten, time_zone
from vbr_audit.errors import EvidenceError
from vbr_audit.findings.lifecycle import SPEAKS, TURNED_BAD, State
from vbr_audit.findings.rating import Rating
from vbr_audit.vocabulary import SEVERITIES

SCHEMA: Final = 1
"""The version of `findings.json` that is understood here."""
OPEN: Final = ("FAIL", "ERROR", "UNKNOWN")
"""The statuses that make the state of a run: what fails, and what has no answer."""
_WHOLE, _LONG, _SHORT, _NAMES = 1500, 400, 120, 3
_HINT: Final = "Write the reports of the run anew: vbr-audit report RUN --format html,json."


@dataclass(frozen=True)
class Cause:
    """One thing that somebody can do about what fails; `key` is its id, `due` an ISO date or nothing."""

    key: str
    severity: str
    check_id: str
    title: str
    failure: str
    consequence: str
    name: str
    kind: str
    server: str
    owner: str
    due: str
    overdue: bool
    settles: int
    remediation: str


@dataclass(frozen=True)
class Judged:
    """One finding: its id, its status after waivers, what became of it (nothing without an earlier run)."""

    key: str
    status: str
    change: str
    cause: str
    severity: str
    check_id: str
    title: str
    name: str
    kind: str
    server: str
    observed: str
    expected: str
    remediation: str


@dataclass(frozen=True)
class News:
    """What became of findings of one check on one server, about objects of one kind; `names` are the first of them."""

    state: str
    severity: str
    check_id: str
    title: str
    server: str
    kind: str
    objects: int
    names: str


@dataclass(frozen=True)
class Message:
    """The facts of one run that a channel puts into words.

    `scope` identifies the servers and jobs that the run is about, `digest` what fails and what has no answer in it.
    `changed` counts what became of findings since the run `earlier_run`, nothing without one; `news` are those of them
    that make a message due, in groups, worst first. `causes` are all causes, worst first, `gaps` what was not read.
    """

    run_id: str
    scope: str
    digest: str
    now: dt.datetime
    month: str
    servers: tuple[str, ...]
    period: str
    read_at: str
    level: str
    headline: str
    detail: str
    rating: str
    rating_rule: str
    rating_reason: str
    is_scrubbed: bool
    gaps: tuple[str, ...]
    numbers: tuple[tuple[str, str], ...]
    failing_by_severity: Mapping[str, int]
    earlier: str
    earlier_run: str
    changed: Mapping[str, int]
    gone: frozenset[str]
    news: tuple[News, ...]
    causes: tuple[Cause, ...]
    findings: tuple[Judged, ...]
    folder: Path

    @property
    def subject(self) -> str:
        """One line that says what the run is about and how it stands, without a line break."""
        names = ", ".join(self.servers[:2]) + (f" and {len(self.servers) - 2} more" if len(self.servers) > 2 else "")
        incomplete = "INCOMPLETE, " if self.gaps else ""
        critical = count(self.failing_by_severity.get("critical", 0), "critical finding")
        return shorten(f"Backup audit of {names}: {incomplete}rating {self.rating}, {critical}", 180)

    @property
    def causes_total(self) -> int:
        """How many causes there are."""
        return len(self.causes)

    @property
    def told_as(self) -> str:
        """What a later message names as the run before, where it was compared with this one."""
        return self.run_id

    @property
    def files(self) -> Collection[str]:
        """The files that may go with a mail."""
        return FILES

    @property
    def changed_words(self) -> tuple[str, ...]:
        """`3 new`, `1 lost sight`: the states of findings since the earlier run that say that something changed."""
        shown = (*SPEAKS, State.FIXED, State.OBJECT_GONE, State.POLICY_CHANGED, State.METHOD_CHANGED)
        pairs = ((state, self.changed.get(state, 0)) for state in dict.fromkeys(shown))
        return tuple(f"{number(many)} {state.replace('_', ' ').lower()}" for state, many in pairs if many)


def read_message(folder: Path) -> Message:
    """The facts of the run in `folder`.

    Raises `EvidenceError` where the folder is no run, holds no `findings.json`, or one that is not as it was written.
    """
    manifest = read_manifest(folder)
    content = bytes_of(folder / FINDINGS_JSON)
    if not content:
        raise EvidenceError(f"{folder} holds no {FINDINGS_JSON}, from which messages are made", hint=_HINT)
    if changed_files(folder, [FINDINGS_JSON]):
        raise EvidenceError(f"{folder / FINDINGS_JSON} is not what {SUMS} says, and nothing was sent", hint=_HINT)
    try:
        found = orjson.loads(content)
        if found["schema"] != SCHEMA:
            raise ValueError("another version")
        return _message(folder, manifest, found)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise EvidenceError(
            f"{folder / FINDINGS_JSON} is not what this version of vbr-audit writes", hint=_HINT
        ) from None


def _message(folder: Path, manifest: Manifest, found: Mapping[str, Any]) -> Message:
    run, summary, changes = manifest.run, found["summary"], found.get("changes")
    zone = time_zone(run.timezone)
    findings = tuple(_judged(row) for row in found["findings"])
    verdict, rating = summary["verdict"], Rating(**summary["rating"])
    earlier = changes["earlier"] if changes else None
    gone = [row for row in changes["changed"] if row["state"] == State.OBJECT_GONE] if changes else []
    return Message(
        run_id=manifest.run_id,
        scope=_scope(manifest),
        digest=_digest(findings, found["run"]["incomplete"]),
        now=run.now,
        month=f"{run.now.astimezone(zone):%Y-%m}",
        servers=tuple(shorten(server.name, _SHORT) for server in manifest.servers),
        period=period_text(run.since, run.until, zone, run.timezone),
        read_at=moment(run.now, zone, run.timezone),
        level=verdict["level"],
        headline=shorten(verdict["headline"], _LONG),
        detail=shorten(verdict["detail"], _WHOLE),
        rating=rating.told,
        rating_rule=rating.rule,
        rating_reason=shorten(rating.reason, _LONG),
        is_scrubbed=manifest.is_scrubbed,
        gaps=tuple(shorten(line, _LONG) for line in found["run"]["incomplete"]),
        numbers=tuple(_numbers(summary)),
        failing_by_severity={severity: summary["failing_by_severity"][severity] for severity in SEVERITIES},
        earlier=moment(dt.datetime.fromisoformat(earlier["now"]), zone, run.timezone) if earlier else "",
        earlier_run=earlier["run_id"] if earlier else "",
        changed=dict(changes["counts"]) if changes else {},
        gone=frozenset(str(row["finding_id"]) for row in gone),
        news=_news(findings),
        causes=tuple(_cause(row) for row in found["causes"]),
        findings=findings,
        folder=folder,
    )


def _news(findings: Iterable[Judged]) -> tuple[News, ...]:
    groups: dict[tuple[str, str, str, str, str, str], list[str]] = {}
    for one in sorted((one for one in findings if one.change in SPEAKS), key=_attention):
        words = (one.change.replace("_", " ").lower(), one.severity, one.check_id, one.title, one.server, one.kind)
        groups.setdefault(words, []).append(one.name)
    return tuple(News(*words, len(names), _first(names)) for words, names in groups.items())


def _first(names: list[str]) -> str:
    more = f" and {number(len(names) - _NAMES)} more" if len(names) > _NAMES else ""
    return ", ".join(names[:_NAMES]) + more


def _attention(finding: Judged) -> tuple[int, int]:
    """What turned bad first, then what was lost sight of; of each the worst first."""
    return SPEAKS.index(State(finding.change)) // len(TURNED_BAD), SEVERITIES.index(finding.severity)


def _scope(manifest: Manifest) -> str:
    """A name of the servers and jobs that a run is about: a server is known by its own id, not by its address."""
    servers = sorted(str(server.vbr_id or server.name) for server in manifest.servers)
    return _hash([*servers, manifest.run.jobs_pattern or ""])


def _digest(findings: Iterable[Judged], incomplete: Iterable[str]) -> str:
    return _hash([*sorted(f"{one.key} {one.status}" for one in findings if one.status in OPEN), *incomplete])


def _hash(words: list[str]) -> str:
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()[:16]


def _numbers(summary: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    counts = summary["counts"]
    yield "Failing findings", number(counts["FAIL"])
    yield "Causes of what fails", number(summary["causes"])
    yield "Without an answer", number(counts["UNKNOWN"] + counts["ERROR"])
    yield "Compliance", percent(summary["compliance"])
    yield "Assessed", percent(summary["assessed"])
    yield "Jobs at risk", f"{number(summary['jobs_at_risk'])} of {number(summary['jobs_in_scope'])}"
    yield "Job runs that succeeded", percent(summary["success_rate"])


def _judged(row: Mapping[str, Any]) -> Judged:
    return Judged(
        key=row["finding_id"],
        status=row["status"],
        change=row["change"] or "",
        cause=row["cause"] or "",
        severity=row["severity"],
        check_id=shorten(row["check_id"], _SHORT),
        title=shorten(row["title"], _SHORT),
        name=shorten(row["object_name"], _SHORT),
        kind=shorten(row["object_type"], _SHORT),
        server=shorten(row["server"], _SHORT),
        observed=shorten(row["observed"] or row["reason"], _LONG),
        expected=shorten(row["expected"], _LONG),
        remediation=shorten(row["remediation"], _LONG),
    )


def _cause(row: Mapping[str, Any]) -> Cause:
    return Cause(
        key=row["cause"],
        severity=row["severity"],
        check_id=shorten(row["check_id"], _SHORT),
        title=shorten(row["title"], _SHORT),
        failure=shorten(row["failure"], _LONG),
        consequence=shorten(row["consequence"] or row["failure"], _LONG),
        name=shorten(row["name"], _SHORT),
        kind=shorten(row["kind"], _SHORT),
        server=shorten(row["server"], _SHORT),
        owner=shorten(row["owner"], _SHORT) if row["owner"] else "",
        due=row["due"] or "",
        overdue=bool(row["overdue"]),
        settles=row["findings"],
        remediation=shorten(row["remediation"], _LONG),
    )
