"""One line per job: its worst finding, its settings at a glance, how its runs went."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from vbr_audit.checks.derived import protection
from vbr_audit.checks.engine.objects import OBJECTS, default_cause
from vbr_audit.display import is_known
from vbr_audit.reports.record import raw_text, severity_rank
from vbr_audit.tables.build.enums import ENDED_RESULTS
from vbr_audit.tables.jobs.controls import support
from vbr_audit.vocabulary import SEVERITIES, STATUSES

if TYPE_CHECKING:
    from vbr_audit.collection.snapshot import Snapshot
    from vbr_audit.findings.results import Results

GLANCE: Final = (
    ("encryption_enabled", "Encrypted"),
    ("app_aware_enabled", "App-aware"),
    ("health_check_enabled", "Health check"),
    ("retry_enabled", "Retry"),
    ("gfs_enabled", "GFS"),
)
"""The settings of the scorecard with their words, in order."""

ABSENT: Final = "n/a"
AT_RISK: Final = ("critical", "high")
"""A job with a failing finding of such a severity is at risk."""

_JOB: Final = OBJECTS["jobs"].kind
_MACHINE: Final = OBJECTS[protection.SPEC.name].kind
_ID: Final = "id"
_NAME: Final = "name"

Key = tuple[str, str]


@dataclass(frozen=True)
class JobScore:
    """One job. `settings` holds for each of `GLANCE` yes, no, n/a (its type has none) or None (not known).

    `status` is the worst of its findings, those of its machines among them, and `severity` that of its worst failing
    one; both empty without findings.
    `runs` are those that every number about runs counts, `known` those of them that ended Success, Warning or Failed;
    `last_result` and `last_run` are as of the reading.
    """

    server: str
    job_id: str
    name: str
    type: str
    is_disabled: bool | None
    status: str
    severity: str
    statuses: Counter[str]
    settings: tuple[str | None, ...]
    last_result: str
    last_run: dt.datetime | None
    runs: int
    good: int
    known: int

    @property
    def success_rate(self) -> float | None:
        """The share of the runs of known result that ended Success or Warning."""
        return self.good / self.known if self.known else None

    @property
    def is_at_risk(self) -> bool:
        """Whether a failing finding is critical or high."""
        return self.severity in AT_RISK


def score_jobs(snapshot: Snapshot, results: Results, runs: pd.DataFrame) -> tuple[JobScore, ...]:
    """The jobs in scope, the worst first: by severity, then by failing findings, then by name."""
    statuses, severities = _judged(results.findings, results.protected)
    ended = Counter(zip(*(_texts(runs[name]) for name in ("server", "job_id", "result")), strict=True))
    counted = Counter(zip(*(_texts(runs[name]) for name in ("server", "job_id")), strict=True))
    states = _states(snapshot.job_states)
    scores = []
    for record, glance in zip(snapshot.jobs.to_dict("records"), _settings(snapshot.jobs), strict=True):
        key = (raw_text(record["server"]), raw_text(record["job_id"]))
        counts = statuses.get(key, Counter())
        success, warning, failed = (ended[*key, result] for result in ENDED_RESULTS)
        last_result, last_run = states.get(key, ("", None))
        disabled = record["is_disabled"]
        scores.append(
            JobScore(
                *key,
                name=raw_text(record["name"]),
                type=raw_text(record["type"]),
                is_disabled=bool(disabled) if is_known(disabled) else None,
                status=next((status for status in STATUSES if counts[status]), ""),
                severity=severities.get(key, ""),
                statuses=counts,
                settings=glance,
                last_result=last_result,
                last_run=last_run,
                runs=counted[key],
                good=success + warning,
                known=success + warning + failed,
            )
        )
    return tuple(sorted(scores, key=_badness))


def _badness(score: JobScore) -> tuple[int, int, int, str, str, str]:
    status = STATUSES.index(score.status) if score.status in STATUSES else len(STATUSES)
    return (
        severity_rank(score.severity),
        status,
        -score.statuses["FAIL"],
        score.name.casefold(),
        score.server,
        score.job_id,
    )


def _judged(findings: pd.DataFrame, protected: pd.DataFrame) -> tuple[dict[Key, Counter[str]], dict[Key, str]]:
    """Per job its findings and those of its machines by status, and the severity of the worst failing one."""
    statuses: dict[Key, Counter[str]] = {}
    severities: dict[Key, str] = {}
    for key, status, severity in _of_jobs(findings, protected):
        statuses.setdefault(key, Counter())[status] += 1
        if status == "FAIL":
            severities[key] = min(severities.setdefault(key, severity), severity, key=SEVERITIES.index)
    return statuses, severities


def _of_jobs(findings: pd.DataFrame, protected: pd.DataFrame) -> Iterator[tuple[Key, str, str]]:
    """Job, status and severity of each finding about a job, about what has its cause there, or about its machine.

    A machine is known by its id, in an event of malware by its name only: then every one of that name counts.
    """
    columns = ("server", "object_type", "object_id", "cause_kind", "cause_key", "status", "severity")
    machines = _jobs_of_machines(protected)
    for server, of_type, object_id, kind, cause, status, severity in zip(
        *(_texts(findings[name]) for name in columns), strict=True
    ):
        if of_type == _JOB:
            jobs: Collection[str] = (object_id,)
        elif kind == _JOB:
            jobs = (cause,)
        elif of_type == _MACHINE:
            jobs = machines.get((server, _ID, object_id), ())
        else:
            jobs = machines.get((server, _NAME, cause), ()) if kind == default_cause(protection.SPEC.name) else ()
        for job in jobs:
            yield (server, job), status, severity


def _jobs_of_machines(protected: pd.DataFrame) -> dict[tuple[str, str, str], set[str]]:
    """The jobs that back up each protected object, by its server and id, and by its server and name."""
    known = protected[protected["job_id"].notna().to_numpy(dtype=bool)]
    jobs: dict[tuple[str, str, str], set[str]] = {}
    columns = ("server", "object_key", "name", "job_id")
    for server, key, name, job in zip(*(_texts(known[one]) for one in columns), strict=True):
        jobs.setdefault((server, _ID, key), set()).add(job)
        jobs.setdefault((server, _NAME, name), set()).add(job)
    return jobs


def _settings(jobs: pd.DataFrame) -> list[tuple[str | None, ...]]:
    """Per job yes, no, n/a or None for each of `GLANCE`."""
    columns = []
    for control, _ in GLANCE:
        supported = support(jobs["settings_profile"], control)
        pairs = zip(jobs[control].tolist(), supported.tolist(), strict=True)
        columns.append([_glance(value, has_it) for value, has_it in pairs])
    return list(zip(*columns, strict=True))


def _glance(value: Any, supported: Any) -> str | None:
    if is_known(supported) and not supported:
        return ABSENT
    return None if not is_known(value) else "yes" if value else "no"


def _states(states: pd.DataFrame) -> dict[Key, tuple[str, dt.datetime | None]]:
    columns = (_texts(states[name]) for name in ("server", "job_id", "last_result"))
    moments = [value.to_pydatetime() if is_known(value) else None for value in states["last_run"]]
    return {(server, job_id): (result, when) for server, job_id, result, when in zip(*columns, moments, strict=True)}


def _texts(values: pd.Series) -> list[str]:
    return [raw_text(value) for value in values.tolist()]
