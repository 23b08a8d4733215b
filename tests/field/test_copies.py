"""What counts as a copy: restore points of today's data, not the chain of a job that is gone, nor a policy."""

from __future__ import annotations

import datetime as dt
import json
import re
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook
from small_server import SmallServer, audited, daily, days, finding, id_of, local, schedule_of, status_of

from vbr_audit.checks.site import Site, load_site
from vbr_audit.pipeline import Audit

BERLIN = ZoneInfo("Europe/Berlin")
COPIES = ("CPY-001", "CPY-002", "CPY-003", "CPY-004", "CPY-006", "CPY-009")
SITE = "version: 1\nrepositories:\n  - {match: Local, tags: [onsite]}\n"
BUCKET: dict[str, Any] = {
    "kind": "AmazonS3",
    "bucket": {"bucketName": "b", "immutability": {"isEnabled": True, "daysCount": 30}},
}


def fill(vbr: SmallServer, backup: dict[str, Any], name: str, first: str, last: str) -> None:
    """A machine with a restore point of every night from `first` to `last`."""
    nights = days(first, last)
    vbr.add_object(backup, name, points=len(nights))
    for night in nights:
        vbr.add_point(backup, name, local(night, "22:01", BERLIN))


def nightly_on_disk(vbr: SmallServer, name: str = "Nightly", machine: str = "srv1") -> dict[str, Any]:
    vbr.add_repository("Local")
    job = vbr.add_job(name, repository="Local")
    vbr.add_state(job, "2026-10-31T22:00:00+01:00")
    for night in days("2026-10-25", "2026-10-31"):
        vbr.add_session(job, local(night, "22:00", BERLIN))
    fill(vbr, vbr.add_backup(job, repository="Local"), machine, "2026-10-25", "2026-10-31")
    return job


def test_the_chain_of_a_job_that_is_gone_is_no_copy_of_todays_data() -> None:
    vbr = SmallServer()
    nightly_on_disk(vbr)
    vbr.add_repository("Bucket", **BUCKET)
    gone = {"id": id_of("gone"), "name": "Old cloud job", "type": "VSphereBackup"}
    old = vbr.add_backup(gone, "2024-01-01T22:00:00+01:00", repository="Bucket")
    for name in ("srv1", "srv2"):
        fill(vbr, old, name, "2024-10-25", "2024-10-31")

    audit = audited(vbr, only="CPY SOB RPO IMM", month="2026-10", timezone="Europe/Berlin", site=SITE)

    for check in ("CPY-001", "CPY-003", "CPY-004", "CPY-009"):
        assert status_of(audit, check, "srv1") == "FAIL", check
    for check in COPIES:
        assert status_of(audit, check, "srv1") != "PASS", check
    assert "out of date: Bucket" in finding(audit, "CPY-001", "srv1")["observed"]
    # What no job backs up any more, and no list of machines names, is told once, as what was left behind.
    findings = audit.findings
    assert set(findings.loc[findings["object_name"] == "srv2", "status"]) <= {"NOT_APPLICABLE"}
    (left,) = findings.loc[findings["check_id"] == "RPO-018", "status"]
    assert left == "FAIL"
    assert finding(audit, "RPO-006", "srv1")["observed"] == "1 job"
    assert status_of(audit, "RPO-006", "srv1") == "PASS"


def list_of_assets(tmp_path: Path) -> Site:
    (tmp_path / "assets.csv").write_text("name,platform,owner,exempt\nsrv1,vSphere,A,\nsrv2,vSphere,A,\n")
    (tmp_path / "site.yaml").write_text(SITE + "assets: assets.csv\n")
    return load_site(tmp_path / "site.yaml")


@pytest.mark.parametrize(
    ("change", "status", "observed"),
    [
        (
            "gone",
            "FAIL",
            "no job makes another one: newest restore point 2024-10-31 22:01 Europe/Berlin (17,528 h ago)",
        ),
        ("listed", "PASS", "newest restore point 2024-10-31 22:01 Europe/Berlin (17,528 h ago)"),
        ("of a type that is not reported", "UNKNOWN", None),
        ("points not read", "UNKNOWN", None),
    ],
)
def test_an_asset_is_told_with_the_age_of_its_restore_point(
    tmp_path: Path, change: str, status: str, observed: str | None
) -> None:
    vbr = SmallServer()
    nightly_on_disk(vbr)
    gone = {"id": id_of("gone"), "name": "Old cloud job", "type": "VSphereBackup"}
    if change == "listed":
        gone = vbr.add_job("Old cloud job")
    old = vbr.add_backup(gone, "2024-01-01T22:00:00+01:00")
    fill(vbr, old, "srv2", "2024-10-25", "2024-10-31")
    if change == "of a type that is not reported":
        del old["jobType"]
    if change == "points not read":
        vbr.statuses["restorePoints"] = 403

    audit = audited(vbr, only="RPO-004", month="2026-10", timezone="Europe/Berlin", site=list_of_assets(tmp_path))

    found = finding(audit, "RPO-004", "srv2")
    assert found["status"] == status
    if observed is not None:
        assert found["observed"] == observed
    if change != "points not read":
        assert finding(audit, "RPO-004", "srv1")["observed"].startswith("newest restore point 2026-10-31 22:01")
        assert status_of(audit, "RPO-004", "srv1") == "PASS"


WEEKLY = schedule_of(daily=daily("22:00", "SelectedDays", ["Sunday"]))


LOCKS: dict[str, dict[str, Any]] = {
    "7 days": {"daysCount": 7},
    "6 days": {"daysCount": 6},
    "6 days by retention": {"daysCount": 6, "immutabilityMode": "RetentionSettings"},
    "days not told": {"daysCount": None},
}
"""How long the objects of the bucket that is called so are locked."""


@cache
def audit_of_locks() -> Audit:
    """A machine for each of `LOCKS`, in a bucket and a job of its own."""
    vbr = SmallServer(now="2026-11-01T06:00:00+01:00")
    for name, lock in LOCKS.items():
        immutability = {"isEnabled": True, "immutabilityMode": "RepositorySettings", **lock}
        vbr.add_repository(name, kind="AmazonS3", bucket={"bucketName": "b", "immutability": immutability})
        backup = vbr.add_backup(vbr.add_job(f"Job of {name}", repository=name, schedule=WEEKLY), repository=name)
        vbr.add_object(backup, name, points=4)
        for day in ("2026-10-04", "2026-10-11", "2026-10-18", "2026-10-25"):
            vbr.add_point(backup, name, local(dt.date.fromisoformat(day), "22:01", BERLIN))
    return audited(vbr, only="CPY-004", month="2026-10", timezone="Europe/Berlin", site=SITE)


@pytest.mark.parametrize(("name", "status"), list(zip(LOCKS, ("PASS", "FAIL", "PASS", "UNKNOWN"), strict=True)))
def test_a_chain_is_locked_for_some_days_from_its_last_point_on(name: str, status: str) -> None:
    found = finding(audit_of_locks(), "CPY-004", name)
    assert found["status"] == status
    if status == "FAIL":
        assert f"the lock has ended on {name}" in found["observed"]
    if name == "7 days":
        assert found["observed"] == "immutable or offline; locked until 2026-11-01 22:01 Europe/Berlin"


WORKER = {"id": id_of("worker"), "name": "Copy to DR\\Nightly", "type": "BackupCopy"}


def with_copy_worker(vbr: SmallServer, newest: str = "2026-10-31", *, listed: bool = True) -> None:
    """What a copy job makes and runs is of a worker, which has an id of its own."""
    nightly = nightly_on_disk(vbr)
    vbr.add_repository("DR", kind="LinuxHardened", immutable_days=14)
    if listed:
        copy = vbr.add_copy_job("Copy to DR", nightly, repository="DR")
        vbr.add_state(copy, "2026-10-12T08:00:00+02:00", status="Running")
    fill(vbr, vbr.add_backup(WORKER, repository="DR"), "srv1", "2026-10-20", newest)


@pytest.mark.parametrize(("newest", "fine"), [("2026-10-31", True), ("2026-10-25", False)])
def test_what_a_worker_makes_is_its_copy_jobs(newest: str, fine: bool) -> None:
    vbr = SmallServer()
    with_copy_worker(vbr, newest)
    for night in days("2026-10-20", newest):
        vbr.add_session(WORKER, local(night, "23:00", BERLIN))

    audit = audited(
        vbr,
        only="RPO-006 RPO-010 CPY-001 CPY-004 CPY-007 RUN-004 RUN-005 RUN-007",
        month="2026-10",
        timezone="Europe/Berlin",
        site=SITE,
    )

    assert status_of(audit, "RPO-010", "Copy to DR\\Nightly") == "PASS"
    for check in ("CPY-001", "CPY-004", "CPY-007"):
        assert status_of(audit, check, "srv1") == ("PASS" if fine else "FAIL"), check
    assert status_of(audit, "RUN-004", "Copy to DR") == ("PASS" if fine else "FAIL")
    assert finding(audit, "RPO-006", "srv1")["observed"] == "1 job"
    runs = audit.snapshot.job_runs
    assert runs["is_listed"].all()
    assert status_of(audit, "RUN-007", "Copy to DR") == "PASS"
    assert status_of(audit, "RUN-005", "Copy to DR") == "PASS"


def test_a_periodic_copy_job_is_judged_by_what_its_worker_ran() -> None:
    vbr = SmallServer()
    nightly = nightly_on_disk(vbr)
    vbr.add_repository("DR", kind="LinuxHardened", immutable_days=14)
    plan = {"type": "Periodic", **schedule_of(daily=daily("11:00 PM"))}
    vbr.add_state(vbr.add_copy_job("Copy to DR", nightly, repository="DR", schedule=plan), "2026-10-31T23:00:00+01:00")
    fill(vbr, vbr.add_backup(WORKER, repository="DR"), "srv1", "2026-10-24", "2026-10-31")
    for night in days("2026-10-01", "2026-10-31"):
        ended = "Failed" if night.day == 12 else "Success"
        vbr.add_task(vbr.add_session(WORKER, local(night, "23:00", BERLIN), result=ended), "srv1", ended)

    audit = audited(
        vbr, only="RPO-007 CPY-001 CPY-007 RUN-005 RUN-014", month="2026-10", timezone="Europe/Berlin", site=SITE
    )

    assert finding(audit, "RUN-005", "Copy to DR")["observed"] == "30 of 31 (96.8 %)"
    assert finding(audit, "RUN-014", "Copy to DR")["observed"] == "0 of 31 runs missed"
    for check in ("RPO-007", "CPY-001", "CPY-007"):
        assert status_of(audit, check, "srv1") == "PASS", check
    assert sum(audit.summary.runs_beside.unlisted.values()) == 0


def test_workers_are_folded_by_themselves_and_are_steps_of_their_copy_jobs_own_runs() -> None:
    vbr = SmallServer()
    with_copy_worker(vbr)
    other = {**WORKER, "id": id_of("other worker"), "name": "Copy to DR\\Other"}
    vbr.add_session(WORKER, "2026-10-30T23:00:00+01:00", result="Failed", minutes=5)
    vbr.add_session(other, "2026-10-30T23:10:00+01:00")
    whole = vbr.add_session(vbr.rows("jobs")[1], "2026-10-31T23:00:00+01:00", minutes=60)
    vbr.add_session(WORKER, "2026-10-31T23:05:00+01:00")
    vbr.add_session(other, "2026-11-01T01:00:00+01:00", parentSessionId=whole["id"])

    runs = audited(vbr, only="RUN-005", since="2026-10-01", timezone="Europe/Berlin").snapshot.job_runs

    own = runs[(runs["job_id"] == id_of("job", "Copy to DR")).to_numpy(dtype=bool)]
    assert own["result"].tolist() == ["Failed", "Success", "Success"]
    assert own["worker_id"].fillna("").tolist() == [id_of("worker"), id_of("other worker"), ""]


@pytest.mark.parametrize("revision", ["1.2-rev1", "1.3-rev1"])
def test_a_worker_of_a_copy_job_that_no_list_shows_is_no_orphan(revision: str) -> None:
    vbr = SmallServer(revision)
    with_copy_worker(vbr, listed=False)

    audit = audited(vbr, only="RPO-006 RPO-010 CPY-001", month="2026-10", timezone="Europe/Berlin", site=SITE)

    assert status_of(audit, "RPO-010", "Copy to DR\\Nightly") == "UNKNOWN"
    assert status_of(audit, "CPY-001", "srv1") == "PASS"
    assert finding(audit, "RPO-006", "srv1")["observed"] == "1 job"


@pytest.mark.parametrize(("revision", "status"), [("1.2-rev1", "UNKNOWN"), ("1.3-rev1", "FAIL")])
def test_where_not_all_jobs_are_listed_none_is_said_to_be_gone(revision: str, status: str) -> None:
    vbr = SmallServer(revision)
    after = schedule_of(afterThisJob={"isEnabled": True, "jobName": "Agents"})
    vbr.add_job("Second", schedule=after)

    audit = audited(vbr, only="JOB-023", month="2026-10", timezone="Europe/Berlin")

    assert status_of(audit, "JOB-023", "Second") == status


NEWEST = {"2026-10-31": "PASS", "2026-10-30": "PASS", "2026-10-28": "FAIL", "2026-10-20": "FAIL"}
"""The day of the newest copy, and what is said of it."""


@cache
def audit_of_ages() -> Audit:
    """A machine for each of `NEWEST`, in jobs of its own."""
    vbr = SmallServer()
    vbr.add_repository("DR", kind="LinuxHardened")
    for newest in NEWEST:
        nightly = nightly_on_disk(vbr, f"Nightly {newest}", newest)
        copy = vbr.add_copy_job(f"Copy {newest}", nightly, repository="DR")
        vbr.add_state(copy, "2026-10-12T08:00:00+02:00", status="Running")
        vbr.add_session(copy, "2026-10-12T08:00:00+02:00", minutes=None, state="Idle")
        fill(vbr, vbr.add_backup(copy, repository="DR"), newest, "2026-10-10", newest)
    return audited(vbr, only="CPY-001 CPY-007", month="2026-10", timezone="Europe/Berlin")


@pytest.mark.parametrize(("newest", "copies"), NEWEST.items())
def test_a_copy_is_as_old_as_its_interval_allows(newest: str, copies: str) -> None:
    assert status_of(audit_of_ages(), "CPY-001", newest) == copies
    assert status_of(audit_of_ages(), "CPY-007", newest) == ("PASS" if newest >= "2026-10-30" else "FAIL")


def test_two_vcenters_have_the_same_machine_id() -> None:
    vbr = SmallServer()
    for number in (1, 2):
        vbr.add_repository(f"R{number}")
        job = vbr.add_job(f"Job {number}", repository=f"R{number}")
        backup = vbr.add_backup(job, repository=f"R{number}")
        path = f"vcenter{number}.example\\Prague\\srv1"
        vbr.add_object(backup, "srv1", id=id_of("object", number), objectId="vm-17", path=path)
        vbr.add_point(backup, "srv1", "2026-10-31T22:01:00+01:00", file={"objectIds": [id_of("object", number)]})

    audit = audited(vbr, only="CPY-001", month="2026-10", timezone="Europe/Berlin")

    found = audit.findings[(audit.findings["check_id"] == "CPY-001").to_numpy(dtype=bool)]
    assert found["object_name"].tolist() == ["srv1", "srv1"]
    assert found["status"].tolist() == ["FAIL", "FAIL"]


def test_cloud_connect_is_off_site_and_a_share_of_the_backup_server_is_the_backup_server() -> None:
    vbr = SmallServer(name="vbr01.example")
    nightly = nightly_on_disk(vbr)
    vbr.add_repository("Share", kind="Smb", path="\\\\VBR01\\backup")
    copy = vbr.add_copy_job("Copy", nightly, repository="Share")
    fill(vbr, vbr.add_backup(copy, repository="Share"), "srv1", "2026-10-25", "2026-10-31")

    audit = audited(vbr, only="CPY-001 CPY-002 CPY-003", month="2026-10", timezone="Europe/Berlin", site=SITE)

    assert status_of(audit, "CPY-001", "srv1") == "PASS"
    assert status_of(audit, "CPY-002", "srv1") == "FAIL"

    vbr.add_repository("Provider", kind="Cloud")
    second = vbr.add_copy_job("Second copy", nightly, repository="Provider")
    fill(vbr, vbr.add_backup(second, repository="Provider"), "srv1", "2026-10-25", "2026-10-31")

    audit = audited(vbr, only="CPY-001 CPY-002 CPY-003", month="2026-10", timezone="Europe/Berlin", site=SITE)

    assert status_of(audit, "CPY-003", "srv1") == "PASS"


def test_where_tape_jobs_run_an_offline_copy_is_not_surely_missing() -> None:
    vbr = SmallServer()
    nightly_on_disk(vbr)
    tape = {"id": id_of("tape"), "name": "Weekly to tape", "type": "BackupTapeJob"}
    vbr.add_session(tape, "2026-10-31T10:00:00+01:00", sessionType="BackupTapeJob")

    audit = audited(vbr, only="CPY-004", month="2026-10", timezone="Europe/Berlin", site=SITE)

    assert status_of(audit, "CPY-004", "srv1") == "UNKNOWN"
    assert "tape" in finding(audit, "CPY-004", "srv1")["reason"]


def test_a_machine_without_a_restore_point_has_no_copy() -> None:
    vbr = SmallServer()
    nightly = nightly_on_disk(vbr)
    vbr.add_object(vbr.add_backup(nightly, repository="Local", name="Other"), "srv9", points=0)

    audit = audited(
        vbr, only="CPY-001 CPY-002 CPY-003 CPY-004 CPY-009", month="2026-10", timezone="Europe/Berlin", site=SITE
    )

    for check in ("CPY-001", "CPY-002", "CPY-003", "CPY-004", "CPY-009"):
        assert status_of(audit, check, "srv9") == "NOT_APPLICABLE", check
        assert finding(audit, check, "srv9")["reason"].startswith("no copy")


def with_capacity_tier(vbr: SmallServer) -> None:
    """`Local` becomes the performance tier of a scale-out repository that copies to an immutable bucket."""
    vbr.add_repository("Bucket", kind="AmazonS3", immutable_days=30)
    extents = [{"id": id_of("repository", "Local"), "name": "Local", "status": "Normal"}]
    capacity = {"isEnabled": True, "copyPolicyEnabled": True, "extents": [{"id": id_of("repository", "Bucket")}]}
    sobr = {"id": id_of("sobr"), "name": "SOBR", "performanceTier": {"performanceExtents": extents}}
    vbr.add("backupInfrastructure/scaleOutRepositories", {**sobr, "capacityTier": capacity})
    vbr.rows("backups")[0]["repositoryId"] = id_of("sobr")


@pytest.mark.parametrize(
    ("results", "copies", "succeeds"),
    [((), "UNKNOWN", "UNKNOWN"), (("Failed", "Success"), "PASS", "PASS"), (("Success", "Failed"), "FAIL", "FAIL")],
)
def test_a_policy_that_is_on_proves_no_copy_but_offload_sessions_do(
    results: tuple[str, ...], copies: str, succeeds: str
) -> None:
    vbr = SmallServer()
    nightly_on_disk(vbr)
    with_capacity_tier(vbr)
    offload = {"id": id_of("offload"), "name": "SOBR Offload", "type": "Offload"}
    for day, result in zip(days("2026-10-30", "2026-10-31"), results, strict=False):
        vbr.add_session(offload, local(day, "23:30", BERLIN), result=result, sessionType="ArchiveBackup")

    audit = audited(vbr, only="CPY-001 CPY-004 SOB-005 SOB-006", month="2026-10", timezone="Europe/Berlin", site=SITE)

    assert status_of(audit, "CPY-001", "srv1") == copies
    assert status_of(audit, "CPY-004", "srv1") == copies
    assert status_of(audit, "SOB-005", "SOBR") == succeeds
    assert status_of(audit, "SOB-006", "SOBR") == ("PASS" if results else "FAIL")


def test_offloads_have_a_rating_and_a_sheet(tmp_path: Path) -> None:
    vbr = SmallServer()
    nightly_on_disk(vbr)
    with_capacity_tier(vbr)
    offload = {"id": id_of("offload"), "name": "SOBR Offload", "type": "Offload"}
    for day, result in zip(
        days("2026-09-28", "2026-10-02"), ["Failed", "Failed", "Success", "Failed", "Warning"], strict=True
    ):
        vbr.add_session(offload, local(day, "23:30", BERLIN), result=result, sessionType="ArchiveBackup")

    audit = audited(vbr, only="SOB", month="2026-10", timezone="Europe/Berlin", site=SITE)

    # Two of them started in October.
    assert audit.summary.offload_rate == 0.5
    assert {result: ended for result, ended in audit.summary.offloads_by_result.items() if ended} == {
        "Warning": 1,
        "Failed": 1,
    }
    page = re.sub(r"<[^>]+>|\s+", " ", audit.to_html(tmp_path / "report.html").read_text("utf-8"))
    assert "success rate of offloads, of 2 finished offloads to a further tier (1 warning, 1 failed)" in page
    book = load_workbook(audit.to_excel(tmp_path / "report.xlsx", sheets="all"), read_only=True)
    rows = [[str(cell) for cell in row if cell is not None] for row in book["Summary"].iter_rows(values_only=True)]
    assert next(row for row in rows if row and row[0] == "Success rate of offloads")[1] == "0.5"
    sheet = [row for row in book["Offload sessions"].iter_rows(values_only=True) if row[1] == "SOBR"]
    book.close()
    assert [row[4] for row in sheet] == ["Failed", "Warning", "Failed", "Failed", "Success"]
    assert json.loads(audit.to_json(tmp_path / "f.json").read_bytes())["summary"]["offload_rate"] == 0.5


@pytest.mark.parametrize("kind", ["BackupTapeJob", "TapeBackup"])
@pytest.mark.parametrize("place", ["session", "backup"])
def test_tape_leaves_every_answer_about_a_missing_copy_open(place: str, kind: str) -> None:
    vbr = SmallServer()
    nightly_on_disk(vbr)
    tape = {"id": id_of("tape"), "name": "Weekly to tape", "type": kind}
    if place == "session":
        vbr.add_session(tape, "2026-10-31T10:00:00+01:00", sessionType=kind)
    else:
        vbr.add_backup(tape, repository="Tape")

    audit = audited(
        vbr, only="CPY-001 CPY-002 CPY-003 CPY-004 CPY-006", month="2026-10", timezone="Europe/Berlin", site=SITE
    )

    for check in ("CPY-001", "CPY-002", "CPY-003", "CPY-004", "CPY-006"):
        assert status_of(audit, check, "srv1") == "UNKNOWN", check


def two_vcenters(*, second: str | None) -> SmallServer:
    """Two vCenters with a machine of the same name and id; that of the second one has no point since `second`."""
    vbr = SmallServer()
    for number in (1, 2):
        vbr.add_repository(
            f"R{number}", kind="LinuxHardened", host=f"h{number}", immutable_days=14 if number == 1 else 0
        )
        job = vbr.add_job(f"Job {number}", repository=f"R{number}")
        vbr.add_state(job, "2026-10-31T22:00:00+01:00")
        backup = vbr.add_backup(job, repository=f"R{number}")
        nights = days("2026-10-24", "2026-10-31" if number == 1 or second is None else second)
        path = f"vcenter{number}.example\\Prague\\srv1"
        own = {"id": id_of("object", number), "objectId": "vm-17", "path": path}
        vbr.add_object(backup, "srv1", points=len(nights), **own)
        for night in days("2026-10-01", "2026-10-31"):
            ended = "Success" if night <= nights[-1] else "Failed"
            vbr.add_task(vbr.add_session(job, local(night, "22:00", BERLIN), result=ended), "srv1", ended)
        for night in nights:
            vbr.add_point(backup, "srv1", local(night, "22:01", BERLIN), file={"objectIds": [own["id"]]})
    return vbr


def test_machines_of_two_vcenters_are_told_apart_in_all_that_is_made_of_them() -> None:
    vbr = two_vcenters(second="2026-10-26")

    audit = audited(
        vbr,
        only="RPO-001 RPO-002 RPO-006 RPO-007 CPY-001 CPY-004 IMM-001",
        month="2026-10",
        timezone="Europe/Berlin",
        site=SITE,
    )

    rows = audit.findings
    answers = {
        check: sorted(rows[((rows["check_id"] == check) & (rows["object_name"] == "srv1")).to_numpy(bool)]["status"])
        for check in ("RPO-001", "RPO-002", "RPO-006", "RPO-007", "CPY-001", "CPY-004")
    }
    assert answers["RPO-001"] == answers["RPO-002"] == ["FAIL", "PASS"]
    assert answers["RPO-006"] == ["NOT_APPLICABLE", "PASS"]
    assert answers["CPY-001"] == ["FAIL", "FAIL"]
    assert answers["CPY-004"] == ["FAIL", "PASS"]
    assert answers["RPO-007"] == ["FAIL", "PASS"]
    immutable = rows[(rows["check_id"] == "IMM-001").to_numpy(bool)].set_index("object_name")
    # What lies on R2 has no other copy, immutable or not.
    assert (immutable.loc["R2", "status"], immutable.loc["R2", "severity"]) == ("FAIL", "high")
    assert len(audit.results.protected) == 2
