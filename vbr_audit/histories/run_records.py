"""What a history keeps of a run beside the run itself: `history.json`, small enough to read hundreds of them."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Final

import pandas as pd
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from vbr_audit.collection.manifest import Manifest
from vbr_audit.findings.compared import checks_known_to, rules_digest
from vbr_audit.findings.rating import Rating, rate
from vbr_audit.findings.results import Results
from vbr_audit.tables.build.schema import Column
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

    @property
    def used_share(self) -> float | None:
        """The used share of the capacity of the repositories that report both."""
        return None if self.used_bytes is None or not self.capacity_bytes else self.used_bytes / self.capacity_bytes

    @property
    def rating(self) -> Rating:
        """The grade by the rule of today, whatever the version that made the run."""
        return rate(self.causes, assessed=self.assessed, gaps=self.incomplete)


_COUNTS: Final = {"causes": "Causes of severity", "failing": "Failing findings of severity"}
_PLAIN: Final = (
    *("level", "compliance", "assessed", "protected_share", "success_rate"),
    *("used_share", "used_bytes", "capacity_bytes"),
)
"""The columns that are called as the numbers of a point are."""
COUNT_NAMES: Final = {kind: tuple(f"{kind}_{severity}" for severity in SEVERITIES) for kind in _COUNTS}
"""The columns that count causes and failing findings by severity, the worst first."""
NUMBERS: Final = {
    column.name: column
    for column in (
        Column("level", "string", "The verdict: fail, incomplete or pass.", holds="kept"),
        Column("rating", "string", "The grade, A to E, or `not rated`; `at best` where it can be worse.", holds="kept"),
        *(
            Column(f"{kind}_{severity}", "Int64", f"{words} {severity}.")
            for kind, words in _COUNTS.items()
            for severity in SEVERITIES
        ),
        Column("compliance", "Float64", "The share of the answers that are good."),
        Column("assessed", "Float64", "The share of the questions that have an answer."),
        Column("protected_share", "Float64", "The share of the objects with a fresh restore point; NA if not asked."),
        Column("success_rate", "Float64", "The share of the finished job runs that succeeded; NA where not whole."),
        Column("used_share", "Float64", "The used share of the capacity of the repositories that report both."),
        Column("used_bytes", "Int64", "The used space of the repositories that report it.", unit="bytes"),
        Column("capacity_bytes", "Int64", "The capacity of these repositories.", unit="bytes"),
        Column("gaps", "Int64", "Why the run is not whole: how many reasons."),
    )
}
"""The numbers of a run as columns of a table, by name."""


class HistoryRecord(_Record):
    """One run of a history.

    `content` is the hash of the list of hashes of the run as it was when it was added, `sizes` has the bytes of each of
    its files. `policy_sha256` and `site_sha256` are the files that it was judged by, `policy` a digest of these and of
    the version of vbr-audit. `known_checks` are those that the run could have asked.
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
    policy_sha256: str | None = None
    site_sha256: str | None = None
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

    @property
    def row(self) -> dict[str, Any]:
        """The record as a row of a table: its terms, times as ISO 8601, and its numbers by the names of `NUMBERS`."""
        point = self.point
        own = ("run_id", "timezone", "policy_name", "policy", "scope", "tool_version")
        counts = {"causes": point.causes, "failing": point.failing}
        return {
            **{name: getattr(self, name) for name in own},
            **{name: getattr(self, name).isoformat() for name in ("now", "since", "until")},
            **{f"{kind}_{word}": several.get(word) for kind, several in counts.items() for word in SEVERITIES},
            **{name: getattr(point, name) for name in _PLAIN},
            "rating": point.rating.told,
            "gaps": point.incomplete,
        }

    @property
    def as_point(self) -> HistoryRecord:
        """The record with what a trend needs alone."""
        return self.model_copy(update={"known_checks": (), "sizes": {}, "content": ""})

    def to_json(self) -> bytes:
        """The record as indented UTF-8 JSON, times in UTC."""
        return self.model_dump_json(by_alias=True, indent=2).encode() + b"\n"


def chained(before: str, run_id: str) -> str:
    """The chain of a server after one more run."""
    return hashlib.sha256(f"{before}\0{run_id}".encode()).hexdigest()[:32]


def record_of(manifest: Manifest, point: Point, content: str = "") -> HistoryRecord:
    """The record of a run; `content` is the hash of its list of hashes, where it is in a folder."""
    run = manifest.run
    return HistoryRecord(
        run_id=manifest.run_id,
        content=content,
        now=run.now,
        since=run.since,
        until=run.until,
        timezone=run.timezone,
        tool_version=run.tool_version,
        policy_name=run.policy_name or "",
        policy=rules_digest(run),
        policy_sha256=run.policy_sha256,
        site_sha256=run.site_sha256,
        scope=run.jobs_pattern or "",
        scrubbed=manifest.is_scrubbed,
        accounts_masked=run.accounts_masked,
        servers=servers_of(manifest),
        known_checks=tuple(sorted(checks_known_to(run))),
        point=point,
    )


def point_of(results: Results, samples: pd.DataFrame) -> Point:
    """The numbers of a run, as its reports show them; `samples` are the free space of its repositories."""
    summary = results.summary
    numbers = {
        "level": summary.verdict.level,
        **{name: getattr(summary, name) for name in (*_SAME, "failing_by_severity")},
    }
    return _point(numbers, results.causes["severity"], results.coverage, len(results.gaps), samples)


def point_of_document(document: Mapping[str, Any], samples: pd.DataFrame) -> Point:
    """The numbers of a run, of its `findings.json`; raises `KeyError`, `TypeError` or `ValueError` if it is none."""
    summary = document["summary"]
    numbers = {**summary, "level": summary["verdict"]["level"]}
    causes = pd.Series([cause["severity"] for cause in document["causes"]], dtype=object)
    coverage = pd.DataFrame(document["coverage"], columns=["check_id", *ANSWERED])
    return _point(numbers, causes, coverage, len(document["run"]["incomplete"]), samples)


_SAME: Final = ("counts", "compliance", "assessed", "success_rate", "datasets_complete", "datasets_total")
ANSWERED: Final = ("pass", "fail", "waived", "unknown", "error")


def _point(
    numbers: Mapping[str, Any], causes: pd.Series, coverage: pd.DataFrame, incomplete: int, samples: pd.DataFrame
) -> Point:
    by_severity = causes.value_counts()
    asked = coverage[coverage["check_id"].eq(PROTECTED_BY).to_numpy(dtype=bool, na_value=False)]
    judged = asked[list(ANSWERED)].sum().sum()
    used, capacity = _space(samples)
    return Point(
        level=numbers["level"],
        **{name: numbers[name] for name in _SAME},
        failing=numbers["failing_by_severity"],
        causes={severity: int(by_severity.get(severity, 0)) for severity in SEVERITIES},
        protected=int(asked["pass"].sum()) if len(asked) else None,
        protected_of=int(judged) if len(asked) else None,
        used_bytes=used,
        capacity_bytes=capacity,
        incomplete=incomplete,
    )


def _space(samples: pd.DataFrame) -> tuple[int | None, int | None]:
    """The used bytes and the capacity of all repositories that report both; None where none does."""
    both = samples[samples["used_bytes"].notna() & samples["capacity_bytes"].notna()]
    return (int(both["used_bytes"].sum()), int(both["capacity_bytes"].sum())) if len(both) else (None, None)


def servers_of(manifest: Manifest) -> tuple[RunServer, ...]:
    """The servers of a run."""
    ids = manifest.server_ids
    return tuple(
        RunServer(server_id=ids[each.name], name=each.name, revision=each.revision, build=each.build)
        for each in manifest.servers
    )
