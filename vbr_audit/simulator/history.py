"""The past of the estate: which sessions there were, so that the newest of each job fits its state."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import ceil
from operator import attrgetter
from random import Random
from zlib import crc32

from vbr_audit.simulator.clock import DAY, HOUR, TICKS, local_day, local_time
from vbr_audit.simulator.identity import draw, identify
from vbr_audit.simulator.jobs import Job
from vbr_audit.simulator.outcomes import FAILURES, GOOD, WARNINGS, how_it_ended
from vbr_audit.simulator.runs import due_times, full_day, spread_times
from vbr_audit.simulator.sessions import Session

_MINUTE = 60 * TICKS
_WAIT = 10 * _MINUTE - 5 * TICKS
_DENSE = 2.0  # times the runs of all schedules
_MOSTLY = 0.9  # of all runs must have room for the history to show them
_WITH_RETRIES = 1.1
_OWN_SHARE, _OWN_SHARE_OF_FEW = 0.1, 0.2  # of all sessions, at least, belong to no job
_RUNS_A_DAY = {"daily": 1.0, "weekdays": 5 / 7, "hourly": 4.0, "weekly": 1 / 7, "after": 1.0, "none": 0.1}

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

# At these times of day the schedules of the server's own settings start them.
_DAILY_TASKS = (
    (10, 0, "ConfigurationBackup", "Backup Configuration Job"),
    (6, 30, "SecurityComplianceAnalyzer", "Security & Compliance Analyzer"),
)


Outages = Mapping[str, Sequence[tuple[int, int]]]
"""By the name of a job, the stretches of time in which every run of it failed."""


def usual_count(jobs: Sequence[Job], days: int) -> int:
    """How many sessions there are in so many days if every due run has room, with retries and the own tasks."""
    return ceil(_due(jobs) * days * _WITH_RETRIES / (1 - _OWN_SHARE_OF_FEW))


def _due(jobs: Sequence[Job]) -> float:
    return sum(_RUNS_A_DAY[job.plan.cadence] for job in jobs if job.plan.history != "never")


def past_sessions(
    jobs: Sequence[Job], count: int, *, now: int, days: int, seed: int, outages: Outages | None = None
) -> list[Session]:
    """Make `count` sessions of the last `days` days, oldest first.

    Jobs run as they are scheduled. Where that makes more sessions than wanted the server has forgotten the oldest
    of all; where it makes far fewer, as only large histories do, jobs run more often than they should.
    """
    chance = Random(f"{seed}/sessions")
    down = outages or {}
    oldest = now - days * DAY + HOUR
    active = [job for job in jobs if job.plan.history != "never"]
    natural = _due(jobs) * days
    share = _OWN_SHARE if count > natural * _MOSTLY else _OWN_SHARE_OF_FEW
    budget = count - round(count * share)
    density = budget / natural if natural else 0.0
    made: dict[str, list[Session]] = {}
    for job in sorted(active, key=lambda job: job.plan.cadence == "after"):
        if density > _DENSE:
            pace = _RUNS_A_DAY[job.plan.cadence] * density
            times: Sequence[int] = spread_times(job.plan, now=now, oldest=oldest, pace=pace)
        else:
            times = _followed(job, made) or due_times(job.plan, now=now, oldest=oldest)
        made[job.plan.name] = _runs(job, times, now, chance, down.get(job.plan.name, ()))
    sessions = sorted((each for runs in made.values() for each in runs), key=attrgetter("created"))
    sessions = sessions[max(0, len(sessions) - budget) :] if budget else []
    sessions += _own(count - len(sessions), now=now, days=days, chance=chance)
    sessions.sort(key=attrgetter("created"))
    return sessions


def _followed(job: Job, made: Mapping[str, Sequence[Session]]) -> list[int]:
    """The starts of a job that runs after another one has done well, newest first; none without that other job."""
    runs = made.get(job.plan.follows, ())
    return sorted((run.ended + 5 * TICKS for run in runs if run.ended and run.result in GOOD), reverse=True)


def _runs(
    job: Job, times: Sequence[int], now: int, chance: Random, outages: Sequence[tuple[int, int]]
) -> list[Session]:
    made: list[Session] = []
    begun, pace = _begun(job), _pace(job)
    if job.plan.history == "running":
        made.append(_running(begun, now, chance))
    for turn, planned in enumerate(times):
        room = times[turn - 1] - planned if turn else now - planned
        session = _finished(begun, planned, room, pace, chance)
        _end(session, job.plan.history, turn, chance)
        down = bool(outages) and any(first <= planned < last for first, last in outages)
        if down:
            session.result, session.message, session.progress = "Failed", FAILURES[0], 22
        made.append(session)
        if session.result == "Failed" and job.plan.retries > 0:
            # The newest failure of a job that fails was retried in vain, any older one with success.
            in_vain = turn == 0 or down
            tries = job.plan.retries if in_vain else 1
            for number in range(1, tries + 1):
                made.append(_retry(session, made[-1], number, room, "Failed" if in_vain else "Success"))
    _mark_fulls(job, made)
    return made


def _mark_fulls(job: Job, runs: Sequence[Session]) -> None:
    """The first good run of a week begins a chain with a full backup."""
    weeks: set[tuple[int, int]] = set()
    first = True
    for run in sorted(runs, key=attrgetter("created")):
        if run.ended is None or run.result not in GOOD:
            continue
        day = local_day(run.ended)
        week = day.isocalendar()[:2]
        if week not in weeks and (not first or day.weekday() == full_day(job.plan)):
            run.algorithm = "Full"
        weeks.add(week)
        first = False


def _begun(job: Job) -> Callable[..., Session]:
    """What makes a session of a job of its id and its start: a year has ten thousand, and all else is the same."""
    return partial(
        Session,
        name=job.plan.name,
        kind=job.session_kind,
        ended=None,
        result=None,
        job_id=job.id,
        resource_id=job.backup_id,
        platform=job.platform,
        platform_id=identify(0, "platform", job.platform),
    )


def _pace(job: Job) -> int:
    """The usual duration of its runs, in percent of the longest that they may have."""
    return 20 + crc32(job.plan.name.encode()) % 60


def _running(begun: Callable[..., Session], now: int, chance: Random) -> Session:
    created = now - 25 * _MINUTE - chance.randrange(TICKS)
    session = begun(id=draw(chance), created=created)
    session.state, session.progress = "Working", 63
    return session


def _finished(begun: Callable[..., Session], planned: int, room: int, pace: int, chance: Random) -> Session:
    """A finished run; it ends in the first half of the time until the next one."""
    digits = 10 ** (7 - int(chance.random() * 8))
    late = int(chance.random() * min(40 * TICKS, room // 8)) // digits * digits
    session = begun(id=draw(chance), created=planned + late)
    # Every job has a usual duration, of which its runs are a little short or long.
    usual = min(100 * _MINUTE, room // 3) * pace // 100
    session.ended = session.created + int(usual * (0.85 + 0.3 * chance.random())) // digits * digits
    return session


def _end(session: Session, character: str, turn: int, chance: Random) -> None:
    session.result = how_it_ended(character, turn, chance)
    if session.result == "Failed":
        session.message, session.progress = chance.choice(FAILURES), 22
    elif session.result == "Warning":
        session.message = chance.choice(WARNINGS)


def _retry(failed: Session, before: Session, number: int, room: int, result: str) -> Session:
    """A retry of `failed`, started when the wait after the attempt before is over; its id follows from the first."""
    ended = before.ended or before.created
    created = ended + min(_WAIT, room // 20)
    again = replace(
        failed,
        id=f"{failed.id[:-1]}{(int(failed.id[-1], 16) + number) % 16:x}",
        created=created,
        ended=created + min(30 * _MINUTE, room // 20),
        original_id=failed.id,
        retry=number,
        result=result,
    )
    return again if result == "Failed" else replace(again, message="", progress=100)


def _own(count: int, *, now: int, days: int, chance: Random) -> list[Session]:
    """The server's own tasks: some by their daily schedules if there is room, the others spread over the whole time."""
    daily = [
        (local_time(back, now, hour, minute), kind, name)
        for back in range(days)
        for hour, minute, kind, name in _DAILY_TASKS
    ]
    settled = [task for task in daily if task[0] < now - HOUR]
    if len(settled) > count * 2 // 3:
        settled = []
    step = (days * DAY - 2 * HOUR) // max(count - len(settled), 1)
    spread = [
        (
            now - days * DAY + HOUR + number * step + int(chance.random() * step * 0.5),
            *_OWN_TASKS[number % len(_OWN_TASKS)],
        )
        for number in range(count - len(settled))
    ]
    return [_own_session(created, kind, name, step, chance) for created, kind, name in settled + spread]


def _own_session(created: int, kind: str, name: str, step: int, chance: Random) -> Session:
    result = "Warning" if chance.random() < 0.02 else "Success"
    return Session(
        id=draw(chance),
        name=name,
        kind=kind,
        created=created,
        ended=created + min(ceil(chance.random() * 5 * _MINUTE), step // 3 + 1),
        result=result,
        message=WARNINGS[0] if result == "Warning" else "",
        algorithm="None",
    )
