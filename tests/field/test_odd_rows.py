"""One odd row of something else changes no answer about any other object."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from small_server import SmallServer, audited, days, id_of, local

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
    return vbr.add_backup(nobody("Old"), "2026-01-01T22:00:00+01:00", repository="Local")


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
}


def answers(audit: va.Audit) -> dict[tuple[str, str, str], tuple[Any, ...]]:
    """What is said of each object."""
    told = audit.findings[~audit.findings["object_type"].isin(SERVERS)]
    names = ["check_id", "object_type", "object_id", "status", "severity", "observed", "reason"]
    return {row[:3]: row[3:] for row in told[names].astype(object).fillna("").itertuples(index=False, name=None)}


@pytest.fixture(scope="module")
def before() -> dict[tuple[str, str, str], tuple[Any, ...]]:
    return answers(audited(estate(), only=AREAS, month="2026-10", timezone="Europe/Berlin", site=SITE))


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_row_changes_no_other_answer(before: dict[tuple[str, str, str], tuple[Any, ...]], odd: str) -> None:
    vbr = estate()
    ODD[odd](vbr)
    after = answers(audited(vbr, only=AREAS, month="2026-10", timezone="Europe/Berlin", site=SITE))
    assert {key: (told, after.get(key)) for key, told in before.items() if after.get(key) != told} == {}
