"""The numbers of a run: counts, compliance, jobs, sessions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import pandas as pd

from vbr_audit.checks.engine.objects import OBJECTS
from vbr_audit.checks.logic.dates import within
from vbr_audit.checks.logic.sessions import finished
from vbr_audit.checks.logic.three_valued import surely
from vbr_audit.checks.run import CheckRun
from vbr_audit.collection.scope import has_document
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.findings.gaps import needed_of_servers
from vbr_audit.findings.rating import rate
from vbr_audit.findings.results import AreaCount, JobsFound, RunsBeside, Summary, Verdict
from vbr_audit.tables.build.arrays import are_missing
from vbr_audit.tables.build.enums import ENDED_RESULTS
from vbr_audit.tables.job_runs import runs_of_jobs
from vbr_audit.vocabulary import COUNTED, SEVERITIES

RESULTS_SHOWN: Final = ("Success", "Warning", "Failed", "None", "not known")
"""The results of runs that are always counted; one that a newer server invents comes after them."""

_OPEN: Final = ("FAIL", "UNKNOWN", "ERROR")
"""The statuses of findings that somebody has still to look at."""
_ANSWERED: Final = ("PASS", "WAIVED")


def summarise(snapshot: Snapshot, run: CheckRun, findings: pd.DataFrame, verdict: Verdict, gaps: int) -> Summary:
    """All numbers of a run, which is incomplete for so many reasons as `gaps`."""
    counts = status_counts(findings)
    share = assessed(counts, _accepted_open(findings))
    runs = counted_runs(snapshot)
    by_result = _by_result(runs)
    disabled = snapshot.jobs["is_disabled"]
    needed = [need for need in needed_of_servers(snapshot, run) if need.is_offered]
    sessions_whole = _is_whole(snapshot, run, "sessions")
    offloads = _by_result(_offloads_of_period(snapshot, run.offloads))
    answers = set(zip(findings["check_id"].tolist(), findings["status"].tolist(), strict=True))

    def checks_with(statuses: Sequence[str]) -> set[str]:
        return {check for check, status in answers if status in statuses}

    return Summary(
        counts=counts,
        failing_by_severity=failing_counts(findings),
        by_area=_by_area(run, findings),
        checks_clean=len(checks_with(_ANSWERED) - checks_with(_OPEN)),
        checks_judged=len(checks_with((*_ANSWERED, *_OPEN))),
        compliance=compliance(counts),
        assessed=share,
        jobs_in_scope=len(snapshot.jobs) if _is_read(snapshot, "jobs", "job_states") else None,
        jobs_disabled=int(surely(disabled).sum()) if _is_read(snapshot, "jobs") else None,
        jobs_whole=_is_whole(snapshot, run, "jobs"),
        jobs_found=_jobs_found(snapshot, run),
        sessions_by_result=by_result,
        sessions_whole=sessions_whole,
        success_rate=_success_rate(by_result) if sessions_whole else None,
        first_attempt_rate=_first_attempts(runs) if sessions_whole else None,
        session_rate=_attempts(runs) if sessions_whole else None,
        runs_beside=_runs_beside(snapshot),
        offloads_by_result=offloads,
        offload_rate=_success_rate(offloads) if sessions_whole else None,
        datasets_complete=sum(record.status == "complete" for record in snapshot.manifest.datasets),
        datasets_total=len(snapshot.manifest.datasets),
        needed_complete=sum(need.is_whole for need in needed),
        needed_total=len(needed),
        verdict=verdict,
        rating=rate(cause_counts(findings), assessed=share, gaps=gaps),
    )


def _jobs_found(snapshot: Snapshot, run: CheckRun) -> JobsFound:
    """The jobs in scope by where they were found, and how many of them the checks of jobs judged."""
    jobs, documented = snapshot.jobs, has_document(snapshot.jobs).to_numpy(dtype=bool)
    stated = jobs["seen_in"].str.contains("job_states", regex=False).to_numpy(dtype=bool, na_value=False)
    asking = {use.check.id for use in run.uses if use.enabled and use.check.population == "jobs"}
    names = ("check_id", "object_type", "result", "server", "object_id", "object_name")
    answers = zip(*(run.marked_results[name].tolist() for name in names), strict=True)
    judged = {
        (server, called if key is pd.NA else key)
        for check, kind, result, server, key, called in answers
        if check in asking and kind == OBJECTS["jobs"].kind and result != "NOT_APPLICABLE"
    }
    return JobsFound(
        with_settings=int(documented.sum()),
        by_state_only=int((stated & ~documented).sum()),
        by_backups_only=int((~stated & ~documented).sum()),
        with_state=int(stated.sum()),
        judged=len(judged) if asking else None,
    )


def _is_read(snapshot: Snapshot, *names: str) -> bool:
    """Whether at least a part of one of these datasets was read from some server."""
    return any(d.name in names and d.status in ("complete", "partial") for d in snapshot.manifest.datasets)


def _is_whole(snapshot: Snapshot, run: CheckRun, name: str) -> bool:
    """Whether a dataset was read whole from every server."""
    records = [snapshot.manifest.dataset(server, name) for server in run.servers]
    return bool(records) and all(record is not None and record.status == "complete" for record in records)


def status_counts(findings: pd.DataFrame) -> dict[str, int]:
    """The number of findings by status, every status named."""
    counts = Counter(findings["status"].tolist())
    return {status: counts[status] for status in COUNTED}


def failing_counts(findings: pd.DataFrame) -> dict[str, int]:
    """The number of failing findings by severity, worst first, every severity named."""
    counts = Counter(zip(findings["status"].tolist(), findings["severity"].tolist(), strict=True))
    return {severity: counts["FAIL", severity] for severity in SEVERITIES}


def cause_counts(findings: pd.DataFrame) -> dict[str, int]:
    """The number of causes of what fails by the worst severity of their findings, every severity named."""
    ranks = {severity: rank for rank, severity in enumerate(SEVERITIES)}
    worst: dict[str, int] = {}
    for status, cause, severity in zip(
        *(findings[name].tolist() for name in ("status", "cause", "severity")), strict=True
    ):
        if status == "FAIL":
            worst[cause] = min(worst.get(cause, len(ranks)), ranks[severity])
    counts = Counter(worst.values())
    return {severity: counts[rank] for severity, rank in ranks.items()}


def compliance(counts: Mapping[str, int]) -> float | None:
    """PASS / (PASS + FAIL + WAIVED + UNKNOWN + ERROR), or None where that sum is 0."""
    total = _judged(counts)
    return counts["PASS"] / total if total else None


def assessed(counts: Mapping[str, int], accepted_open: int = 0) -> float | None:
    """(PASS + FAIL + WAIVED) / (PASS + FAIL + WAIVED + UNKNOWN + ERROR), or None where that sum is 0.

    `accepted_open` of the waived ones were never answered: somebody accepts not to know.
    """
    total = _judged(counts)
    return (counts["PASS"] + counts["FAIL"] + counts["WAIVED"] - accepted_open) / total if total else None


def _accepted_open(findings: pd.DataFrame) -> int:
    """The number of waived findings that have no answer."""
    answers = Counter(zip(findings["status"].tolist(), findings["result"].tolist(), strict=True))
    return answers["WAIVED", "UNKNOWN"]


def _judged(counts: Mapping[str, int]) -> int:
    return sum(counts[status] for status in COUNTED if status != "NOT_APPLICABLE")


def _by_area(run: CheckRun, findings: pd.DataFrame) -> tuple[AreaCount, ...]:
    """The counts of each area that has an enabled check, in the order of the check ids."""
    areas = dict.fromkeys(use.check.area for use in run.uses if use.enabled)
    return _counts_of(areas, findings, "area")


def counts_by_server(findings: pd.DataFrame, servers: Sequence[str]) -> tuple[AreaCount, ...]:
    """The counts of each of `servers`, in their order; `area` is the name of the server."""
    return _counts_of(servers, findings, "server")


def _counts_of(names: Iterable[str], findings: pd.DataFrame, column: str) -> tuple[AreaCount, ...]:
    """The counts of the findings that have each of `names` in `column`, all in one walk over them."""
    answers = zip(*(findings[each].tolist() for each in (column, "status", "result")), strict=True)
    numbers = Counter(answers)
    by_status: Counter[tuple[str, str]] = Counter()
    for (name, status, _), number in numbers.items():
        by_status[name, status] += number
    made = []
    for name in names:
        counts = {status: by_status[name, status] for status in COUNTED}
        rate = assessed(counts, numbers[name, "WAIVED", "UNKNOWN"])
        made.append(AreaCount(name, counts, compliance(counts), rate))
    return tuple(made)


def counted_runs(snapshot: Snapshot) -> pd.DataFrame:
    """The runs that every number about runs counts: rows of `job_runs` that are finished, started in the period, and
    are of a job in scope."""
    runs = snapshot.job_runs
    return runs[surely(runs["in_period"] & runs["is_listed"] & finished(runs))]


def _runs_beside(snapshot: Snapshot) -> RunsBeside:
    """The runs beside the counted ones: still open, carried into the period, or of a job that is not listed."""
    runs, done = snapshot.job_runs, finished(snapshot.job_runs)
    listed, inside = runs["is_listed"], runs["in_period"]
    carried, unlisted = surely(runs["is_carried_in"] & listed), surely(~listed & inside)
    nameless = runs_without_a_job(snapshot.sessions)
    ended = _by_result(
        pd.concat([runs[unlisted & surely(done)][["result"]], nameless[surely(finished(nameless))][["result"]]])
    )
    return RunsBeside(
        open=int(surely(runs["is_open"] & inside & listed).sum()),
        carried_in=_by_result(runs[carried & surely(done)]),
        carried_in_open=int((carried & ~surely(done)).sum()),
        unlisted=ended,
        unlisted_open=int((unlisted & ~surely(done)).sum()) + int((~surely(finished(nameless))).sum()),
    )


def runs_without_a_job(sessions: pd.DataFrame) -> pd.DataFrame:
    """The sessions of the kinds that are runs, at the top, that name no job: nobody can fold them into runs."""
    return sessions[
        runs_of_jobs(sessions) & are_missing(sessions["job_id"]) & are_missing(sessions["parent_session_id"])
    ]


def _offloads_of_period(snapshot: Snapshot, offloads: pd.DataFrame) -> pd.DataFrame:
    """The offload sessions that started in the period and have ended."""
    inside = within(offloads["created"], snapshot.since, snapshot.until)
    return offloads[surely(inside & finished(offloads))]


def _by_result(runs: pd.DataFrame) -> dict[str, int]:
    counts = Counter(runs["result"].fillna("not known").tolist())
    return {name: counts[name] for name in dict.fromkeys([*RESULTS_SHOWN, *sorted(counts)])}


def _first_attempts(runs: pd.DataFrame) -> float | None:
    """The share of the runs whose first attempt already succeeded."""
    return _success_rate(_by_result(runs.assign(result=runs["first_result"])))


def _attempts(runs: pd.DataFrame) -> float | None:
    """The share of the single sessions of `runs` that succeeded: every attempt before the last one did not."""
    results = _by_result(runs)
    good, failed = results["Success"] + results["Warning"], results["Failed"]
    known = runs["result"].isin(ENDED_RESULTS).to_numpy(dtype=bool)
    earlier = int((runs["attempts"] - 1)[known].sum())
    total = good + failed + earlier
    return good / total if total else None


def _success_rate(by_result: Mapping[str, int]) -> float | None:
    """The share of the finished runs of known result that succeeded; None where there are none."""
    good = by_result["Success"] + by_result["Warning"]
    known = good + by_result["Failed"]
    return good / known if known else None
