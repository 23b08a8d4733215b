"""Why a run is not whole, and what it does not speak of: facts, which one function each puts into words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from vbr_audit.checks.policy.model import Match
from vbr_audit.checks.run import CheckRun
from vbr_audit.collection.manifest import DatasetRecord, DatasetStatus
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.datasets import is_never_offered
from vbr_audit.tables.build.naming import marked, told
from vbr_audit.tables.build.schema import Holds

OUT_OF_REACH: Final = (
    "Tape jobs, media and libraries are not in the REST API.",
    "Continuous data protection (CDP) policies are not in the REST API.",
    "SureBackup jobs with a virtual lab are not in the REST API; content scans are.",
    "Cloud Connect tenants are not in the REST API.",
    "Machines that no backup and no list of assets names are not known here; only an inventory could name them.",
)
"""What nothing here speaks of, whatever the account may read."""
_HELD: Final[Mapping[str, Holds]] = {"server": "pattern", "object_id": "id", "object_name": "pattern"}
_OBJECT: Final = ("server", "object_type", "object_id", "object_name")


class GapKind(StrEnum):
    """Why a run is not whole."""

    INTERRUPTED = "interrupted"
    NO_SERVER = "no server"
    EMPTY_SCOPE = "empty scope"
    NOT_COLLECTED = "not collected"
    NOT_WHOLE = "not whole"
    BROKEN = "broken check"


@dataclass(frozen=True)
class Gap:
    """One reason why a run is not whole.

    `dataset` of `server` was not collected, or has `status` for `reason`; of an empty scope `reason` is the pattern
    that no job fits, of a broken check what went wrong, in a sentence that is not told yet.
    """

    kind: GapKind
    server: str | None = None
    dataset: str | None = None
    status: str | None = None
    reason: str | None = None

    def __str__(self) -> str:
        """The gap in one sentence."""
        match self.kind:
            case GapKind.INTERRUPTED:
                return "The collection was interrupted."
            case GapKind.NO_SERVER:
                return "No server was read."
            case GapKind.EMPTY_SCOPE:
                return f"No job has a name that fits {self.reason!r}: the scope is empty."
            case GapKind.NOT_COLLECTED:
                return f"{self.dataset} of {self.server} was not collected."
            case GapKind.NOT_WHOLE:
                return _sentence(f"{self.dataset} of {self.server}: {self.status}", self.reason)
            case GapKind.BROKEN:
                return _sentence(told(self.reason or ""), None)


class LimitKind(StrEnum):
    """What a run does not speak of, or what of its policy has no effect."""

    NOT_WHOLE = "not whole"
    SCOPE = "scope"
    DISABLED = "disabled check"
    IDLE_OVERRIDE = "idle override"
    OUT_OF_REACH = "out of reach"


@dataclass(frozen=True)
class Limit:
    """One thing that a run does not speak of, though it is whole.

    `dataset` of `server` has `status` for `reason`, which no enabled check needs; `subject` is the pattern of the
    scope, the id of a disabled check with its `reason`, an override that fits nothing (not told yet) with its place as
    `reason`, or what the REST API does not have.
    """

    kind: LimitKind
    server: str | None = None
    dataset: str | None = None
    status: str | None = None
    subject: str | None = None
    reason: str | None = None

    def __str__(self) -> str:
        """The limit in one sentence."""
        match self.kind:
            case LimitKind.NOT_WHOLE:
                return _sentence(f"{self.dataset} of {self.server}: {self.status}", self.reason)
            case LimitKind.SCOPE:
                return f"Only jobs whose name fits {self.subject} are in scope."
            case LimitKind.DISABLED:
                return f"{self.subject} is disabled by the policy: {self.reason}"
            case LimitKind.IDLE_OVERRIDE:
                fits = "fits no object that its checks judged, so it changes nothing"
                return f"The override for {told(self.subject or '')} ({self.reason}) {fits}."
            case LimitKind.OUT_OF_REACH:
                return self.subject or ""


def find_gaps(snapshot: Snapshot, run: CheckRun) -> tuple[Gap, ...]:
    """Why the run is not whole; nothing where it is."""
    gaps = []
    if snapshot.manifest.interrupted:
        gaps.append(Gap(GapKind.INTERRUPTED))
    if not run.servers:
        gaps.append(Gap(GapKind.NO_SERVER))
    if snapshot.jobs_pattern is not None and snapshot.jobs.empty and run.servers:
        gaps.append(Gap(GapKind.EMPTY_SCOPE, reason=snapshot.jobs_pattern))
    for need in needed_of_servers(snapshot, run):
        if need.record is None and need.is_offered:
            gaps.append(Gap(GapKind.NOT_COLLECTED, need.server, need.dataset))
        elif need.record is not None and need.is_offered and not need.is_whole:
            status, reason = str(need.record.status), need.record.reason
            gaps.append(Gap(GapKind.NOT_WHOLE, need.server, need.dataset, status, reason))
    return (*gaps, *(Gap(GapKind.BROKEN, reason=text) for text in run.broken))


def find_limits(snapshot: Snapshot, run: CheckRun) -> tuple[Limit, ...]:
    """What was not read but does not make the run incomplete, what of the policy has no effect, what nothing speaks of.

    That is what no enabled check needs, and what the server does not offer in any revision.
    """
    missed = {(need.server, need.dataset) for need in needed_of_servers(snapshot, run) if need.is_offered}
    limits = [
        Limit(LimitKind.NOT_WHOLE, record.server, record.name, str(record.status), reason=record.reason)
        for record in snapshot.manifest.datasets
        if record.status != "complete" and (record.server, record.name) not in missed
    ]
    if snapshot.jobs_pattern is not None:
        limits.append(Limit(LimitKind.SCOPE, subject=snapshot.jobs_pattern))
    limits += [
        Limit(LimitKind.DISABLED, subject=use.check.id, reason=use.reason) for use in run.uses if not use.enabled
    ]
    return (*limits, *_idle_overrides(run), *(Limit(LimitKind.OUT_OF_REACH, subject=text) for text in OUT_OF_REACH))


def _idle_overrides(run: CheckRun) -> Iterator[Limit]:
    """The overrides of the policy that fit none of the objects that their checks judged."""
    named: dict[str, tuple[Match, list[str]]] = {}
    for use in run.uses:
        for rule in use.overrides:
            named.setdefault(rule.place, (rule.match, []))[1].append(use.check.id)
    for place, (match, checks) in named.items():
        judged = run.results.loc[run.results["check_id"].isin(checks), list(_OBJECT)].drop_duplicates()
        rows = judged.astype(object).where(judged.notna(), None).itertuples(index=False)
        if not any(match.fits(*row) for row in rows):
            globs = ", ".join(f"{name} {marked(_HELD.get(name, 'kept'), glob)}" for name, glob in match.globs.items())
            yield Limit(LimitKind.IDLE_OVERRIDE, subject=globs, reason=place)


def _sentence(text: str, reason: str | None) -> str:
    whole = f"{text} ({reason})" if reason else text
    return whole if whole.endswith(".") else whole + "."


# The datasets that the enabled checks need of each server, and what became of them.


@dataclass(frozen=True)
class Needed:
    """One dataset that the enabled checks need of one server; `record` is None where this run did not ask for it.

    `is_offered` is false where no revision that the server speaks has the dataset: then its checks are UNKNOWN, but
    nothing was missed in reading.
    """

    server: str
    dataset: str
    record: DatasetRecord | None
    is_offered: bool

    @property
    def is_whole(self) -> bool:
        """Whether it was read whole."""
        return self.record is not None and self.record.status == DatasetStatus.COMPLETE


def needed_of_servers(snapshot: Snapshot, run: CheckRun) -> tuple[Needed, ...]:
    """One entry per server and needed dataset, in their orders."""
    newest = {server.name: server.revision_newest for server in snapshot.manifest.servers}
    needed = []
    for server in run.servers:
        for name in sorted(run.datasets_needed):
            record = snapshot.manifest.dataset(server, name)
            absent = record is None or record.status == DatasetStatus.ABSENT
            offered = not (absent and is_never_offered(name, newest.get(server)))
            needed.append(Needed(server, name, record, offered))
    return tuple(needed)
