"""Job documents to the tables `jobs` and `job_settings`."""

from __future__ import annotations

import copy
import itertools
import json

import numpy as np
import pandas as pd
import pytest

from vbr_audit.tables.jobs import settings as job_settings
from vbr_audit.tables.jobs import states as job_states
from vbr_audit.tables.jobs import table as jobs
from vbr_audit.tables.jobs.documents import READ_CONTROLS

ZERO = "00000000-0000-0000-0000-000000000000"


def vm_job(**changes):
    """A scheduled, well configured VM job of 1.3-rev2."""
    document = {
        "id": "11111111-1111-1111-1111-111111111111",
        "name": "Web servers",
        "type": "VSphereBackup",
        "isDisabled": False,
        "description": "",
        "isHighPriority": True,
        "virtualMachines": {"includes": []},
        "storage": {
            "backupRepositoryId": "22222222-2222-2222-2222-222222222222",
            "backupProxies": {"autoSelectEnabled": True},
            "retentionPolicy": {"type": "Days", "quantity": 14},
            "gfsPolicy": {
                "isEnabled": True,
                "weekly": {"isEnabled": False, "keepForNumberOfWeeks": 1},
                "monthly": {"isEnabled": True, "keepForNumberOfMonths": 12},
                "yearly": {"isEnabled": False, "keepForNumberOfYears": 1},
            },
            "advancedSettings": {
                "backupModeType": "Incremental",
                "syntheticFulls": {"isEnabled": True},
                "activeFulls": {"isEnabled": False},
                "backupHealth": {"isEnabled": True, "weekly": {"isEnabled": False}, "monthly": {"isEnabled": True}},
                "fullBackupMaintenance": {"removeData": {"isEnabled": True}},
                "storageData": {
                    "compressionLevel": "Optimal",
                    "encryption": {
                        "isEnabled": True,
                        "encryptionType": "ByUserPassword",
                        "encryptionPasswordId": "33333333-3333-3333-3333-333333333333",
                        "kmsServerId": ZERO,
                    },
                },
                "notifications": {"sendSNMPNotifications": False, "emailNotifications": {"isEnabled": True}},
                "vSphere": {"changedBlockTracking": {"isEnabled": True}},
                "storageIntegration": {"isEnabled": False},
            },
        },
        "guestProcessing": {"appAwareProcessing": {"isEnabled": True}, "guestFSIndexing": {"isEnabled": False}},
        "schedule": {
            "runAutomatically": True,
            "daily": {"isEnabled": True},
            "monthly": {"isEnabled": False},
            "periodically": {"isEnabled": False},
            "continuously": {"isEnabled": False},
            "afterThisJob": {"isEnabled": False, "jobName": None},
            "retry": {"isEnabled": True, "retryCount": 3, "awaitMinutes": 10},
        },
    }
    return document | changes


def build(*documents, states=None, revision="1.3-rev2", server_revision=None):
    return jobs.build_jobs(list(documents), states, server="vbr01", revision=revision, server_revision=server_revision)


def plain(frame):
    """The first row with None for NA and Python's own types."""
    row = {name: frame[name].iloc[0] for name in frame}
    native = {name: value.item() if isinstance(value, np.generic) else value for name, value in row.items()}
    return {name: None if value is pd.NA else value for name, value in native.items()}


def one(*documents, **options):
    return plain(build(*documents, **options).jobs)


def states_of(*rows):
    builder = job_states.builder("vbr01")
    builder.add(list(rows))
    return builder.finish().frame


def copy_job(kind="Periodic", **changes):
    schedule = {"type": kind, "runAutomatically": True, "daily": {"isEnabled": True}, "retry": {"isEnabled": True}}
    return {"id": "c", "name": "Copy", "type": "BackupCopy", "isDisabled": False, "schedule": schedule} | changes


def test_a_whole_document(same_dtypes):
    built = build(vm_job())
    same_dtypes(built.jobs, jobs.SPEC)
    job = plain(built.jobs)
    expected = {
        "server": "vbr01", "type": "VSphereBackup", "seen_in": "jobs", "settings_profile": "1.3-rev2/VSphereBackup",
        "expected_to_run": True, "is_disabled": False, "is_high_priority": True, "run_automatically": True,
        "is_scheduled": True, "retry_enabled": True, "retry_count": 3, "retry_wait_min": 10,
        "retention_type": "Days", "retention_quantity": 14, "gfs_enabled": True, "gfs_weekly_enabled": False,
        "gfs_monthly_enabled": True, "gfs_monthly_count": 12, "gfs_level_enabled": True,
        "encryption_enabled": True, "encryption_type": "ByUserPassword",
        "encryption_password_id": "33333333-3333-3333-3333-333333333333", "health_check_enabled": True,
        "health_check_scheduled": True, "app_aware_enabled": True, "email_enabled": True, "snmp_enabled": False,
        "repository_id": "22222222-2222-2222-2222-222222222222", "backup_mode": "Incremental",
        "synthetic_fulls_enabled": True, "active_fulls_enabled": False, "compression_level": "Optimal",
        "guest_indexing_enabled": False, "storage_snapshots_enabled": False, "proxies_auto": True,
        "deleted_data_removal_enabled": True, "changed_block_tracking_enabled": True, "description": "",
    }  # fmt: skip
    assert {name: job[name] for name in expected} == expected
    assert job["kms_server_id"] is None
    assert job["primary_job_id"] is None
    assert built.notes.to_dict() == {}


def test_no_documents_give_the_same_dtypes(same_dtypes):
    built = build()
    same_dtypes(built.jobs, jobs.SPEC)
    same_dtypes(built.job_settings, job_settings.SPEC)
    assert len(built.jobs) == len(built.job_settings) == 0


def test_a_stripped_document_knows_nothing():
    job = one({"id": "a", "name": "Bare", "type": "VSphereBackup"})
    known = {"server", "job_id", "name", "type", "type_reported", "seen_in", "settings_profile"}
    assert {name for name, value in job.items() if value is not None} == known


@pytest.mark.parametrize("hollow", [None, [], "text", 7, True, {}, [{}]])
@pytest.mark.parametrize("part", ["storage", "schedule", "guestProcessing"])
def test_null_or_another_shape_where_an_object_should_be(part, hollow):
    built = build(vm_job(**{part: hollow}))
    job = plain(built.jobs)
    lost = {"storage": "encryption_enabled", "schedule": "is_scheduled", "guestProcessing": "app_aware_enabled"}
    assert job[lost[part]] is None
    assert bool(built.notes.uncastable) is (hollow not in (None, {}))


def test_values_of_another_type_are_unknown_and_counted():
    document = vm_job(isDisabled="false")
    document["storage"]["retentionPolicy"]["quantity"] = "14"
    document["schedule"]["retry"] = {"isEnabled": "true", "retryCount": 2.5, "awaitMinutes": 10.0}
    built = build(document)
    job = plain(built.jobs)
    assert job["is_disabled"] is None
    assert job["retry_enabled"] is None
    assert job["retention_quantity"] is None
    assert job["retry_count"] is None
    assert job["retry_wait_min"] == 10
    assert built.notes.to_dict()["uncastable"] == {
        "is_disabled": 1, "retention_quantity": 1, "retry_count": 1, "retry_enabled": 1
    }  # fmt: skip


def test_rows_that_are_no_objects_are_left_out_and_counted():
    built = build(None, [], "x", 3, vm_job())
    assert len(built.jobs) == 1
    assert built.notes.not_objects == 4


def test_ids_are_text_whatever_they_look_like():
    built = build(vm_job(id="not a uuid"), vm_job(id=ZERO), vm_job(id=None), vm_job(id=7))
    assert built.jobs["job_id"].tolist() == ["not a uuid", pd.NA, pd.NA, pd.NA]
    assert built.notes.missing_keys == 3
    assert built.notes.uncastable["job_id"] == 1


def test_both_spellings_of_a_renamed_key_are_read_at_every_revision():
    for revision in ("1.2-rev1", "1.3-rev2"):
        document = vm_job()
        advanced = document["storage"]["advancedSettings"]
        advanced["synthenticFulls"] = advanced.pop("syntheticFulls")
        advanced["fullBackupMaintenance"] = {"RemoveData": {"isEnabled": True}}
        document["storage"]["backupProxies"] = {"autoSelection": False}
        encryption = advanced["storageData"]["encryption"]
        encryption["encryptionPasswordIdOrNull"] = encryption.pop("encryptionPasswordId")
        job = one(document, revision=revision)
        assert job["synthetic_fulls_enabled"] is True
        assert job["deleted_data_removal_enabled"] is True
        assert job["proxies_auto"] is False
        assert job["encryption_password_id"] == "33333333-3333-3333-3333-333333333333"


@pytest.mark.parametrize("word", ["Backup", "backup", "VSphereBackup", "VSPHEREBACKUP", "vSphereBackup"])
def test_spellings_of_a_type(word):
    job = one(vm_job(type=word), revision="1.2-rev1")
    assert job["type"] == "VSphereBackup"
    assert job["type_reported"] == word
    assert job["settings_profile"] == "1.2-rev1/VSphereBackup"


def test_the_replica_of_1_1_in_the_spelling_of_the_reference():
    document = {
        "id": "r", "name": "Replica", "type": "vSphereReplica", "isDisabled": False,
        "jobSettings": {"metadataRepositoryId": "m", "restorePointsToKeep": 7},
        "dataTransfer": {"sourceProxies": {"autoSelectEnabled": True}, "targetProxies": {"autoSelectEnabled": False}},
    }  # fmt: skip
    job = one(document, revision="1.1-rev1")
    assert job["type"] == "VSphereReplica"
    assert job["retention_quantity"] == 7
    assert job["proxies_auto"] is False
    document["dataTransfer"]["targetProxies"] = {}
    assert one(document, revision="1.1-rev1")["proxies_auto"] is None
    document["dataTransfer"]["targetProxies"] = {"autoSelectEnabled": 0}
    assert one(document, revision="1.1-rev1")["proxies_auto"] is None
    document["dataTransfer"]["targetProxies"] = {"autoSelectEnabled": True}
    assert one(document, revision="1.1-rev1")["proxies_auto"] is True


@pytest.mark.parametrize(
    ("job_type", "revision"),
    [("NutanixAHVBackupJob", "1.3-rev2"), ("FileBackup", "1.3-rev0"), ("Nonsense", "1.3-rev2"),
     ("VSphereBackup", "9.9-rev9"), ("VSphereBackup", None), (None, "1.3-rev2"), (5, "1.3-rev2")],
)  # fmt: skip
def test_an_unknown_type_or_revision_leaves_the_settings_unknown_but_reads_the_base(job_type, revision):
    job = one(vm_job(type=job_type, isDisabled=True), revision=revision)
    assert job["settings_profile"] is None
    assert job["name"] == "Web servers"
    assert job["is_disabled"] is True
    assert job["expected_to_run"] is False
    assert job["encryption_enabled"] is None
    assert job["is_scheduled"] is None


def test_unknown_words_and_keys_are_kept_and_counted():
    document = vm_job(type="QuantumBackup", somethingNew=1)
    other = vm_job(id="b")
    other["storage"]["retentionPolicy"]["type"] = "Decades"
    built = build(document, other)
    assert built.jobs["type"].tolist() == ["QuantumBackup", "VSphereBackup"]
    assert built.jobs["retention_type"].tolist() == [pd.NA, "Decades"]
    assert built.notes.to_dict() == {
        "unknown_values": {"retention_type": {"Decades": 1}, "type": {"QuantumBackup": 1}},
        "unknown_fields": {"somethingNew": 1},
    }


def test_variants_of_a_copy_job():
    assert one(copy_job())["is_scheduled"] is True
    assert one(copy_job())["expected_to_run"] is True
    immediate = one(copy_job("Immediate"))
    assert immediate["settings_profile"] == "1.3-rev2/BackupCopy/Immediate"
    assert immediate["retry_enabled"] is None
    assert immediate["expected_to_run"] is True  # it runs all the time
    assert one(copy_job("Immediate", isDisabled=True))["expected_to_run"] is False
    unsure = one(copy_job(None))
    assert unsure["settings_profile"] == "1.3-rev2/BackupCopy/?"
    assert unsure["expected_to_run"] is None
    by_mode = one(copy_job(None, mode="periodic"))
    assert by_mode["settings_profile"] == "1.3-rev2/BackupCopy/Periodic"
    assert by_mode["schedule_type"] == "Periodic"
    assert one(copy_job("Periodic", mode="Immediate"))["settings_profile"] == "1.3-rev2/BackupCopy/?"
    assert one(copy_job("Sometimes"))["settings_profile"] == "1.3-rev2/BackupCopy/?"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("BackupRepository", "r"), ("CloudConnectRepository", "r"), ("LocalStorage", None), (None, None)],
)
def test_an_agent_policy_has_a_repository_only_where_it_writes_to_one(kind, expected):
    policy = {"id": "p", "name": "P", "type": "WindowsAgentBackupServerPolicy", "isDisabled": False}
    policy["storage"] = {"destination": {"destinationType": kind, "backupRepositoryId": "r"}}
    job = one(policy)
    assert job["settings_profile"].rsplit("/", 1)[1] == (kind or "?")
    assert job["repository_id"] == expected


def file_copy(**changes):
    document = {
        "id": "copy", "name": "Files copy", "type": "FileBackupCopy", "isDisabled": False, "primaryJobId": "files",
        "useCustomRetention": False, "retentionPolicy": {"type": "Months", "quantity": 1},
        "useCustomEncryption": True, "encryption": {"isEnabled": True}, "schedule": {"type": "Continuous"},
    }  # fmt: skip
    return document | changes


FILES = {
    "id": "files", "name": "Files", "type": "FileBackup", "isDisabled": False,
    "backupRepository": {
        "retentionPolicy": {"type": "Days", "quantity": 30},
        "advancedSettings": {"storageData": {"encryption": {"isEnabled": False}}},
    },
}  # fmt: skip


def test_inherited_settings_are_those_of_the_primary_job():
    job = one(file_copy(), FILES)
    assert (job["retention_type"], job["retention_quantity"]) == ("Days", 30)
    assert job["encryption_enabled"] is True
    assert job["expected_to_run"] is True
    assert one(file_copy(useCustomEncryption=False), FILES)["encryption_enabled"] is False
    own = one(file_copy(useCustomRetention=True), FILES)
    assert (own["retention_type"], own["retention_quantity"]) == ("Months", 1)


@pytest.mark.parametrize(
    ("copied", "others"),
    [(file_copy(), []), (file_copy(useCustomRetention=None), [FILES]), (file_copy(primaryJobId=None), [FILES]),
     (file_copy(primaryJobId="copy"), [FILES]), (file_copy(useCustomRetention="no"), [FILES]),
     (file_copy(), [file_copy(id="files", primaryJobId="copy")]), (file_copy(), [FILES | {"id": None}])],
)  # fmt: skip
def test_inherited_settings_are_unknown_where_the_primary_cannot_be_followed(copied, others):
    job = one(copied, *others)
    assert job["retention_quantity"] is None
    assert job["retention_type"] is None


def test_expected_to_run_truth_table():
    for disabled, automatic, daily in itertools.product((True, False, None), repeat=3):
        document = vm_job(isDisabled=disabled)
        off = {"isEnabled": False}
        document["schedule"] = {
            "runAutomatically": automatic, "daily": {"isEnabled": daily}, "monthly": off, "periodically": off,
            "continuously": off, "afterThisJob": off,
        }  # fmt: skip
        scheduled = False if automatic is False or daily is False else True if automatic and daily else None
        expected = (
            False
            if disabled is True or scheduled is False
            else True
            if disabled is False and scheduled is True
            else None
        )
        job = one(document)
        assert job["is_scheduled"] is scheduled, (automatic, daily)
        assert job["expected_to_run"] is expected, (disabled, automatic, daily)


def test_a_sub_schedule_that_is_missing_is_not_taken_for_off():
    document = vm_job()
    document["schedule"]["daily"] = {"isEnabled": False}
    del document["schedule"]["monthly"]
    assert one(document)["is_scheduled"] is None


def test_gfs_without_an_enabled_level_keeps_nothing():
    document = vm_job()
    document["storage"]["gfsPolicy"]["monthly"]["isEnabled"] = False
    job = one(document)
    assert job["gfs_enabled"] is True
    assert job["gfs_level_enabled"] is False


def test_workstation_policies_run_daily_only():
    policy = {"id": "w", "name": "W", "type": "LinuxAgentBackupWorkstationPolicy", "isDisabled": False}
    policy["schedule"] = {"runAutomatically": True, "daily": {"isEnabled": False}}
    assert one(policy)["is_scheduled"] is False


def test_an_older_revision_than_the_server_speaks():
    job = one(FILES, revision="1.3-rev1", server_revision="1.3-rev2")
    assert job["settings_profile"] == "1.3-rev1<1.3-rev2/FileBackup"
    assert one(FILES, revision="1.3-rev1", server_revision="1.3-rev1")["settings_profile"] == "1.3-rev1/FileBackup"
    assert one(FILES, revision="1.3-rev1", server_revision="1.9-rev0")["settings_profile"].startswith("1.3-rev1<")
    assert one(FILES, revision="1.3-rev1", server_revision="?")["settings_profile"] == "1.3-rev1/FileBackup"


def test_jobs_known_by_their_state_only():
    states = states_of(
        {"id": vm_job()["id"], "name": "Web servers", "type": "VSphereBackup", "status": "Stopped"},
        {"id": "p", "name": "Proxmox", "type": "ProxmoxBackupJob", "status": "Inactive", "description": "d",
         "nextRun": "2026-10-01T00:00:00Z", "highPriority": True},
        {"id": "q", "name": "Off", "type": "ProxmoxBackupJob", "status": "Disabled", "nextRun": "2026-10-01T00:00:00Z"},
        {"id": "r", "name": "Busy", "type": "ProxmoxBackupJob", "status": "Running"},
        {"id": "s", "name": "By hand", "type": "ProxmoxBackupJob", "status": "Enabled"},
        {"id": None, "name": "No id"},
    )  # fmt: skip
    built = build(vm_job(), vm_job(id="lonely"), states=states)
    table = built.jobs
    assert table["seen_in"].tolist() == ["jobs+job_states", "jobs", *["job_states"] * 4]
    assert table["name"].tolist()[2:] == ["Proxmox", "Off", "Busy", "By hand"]
    assert table["is_disabled"].tolist()[2:] == [False, True, pd.NA, False]
    assert table["expected_to_run"].tolist()[2:] == [True, False, pd.NA, pd.NA]
    assert table["settings_profile"].isna().tolist()[2:] == [True] * 4
    assert bool(table["is_high_priority"][2]) is True
    assert table["description"][2] == "d"
    assert table["is_scheduled"].isna().tolist()[2:] == [True] * 4
    assert set(built.job_settings["job_id"]) == {vm_job()["id"], "lonely"}


def test_states_alone_make_the_list(same_dtypes):
    built = build(states=states_of({"id": "p", "name": "P", "type": "VSphereBackup", "status": "Inactive"}))
    same_dtypes(built.jobs, jobs.SPEC)
    assert built.jobs["job_id"].tolist() == ["p"]
    assert len(build(states=states_of()).jobs) == 0


def test_job_settings_tell_value_and_place(same_dtypes):
    built = build(vm_job(), copy_job("Immediate"), vm_job(id="u", type="Nonsense"))
    table = built.job_settings
    same_dtypes(table, job_settings.SPEC)
    assert len(table) == 3 * len(READ_CONTROLS)
    assert built.job_settings is table
    rows = table.set_index(["job_id", "control"])
    web = vm_job()["id"]
    assert json.loads(rows.loc[(web, "retention_quantity"), "value"]) == 14
    assert json.loads(rows.loc[(web, "retention_type"), "value"]) == "Days"
    assert rows.loc[(web, "gfs_enabled"), "json_path"] == "storage.gfsPolicy.isEnabled"
    assert bool(rows.loc[(web, "gfs_enabled"), "supported"]) is True
    assert bool(rows.loc[("c", "retry_enabled"), "supported"]) is False
    assert rows.loc[("c", "retry_enabled"), "json_path"] is pd.NA
    assert rows.loc[("u", "gfs_enabled"), "supported"] is pd.NA
    assert json.loads(rows.loc[("u", "is_disabled"), "value"]) is False


def test_job_settings_keep_what_was_received():
    document = vm_job(isDisabled="nope")
    document["storage"]["retentionPolicy"] = {"type": {"a": [1]}, "quantity": 2.5}
    document["storage"]["backupRepositoryId"] = 10**30
    document["schedule"] = "hello"
    rows = build(document).job_settings.set_index("control")["value"]
    assert rows["is_disabled"] == '"nope"'
    assert rows["retention_type"] == '{"a":[1]}'
    assert rows["retention_quantity"] == "2.5"
    assert rows["repository_id"] is pd.NA  # no JSON number of 64 bits
    assert rows["retry_enabled"] is pd.NA


def test_blanking_any_setting_never_makes_a_job_scheduled_or_gfs_kept():
    """Each input in turn taken out of a document that has it on: the computed answer is never yes by default."""
    document = vm_job()
    document["schedule"]["daily"] = {"isEnabled": None}
    document["storage"]["gfsPolicy"]["monthly"] = {}
    job = one(document)
    assert job["is_scheduled"] is not True
    assert job["gfs_level_enabled"] is not True
    before = copy.deepcopy(document)
    build(document)
    assert document == before


def with_apps(*entries, **changes):
    """A job whose machines have these settings for applications."""
    guests = {"appAwareProcessing": {"isEnabled": True, "appSettings": list(entries)}}
    return vm_job(guestProcessing=guests, **changes)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["RequireSuccess", "RequireSuccess"], "RequireSuccess"),
        (["RequireSuccess", "ignoreFailures"], "IgnoreFailures"),
        (["IgnoreFailures", "disabled", "RequireSuccess"], "Disabled"),
        (["IgnoreFailures", None], "IgnoreFailures"),  # as bad as that at least
        (["RequireSuccess", None], None),
        (["RequireSuccess", 7], None),
        ([], None),
    ],
)
def test_the_worst_word_of_the_machines_counts(words, expected):
    job = one(with_apps(*({"vss": word} for word in words)))
    assert job["app_failure_handling"] == expected
    assert job["app_settings_count"] == len(words)


@pytest.mark.parametrize(
    ("entries", "count", "minutes"),
    [
        ([{"sql": {"logsProcessing": "Backup", "backupMinsCount": 15}}], 1, 15),
        ([{"sql": {"logsProcessing": "backup", "backupMinsCount": 15}},
          {"sql": {"logsProcessing": "Truncate"}}], 1, 15),
        ([{"oracle": {"backupLogs": True, "backupMinsCount": 60}, "sql": {"logsProcessing": "Truncate"}}], 1, 60),
        ([{"postgreSQL": {"backupLogs": True, "backupMinsCount": 5}},
          {"sql": {"logsProcessing": "Backup", "backupMinsCount": 30}}], 2, 30),
        ([{"sql": {"logsProcessing": "Backup"}}, {"sql": {"logsProcessing": "Backup", "backupMinsCount": 9}}], 2, None),
        ([{"sql": {"logsProcessing": "Backup", "backupMinsCount": -1}}], 1, None),
        ([{"sql": {"logsProcessing": "Backup", "backupMinsCount": True}}], 1, None),
        ([{"transactionLogs": "copyOnly", "sql": {"logsProcessing": "Backup"}}], 0, None),
        ([{"sql": {"logsProcessing": "Truncate"}}], 0, None),
        ([{"vss": "RequireSuccess"}], None, None),
        ([{"vss": "RequireSuccess"}, {"sql": {"logsProcessing": "Backup", "backupMinsCount": 15}}], 1, 15),
        ([{"sql": {"logsProcessing": "Fold"}}], None, None),
        ([{"sql": 7}, "x"], None, None),
        ([], 0, None),
    ],
)  # fmt: skip
def test_backups_of_logs_are_counted_with_their_interval(entries, count, minutes):
    job = one(with_apps(*entries))
    assert (job["log_backups_count"], job["log_backup_min"]) == (count, minutes)


@pytest.mark.parametrize(("logs", "count"), [({}, 0), ({"postgreSql": {"backupLogs": True, "backupMinsCount": 15}}, 1)])
def test_an_agent_on_linux_has_no_logs_of_sql_server(logs, count):
    guests = {"appAwareProcessing": {"isEnabled": True, "appSettings": [{"vss": "RequireSuccess", **logs}]}}
    assert one(vm_job(type="LinuxAgentBackup", guestProcessing=guests))["log_backups_count"] == count


def test_an_unknown_word_of_one_machine_is_kept_and_counted():
    built = build(with_apps({"vss": "RequireSuccess"}, {"vss": "Someday"}))
    assert plain(built.jobs)["app_failure_handling"] == "Someday"
    assert built.notes.to_dict()["unknown_values"] == {"app_failure_handling": {"Someday": 1}}


def test_logs_of_databases_are_read_for_each_machine():
    truncated = {"transactionLogs": "process", "sql": {"logsProcessing": "truncate"}}
    job = one(with_apps(truncated, {"transactionLogs": "copyOnly", "sql": None}))
    assert (job["transaction_log_handling"], job["sql_log_handling"]) == ("CopyOnly", None)
    job = one(with_apps(truncated, {"transactionLogs": "process", "sql": {"logsProcessing": "preserve"}}))
    assert (job["transaction_log_handling"], job["sql_log_handling"]) == ("Process", "Preserve")


@pytest.mark.parametrize("settings", [None, "off", {}, [None], ["off"]])
def test_settings_of_applications_of_another_shape_are_unknown(settings):
    guests = {"appAwareProcessing": {"isEnabled": True, "appSettings": settings}}
    job = one(vm_job(guestProcessing=guests))
    assert job["app_aware_enabled"] is True
    assert job["app_failure_handling"] is job["sql_log_handling"] is None


@pytest.mark.parametrize(
    ("flags", "expected"), [([True, True], True), ([True, False], False), ([True, None], None), ([], None)]
)
def test_windows_machines_say_whether_they_are_processed(flags, expected):
    job = one(with_apps(*({"isProcessingEnabled": flag} for flag in flags), type="WindowsAgentBackup"))
    assert job["app_processing_enabled"] is expected
    assert job["app_failure_handling"] is None


def test_job_settings_show_what_each_machine_says():
    settings = build(with_apps({"vss": "RequireSuccess"}, {}, None)).job_settings.set_index("control")
    found = settings.loc["app_failure_handling"]
    assert json.loads(found["value"]) == ["RequireSuccess", None, None]
    assert found["json_path"] == "guestProcessing.appAwareProcessing.appSettings[].vss"


def test_scripts_blocks_and_the_backup_window():
    document = vm_job()
    advanced = document["storage"]["advancedSettings"]
    assert one(document)["script_enabled"] is one(document)["backup_window_enabled"] is None
    advanced["scripts"] = {"preCommand": {"isEnabled": False}, "postCommand": {"isEnabled": True}}
    advanced["storageData"] |= {"excludeSwapFileBlocks": True, "excludeDeletedFileBlocks": False}
    document["schedule"]["backupWindow"] = {"isEnabled": False}
    job = one(document)
    assert (job["pre_script_enabled"], job["post_script_enabled"], job["script_enabled"]) == (False, True, True)
    assert (job["swap_blocks_excluded"], job["deleted_blocks_excluded"]) == (True, False)
    assert job["backup_window_enabled"] is False
    advanced["scripts"]["postCommand"] = None
    assert one(document)["script_enabled"] is None


def test_further_targets_of_a_backup_are_counted():
    targets = [{"repositoryId": "1"}, {"repositoryId": "2"}]
    assert one(vm_job(type="FileBackup", secondaryTargets=targets))["secondary_targets_count"] == 2
    assert one(vm_job(type="FileBackup"))["secondary_targets_count"] is None
