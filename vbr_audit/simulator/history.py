"""The past of the estate: which sessions there were, so that the newest of each job fits its state."""

from collections.abc import Sequence
from math import ceil
from operator import attrgetter
from random import Random

from vbr_audit.simulator.clock import DAY, HOUR, TICKS
from vbr_audit.simulator.identity import draw, identify
from vbr_audit.simulator.jobs import Job
from vbr_audit.simulator.outcomes import FAILURES, WARNINGS, how_it_ended
from vbr_audit.simulator.runs import run_times
from vbr_audit.simulator.sessions import Session

_MINUTE = 60 * TICKS
_OWN_SHARE = 0.2  # of all sessions belong to no job
_RUNS_A_DAY = {"daily": 1.0, "hourly": 4.0, "weekly": 1 / 7, "after": 1.0, "none": 0.1}

_OWN_TASKS = (
    ("ConfigurationResynchronize", "Configuration resynchronization"),
    ("Infrastructure", "Rescan of Hardened Repository Hamburg"),
    ("ConfigurationBackup", "Backup Configuration Job"),
    ("ConfigurationResynchronize", "Configuration resynchronization"),
    ("Retention", "Background retention"),
    ("MalwareDetection", "Malware detection"),
    ("Infrastructure", "Rescan of vcenter01.hansa.example"),
    ("SecurityComplianceAnalyzer", "Security & Compliance Analyzer"),
    ("AgentDiscovery", "Rescan of protection groups"),
    ("FileLevelRestore", "Restore of files of one machine"),
    ("RestoreVm", "Restore of one machine to the test network"),
)


def past_sessions(jobs: Sequence[Job], count: int, *, now: int, days: int, seed: int) -> list[Session]:
    """Make about `count` sessions of the last `days` days, oldest first."""
    chance = Random(f"{seed}/sessions")
    sessions: list[Session] = []
    budget = count - round(count * _OWN_SHARE)
    natural = {job.id: _RUNS_A_DAY[job.plan.cadence] * days for job in jobs if job.plan.history != "never"}
    density = budget / sum(natural.values()) if natural else 0.0
    for job in jobs:
        if job.id not in natural:
            continue
        share = min(max(1, round(natural[job.id] * density)), budget - len(sessions))
        if share > 0:
            pace = _RUNS_A_DAY[job.plan.cadence] * max(1.0, density)
            sessions += _runs(job, share, run_times(job.plan, now=now, days=days, pace=pace), now, chance)
    sessions += _own(count - len(sessions), now=now, days=days, chance=chance)
    sessions.sort(key=attrgetter("created"))
    return sessions


def _runs(job: Job, count: int, times: Sequence[int], now: int, chance: Random) -> list[Session]:
    made: list[Session] = []
    if job.plan.history == "running":
        made.append(_running(job, now, chance))
    for turn, planned in enumerate(times):
        if len(made) >= count:
            break
        room = times[turn - 1] - planned if turn else now - planned
        session = _finished(job, turn, planned, room, chance)
        made.append(session)
        retried = turn > 0 and job.plan.history != "flaky" and job.plan.retries > 0
        if session.result == "Failed" and retried and len(made) < count:
            made.append(_retry(session, room, chance))
    return made


def _blank(job: Job, created: int, chance: Random) -> Session:
    return Session(
        id=draw(chance),
        name=job.plan.name,
        kind=job.session_kind,
        created=created,
        ended=None,
        result=None,
        job_id=job.id,
        resource_id=job.backup_id,
        platform=job.platform,
        platform_id=identify(0, "platform", job.platform),
    )


def _running(job: Job, now: int, chance: Random) -> Session:
    session = _blank(job, now - 25 * _MINUTE - chance.randrange(TICKS), chance)
    session.state, session.progress = "Working", 63
    return session


def _finished(job: Job, turn: int, planned: int, room: int, chance: Random) -> Session:
    """A finished run; it ends in the first half of the time until the next one."""
    digits = 10 ** (7 - int(chance.random() * 8))
    late = int(chance.random() * min(40 * TICKS, room // 8)) // digits * digits
    session = _blank(job, planned + late, chance)
    longest = min(100 * _MINUTE, room // 3)
    session.ended = session.created + (longest // 12 + int(chance.random() * longest)) // digits * digits
    session.result = how_it_ended(job.plan.history, turn, chance)
    if session.result == "Failed":
        session.message, session.progress = chance.choice(FAILURES), 22
    elif session.result == "Warning":
        session.message = chance.choice(WARNINGS)
    if turn % 7 == 6:
        session.algorithm = "Full"
    return session


def _retry(failed: Session, room: int, chance: Random) -> Session:
    ended = failed.ended or failed.created
    created = ended + min(10 * _MINUTE, room // 20)
    return Session(
        id=draw(chance),
        name=failed.name,
        kind=failed.kind,
        created=created,
        ended=created + min(30 * _MINUTE, room // 5),
        result="Success",
        job_id=failed.job_id,
        resource_id=failed.resource_id,
        platform=failed.platform,
        platform_id=failed.platform_id,
        original_id=failed.id,
        retry=1,
    )


def _own(count: int, *, now: int, days: int, chance: Random) -> list[Session]:
    """The server's own tasks, spread over the whole time; the first of them is the oldest session."""
    made: list[Session] = []
    step = (days * DAY - 2 * HOUR) // max(count, 1)
    for number in range(count):
        kind, name = _OWN_TASKS[number % len(_OWN_TASKS)]
        created = now - days * DAY + HOUR + number * step + int(chance.random() * step * 0.5)
        result = "Warning" if chance.random() < 0.02 else "Success"
        made.append(
            Session(
                id=draw(chance),
                name=name,
                kind=kind,
                created=created,
                ended=created + min(ceil(chance.random() * 5 * _MINUTE), step // 3 + 1),
                result=result,
                message=WARNINGS[0] if result == "Warning" else "",
                algorithm="None",
            )
        )
    return made
