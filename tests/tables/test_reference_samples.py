"""Answers in the shape of the vendor's reference text of 1.1-rev1 give the right values."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest
from specification_facts import job_answers

from vbr_audit.tables import sessions
from vbr_audit.tables.jobs import states as job_states
from vbr_audit.tables.jobs import table as jobs


@pytest.fixture
def samples():
    return job_answers()


@pytest.fixture
def answers_of(samples):
    """The answers with a page of rows whose first row has `key`."""

    def pick(key):
        return [s["data"] for s in samples if isinstance(s.get("data"), list) and key in s["data"][0]]

    return pick


def test_the_list_of_jobs(answers_of, same_dtypes):
    rows = next(page for page in answers_of("storage") if page)
    built = jobs.build_jobs(rows, None, server="vbr01", revision="1.1-rev1", server_revision="1.1-rev1")
    same_dtypes(built.jobs, jobs.SPEC)
    assert built.notes.to_dict() == {}
    assert len(built.jobs) == len(rows)
    assert (built.jobs["type"] == "VSphereBackup").all()
    assert (built.jobs["type_reported"] == "Backup").all()
    assert (built.jobs["settings_profile"] == "1.1-rev1/VSphereBackup").all()
    for row, job in zip(rows, built.jobs.astype(object).to_dict("records"), strict=True):
        advanced = row["storage"]["advancedSettings"]
        assert job["job_id"] == row["id"]
        assert job["is_disabled"] is row["isDisabled"]
        assert job["repository_id"] == row["storage"]["backupRepositoryId"]
        assert job["retention_type"] == row["storage"]["retentionPolicy"]["type"]
        assert job["retention_quantity"] == row["storage"]["retentionPolicy"]["quantity"]
        assert job["gfs_enabled"] is row["storage"]["gfsPolicy"]["isEnabled"]
        assert job["gfs_level_enabled"] is any(
            row["storage"]["gfsPolicy"][level]["isEnabled"] for level in ("weekly", "monthly", "yearly")
        )
        assert job["encryption_enabled"] is advanced["storageData"]["encryption"]["isEnabled"]
        assert job["encryption_password_id"] is None  # the zero id
        assert job["synthetic_fulls_enabled"] is advanced["synthenticFulls"]["isEnabled"]
        assert job["deleted_data_removal_enabled"] is advanced["fullBackupMaintenance"]["RemoveData"]["isEnabled"]
        assert job["retry_count"] == row["schedule"]["retry"]["retryCount"]
        assert job["retry_wait_min"] == row["schedule"]["retry"]["awaitMinutes"]
        kinds = ("daily", "monthly", "periodically", "continuously", "afterThisJob")
        scheduled = row["schedule"]["runAutomatically"] and any(row["schedule"][k]["isEnabled"] for k in kinds)
        assert job["is_scheduled"] is scheduled
        assert job["proxies_auto"] is row["storage"]["backupProxies"]["autoSelectEnabled"]
        assert job["app_aware_enabled"] is row["guestProcessing"]["appAwareProcessing"]["isEnabled"]


def test_every_job_document_of_the_text(samples):
    documents = [s for s in samples if "virtualMachines" in s and "id" in s]
    assert len(documents) >= 3
    built = jobs.build_jobs(documents, None, server="vbr01", revision="1.1-rev1")
    assert built.notes.unknown_fields == {}
    assert built.jobs["settings_profile"].notna().all()
    assert built.jobs["run_automatically"].notna().all()


def test_the_list_of_states(answers_of, same_dtypes):
    builder = job_states.builder("vbr01")
    builder.add(answers_of("lastResult")[0])
    built = builder.finish()
    frame = built.frame
    same_dtypes(frame, job_states.SPEC)
    assert built.notes.to_dict() == {}
    assert frame["name"].tolist() == [row["name"] for row in answers_of("lastResult")[0]]
    assert frame["status"].tolist() == ["Running", "Inactive", "Running"]
    assert frame["status_reported"].tolist() == ["running", "inactive", "running"]
    assert frame["last_result"].tolist() == ["None", "Warning", "None"]
    assert frame["workload"].tolist() == ["Vm", "Vm", "Application"]
    assert frame["last_run"][2] == pd.Timestamp("2024-02-04T18:40:24.960Z")
    assert frame["next_run"].isna().tolist() == [True, True, False]


def test_the_session_of_a_started_job(samples):
    rows = [s for s in samples if "sessionType" in s]
    assert len(rows) >= 2
    builder = sessions.builder("vbr01")
    builder.add(rows)
    frame = builder.finish().frame
    assert set(frame["session_type"]) == {"BackupJob"}
    assert set(frame["session_type_reported"]) == {"Job"}
    assert frame["result"].isna().all()
    assert frame["ended"].isna().all()
    assert frame["duration_s"].isna().all()
    assert frame["created"][0].to_pydatetime() == dt.datetime(2024, 2, 4, 17, 46, 49, 67000, tzinfo=dt.UTC)
