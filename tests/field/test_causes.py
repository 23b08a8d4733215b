"""What one remedy settles is told once: a password that many jobs share, the missing off-site copy of a whole job."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from small_server import SmallServer, audited, days, local

BERLIN = ZoneInfo("Europe/Berlin")
NIGHTS = days("2026-10-25", "2026-10-31")
SITE = "version: 1\nrepositories:\n  - {match: Local, tags: [onsite]}\n"
MACHINES = ("srv1", "srv2", "srv3")


def test_one_cause_for_all_jobs_of_a_password_and_for_all_machines_of_a_job() -> None:
    vbr = SmallServer()
    vbr.add_repository("Local")
    jobs = [vbr.add_job(f"Job {number}", repository="Local") for number in range(12)]
    for job in jobs:
        job["storage"]["advancedSettings"]["storageData"]["encryption"]["encryptionType"] = "ByUserPassword"
    backup = vbr.add_backup(jobs[0], repository="Local")
    for name in MACHINES:
        vbr.add_object(backup, name, points=len(NIGHTS))
        for night in NIGHTS:
            vbr.add_point(backup, name, local(night, "22:01", BERLIN))

    audit = audited(vbr, only="CPY JOB", month="2026-10", timezone="Europe/Berlin", site=SITE)

    for check, kind, name, findings in (
        ("JOB-011", "encryption password", None, len(jobs)),
        ("CPY-003", "job", "Job 0", len(MACHINES)),
    ):
        (cause,) = audit.causes[audit.causes["check_id"] == check].to_dict("records")
        assert (cause["kind"], cause["findings"], cause["objects"]) == (kind, findings, findings)
        assert name in (None, cause["name"])
        assert len(audit.failed[audit.failed["cause"] == cause["cause"]]) == findings
