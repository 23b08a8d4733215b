"""Pages of sessions and job states to tables."""

from __future__ import annotations

import datetime as dt
import sys

import pandas as pd
import pytest
from specification_facts import schemas_of

from vbr_audit.tables import history, sessions
from vbr_audit.tables.build import enums, paged
from vbr_audit.tables.jobs import states as job_states

SESSION = {
    "id": "11111111-1111-1111-1111-111111111111",
    "name": "Web servers",
    "jobId": "22222222-2222-2222-2222-222222222222",
    "sessionType": "BackupJob",
    "creationTime": "2026-10-01T22:00:00.473+02:00",
    "endTime": "2026-10-01T22:01:30.473+02:00",
    "state": "Stopped",
    "progressPercent": 100,
    "result": {"result": "Warning", "message": "Low space", "isCanceled": False},
    "resourceId": "00000000-0000-0000-0000-000000000000",
    "resourceReference": "/api/v1/jobs",
    "parentSessionId": None,
    "usn": 5_000_000_000,
    "platformName": "VMware",
    "platformId": "x",
    "initiatedBy": "VBR\\svc",
    "algorithm": "Increment",
    "originalSessionId": "33333333-3333-3333-3333-333333333333",
    "retryInfo": {"isRecheckRetry": False, "retryNumber": 2},
}


def table_of(*pages, module=sessions):
    builder = module.builder("vbr01")
    for page in pages:
        builder.add(page)
    return builder.finish()


def test_a_whole_session(same_dtypes):
    built = table_of([dict(SESSION)])
    same_dtypes(built.frame, sessions.SPEC)
    row = built.frame.astype(object).to_dict("records")[0]
    expected = {
        "server": "vbr01", "session_id": SESSION["id"], "job_id": SESSION["jobId"], "session_type": "BackupJob",
        "state": "Stopped", "result": "Warning", "result_message": "Low space", "is_canceled": False,
        "duration_s": 90.0, "progress_percent": 100, "usn": 5_000_000_000, "platform": "VMware",
        "initiated_by": "VBR\\svc", "algorithm": "Increment", "retry_number": 2, "is_recheck_retry": False,
        "original_session_id": SESSION["originalSessionId"], "resource_reference": "/api/v1/jobs",
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert row["created"] == pd.Timestamp("2026-10-01T20:00:00.473Z")
    assert built.frame["resource_id"].isna().all()
    assert built.frame["parent_session_id"].isna().all()
    assert built.notes.to_dict() == {}


def test_no_pages_and_empty_pages(same_dtypes):
    for module in (sessions, job_states, history):
        same_dtypes(table_of(module=module).frame, module.SPEC)
        same_dtypes(table_of([], [], module=module).frame, module.SPEC)


def test_a_running_session_has_no_result_and_no_duration():
    frame = table_of([SESSION | {"endTime": None, "result": None, "state": "working"}]).frame
    assert frame["duration_s"].isna().all()
    assert frame["result"].isna().all()
    assert frame["is_canceled"].isna().all()
    assert frame["state"].tolist() == ["Working"]
    assert frame["state_reported"].tolist() == ["working"]


def test_a_session_that_ended_before_it_began_has_no_duration():
    frame = table_of([SESSION | {"endTime": "2026-10-01T19:00:00Z"}]).frame
    assert frame["duration_s"].isna().all()


def test_shapes_of_the_result():
    built = table_of([SESSION | {"result": value} for value in ("Failed", "None", {"result": "None"}, {}, 7, ["x"])])
    frame = built.frame
    assert frame["result"].tolist() == ["Failed", "None", "None", pd.NA, pd.NA, pd.NA]
    assert frame["result_message"].isna().all()
    assert built.notes.to_dict() == {"uncastable": {"result": 2}}


def test_the_older_name_of_the_job_and_of_its_session_type():
    row = {key: value for key, value in SESSION.items() if key != "jobId"}
    row |= {"activityId": "a", "sessionType": "Job"}
    built = table_of([row, dict(SESSION), SESSION | {"jobId": None}])
    assert built.frame["job_id"].tolist() == ["a", SESSION["jobId"], pd.NA]
    assert built.frame["session_type"].tolist() == ["BackupJob"] * 3
    assert built.frame["session_type_reported"].tolist() == ["Job", "BackupJob", "BackupJob"]
    assert built.notes.to_dict() == {}


def test_unknown_words_and_keys_are_kept_and_counted():
    strange = "z" * 300
    pages = [[SESSION | {"sessionType": strange, "new": 1}, SESSION | {"state": "Dreaming"}], [SESSION | {"new": 2}]]
    built = table_of(*pages)
    assert built.frame["session_type"].tolist() == [strange, "BackupJob", "BackupJob"]
    assert built.notes.to_dict() == {
        "unknown_values": {"session_type": {strange[:100]: 1}, "state": {"Dreaming": 1}},
        "unknown_fields": {"new": 2},
    }


def test_values_of_another_type_are_unknown_and_counted():
    row = SESSION | {
        "name": 5, "progressPercent": "50", "usn": True, "creationTime": 12345, "endTime": "2026-10-01T20:00:00",
        "retryInfo": {"retryNumber": 2**70, "isRecheckRetry": "false"}, "result": {"isCanceled": 0}, "state": ["a"],
    }  # fmt: skip
    built = table_of([row, "not an object", None, SESSION | {"id": None}])
    assert built.notes.to_dict() == {
        "uncastable": {"created": 1, "is_canceled": 1, "is_recheck_retry": 1, "name": 1, "progress_percent": 1,
                       "retry_number": 1, "state_reported": 1, "usn": 1},
        "naive_dates": {"ended": 1},
        "not_objects": 2,
        "missing_keys": 1,
    }  # fmt: skip
    assert built.frame.loc[0, ["name", "usn", "progress_percent", "created", "ended"]].isna().all()


def test_rows_of_different_shape_stay_in_order_over_chunks():
    short = {"id": "s", "usn": 1}
    rows = [SESSION | {"usn": i} if i % 3 else short | {"usn": i} for i in range(paged.CHUNK * 2 + 7)]
    frame = table_of(rows[:900], rows[900:1000], rows[1000:]).frame
    assert frame["usn"].tolist() == list(range(len(rows)))
    assert frame["name"].isna().tolist() == [i % 3 == 0 for i in range(len(rows))]
    assert frame["created"].isna().tolist() == [i % 3 == 0 for i in range(len(rows))]


def test_text_that_repeats_is_one_object():
    rows = [SESSION | {"id": str(i), "name": "".join(["Web ", "servers"])} for i in range(3000)]
    names = table_of(rows).frame["name"].tolist()
    assert len(set(map(id, names))) == 1
    assert sys.getrefcount(names[0]) > 3000


def test_many_different_texts_are_forgotten_again(monkeypatch):
    monkeypatch.setattr(paged, "_INTERNED", 10)
    rows = [SESSION | {"name": str(i), "resourceId": None} for i in range(50)]
    assert table_of(rows).frame["name"].tolist() == [str(i) for i in range(50)]


def test_foldings_stay_small_whatever_comes(monkeypatch):
    monkeypatch.setattr(enums, "_REMEMBERED", 10)
    built = table_of([SESSION | {"sessionType": f"New{i}"} for i in range(30)])
    assert built.frame["session_type"].tolist() == [f"New{i}" for i in range(30)]
    assert len(built.notes.unknown_values["session_type"]) == 30


def test_the_oldest_session():
    newer, unread = SESSION | {"id": "b", "creationTime": "2026-10-02T00:00:00Z"}, SESSION | {"creationTime": "?"}
    frame = table_of([newer, dict(SESSION), unread], module=history).frame
    assert frame["oldest_session_id"].tolist() == [SESSION["id"]]
    assert frame["oldest_session"][0].to_pydatetime() == dt.datetime(2026, 10, 1, 20, 0, 0, 473000, tzinfo=dt.UTC)
    assert table_of([unread], module=history).frame["oldest_session"].isna().tolist() == [True]


@pytest.mark.parametrize(
    ("reported", "canonical"),
    [("running", "Running"), ("STOPPED", "Stopped"), ("Disabled", "Disabled"), ("asleep", "asleep"), (None, None)],
)
def test_states_fold_their_words(reported, canonical):
    row = {"id": "a", "name": "A", "type": "vSphereReplica", "status": reported, "lastResult": "none",
           "workload": "cloudVm", "highPriority": False, "objectsCount": 3.0}  # fmt: skip
    built = table_of([row], module=job_states)
    frame = built.frame.astype(object)
    assert (None if frame["status"].isna()[0] else frame["status"][0]) == canonical
    assert frame["type"][0] == "VSphereReplica"
    assert frame["last_result"][0] == "None"
    assert frame["last_result_reported"][0] == "none"
    assert frame["workload"][0] == "CloudVm"
    assert frame["objects_count"][0] == 3
    assert ("unknown_values" in built.notes.to_dict()) is (reported == "asleep")


def test_the_keys_of_states_and_sessions_are_those_of_the_specifications():
    for revision in ("1.2-rev1", "1.3-rev1"):
        schemas = schemas_of(revision)
        assert set(schemas["JobStateModel"]["properties"]) <= job_states.KNOWN_KEYS
        assert set(schemas["SessionModel"]["properties"]) <= sessions.KNOWN_KEYS


def test_the_words_are_those_of_the_specifications():
    known = {
        "EJobType": enums.fold_job_types(),
        "EJobStatus": enums.Folding(enums.JOB_STATUSES),
        "ESessionResult": enums.Folding(enums.RESULTS),
        "ESessionState": enums.Folding(enums.SESSION_STATES),
        "ESessionType": enums.Folding(enums.SESSION_TYPES, enums.RENAMED_SESSION_TYPES),
        "EJobWorkload": enums.Folding(enums.WORKLOADS),
        "ECompressionLevel": enums.fold_control_words()["compression_level"],
        "EBackupModeType": enums.fold_control_words()["backup_mode"],
        "EEncryptionType": enums.fold_control_words()["encryption_type"],
        "ERetentionPolicyType": enums.fold_control_words()["retention_type"],
        "EEntraIDAuditLogRetentionPolicyType": enums.fold_control_words()["retention_type"],
        "EFileBackupRetentionPolicyType": enums.fold_control_words()["retention_type"],
        "EFileBackupCopyJobScheduleType": enums.fold_control_words()["schedule_type"],
    }
    for revision in ("1.2-rev1", "1.3-rev1"):
        for name, folding in known.items():
            for word in schemas_of(revision)[name]["enum"]:
                assert folding[word] is not None
            assert folding.unknown == set(), (revision, name)
