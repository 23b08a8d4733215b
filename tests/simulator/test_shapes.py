"""How bodies change with the revision that is asked for."""

import pytest
from specification_facts import job_controls


def jobs_of(start, revision, **options):
    return start(asking=revision, revision=revision, **{"jobs": 60, **options}).rows("jobs")


def find(document, path):
    """Tell whether a path leads somewhere; `<Variant>` marks no step of its own."""
    here = document
    for step in path.split("."):
        name = step.partition("<")[0]
        if not isinstance(here, dict) or name not in here:
            return False
        here = here[name]
    return True


@pytest.mark.parametrize(
    ("revision", "job", "session", "weekday", "status", "workload"),
    [
        ("1.1-rev0", "Backup", "Job", "friday", "inactive", "vm"),
        ("1.1-rev1", "Backup", "Job", "friday", "inactive", "vm"),
        ("1.2-rev1", "Backup", "BackupJob", "friday", "inactive", "vm"),
        ("1.3-rev0", "VSphereBackup", "BackupJob", "friday", "inactive", "vm"),
        ("1.3-rev1", "VSphereBackup", "BackupJob", "Friday", "Inactive", "Vm"),
        ("1.3-rev2", "VSphereBackup", "BackupJob", "Friday", "Stopped", "Vm"),
    ],
)
def test_spelling(start, revision, job, session, weekday, status, workload):
    client = start(asking=revision, revision="1.3-rev2")
    (document,) = client.rows("jobs", nameFilter="Domain controllers")
    assert document["type"] == job
    assert document["storage"]["advancedSettings"]["backupHealth"]["monthly"]["dayOfWeek"] == weekday
    assert document["storage"]["gfsPolicy"]["monthly"]["desiredTime"] == "First"
    (state,) = client.rows("jobs/states", nameFilter="Domain controllers")
    assert (state["type"], state["status"], state["workload"]) == (job, status, workload)
    assert {row["sessionType"] for row in client.rows("sessions", nameFilter="Domain controllers")} == {session}


@pytest.mark.parametrize(
    ("revision", "types"),
    [
        ("1.1-rev0", {"Backup"}),
        ("1.1-rev1", {"Backup", "vSphereReplica", "CloudDirectorBackup"}),
        ("1.1-rev2", {"Backup", "VSphereReplica", "CloudDirectorBackup"}),
    ],
)
def test_types_of_old_servers(start, revision, types):
    jobs = jobs_of(start, revision)
    assert len(jobs) == 60
    assert {job["type"] for job in jobs} == types


def test_older_revision_hides_newer_types(start):
    client = start(jobs=40, asking="1.2-rev1")
    types = {job["type"] for job in client.rows("jobs")}
    assert types == {
        "Backup",
        "VSphereReplica",
        "CloudDirectorBackup",
        "EntraIDTenantBackup",
        "EntraIDAuditLogBackup",
        "FileBackupCopy",
    }
    assert {row["type"] for row in client.rows("jobs/states")} == types
    hyper_v = client.simulator.truth().jobs
    hidden = next(job["id"] for job in hyper_v if job["type"] == "HyperVBackup")
    assert client.get(f"jobs/{hidden}").status_code == 400


def test_renamed_keys(start):
    def advanced(revision):
        client = start(asking=revision, revision="1.3-rev2")
        return client.rows("jobs", nameFilter="Domain controllers")[0]["storage"]["advancedSettings"]

    newest, before, old, oldest = map(advanced, ("1.3-rev2", "1.3-rev1", "1.2-rev1", "1.1-rev0"))
    assert newest["syntheticFulls"] == before["synthenticFulls"]
    assert newest["fullBackupMaintenance"]["removeData"] == before["fullBackupMaintenance"]["RemoveData"]
    assert before["activeFulls"]["monthly"]["dayOfMonth"] == old["activeFulls"]["monthly"]["dayOfMonths"]
    assert old["storageData"]["encryption"]["encryptionType"] == "ByUserPassword"
    assert "encryptionPasswordIdOrNull" in oldest["storageData"]["encryption"]
    flat = advanced("1.1-rev1")
    assert flat["synthenticFulls"] == {"isEnabled": True, "days": ["monday"]}
    assert "encryptionType" not in flat["storageData"]["encryption"]


def test_objects_are_wrapped_in_1_1(start):
    def included(revision):
        client = start(asking=revision, revision="1.3-rev2")
        return client.rows("jobs", nameFilter="Domain controllers")[0]["virtualMachines"]["includes"][0]

    assert set(included("1.1-rev1")) == {"inventoryObject", "size"}
    assert included("1.2-rev1")["platform"] == "VMware"
    assert included("1.3-rev0")["platform"] == "VSphere"


def test_keys_of_sessions(start):
    def keys(revision):
        return set(start(asking=revision, revision="1.3-rev2").rows("sessions")[0])

    first = keys("1.1-rev0")
    assert "activityId" in first
    assert "jobId" not in first
    second = keys("1.1-rev1")
    assert second == first - {"activityId"} | {"jobId"}
    assert keys("1.2-rev1") == second | {"platformName", "platformId"}
    assert keys("1.3-rev0") == keys("1.2-rev1") | {"initiatedBy"}
    assert keys("1.3-rev1") == keys("1.3-rev0") | {"relatedSessionId"}
    assert keys("1.3-rev2") == keys("1.3-rev1") | {"algorithm", "originalSessionId", "retryInfo"}


def test_keys_of_states(start):
    def keys(revision):
        client = start(asking=revision, revision="1.3-rev2")
        return set(client.rows("jobs/states", nameFilter="Domain controllers")[0])

    old = keys("1.1-rev1")
    assert keys("1.2-rev1") == old
    newer = {"nextRunPolicy", "highPriority", "progressPercent", "sessionProgress", "isStorageSnapshot"}
    assert keys("1.3-rev0") == old | newer
    assert keys("1.3-rev2") == old | newer | {"targetName"}


def test_gfs_of_files_and_guests_of_laptops_depend_on_the_revision(start):
    old = {job["name"]: job for job in jobs_of(start, "1.3-rev1")}
    new = {job["name"]: job for job in jobs_of(start, "1.3-rev2")}
    assert "gfsPolicy" not in old["NAS home directories"]["backupRepository"]
    assert new["NAS home directories"]["backupRepository"]["gfsPolicy"]["isEnabled"]
    assert "gfsPolicy" not in old["NAS home directories (Copy)"]
    assert "guestProcessing" in old["Laptops - Sales"]
    assert "guestProcessing" not in new["Laptops - Sales"]


@pytest.mark.parametrize("revision", ["1.1-rev0", "1.2-rev1", "1.3-rev0", "1.3-rev1", "1.3-rev2"])
def test_documents_have_every_control_of_their_type(start, revision):
    """Every path of the matrix is in the document, and no top-level key is outside it."""
    matrix = job_controls(revision)
    jobs = jobs_of(start, revision)
    assert {job["type"] for job in jobs} == set(matrix)
    missing = []
    for job in jobs:
        controls = matrix[job["type"]]
        assert set(job) <= set(controls["_top"]), job["name"]
        for control, paths in controls.items():
            if control.startswith("_"):
                continue
            fitting = [path for path in paths if _fits(job, path)]
            missing += [(job["type"], control, path) for path in fitting if not find(job, path)]
    assert not missing


def _fits(job, path):
    """A variant's path holds only for jobs of that variant."""
    if "Immediate" in path or "Periodic" in path:
        return job["schedule"]["type"] in path
    if "AgentBackupPolicyStorage" in path:
        return "BackupRepositoryModel" in path
    return True
