"""The declared tables: any JSON at all, and an example of each shape that a revision has."""

from __future__ import annotations

import copy
import functools

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vbr_audit.datasets import BUILDERS, DATASETS, SPECS, scale_out
from vbr_audit.tables.build.arrays import DTYPES
from vbr_audit.tables.build.fields import Table, counted, flag, ident, joined, moment, text, whole, word

ID = "11111111-1111-1111-1111-111111111111"
OTHER = "22222222-2222-2222-2222-222222222222"
ZERO = "00000000-0000-0000-0000-000000000000"
TABLES = {card.name: card.table for card in DATASETS.values() if isinstance(card.table, Table)} | {
    "scale_out_extents": scale_out.EXTENTS
}


def built(table, *rows):
    builder = BUILDERS[table]("vbr01")
    builder.add(copy.deepcopy(list(rows)))
    return builder.finish()


def row_of(table, row):
    """The one row that `row` becomes, its columns that are not NA, and the counts of what did not fit."""
    result = built(table, row)
    assert len(result.frame) == 1
    values = result.frame.iloc[0]
    return {name: value for name, value in values.items() if value is not pd.NA and value is not pd.NaT}, result.notes


def assert_row(table, row, expected, *, notes=None):
    found, told = row_of(table, row)
    assert {name: found.get(name) for name in expected} == expected
    counted_too = told.to_dict()
    counted_too.pop("missing_keys", None)
    assert counted_too == (notes or {})


# --- any JSON at all

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8),
    st.sampled_from(
        [ID, ZERO, "43,5 GB", "2026-10-01T10:00:00Z", "2026-10-01T10:00:00", "9999-12-31T23:59:59Z", "3", "true",
         "LinuxHardened", "LinuxLocal", "AmazonS3", "AzureArchive", "GB", "Weekly", "Sealed", "2048"]
    ),
)  # fmt: skip


@functools.cache  # asked for each example, and dear to make
def pages_for(name):
    table = TABLES.get(name)
    steps = {"id", "type", "isEnabled", "performanceExtents", "extents", "extentId", "performanceTier"}
    if table is not None:
        steps |= {s for f in table.fields for path in f.paths for s in path.replace("[]", "").split(".")}
    some_key = st.one_of(st.sampled_from(sorted(steps)), st.text(max_size=4))
    value = st.recursive(
        SCALARS,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(some_key, inner, max_size=5)),
        max_leaves=5,
    )
    rows = st.lists(st.one_of(value, st.dictionaries(some_key, value, max_size=8)), max_size=3)
    return st.lists(rows, max_size=2)


def odd_pages(name):
    """Each key of a table with each kind of value, at the top and below each other key of its path."""
    fields = TABLES[name].fields if name in TABLES else ()
    paths = [path.replace("[]", "").split(".") for field in fields for path in field.paths] or [["id"], ["type"]]
    values = [
        *(None, True, 3, 2.5, "x", ID, ZERO, "43,5 GB", "2026-10-01T10:00:00", "9999-12-31T23:59:59Z", "Weekly"),
        *([], [None, "x"], {}, {"id": 1}, [{"id": ID, "type": []}]),
    ]
    rows = [{path[0]: value for path in paths} for value in values]
    for value in values:
        row = {}
        for path in paths:
            below = row
            for step in path[:-1]:
                below = below.setdefault(step, {}) if isinstance(below, dict) else {}
            if isinstance(below, dict):
                below[path[-1]] = value
        rows.append(row)
    return [[*rows, None, 3, "x", []], [], rows[:3]]


each_declared = pytest.mark.parametrize("name", sorted(set(BUILDERS) - {"sessions", "job_states", "session_history"}))


@each_declared
def test_odd_values_of_every_key_become_a_table(name):
    assert_a_table(name, odd_pages(name))


@each_declared
@given(data=st.data())
@settings(max_examples=4)
def test_any_json_becomes_a_table(name, data):
    assert_a_table(name, data.draw(pages_for(name)))


def assert_a_table(name, pages):
    builder = BUILDERS[name]("vbr01")
    for page in pages:
        builder.add(copy.deepcopy(page))
    result = builder.finish()
    assert {name: str(dtype) for name, dtype in result.frame.dtypes.items()} == {
        column.name: str(DTYPES[column.dtype]) for column in SPECS[name].columns
    }
    if name != "scale_out_extents":
        objects = [row for page in pages for row in page if isinstance(row, dict)]
        assert len(result.frame) == len(objects)
    assert result.frame["server"].eq("vbr01").all()
    result.notes.to_dict()


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_no_row_and_an_empty_row(name, same_dtypes):
    same_dtypes(BUILDERS[name]("vbr01").finish().frame, SPECS[name])
    if name in TABLES and name != "scale_out_extents":
        frame = built(name, {}).frame
        known = frame.drop(columns="server").notna().sum().sum()
        assert (len(frame), known) == (1, 0)


# --- the declaration itself

SMALL = Table(
    "small",
    "For the test.",
    (
        ident("id", "Id.", "id"),
        whole("days", "Days.", "new.days", "old.days", unit="days"),
        flag("on", "On.", "new.isOn"),
        word("mode", "Mode.", "new.mode", known=("Auto", "Manual"), renamed=(("Hand", "Manual"),)),
        joined("tags", "Tags.", "tags", "tag", known=("A", "B")),
        joined("names", "Names.", "roles[].name", holds="group"),
        counted("filters", "Filters.", "filters", unit="filters"),
        moment("at", "At.", "at"),
        text("note", "Note.", "note", holds="prose"),
    ),
    key=("id",),
    also_known="other",
)


def small(*rows):
    builder = SMALL.builder("vbr01")
    builder.add(list(rows))
    return builder.finish()


def test_a_declared_table_says_what_it_is():
    assert SMALL.spec.names == (
        "server", "id", "days", "on", "mode", "mode_reported", "tags", "tags_reported", "names", "filters", "at", "note"
    )  # fmt: skip
    assert SMALL.spec.key == ("server", "id")
    assert SMALL.spec.holds == {
        "server": "server", "id": "id", "names": "group", "note": "prose",
        "mode": "word", "mode_reported": "word", "tags": "word", "tags_reported": "word",
    }  # fmt: skip
    assert SMALL.known_keys == {"id", "new", "old", "tags", "tag", "roles", "filters", "at", "note", "other"}


def test_paths_are_tried_in_turn_and_words_folded():
    frame = small(
        {"id": ID, "new": {"days": 3, "isOn": False, "mode": "auto"}, "other": 1},
        {"id": ZERO, "old": {"days": 4}, "new": {"days": None, "mode": "hand"}},
        {"id": OTHER, "new": None},
    ).frame
    assert frame["id"].tolist() == [ID, pd.NA, OTHER]
    assert frame["days"].tolist() == [3, 4, pd.NA]
    assert frame["on"].tolist() == [False, pd.NA, pd.NA]
    assert frame["mode"].tolist() == ["Auto", "Manual", pd.NA]
    assert frame["mode_reported"].tolist() == ["auto", "hand", pd.NA]


def test_lists_become_text_and_counts():
    result = small(
        {"tags": ["a", "B"], "roles": [{"name": "X"}, {"name": "Y"}], "filters": [{}, {}]},
        {"tag": "b", "roles": [], "filters": []},
        {"tags": [], "roles": None, "filters": None},
        {"tags": ["A", "Z"]},
    )
    frame = result.frame
    assert frame["tags"].tolist() == ["A,B", "B", "", "A,Z"]
    assert frame["tags_reported"].tolist() == ["a,B", "b", "", "A,Z"]
    assert frame["names"].tolist() == ["X,Y", "", pd.NA, pd.NA]
    assert frame["filters"].tolist() == [2, 0, pd.NA, pd.NA]
    assert result.notes.unknown_values == {"tags": {"A,Z": 1}}
    assert not result.notes.uncastable


def test_what_does_not_fit_is_missing_and_counted():
    result = small(
        {"id": 5, "new": [], "tags": [1], "roles": [{"name": 1}], "filters": 7, "at": "2026-10-01T10:00:00"},
        {"new": {"days": "3", "isOn": "true", "mode": {}}, "roles": "X", "at": 3, "more": 1},
        {"new": {"days": 3.5}, "roles": ["X"], "at": "1066-10-14T09:00:00Z"},
    )
    frame = result.frame.drop(columns=["server", "names"])
    assert frame.isna().all().all()
    assert result.frame["names"].tolist() == [pd.NA, "X", pd.NA]
    assert dict(result.notes.uncastable) == {
        "id": 1, "days": 3, "on": 2, "mode_reported": 2, "tags_reported": 1, "names": 2, "filters": 1, "at": 1,
    }  # fmt: skip
    assert dict(result.notes.naive_dates) == {"at": 1}
    assert dict(result.notes.dates_out_of_range) == {"at": 1}
    assert dict(result.notes.unknown_fields) == {"more": 1}


# --- repositories

OBJECT_LOCK = {"isEnabled": True, "daysCount": 30, "immutabilityMode": "RepositorySettings"}
NO_LOCK = {"isEnabled": False, "daysCount": 30}
SHAPES = [
    ("LinuxHardened", {"repository": {"makeRecentBackupsImmutableDays": 7}}, ("hardened", True, True, 7)),
    ("LinuxHardened", {"repository": {"makeRecentBackupsImmutableDays": 0}}, ("hardened", True, False, 0)),
    ("LinuxHardened", {"repository": {}}, ("hardened", True, None, None)),
    ("LinuxHardened", {"repository": {"makeRecentBackupsImmutableDays": "7"}}, ("hardened", True, None, None)),
    ("AmazonS3", {"bucket": {"immutability": OBJECT_LOCK}}, ("object storage", True, True, 30)),
    ("S3Compatible", {"bucket": {"immutability": NO_LOCK}}, ("object storage", True, False, 30)),
    (
        "S3Compatible",
        {"bucket": {"immutability": OBJECT_LOCK | {"immutabilityMode": "RetentionSettings"}}},
        ("object storage", True, True, None),
    ),
    ("AzureBlob", {"container": {"immutability": OBJECT_LOCK}}, ("object storage", True, True, 30)),
    ("AzureBlob", {"container": {"containerName": "c"}}, ("object storage", True, None, None)),
    ("GoogleCloud", {"bucket": {"immutability": None}}, ("object storage", True, None, None)),
    ("VeeamDataCloudVault", {"container": {"immutability": OBJECT_LOCK}}, ("object storage", True, True, 30)),
    ("SmartObjectS3", {}, ("object storage", True, None, None)),
    ("AmazonS3Glacier", {"bucket": {"immutabilityEnabled": True}}, ("archive", True, True, None)),
    ("AzureArchive", {"container": {"immutabilityEnabled": False}}, ("archive", True, False, None)),
    ("AzureArchive", {"container": {}}, ("archive", True, None, None)),
    ("DellDataDomain", {"repository": {"immutability": OBJECT_LOCK}}, ("appliance", True, True, 30)),
    ("DDBoost", {}, ("appliance", True, None, None)),
    ("HPEStoreOnce", {"repository": {"immutability": NO_LOCK}}, ("appliance", True, False, 30)),
    (
        "LinuxLocal",
        {"repository": {"enableGovernanceMode": True, "governanceModeRetentionDays": 9}},
        ("governance", True, True, 9),
    ),
    ("LinuxLocal", {"repository": {"enableGovernanceMode": False}}, ("governance", True, False, None)),
    ("LinuxLocal", {"repository": {"path": "/x"}}, ("none", False, False, None)),
    ("WinLocal", {"repository": {"path": "D:\\x"}}, ("none", False, False, None)),
    ("Nfs", {}, ("none", False, False, None)),
    ("AmazonSnowballEdge", {}, ("none", False, False, None)),
    ("ExaGrid", {}, (None, None, None, None)),
    ("Tape", {}, (None, None, None, None)),
    ("NewCloud", {"bucket": {"immutability": OBJECT_LOCK}}, ("other", True, True, 30)),
    ("NewLinux", {"repository": {"makeRecentBackupsImmutableDays": 5}}, ("hardened", True, True, 5)),
    ("NewArchive", {"bucket": {"immutabilityEnabled": True}}, ("archive", True, True, None)),
    (None, {}, (None, None, None, None)),
]


@pytest.mark.parametrize(("kind", "more", "expected"), SHAPES)
def test_immutability_in_its_shapes(kind, more, expected):
    found, _ = row_of("repositories", {"id": ID, "name": "R", "type": kind, **more})
    names = ("immutability_kind", "immutability_supported", "immutability_enabled", "immutability_days")
    assert tuple(found.get(name) for name in names) == expected


def test_plain_linux_without_the_switch_is_unknown_where_the_server_tells_of_it():
    told = {"type": "LinuxLocal", "repository": {"enableGovernanceMode": True, "governanceModeRetentionDays": 9}}
    frame = built("repositories", told, {"type": "LinuxLocal", "repository": {}}).frame
    assert frame["immutability_kind"].tolist() == ["governance", "governance"]
    assert frame["immutability_enabled"].tolist() == [True, pd.NA]


LOCAL = {
    "id": ID, "name": "R", "description": "", "uniqueId": "u", "type": "WinLocal", "hostId": OTHER,
    "repository": {
        "path": "D:\\Backup", "taskLimitEnabled": True, "maxTaskCount": 4, "readWriteLimitEnabled": False,
        "advancedSettings": {"perVmBackup": True, "rotatedDrives": False},
    },
    "mountServer": {"mountServerId": ID},
}  # fmt: skip
OBJECT = {
    "id": ID, "name": "S3", "type": "S3Compatible", "taskLimitEnabled": False, "maxTaskCount": 2,
    "account": {"credentialsId": OTHER, "connectionSettings": {"gatewayServerIds": [ID, OTHER]}},
    "bucket": {
        "bucketName": "b", "storageConsumptionLimit": {"isEnabled": True}, "immutability": OBJECT_LOCK,
    },
    "mountServer": {"mountServerSettingsType": "Windows", "windows": {"mountServerId": ID}},
}  # fmt: skip


def test_repositories_of_each_shape():
    expected = {
        "host_id": OTHER, "path": "D:\\Backup", "storage_class": "local disk", "task_limit_enabled": True,
        "max_tasks": 4, "per_machine_files_enabled": True, "rotated_drives": False, "mount_server_id": ID,
    }  # fmt: skip
    assert_row("repositories", LOCAL, expected)
    expected = {
        "type": "S3Compatible", "bucket": "b", "storage_class": "object storage", "task_limit_enabled": False,
        "max_tasks": 2, "consumption_limit_enabled": True, "credentials_id": OTHER,
        "gateway_ids": f"{ID},{OTHER}", "host_id": None,
        "mount_server_id": ID, "immutability_mode": "RepositorySettings",
    }  # fmt: skip
    assert_row("repositories", OBJECT, expected)
    appliance = {"id": ID, "type": "Quantum", "hostId": ZERO, "repository": {"enableTaskLimit": True}}
    expected = {"type": "QuantumDXi", "type_reported": "Quantum", "host_id": None, "task_limit_enabled": True}
    assert_row("repositories", appliance, expected)
    share = {"type": "Smb", "share": {"sharePath": "\\\\nas\\b", "credentialsId": OTHER}}
    assert_row("repositories", share, {"path": "\\\\nas\\b", "credentials_id": OTHER, "storage_class": "network share"})
    assert_row("repositories", {"type": "Tape"}, {"storage_class": None})


@pytest.mark.parametrize(
    ("capacity", "free", "percent"),
    [(200.0, 50.5, 25.25), (0, 0, None), (-1, 5, None), (100, None, None), (None, 5, None), (100, -1, None)],
)
def test_repository_states(capacity, free, percent):
    row = {"id": ID, "name": "R", "type": "WinLocal", "capacityGB": capacity, "freeGB": free, "isOnline": True}
    known = capacity if capacity is not None and capacity > 0 else None
    limit = None if capacity is None else capacity <= 0
    told = {"free_percent": percent, "capacity_gb": known, "is_online": True, "is_without_limit": limit}
    assert_row("repository_states", row, told)


def test_repository_state_of_an_extent():
    row = {
        "id": ID, "type": "AmazonS3", "hostId": ZERO, "usedSpaceGB": 3.5, "isOutOfDate": False,
        "scaleOutRepositoryDetails": {"membership": "SO", "scaleOutRepositoryId": OTHER, "extentType": "capacity"},
    }  # fmt: skip
    expected = {
        "scale_out_repository": "SO", "scale_out_repository_id": OTHER, "extent_type": "Capacity", "used_gb": 3.5,
        "is_out_of_date": False, "is_online": None, "host_id": None,
    }  # fmt: skip
    assert_row("repository_states", row, expected)


SCALE_OUT = {
    "id": ID, "name": "SO",
    "performanceTier": {
        "performanceExtents": [
            {"id": OTHER, "name": "E1", "status": ["Normal"]},
            {"id": ID, "name": "E2", "status": ["maintenance", "Sealed"]},
        ],
        "advancedSettings": {"perVmBackup": True, "fullWhenExtentOffline": False},
    },
    "placementPolicy": {"type": "DataLocality"},
    "capacityTier": {
        "isEnabled": True, "extents": [{"id": "c1"}, {"id": "c2"}],
        "copyPolicyEnabled": True, "movePolicyEnabled": False,
        "operationalRestorePeriodDays": 14, "encryption": {"isEnabled": True, "encryptionPasswordId": ZERO},
        "backupHealth": {"isEnabled": True, "weekly": {"isEnabled": True}, "monthly": {"isEnabled": False}},
    },
    "archiveTier": {"isEnabled": True, "extentId": "a1", "archivePeriodDays": 90},
}  # fmt: skip


def test_scale_out_repositories():
    expected = {
        "per_machine_files_enabled": True, "performance_extents_count": 2, "placement_policy": "DataLocality",
        "capacity_tier_enabled": True, "capacity_extents_count": 2, "capacity_copy_enabled": True,
        "capacity_move_enabled": False, "operational_restore_days": 14, "capacity_encryption_enabled": True,
        "capacity_encryption_password_id": None, "capacity_health_check_enabled": True,
        "capacity_health_check_weekly_enabled": True, "archive_tier_enabled": True, "archive_repository_id": "a1",
        "archive_after_days": 90, "archive_copy_enabled": None,
    }  # fmt: skip
    assert_row("scale_out_repositories", SCALE_OUT, expected)
    oldest = {"id": ID, "capacityTier": {"enabled": False}, "archiveTier": None}
    assert_row("scale_out_repositories", oldest, {"capacity_tier_enabled": False, "archive_tier_enabled": None})


def test_extents_of_all_tiers():
    frame = built("scale_out_extents", SCALE_OUT).frame
    assert frame["scale_out_repository_id"].eq(ID).all()
    assert frame["tier"].tolist() == ["Performance", "Performance", "Capacity", "Capacity", "Archive"]
    assert frame["repository_id"].tolist() == [OTHER, ID, "c1", "c2", "a1"]
    assert frame["status"].tolist() == ["Normal", "Maintenance,Sealed", pd.NA, pd.NA, pd.NA]
    assert frame["status_reported"].tolist()[1] == "maintenance,Sealed"


def test_the_status_of_an_extent_was_one_word():
    old = {"id": ID, "performanceTier": {"performanceExtents": [{"id": OTHER, "status": "Sealed"}, "x"]}}
    result = built("scale_out_extents", old, {"performanceTier": {"performanceExtents": 5}, "capacityTier": []})
    assert result.frame["status"].tolist() == ["Sealed"]
    assert result.notes.not_objects == 2


# --- backups

FILE = {"id": ID, "name": "a.vbk", "backupId": OTHER, "creationTime": "2026-10-01T10:00:00Z", "backupSize": 5}


def test_backup_files_of_each_revision():
    old = FILE | {"objectId": OTHER, "gfsPeriods": ["Weekly", "Monthly"], "restorePointIds": [ID]}
    expected = {"object_ids": OTHER, "gfs_periods": "Weekly,Monthly", "restore_points_count": 1, "backup_bytes": 5}
    assert_row("backup_files", old, expected)
    new = FILE | {"objectIds": [ID, OTHER], "gfsPeriods": []}
    assert_row("backup_files", new, {"object_ids": f"{ID},{OTHER}", "gfs_periods": ""})
    assert_row("backup_files", FILE | {"objectId": ZERO}, {"object_ids": None, "gfs_periods": None})
    naive = FILE | {"creationTime": "2026-10-01T10:00:00"}
    assert_row("backup_files", naive, {"created": None}, notes={"naive_dates": {"created": 1}})


def test_backups_and_their_objects():
    row = {"id": ID, "jobId": ZERO, "jobType": "Backup", "name": "B", "platformName": "Vcd", "repositoryId": OTHER}
    expected = {"job_id": None, "job_type": "VSphereBackup", "job_type_reported": "Backup", "platform": "CloudDirector"}
    assert_row("backups", row, expected)
    row = {"id": ID, "backupId": OTHER, "name": "vm", "platformName": "VMware", "restorePointsCount": 0, "path": "a/b"}
    expected = {"backup_object_id": ID, "backup_id": OTHER, "restore_points_count": 0, "last_run_failed": None}
    assert_row("backup_objects", row, expected)
    row = {"id": ID, "backupId": OTHER, "type": "Full", "malwareStatus": "Suspicious", "backupFileId": ID}
    assert_row("restore_points", row, {"type": "Full", "malware_status": "Suspicious", "gfs_periods": None})


def test_replicas():
    row = {"id": ID, "type": "Regular", "jobId": OTHER, "state": "Ready", "creationTime": "2026-10-01T10:00:00Z"}
    assert_row("replicas", row, {"state": "Ready", "job_id": OTHER, "type": "Regular"})
    assert_row("replicas", {"id": ID, "type": "CDP"}, {"state": None, "created": None, "type": "CDP"})
    assert_row("replica_points", {"id": ID, "replicaId": OTHER, "state": "Failover"}, {"replica_id": OTHER})


def test_task_sessions_of_each_type():
    times = {"creationTime": "2026-10-01T10:00:00Z", "endTime": "2026-10-01T10:01:00Z"}
    row = {
        "id": ID, "type": "Backup", "sessionId": OTHER, "sessionType": "Job", **times, "state": "Stopped", "usn": 0,
        "result": {"result": "Failed", "message": "m", "isCanceled": False},
        "progress": {"processedSize": 10, "readSize": 5, "transferredSize": 1, "duration": "00:01:00"},
    }  # fmt: skip
    expected = {
        "session_type": "BackupJob", "result": "Failed", "is_canceled": False, "read_bytes": 5, "transferred_bytes": 1,
        "duration_s": 60.0, "scan_result": None,
    }  # fmt: skip
    assert_row("task_sessions", row, expected)
    scan = {
        "id": ID,
        "type": "Antivirus",
        **times,
        "scanResult": "Infected",
        "scanState": "Finished",
        "scanType": "Yara",
    }
    assert_row("task_sessions", scan, {"scan_result": "Infected", "result": None, "state": None})
    running = {"id": ID, "type": "Restore", "state": "Working", "result": None, "endTime": None}
    assert_row("task_sessions", running, {"result": None, "duration_s": None, "state": "Working"})


# --- the server, its keys and settings


def test_licence_dates_of_each_revision():
    old = {"status": "Valid", "expirationDate": "2027-01-01T00:00:00Z", "supportExpirationDate": "2026-12-01T00:00:00Z"}
    expected = {
        "expires": pd.Timestamp("2027-01-01", tz="UTC"),
        "support_expires": pd.Timestamp("2026-12-01", tz="UTC"),
    }
    assert_row("license", old, expected)
    new = {
        "instanceLicenseSummary": {"expirationDate": "2027-03-01T00:00:00Z", "licensedInstancesNumber": 10.5},
        "socketLicenseSummary": {"expirationDate": "2027-02-01T00:00:00Z", "licensedSocketsNumber": 4},
    }
    expected = {
        "expires": pd.Timestamp("2027-02-01", tz="UTC"), "support_expires": None, "licensed_instances": 10.5,
        "licensed_sockets": 4,
    }  # fmt: skip
    assert_row("license", new, expected)
    capacity = {"capacityLicenseSummary": {"licensedCapacityTb": 5.0, "usedCapacityTb": 1.0}}
    assert_row("license", capacity, {"expires": None, "licensed_capacity_tb": 5.0})


@pytest.mark.parametrize(("size", "bits"), [("2048", 2048), ("2048 bit", None), ("", None), (None, None)])
def test_certificate(size, bits):
    row = {"thumbprint": "AB", "keySize": size, "validBy": "2027-01-01T00:00:00Z"}
    assert_row("server_certificate", row, {"key_size": size, "key_bits": bits, "is_trusted": None})


def test_a_secret_does_not_reach_a_column():
    for table, row in (
        (
            "credentials",
            {"id": ID, "type": "Linux", "privateKey": "S3CRET", "passphrase": "S3CRET", "password": "S3CRET"},
        ),
        (
            "cloud_credentials",
            {"id": ID, "type": "Amazon", "accessKey": "S3CRET", "subscription": {"secret": "S3CRET"}},
        ),
        ("managed_servers", {"id": ID, "singleUseCredentials": {"password": "S3CRET"}, "handshakeCode": "S3CRET"}),
        ("email_settings", {"mailServer": "Gmail", "clientSecret": "S3CRET", "appClientId": "S3CRET"}),
        ("event_forwarding", {"SNMPServers": [{"receiver": "r", "communityString": "S3CRET"}]}),
    ):
        result = built(table, row)
        assert "S3CRET" not in result.frame.to_csv()
        assert "S3CRET" not in str(result.notes.to_dict())


def test_keys():
    row = {"id": ID, "username": "root", "type": "Linux", "autoElevated": True, "authenticationType": "Password"}
    assert_row("credentials", row, {"elevate_to_root": True, "authentication_type": "Password", "add_to_sudoers": None})
    assert_row(
        "cloud_credentials", {"type": "AzureCompute", "connectionName": "c"}, {"name": "c", "last_modified": None}
    )
    assert_row("encryption_passwords", {"id": ID, "hint": "h"}, {"hint": "h", "is_imported": None})


CONFIG = {
    "isEnabled": True, "backupRepositoryId": ID, "restorePointsToKeep": 10,
    "schedule": {"isEnabled": True, "daily": {"isEnabled": True}, "monthly": {"isEnabled": False}},
    "lastSuccessfulBackup": {"lastSuccessfulTime": "2026-10-01T10:00:00+02:00", "sessionId": OTHER},
    "encryption": {"isEnabled": False, "passwordId": ZERO},
    "notifications": {"SNMPEnabled": False, "SMTPSettings": {"isEnabled": True, "recipients": ["a", "b"]}},
}  # fmt: skip


def test_config_backup():
    expected = {
        "is_enabled": True, "is_scheduled": True, "last_success": pd.Timestamp("2026-10-01T08:00:00Z"),
        "encryption_enabled": False, "encryption_password_id": None, "email_enabled": True, "email_recipients": 2,
    }  # fmt: skip
    assert_row("config_backup", CONFIG, expected)
    unknown = CONFIG | {"schedule": {"isEnabled": True, "daily": {"isEnabled": False}}, "lastSuccessfulBackup": None}
    assert_row("config_backup", unknown, {"is_scheduled": None, "last_success": None})
    assert_row("config_backup", CONFIG | {"schedule": {"isEnabled": False}}, {"is_scheduled": False})


def test_mail_and_events_of_each_revision():
    filters = {"syslogEventFiltering": [{"eventId": "1"}, {"eventId": "2"}]}
    siem = {"SyslogEventsEnabled": True, "SyslogServer": {"serverName": "s", "transportProtocol": "Tls"}, **filters}
    old = {"emailSettings": {"isEnabled": True, "notifyOnFailure": True}, "siemIntegration": siem}
    expected = {
        "email_enabled": True, "email_on_failure": True, "syslog_events_enabled": True, "syslog_server": "s",
        "syslog_protocol": "Tls", "syslog_filters": 2, "syslog_filtered_events": "1,2",
    }  # fmt: skip
    assert_row("general_options", old, expected)
    assert_row("general_options", {"notificationEnabled": False, "emailSettings": {}}, {"email_enabled": False})
    assert_row("email_settings", {"notificationsEnabled": True, "emailSettings": {"notifyOnSuccess": False}},
               {"is_enabled": True, "email_on_success": False})  # fmt: skip
    assert_row("event_forwarding", {"syslogServer": {"serverName": "s"}, "SNMPServers": []},
               {"syslog_server": "s", "snmp_servers": 0, "syslog_filters": None})  # fmt: skip
    assert_row("notification_settings", {"notifyOnUpdates": True}, {"updates_notice": True})


def test_rules_and_exclusions():
    rule = {"name": "Internet", "encryptionEnabled": True, "throttlingUnit": "MbitPerSpec"}
    assert_row("traffic_rules", rule, {"encryption_enabled": True, "throttling_unit": "MbitPerSec"})
    excluded = {"id": ID, "note": "", "inventoryObject": {"platform": "VSphere", "name": "vm", "size": "43,5 GB"}}
    assert_row("global_exclusions", excluded, {"name": "vm", "platform": "VSphere", "note": ""})


def test_infrastructure():
    proxy = {"id": ID, "type": "ViProxy", "server": {"hostId": OTHER, "transportMode": "network", "maxTaskCount": 2}}
    assert_row("proxies", proxy, {"transport_mode": "Network", "host_id": OTHER, "host_to_proxy_encryption": None})
    assert_row("proxy_states", {"id": ID, "isOnline": False}, {"is_online": False, "is_disabled": None})
    host = {
        "id": ID,
        "type": "WindowsHost",
        "status": "Unavailable",
        "updatesState": "OutOfDate",
        "isBackupServer": True,
    }
    assert_row(
        "managed_servers", host, {"status": "Unavailable", "updates_state": "OutOfDate", "is_backup_server": True}
    )


@pytest.mark.parametrize(
    ("size", "unit", "expected"),
    [
        (100, "GB", 100 * 2**30),
        (1, "b", 1),
        (5, "Furlong", None),
        (None, "GB", None),
        (2**62, "PB", None),
        (5, None, None),
    ],
)
def test_wan_accelerators(size, unit, expected):
    found, _ = row_of("wan_accelerators", {"id": ID, "cache": {"cacheSize": size, "cacheSizeUnit": unit}})
    assert found.get("cache_bytes") == expected


# --- security


def test_items_of_the_analyzer_pass_verbatim():
    row = {"id": ID, "bestPractice": "A new item, in any language", "status": "Postponed", "note": None}
    expected = {"best_practice": "A new item, in any language", "status": "Postponed", "note": None}
    assert_row("best_practices", row, expected, notes={"unknown_values": {"status": {"Postponed": 1}}})
    assert_row("best_practices", row | {"status": "ok"}, {"status": "OK", "status_reported": "ok"})


def test_the_run_of_the_analyzer_and_its_schedule():
    run = {
        "id": ID, "sessionType": "SecurityComplianceAnalyzer", "creationTime": "2026-10-01T10:00:00Z",
        "state": "Stopped",
        "endTime": "2026-10-01T10:00:30Z", "result": {"result": "Success"}, "usn": 0, "jobId": OTHER,
    }  # fmt: skip
    assert_row("analyzer_last_run", run, {"result": "Success", "duration_s": 30.0, "initiated_by": None})
    schedule = {"dailyScanEnabled": False, "dailyScanLocalTime": "10:00", "customNotificationSettings": None}
    expected = {"daily_scan_enabled": False, "daily_scan_local_time": "10:00", "email_on_success": None}
    assert_row("analyzer_schedule", schedule, expected)


def test_events():
    row = {
        "id": ID,
        "severity": "Informative",
        "state": "Created",
        "machine": {"displayName": "m", "backupObjectId": OTHER},
    }
    expected = {
        "severity": "Informative",
        "state": "Created",
        "machine": "m",
        "backup_object_id": OTHER,
        "detected": None,
    }
    assert_row("malware_events", row, expected)
    row = {"name": "Deletion", "state": "Pending", "creationTime": "2026-10-01T10:00:00Z", "processedTime": None}
    assert_row("authorization_events", row, {"state": "Pending", "processed": None, "authorization_event_id": None})


def test_users_of_each_revision():
    row = {"id": ID, "name": "BUILTIN\\Administrators", "type": "ExternalGroup", "isServiceAccount": False}
    roles = [{"id": "r1", "name": "Veeam Backup Administrator"}, {"id": "r2", "name": "Veeam Backup Viewer"}]
    expected = {"roles": "Veeam Backup Administrator,Veeam Backup Viewer", "role_ids": "r1,r2", "mfa_enabled": None}
    assert_row("users", row | {"roles": roles}, expected)
    assert_row("users", row | {"roles": [], "mfaEnabled": True}, {"roles": "", "mfa_enabled": True})
    assert_row("security_settings", {"mfaEnabled": False}, {"mfa_enabled": False})
