"""Machines that left, were renamed or registered anew, orphaned and imported backups: groups of their own."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from small_server import ZERO_ID, Document, SmallServer, audited, days, finding, id_of, local, status_of, statuses_of

from vbr_audit.checks.site import Asset, Site
from vbr_audit.cli.outcome import print_outcome
from vbr_audit.pipeline import Audit

BERLIN = ZoneInfo("Europe/Berlin")


def estate() -> tuple[SmallServer, Document, Document]:
    """A job with a machine that it backs up every night, and one of which the last point is of 10 September."""
    vbr = SmallServer()
    vbr.add_repository()
    job = vbr.add_job("Nightly")
    vbr.add_state(job, "2026-10-31T22:00:00+01:00")
    backup = vbr.add_backup(job)
    for day in days("2026-10-01", "2026-10-31"):
        session = vbr.add_session(job, local(day, "22:00", BERLIN))
        vbr.add_task(session, "db01")
        if day.day > 24:
            vbr.add_point(backup, "db01", local(day, "22:01", BERLIN))
    vbr.add_object(backup, "db01", points=7)
    return vbr, job, backup


def judged(vbr: SmallServer, **given: object) -> Audit:
    return audited(
        vbr, only="RPO-001 RPO-002 RPO-003 RPO-012 RPO-018 CPY-001", month="2026-10", timezone="Europe/Berlin", **given
    )


def old(vbr: SmallServer, backup: Document, name: str = "old01", **changes: object) -> None:
    for day in ("2026-09-09", "2026-09-10"):
        vbr.add_point(backup, name, f"{day}T22:01:00+02:00")
    vbr.add_object(backup, name, points=2, **changes)


@pytest.mark.parametrize(
    "kind", ["left its job", "registered anew", "renamed", "its job is gone", "imported or exported"]
)
def test_what_no_job_backs_up_any_more_is_a_group_with_its_size(kind: str) -> None:
    vbr, _, backup = estate()
    name = "old01"
    if kind == "registered anew":
        name = "DB01"
        old(vbr, backup, name, id=id_of("object", name), objectId="vm-before")
    elif kind == "renamed":
        old(vbr, backup, name, objectId=vbr.rows(f"backups/{backup['id']}/objects")[0]["objectId"])
    elif kind == "left its job":
        old(vbr, backup)
    else:
        gone = {"id": id_of("gone") if kind == "its job is gone" else ZERO_ID, "name": "Gone", "type": "VSphereBackup"}
        old(vbr, vbr.add_backup(gone))

    audit = judged(vbr)

    group = finding(audit, "RPO-018")
    assert (group["object_name"], group["status"], group["severity"]) == (kind, "FAIL", "low")
    assert group["observed"] == f"1 object, 2 restore points, 1.9 GiB: {name}"
    # Nothing else is said of it, and nothing is taken from its neighbour.
    for check in ("RPO-001", "RPO-002", "RPO-003", "RPO-012", "CPY-001"):
        assert list(statuses_of(audit, check)) == ["db01"], check
    assert status_of(audit, "RPO-001", "db01") == "PASS"


def test_a_machine_whose_job_fails_on_it_has_not_left() -> None:
    vbr, _, backup = estate()
    for session in vbr.rows("sessions"):
        session["result"]["result"] = "Warning"
        vbr.add_task(session, "old01", "Failed")
    old(vbr, backup)

    audit = judged(vbr)

    assert statuses_of(audit, "RPO-001") == {"db01": "PASS", "old01": "FAIL"}
    assert statuses_of(audit, "RPO-018") == {}


def test_a_job_that_makes_no_points_at_all_has_lost_no_machine() -> None:
    vbr, _, backup = estate()
    for path in ("restorePoints", f"backups/{backup['id']}/backupFiles"):
        vbr.rows(path).clear()
    vbr.rows(f"backups/{backup['id']}/objects")[0]["restorePointsCount"] = 0
    old(vbr, backup)

    audit = judged(vbr)

    assert statuses_of(audit, "RPO-001")["old01"] == "FAIL"


def test_a_backup_of_a_hidden_job_that_grows_is_not_left() -> None:
    vbr, _, _ = estate()
    backup = vbr.add_backup({"id": id_of("hidden"), "name": "Hidden", "type": "VSphereBackup"})
    vbr.add_point(backup, "ahv01", "2026-10-31T22:01:00+01:00")
    vbr.add_object(backup, "ahv01", points=1)

    audit = judged(vbr)

    assert statuses_of(audit, "RPO-001") == {"db01": "PASS", "ahv01": "PASS"}
    assert statuses_of(audit, "RPO-018") == {}


def test_a_machine_of_the_list_of_assets_is_asked_for_until_it_is_backed_up_elsewhere() -> None:
    vbr, _, backup = estate()
    old(vbr, backup)
    old(vbr, backup, "DB01", id=id_of("object", "DB01"), objectId="vm-before")
    site = Site(assets=(Asset("old01"), Asset("db01")), text="version: 1\n")

    audit = judged(vbr, site=site)

    assert statuses_of(audit, "RPO-001") == {"db01": "PASS", "old01": "FAIL"}
    assert statuses_of(audit, "RPO-018") == {"registered anew": "FAIL"}


def test_the_console_tells_what_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    vbr, _, backup = estate()
    old(vbr, backup)

    print_outcome(judged(vbr), [], quiet=False)

    assert "\nLeft behind (left its job): 1 object, 2 restore points, 1.9 GiB: old01\n" in capsys.readouterr().out
