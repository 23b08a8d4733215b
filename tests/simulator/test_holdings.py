"""What the server holds beyond jobs and sessions: the same each time, joined up, believable, hostile on demand."""

import json
from collections import Counter, defaultdict
from datetime import datetime, timedelta

import pytest

from vbr_audit.simulator import DATASETS, REVISIONS, create_app
from vbr_audit.simulator.hostile import TEXTS

NEWEST = REVISIONS[-1]
LATER = [name for name in DATASETS if name not in {"server_time", "server_info"}]


def truth_of(now, asking=NEWEST, **options):
    options = {"revision": NEWEST, **options}
    return create_app(now=now, **options).config["simulator"].truth(asking)


@pytest.fixture(scope="module")
def company():
    now = datetime.fromisoformat("2026-11-15T09:00:00+00:00")
    return now, truth_of(now)


def one(rows, **wanted):
    return next(row for row in rows if all(row[key] == value for key, value in wanted.items()))


def test_same_options_same_rows(now):
    first, second = truth_of(now, jobs=12, sessions=120), truth_of(now, jobs=12, sessions=120)
    for dataset in LATER:
        assert first.rows(dataset) == second.rows(dataset)


def test_ids_join_up(company):
    _, truth = company
    ids = {dataset: {row["id"] for row in truth.rows(dataset)} for dataset in LATER if has_ids(truth, dataset)}
    repositories = ids["repositories"] | ids["scale_out_repositories"]
    backups = truth.rows("backups")
    assert {row["repositoryId"] for row in backups} <= repositories
    assert {row["repositoryId"] for row in truth.job_states if row["repositoryId"]} <= repositories
    assert ids["repositories"] == ids["repository_states"]
    assert {row["backupId"] for row in truth.rows("restore_points")} <= ids["backups"]
    files = {row["id"]: row for row in truth.rows("backup_files")}
    objects = {(row["backupId"], row["id"]) for row in truth.rows("backup_objects")}
    for point in truth.rows("restore_points"):
        file = files[point["backupFileId"]]
        assert file["restorePointIds"] == [point["id"]]
        assert (point["backupId"], file["objectIds"][0]) in objects
    assert {row["sessionId"] for row in truth.rows("task_sessions")} <= truth.session_ids
    assert {row["replicaId"] for row in truth.rows("replica_points")} <= ids["replicas"]
    assert {row["hostId"] for row in truth.rows("proxy_states")} <= ids["managed_servers"]
    assert {row["machine"]["backupObjectId"] for row in truth.rows("malware_events")} <= ids["backup_objects"]
    text = json.dumps(truth.jobs)
    for dataset in ("encryption_passwords", "kms_servers", "credentials"):
        assert any(each in text for each in ids[dataset])
    (scale_out,) = truth.rows("scale_out_repositories")
    extents = {extent["id"] for extent in scale_out["performanceTier"]["performanceExtents"]}
    assert extents < ids["repositories"]


def has_ids(truth, dataset):
    rows = truth.rows(dataset)
    return bool(rows) and "id" in rows[0]


def test_keys_are_unique(company):
    _, truth = company
    for dataset in LATER:
        rows = truth.rows(dataset)
        if has_ids(truth, dataset):
            keys = Counter((row["id"], row["backupId"] if dataset == "backup_objects" else "") for row in rows)
            assert max(keys.values()) == 1, dataset


def test_objects_count_their_points(company):
    _, truth = company
    held = Counter((row["backupId"], row["name"]) for row in truth.rows("restore_points"))
    for row in truth.rows("backup_objects"):
        assert row["restorePointsCount"] == held[row["backupId"], row["name"]]


def test_points_follow_the_sessions(company):
    """The newest point of a job's machines comes from its newest good session."""
    _, truth = company
    newest = {}
    for session in truth.sessions:
        if session["result"] and session["result"]["result"] in {"Success", "Warning"}:
            newest[session["jobId"]] = session
    points = {row["backupId"]: row for row in truth.rows("restore_points")}
    checked = 0
    for backup in truth.rows("backups"):
        session = newest.get(backup["jobId"])
        if session and backup["id"] in points:
            assert points[backup["id"]]["sessionId"] == session["id"]
            checked += 1
    assert checked > 30


def test_points_are_kept_as_long_as_the_retention_says(company):
    now, truth = company
    backup = one(truth.rows("backups"), name="Web frontends")
    points = [row for row in truth.rows("restore_points") if row["backupId"] == backup["id"]]
    ages = [now - datetime.fromisoformat(row["creationTime"]) for row in points]
    # The chain of the oldest point that is needed is whole.
    assert timedelta(days=29) < max(ages) <= timedelta(days=37)
    per_machine = Counter(row["name"] for row in points)
    assert len(per_machine) == 4
    assert min(per_machine.values()) > 20


def test_long_term_points(company):
    _, truth = company
    periods = defaultdict(set)
    names = {row["id"]: row["name"] for row in truth.rows("backups")}
    for row in truth.rows("backup_files"):
        for period in row["gfsPeriods"]:
            periods[names[row["backupId"]], period].add(row["creationTime"][:7])
    assert len(periods["Domain controllers", "Monthly"]) >= 12
    assert periods["Domain controllers", "Yearly"]
    assert len(periods["Domain controllers", "Monthly"] - periods["Certificate authority", "Monthly"]) >= 2
    assert not periods["Web frontends", "Monthly"]


def test_believable_problems(company):
    now, truth = company
    backups = truth.rows("backups")
    known = truth.job_ids | truth.state_ids
    assert {row["name"] for row in backups if row["jobId"] not in known} == {
        "Decommissioned CRM",
        "Nutanix plant cluster",
    }
    assert one(backups, name="Nutanix plant cluster")["jobType"] == "NutanixAHVBackupJob"
    states = truth.rows("repository_states")
    tight = [row for row in states if 0 < row["freeGB"] < 0.1 * row["capacityGB"]]
    assert [row["name"] for row in tight] == ["Dedup Appliance Hamburg"]
    assert [row["name"] for row in states if not row["isOnline"]] == ["NAS share Zurich"]
    created = [datetime.fromisoformat(row["creationTime"]) for row in truth.rows("credentials")]
    assert now - min(created) > timedelta(days=3 * 365)
    assert {row["status"] for row in truth.rows("best_practices")} >= {"OK", "Violation", "Suppressed"}
    suppressed = [row["note"] for row in truth.rows("best_practices") if row["status"] == "Suppressed"]
    assert sorted(bool(note) for note in suppressed) == [False, True]
    (licence,) = truth.rows("license")
    ends = datetime.fromisoformat(licence["instanceLicenseSummary"]["expirationDate"])
    assert timedelta(days=59) < ends - now < timedelta(days=62)
    assert not truth.rows("config_backup")[0]["encryption"]["isEnabled"]
    assert {row["encryptionEnabled"] for row in truth.rows("traffic_rules")} == {True, False}
    groups = [row["name"] for row in truth.rows("users") if row["type"] == "InternalGroup"]
    assert groups == ["BUILTIN\\Administrators"]
    assert Counter(row["malwareStatus"] for row in truth.rows("restore_points"))["Infected"] == 2
    last = truth.rows("config_backup")[0]["lastSuccessfulBackup"]
    assert one(truth.sessions, id=last["sessionId"])["sessionType"] == "ConfigurationBackup"
    assert {"RestoreVm", "FileLevelRestore"} <= {row["sessionType"] for row in truth.sessions}
    assert 0 in {row["restorePointsCount"] for row in truth.rows("backup_objects")}


def test_tasks_fit_their_sessions(company):
    _, truth = company
    sessions = {row["id"]: row for row in truth.sessions}
    tasks = defaultdict(list)
    for row in truth.rows("task_sessions"):
        tasks[row["sessionId"]].append(row)
    hidden = 0
    for session_id, rows in tasks.items():
        session = sessions[session_id]
        results = [row["result"]["result"] for row in rows if row.get("result")]
        for row in rows:
            assert row["sessionType"] == session["sessionType"]
            assert row["creationTime"] >= session["creationTime"][:16]
        if session["result"] and session["result"]["result"] == "Failed" and results:
            assert "Failed" in results
        hidden += session["result"] is not None and session["result"]["result"] == "Warning" and "Failed" in results
    assert hidden
    without = [row for row in truth.sessions if row["sessionType"] in {"AgentBackup", "AgentPolicy"}]
    assert without
    assert not {row["id"] for row in without} & set(tasks)
    assert {row["type"] for rows in tasks.values() for row in rows} == {"Backup", "Replica", "Antivirus", "Restore"}


@pytest.mark.parametrize(
    ("revision", "job_type"), [("1.2-rev1", None), ("1.3-rev0", "Unknown"), ("1.3-rev2", "NutanixAHVBackupJob")]
)
def test_a_backup_of_a_kind_that_no_job_list_shows(now, revision, job_type):
    truth = truth_of(now, asking=revision)
    row = one(truth.rows("backups"), name="Nutanix plant cluster")
    assert row.get("jobType") == job_type


def keys_of(now, revision, dataset, **wanted):
    rows = truth_of(now, asking=revision, jobs=12, sessions=120).rows(dataset)
    return one(rows, **wanted)


def test_shapes_by_revision(now):
    assert "isOnline" not in keys_of(now, "1.1-rev0", "repository_states", type="WinLocal")
    assert "isOutOfDate" not in keys_of(now, "1.2-rev1", "repository_states", type="WinLocal")
    assert "scaleOutRepositoryDetails" in keys_of(now, "1.3-rev0", "repository_states", type="LinuxLocal")
    assert "repository" not in keys_of(now, "1.3-rev1", "repositories", type="DDBoost")
    assert "immutability" in keys_of(now, NEWEST, "repositories", type="DellDataDomain")["repository"]
    assert "immutability" not in keys_of(now, "1.2-rev1", "repositories", type="AzureBlob")["container"]
    hardened = keys_of(now, "1.1-rev0", "repositories", type="LinuxHardened")["repository"]
    assert hardened["makeRecentBackupsImmutableDays"] == 14
    assert "enableTaskLimit" in hardened
    (old,) = truth_of(now, asking="1.2-rev1").rows("scale_out_repositories")
    (new,) = truth_of(now, asking="1.3-rev0").rows("scale_out_repositories")
    statuses = [each["performanceTier"]["performanceExtents"][1]["status"] for each in (old, new)]
    assert statuses == ["Maintenance", ["Maintenance"]]
    assert "backupId" not in truth_of(now, asking="1.3-rev1").rows("backup_objects")[0]
    assert "objectId" in truth_of(now, asking="1.3-rev1").rows("backup_files")[0]


@pytest.mark.parametrize("revision", REVISIONS)
def test_secrets_are_marked(now, revision):
    truth = truth_of(now, asking=revision, jobs=12, sessions=120)

    def holders(value, name=""):
        if isinstance(value, dict):
            return {each for key, inner in value.items() for each in holders(inner, key)}
        if isinstance(value, list):
            return {each for inner in value for each in holders(inner, name)}
        return {name} if isinstance(value, str) and "SIM-SECRET" in value else set()

    found = {key for dataset in LATER for row in truth.rows(dataset) for key in holders(row)}
    assert {"secret", "password"} <= found
    assert ("privateKey" in found) is (revision < "1.3")
    assert ("handshakeCode" in found) is (revision >= "1.3")


@pytest.mark.parametrize("revision", REVISIONS)
def test_hostile_holdings(start, revision):
    client = start(hostile=True, role="Administrator", revision=NEWEST, asking=revision)
    truth = client.simulator.truth(revision)
    texts = json.dumps([truth.rows(dataset) for dataset in LATER])
    for text in ("<script>alert(1)</script>", "=1+1", "43,5 GB", "not-a-uuid", "Levitating", "2026-03-01T02:00:00"):
        assert json.dumps(text)[1:-1] in texts
    for path in ("backups", "backupInfrastructure/repositories/states", "credentials"):
        rows = client.rows(path, orderColumn="Name" if path != "credentials" else "Username")
        assert {row.get("name", row.get("username")) for row in rows} & set(TEXTS)
        assert client.get(path, nameFilter="*script*").status_code == 200


def test_hostile_documents(start):
    plain = start(role="Administrator").get("configBackup").json()
    hostile = start(hostile=True, role="Administrator").get("configBackup").json()
    assert hostile.keys() == plain.keys()
    assert any(value is None for value in hostile.values())
    licence = start(hostile=True, role="Administrator").get("license").json()
    assert {value for value in licence.values() if isinstance(value, str)} & set(TEXTS)
    practices = start(hostile=True, role="Administrator").get("securityAnalyzer/bestPractices").json()["items"]
    assert {"Levitating", "not-a-uuid"} <= {text for row in practices for text in row.values()}


def test_a_large_server_makes_its_holdings_on_demand(now):
    simulator = create_app(now=now, jobs=300, sessions=300).config["simulator"]
    assert "chains" not in vars(simulator.holdings.stock)
    truth = simulator.truth()
    assert len(truth.rows("backups")) > 250
    assert len(truth.rows("backup_objects")) > 2000
    points = simulator.holdings.rows("restore_points", "1.3-rev1")
    assert not isinstance(points, list)
    assert len(points) > 5_000
