"""What a history keeps of a run beside the run itself: `history.json`, small enough to read hundreds of them."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from vbr_audit.collection.manifest import Manifest
from vbr_audit.findings.results import Results
from vbr_audit.vocabulary import SEVERITIES

FORMAT: Final = 1
"""The version of `history.json` and of the tables beside it."""
PROTECTED_BY: Final = "RPO-001"
"""The check whose answers say which objects are protected: those with a restore point that is fresh enough."""


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class RunServer(_Record):
    """One server of a run: what identifies it over time, its name there, and what it was read with.

    `chain` is a hash over all runs of this server up to this one, by which the state beside it is trusted.
    """

    server_id: str
    name: str
    revision: str
    build: str | None = None
    chain: str = ""


class Point(_Record):
    """The numbers of one run that a trend is drawn of; None where they are not known."""

    level: str
    failing: Mapping[str, int]
    causes: Mapping[str, int]
    counts: Mapping[str, int]
    compliance: float | None = None
    assessed: float | None = None
    success_rate: float | None = None
    protected: int | None = None
    protected_of: int | None = None
    used_bytes: int | None = None
    capacity_bytes: int | None = None
    datasets_complete: int = 0
    datasets_total: int = 0
    incomplete: int = 0

    @property
    def protected_share(self) -> float | None:
        """The share of the protected objects that have a fresh restore point."""
        return None if self.protected is None or not self.protected_of else self.protected / self.protected_of


class HistoryRecord(_Record):
    """One run of a history.

    `content` is the hash of the list of hashes of the run as it was when it was added, `sizes` has the bytes of each of
    its files. `known_checks` are those that the run could have asked.
    """

    format: Annotated[int, Field(alias="schema", ge=1)] = FORMAT
    run_id: Annotated[str, Field(pattern=r"^[0-9a-f]{1,64}$")]
    content: str
    now: AwareDatetime
    since: AwareDatetime
    until: AwareDatetime
    timezone: str
    tool_version: str
    policy_name: str = ""
    policy: str = ""
    scope: str = ""
    scrubbed: bool = False
    accounts_masked: bool = False
    servers: tuple[RunServer, ...]
    known_checks: tuple[str, ...] = ()
    point: Point
    sizes: Mapping[str, int] = Field(default_factory=dict)

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True, populate_by_name=True)

    @property
    def order(self) -> tuple[Any, str]:
        """What runs are in order by: their clock, then their id."""
        return self.now, self.run_id

    @property
    def folder(self) -> str:
        """The name of its folder."""
        return f"{self.now.astimezone(dt.UTC):%Y-%m-%dT%H%M%SZ}-{self.run_id}"

    def to_json(self) -> bytes:
        """The record as indented UTF-8 JSON, times in UTC."""
        return self.model_dump_json(by_alias=True, indent=2).encode() + b"\n"


def chained(before: str, run_id: str) -> str:
    """The chain of a server after one more run."""
    return hashlib.sha256(f"{before}\0{run_id}".encode()).hexdigest()[:32]


def point_of(results: Results, space: tuple[int | None, int | None] = (None, None)) -> Point:
    """The numbers of a run, as its reports show them."""
    summary = results.summary
    causes = results.causes["severity"].value_counts()
    asked = results.coverage[results.coverage["check_id"].eq(PROTECTED_BY).to_numpy(dtype=bool, na_value=False)]
    judged = asked[["pass", "fail", "waived", "unknown", "error"]].sum().sum()
    return Point(
        level=summary.verdict.level,
        failing=dict(summary.failing_by_severity),
        causes={severity: int(causes.get(severity, 0)) for severity in SEVERITIES},
        counts=dict(summary.counts),
        compliance=summary.compliance,
        assessed=summary.assessed,
        success_rate=summary.success_rate,
        protected=int(asked["pass"].sum()) if len(asked) else None,
        protected_of=int(judged) if len(asked) else None,
        used_bytes=space[0],
        capacity_bytes=space[1],
        datasets_complete=summary.datasets_complete,
        datasets_total=summary.datasets_total,
        incomplete=len(results.gaps),
    )


def servers_of(manifest: Manifest) -> tuple[RunServer, ...]:
    """The servers of a run."""
    ids = manifest.server_ids
    return tuple(
        RunServer(server_id=ids[each.name], name=each.name, revision=each.revision, build=each.build)
        for each in manifest.servers
    )
