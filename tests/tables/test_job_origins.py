"""Jobs that only their backups or only their sessions report."""

from __future__ import annotations

import pandas as pd
import pytest

from vbr_audit.datasets import BUILDERS
from vbr_audit.tables.jobs import states as job_states
from vbr_audit.tables.jobs import table as jobs


def table(name, *rows):
    builder = BUILDERS[name]("vbr01")
    builder.add([dict(row) for row in rows])
    return builder.finish().frame


def build(documents=(), states=None, backups=None, revision="1.3-rev2"):
    made = jobs.build_jobs(list(documents), states, backups=backups, server="vbr01", revision=revision)
    return made.jobs


DOCUMENT = {"id": "a", "name": "Web", "type": "VSphereBackup", "isDisabled": False}
AZURE = {"id": "b1", "jobId": "az", "name": "Azure", "jobType": "CloudBackupAzure"}


def test_a_backup_of_a_type_without_documents_tells_of_its_job(same_dtypes):
    found = build([DOCUMENT], backups=table("backups", AZURE, AZURE | {"id": "b2", "name": "again"}))
    same_dtypes(found, jobs.SPEC)
    assert found["job_id"].tolist() == ["a", "az"]
    row = found.iloc[1]
    assert (row["name"], row["type"], row["type_reported"]) == ("Azure", "CloudBackupAzure", "CloudBackupAzure")
    assert row["seen_in"] == "backups"
    unknown = ["settings_profile", "is_disabled", "expected_to_run", "retry_enabled", "is_high_priority"]
    assert all(row[name] is pd.NA for name in unknown)


@pytest.mark.parametrize(
    "job_type",
    ["CloudBackupAWS", "NutanixAHVBackupJob", "ProxmoxBackupJob", "LegacyBackupCopy", "Unknown", "NewToUs"],
)
def test_types_without_documents(job_type):
    backups = table("backups", {"id": "b", "jobId": "x", "name": "B", "jobType": job_type})
    assert build(backups=backups)["type"].tolist() == [job_type]
    assert build(backups=backups, revision="1.4-rev0")["type"].tolist() == [job_type]


@pytest.mark.parametrize(
    "backup",
    [
        {"jobId": "gone", "jobType": "VSphereBackup"},
        {"jobId": "gone", "jobType": "Backup"},
        {"jobId": "gone", "jobType": "BackupCopy"},
        {"jobId": "gone"},
        {"jobId": "gone", "jobType": None},
        {"jobId": "00000000-0000-0000-0000-000000000000", "jobType": "CloudBackupAzure"},
        {"jobType": "CloudBackupAzure"},
    ],
)
def test_an_orphan_is_no_job(backup):
    backups = table("backups", {"id": "b", "name": "B"} | backup)
    assert build([DOCUMENT], backups=backups)["job_id"].tolist() == ["a"]
    assert build(backups=backups, revision="1.4-rev0")["job_id"].tolist() == []


def test_a_type_that_came_later_has_no_documents_in_an_older_revision():
    backups = table("backups", {"id": "b", "jobId": "x", "name": "B", "jobType": "FileBackup"})
    assert build(backups=backups, revision="1.3-rev1")["job_id"].tolist() == []
    assert build(backups=backups, revision="1.3-rev0")["job_id"].tolist() == ["x"]


def test_where_each_job_was_seen():
    states = table("job_states", {"id": "a", "name": "Web"}, {"id": "s", "status": "Disabled"}, {"id": "t"})
    backups = table(
        "backups",
        AZURE,
        {"id": "b3", "jobId": "a", "jobType": "VSphereBackup"},
        {"id": "b4", "jobId": "t", "jobType": "ProxmoxBackupJob"},
    )
    found = build([DOCUMENT, DOCUMENT | {"id": "d"}, {"id": 5, "type": "VSphereBackup"}], states, backups)
    assert found["job_id"].tolist() == ["a", "d", pd.NA, "s", "t", "az"]
    assert found["seen_in"].tolist() == [
        "jobs+job_states+backups", "jobs", "jobs", "job_states", "job_states+backups", "backups",
    ]  # fmt: skip
    assert found["is_disabled"].tolist()[3:] == [True, pd.NA, pd.NA]


def test_no_backups_change_nothing():
    assert build([DOCUMENT], backups=table("backups"))["seen_in"].tolist() == ["jobs"]


RUN = {"id": "s1", "name": "Web", "jobId": "a", "sessionType": "BackupJob", "state": "Stopped"}


def at(hour):
    return {"creationTime": f"2026-10-01T{hour:02}:00:00Z"}


def test_states_from_the_newest_session_of_each_job(same_dtypes):
    sessions = table(
        "sessions",
        RUN | at(8) | {"id": "new", "result": {"result": "Warning"}},
        RUN | at(7) | {"id": "old", "result": {"result": "Failed"}},
        RUN | at(9) | {"id": "other", "sessionType": "ConfigurationResynchronize", "result": {"result": "Failed"}},
        RUN | at(6) | {"id": "b-run", "jobId": "b", "name": "Busy", "state": "Working", "result": None},
        RUN | at(5) | {"id": "c-run", "jobId": "c", "result": None},
        RUN | at(5) | {"id": "nobody", "jobId": None},
        RUN | {"id": "d-run", "jobId": "d", "creationTime": None, "result": {"result": "Success"}},
    )
    states = job_states.from_sessions(sessions)
    same_dtypes(states, job_states.SPEC)
    assert states["job_id"].tolist() == ["a", "b", "c", "d"]
    assert states["last_result"].tolist() == ["Warning", "None", pd.NA, "Success"]
    assert states["session_id"].tolist() == ["new", "b-run", "c-run", "d-run"]
    assert states["name"].tolist() == ["Web", "Busy", "Web", "Web"]
    assert states["last_run"].tolist()[0] == pd.Timestamp("2026-10-01T08:00:00Z")
    assert states["last_run"].isna().tolist() == [False, False, False, True]
    told = {"server", "job_id", "name", "last_run", "last_result", "session_id"}
    assert states.drop(columns=sorted(told)).isna().all().all()
    assert build([DOCUMENT], states)["seen_in"].tolist() == ["jobs+job_states", *["job_states"] * 3]


def test_no_session_gives_no_state(same_dtypes):
    states = job_states.from_sessions(table("sessions"))
    same_dtypes(states, job_states.SPEC)
    assert len(states) == 0


def test_a_dated_session_counts_before_one_without_a_date():
    undated = RUN | {"id": "undated", "creationTime": "2026-10-01T07:00:00"}
    states = job_states.from_sessions(table("sessions", RUN | at(7) | {"id": "dated"}, undated))
    assert states["session_id"].tolist() == ["dated"]


def test_a_state_names_the_job_after_which_it_runs():
    states = table(
        "job_states",
        {"id": "a", "runAfterJob": {"jobId": "b", "jobName": "Before"}},
        {"id": "b", "runAfterJob": None},
        {"id": "c", "runAfterJob": {"jobId": "00000000-0000-0000-0000-000000000000", "jobName": None}},
        {"id": "d", "runAfterJob": "x"},
    )
    assert states["run_after_job_id"].tolist() == ["b", pd.NA, pd.NA, pd.NA]
    assert states["run_after_job"].tolist() == ["Before", pd.NA, pd.NA, pd.NA]


def test_what_a_job_takes_in():
    copy = {
        "id": "c", "type": "BackupCopy", "mode": "Immediate", "schedule": {"type": "Immediate"},
        "sourceObjects": {
            "includes": {"jobs": [{"id": "a"}, {"id": "b"}], "repositories": [], "backups": None},
            "excludes": {"jobs": [], "objects": [{}]},
        },
    }  # fmt: skip
    machines = DOCUMENT | {
        "virtualMachines": {
            "includes": [{}, {}],
            "excludes": {"vms": [], "disks": [{"disksToProcess": "allDisks"}, {"disksToProcess": "SystemOnly"}]},
        }
    }
    files = {"id": "f", "type": "FileBackup", "objects": [{}], "archiveRepository": {"archiveRepositoryId": "r"}}
    scan = {"id": "s", "type": "SureBackupContentScan", "linkedJobs": {"includes": [{"id": "a"}]}}
    unknown = machines | {"type": "NewToUs", "id": "u"}
    found = build([copy, machines, files, scan, unknown, DOCUMENT], table("job_states", {"id": "z"}))
    gone = [pd.NA] * 3
    assert found["source_job_ids"].tolist() == ["a,b", pd.NA, pd.NA, "a", *gone]
    assert found["source_repository_ids"].tolist() == ["", *[pd.NA] * 6]
    assert found["source_backup_ids"].isna().all()
    assert found["included_count"].tolist() == [pd.NA, 2, 1, pd.NA, *gone]
    assert found["excluded_count"].tolist() == [1, 0, pd.NA, pd.NA, *gone]
    assert found["excluded_jobs_count"].tolist() == [0, *[pd.NA] * 6]
    assert found["disks_to_process"].tolist() == [pd.NA, "AllDisks,SystemOnly", pd.NA, pd.NA, *gone]
    assert found["archive_repository_id"].tolist() == [pd.NA, pd.NA, "r", pd.NA, *gone]
