"""One odd row of something else changes no answer about any other object."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from small_server import ZERO_ID, SmallServer, audited, daily, days, id_of, local, schedule_of

import vbr_audit as va

BERLIN = ZoneInfo("Europe/Berlin")
SITE = "version: 1\nrepositories:\n  - {match: Local, tags: [onsite]}\n"
AREAS = "JOB RUN RPO CPY IMM REP SOB"
NIGHTS = days("2026-10-01", "2026-10-31")
SERVERS = ("server", "dataset")


def estate() -> SmallServer:
    """Two jobs, each with a machine that has a point of every night; the second has failed once."""
    vbr = SmallServer()
    vbr.add_repository("Local")
    for number in (1, 2):
        job = vbr.add_job(f"Job {number}", repository="Local")
        vbr.add_state(job, "2026-10-31T22:00:00+01:00")
        backup = vbr.add_backup(job, repository="Local")
        vbr.add_object(backup, f"srv{number}", points=len(NIGHTS) - number + 1)
        for night in NIGHTS:
            failed = number == 2 and night == NIGHTS[9]
            session = vbr.add_session(job, local(night, "22:00", BERLIN), result="Failed" if failed else "Success")
            vbr.add_task(session, f"srv{number}", "Failed" if failed else "Success")
            if not failed:
                vbr.add_point(backup, f"srv{number}", local(night, "22:01", BERLIN))
    return vbr


def nobody(name: str) -> dict[str, Any]:
    """A job that no list names."""
    return {"id": id_of("nobody", name), "name": name, "type": "VSphereBackup"}


def odd_backup(vbr: SmallServer) -> dict[str, Any]:
    name = f"Old {len(vbr.rows('backups'))}"
    return vbr.add_backup(nobody(name), "2026-01-01T22:00:00+01:00", repository="Local")


def twins(vbr: SmallServer, backup: dict[str, Any]) -> None:
    for number in (1, 2):
        vbr.add_object(backup, "twin", id=id_of("twin", number), objectId=None)
    vbr.add_point(backup, "twin", NIGHT, file={"objectIds": None, "objectId": None})


LOST = {"id": id_of("lost"), "sessionType": "BackupJob", "state": "Stopped"}
LOST |= dict.fromkeys(("creationTime", "endTime"), "2026-10-13T13:00:00+02:00")
NIGHT = local(NIGHTS[12], "13:00", BERLIN)
ODD: dict[str, Callable[[SmallServer], Any]] = {
    "a session without a job": lambda vbr: vbr.add_session(nobody("x"), NIGHT, jobId=None, result="Failed"),
    "a session of a job that is gone": lambda vbr: vbr.add_session(nobody("x"), NIGHT, result="Failed"),
    "a session of a kind that nobody knows": lambda vbr: vbr.add_session(nobody("x"), NIGHT, sessionType="Teleport"),
    "a session without a start": lambda vbr: vbr.add_session(nobody("x"), NIGHT, creationTime=None),
    "a task without a session": lambda vbr: vbr.add_task(LOST, "other", "Failed"),
    "a backup without a job": lambda vbr: vbr.add_backup(
        {**nobody("x"), "id": None}, "2026-01-01T22:00:00+01:00", repository="Local"
    ),
    "an object without a point": lambda vbr: vbr.add_object(odd_backup(vbr), "other", points=0),
    "an object without a count": lambda vbr: vbr.add_object(odd_backup(vbr), "other", restorePointsCount=None),
    "a point without a name": lambda vbr: vbr.add_point(odd_backup(vbr), "other", NIGHT).update(name=None),
    "a point without a backup": lambda vbr: vbr.add_point({**odd_backup(vbr), "id": None}, "other", NIGHT),
    "a point without a date": lambda vbr: vbr.add_point(odd_backup(vbr), "other", NIGHT, creationTime=None),
    "a point of the future": lambda vbr: vbr.add_point(odd_backup(vbr), "other", "2027-10-01T00:00:00+01:00"),
    "a job of an unknown type": lambda vbr: vbr.add_state(
        {**nobody("x"), "type": "Teleporter"}, "2026-10-31T22:00:00+01:00"
    ),
    "a repository of an unknown type": lambda vbr: vbr.add_repository("Odd", kind="Levitating"),
    "a repository without an id": lambda vbr: vbr.add_repository("Odd", id=None, state={"id": None}),
    "a job without a type": lambda vbr: vbr.add_job("Odd", repository="Local").update(type=None),
    "a job without an id": lambda vbr: vbr.add_job("Odd", repository="Local").update(id=None),
    "a job without a schedule": lambda vbr: vbr.add_job("Odd", repository="Local").update(schedule=None),
    "a schedule of a kind that nobody knows": lambda vbr: vbr.add_job(
        "Odd", repository="Local", schedule=schedule_of(daily=daily("25:99", "Moonlit"))
    ),
    "a state without a job": lambda vbr: vbr.add_state(nobody("x"), "2026-10-31T22:00:00+01:00", id=None),
    "two objects of one name": lambda vbr: twins(vbr, odd_backup(vbr)),
    "an object of the same name in another backup": lambda vbr: vbr.add_object(
        odd_backup(vbr), "srv1", id=id_of("other srv1"), objectId="vm-other", platformId=id_of("other vCenter")
    ),
    "an object without a name": lambda vbr: vbr.add_object(odd_backup(vbr), "other").update(name=None),
    "an object without an id": lambda vbr: vbr.add_object(odd_backup(vbr), "other", id=None),
    "an agent without a platform": lambda vbr: vbr.add_object(
        odd_backup(vbr), "agent", type="Computer", platformName=None, platformId=None, objectId=ZERO_ID
    ),
    "a backup file without size and date": lambda vbr: vbr.add_point(
        odd_backup(vbr), "other", NIGHT, file={"backupSize": None, "dataSize": None, "creationTime": None}
    ),
    "a backup file without a backup": lambda vbr: vbr.add_point(
        odd_backup(vbr), "other", NIGHT, file={"backupId": None, "objectIds": None, "objectId": None}
    ),
    "a backup file of a negative size": lambda vbr: vbr.add_point(
        odd_backup(vbr), "other", NIGHT, file={"backupSize": -1, "dataSize": -(2**60)}
    ),
    "a backup file of an endless size": lambda vbr: vbr.add_point(
        odd_backup(vbr), "other", NIGHT, file={"backupSize": 2**63, "dataSize": 2**64 - 1}
    ),
    "a point of a type that nobody knows": lambda vbr: vbr.add_point(odd_backup(vbr), "other", NIGHT, "Teleported"),
    "a point without an offset": lambda vbr: vbr.add_point(
        odd_backup(vbr), "other", NIGHT, creationTime="2026-10-13T13:00:00"
    ),
    "a point before all time": lambda vbr: vbr.add_point(
        odd_backup(vbr), "other", NIGHT, creationTime="0001-01-01T00:00:00"
    ),
    "a point after all time": lambda vbr: vbr.add_point(
        odd_backup(vbr), "other", NIGHT, creationTime="9999-12-31T23:59:59Z"
    ),
    "a session that ended before it began": lambda vbr: vbr.add_session(
        nobody("x"), NIGHT, endTime="2020-01-01T00:00:00Z"
    ),
    "a session without a kind": lambda vbr: vbr.add_session(nobody("x"), NIGHT, sessionType=None),
    "a session without a result": lambda vbr: vbr.add_session(nobody("x"), NIGHT, result=None),
    "a running session of no job": lambda vbr: vbr.add_session(nobody("x"), NIGHT, minutes=None, jobId=ZERO_ID),
    "a task of a namesake in another job": lambda vbr: vbr.add_task(
        vbr.add_session(nobody("x"), NIGHT, result="Failed"), "srv1", "Failed"
    ),
    "a task without a name": lambda vbr: vbr.add_task(LOST, "other", "Failed").update(name=None),
    "a backup of a repository that is gone": lambda vbr: vbr.add_backup(
        nobody("Old"), "2026-01-01T22:00:00+01:00", repository="Gone", repositoryName=None
    ),
    "a backup without a type of job": lambda vbr: odd_backup(vbr).update(jobType=None),
}
"""What is odd about something that is not `Job 1` or `Job 2`."""
GROUPS = [list(ODD)[at::4] for at in range(4)]
"""Neighbours are odd in the same kind of row: they stand in different groups."""


Answers = dict[tuple[str, str, str], tuple[Any, ...]]


def answers(audit: va.Audit) -> Answers:
    """What is said of each object."""
    told = audit.findings[~audit.findings["object_type"].isin(SERVERS)]
    names = ["check_id", "object_type", "object_id", "status", "severity", "observed", "reason"]
    return {row[:3]: row[3:] for row in told[names].astype(object).fillna("").itertuples(index=False, name=None)}


def answers_with(*odd: str) -> Answers:
    """What is said where these odd rows are."""
    vbr = estate()
    for name in odd:
        ODD[name](vbr)
    return answers(audited(vbr, only=AREAS, month="2026-10", timezone="Europe/Berlin", site=SITE))


@pytest.fixture(scope="module")
def before() -> Answers:
    return answers_with()


@pytest.mark.parametrize("group", GROUPS, ids=map(", ".join, GROUPS))
def test_odd_rows_change_no_other_answer(before: Answers, group: list[str]) -> None:
    def changed(*odd: str) -> Answers:
        after = answers_with(*odd)
        return {key: (told, after.get(key)) for key, told in before.items() if after.get(key) != told}

    together = changed(*group)
    assert not together, {"together": together, **{odd: changed(odd) for odd in group}}
