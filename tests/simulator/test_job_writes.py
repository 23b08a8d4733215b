"""Jobs are created, edited, deleted, started, stopped, enabled and disabled, and the estate really changes."""

import json
from uuid import UUID

import pytest

from vbr_audit.simulator.identity import identify

REVISIONS = ["1.1-rev0", "1.1-rev1", "1.2-rev1", "1.3-rev0", "1.3-rev1", "1.3-rev2"]
NOBODY = "12345678-1234-1234-1234-123456789abc"


@pytest.fixture
def admin(start):
    """Start a server whose account may write."""

    def begin(*faults, revision="1.3-rev1", **options):
        return start(*faults, **{"role": "Administrator", "revision": revision, **options})

    return begin


def send(client, method, path, body=None):
    content = None if body is None else json.dumps(body)
    headers = {} if body is None else {"Content-Type": "application/json"}
    return client.http.request(method, f"/api/v1/jobs{path}", content=content, headers=headers)


def named(client, name, path="jobs"):
    return next(row for row in client.rows(path) if row["name"] == name)


def specification(revision, **more):
    kind = "VSphereBackup" if revision.startswith("1.3") else "Backup"
    machine = {"type": "VirtualMachine", "hostName": "vcenter01", "name": "srv01", "objectId": "vm-1"}
    return {
        "name": "New job",
        "type": kind,
        "description": "by test",
        "virtualMachines": {"includes": [machine]},
        **more,
    }


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_created_job_is_there(admin, revision):
    client = admin(revision=revision)
    answer = send(client, "POST", "", specification(revision, isHighPriority=True))
    assert answer.status_code == 201
    job = answer.json()
    assert str(UUID(job["id"])) == job["id"]
    assert job["isDisabled"] is False
    assert {"storage", "guestProcessing", "schedule"} <= set(job)
    assert client.get(f"jobs/{job['id']}").json() == job == named(client, "New job")
    state = named(client, "New job", "jobs/states")
    assert state["id"] == job["id"]
    assert (state["type"], state["description"], state["objectsCount"]) == (job["type"], "by test", 1)
    assert state["lastRun"] is None
    assert len(client.rows("jobs")) == 13


@pytest.mark.parametrize("revision", REVISIONS)
def test_states_can_be_asked_for_high_priority_where_they_do_not_show_it(admin, revision):
    client = admin(revision=revision)
    expected = {row["name"] for row in client.rows("jobs") if row.get("isHighPriority")}
    assert {row["name"] for row in client.rows("jobs/states", isHighPriorityJobFilter="true")} == expected
    others = {row["name"] for row in client.rows("jobs/states", isHighPriorityJobFilter="false")}
    assert others == {row["name"] for row in client.rows("jobs/states")} - expected


@pytest.mark.parametrize("kind", ["VSphereReplica", "CloudDirectorBackup", "HyperVBackup"])
def test_other_types_can_be_created(admin, kind):
    client = admin()
    body = specification("1.3-rev1", type=kind, destination={"host": {}})
    assert send(client, "POST", "", body).status_code == 201
    assert named(client, "New job")["type"] == kind


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"name": None}, "name is not valid"),
        ({"name": ""}, "name is not valid"),
        ({"type": "Backup"}, "not valid for type"),
        ({"type": "LegacyBackupCopy"}, "not valid for type"),
        ({"description": 7}, "description is not valid"),
        ({"virtualMachines": {}}, "includes is required"),
        ({"isHighPriority": "yes"}, "isHighPriority is not valid"),
        ({"storage": {"backupRepositoryId": 7}}, "backupRepositoryId is not valid"),
        ({"storage": {"backupRepositoryId": NOBODY}}, "does not exist"),
        ({"name": "Exchange DAG"}, "already exists"),
        ({"type": "VSphereReplica"}, "destination is required"),
    ],
)
def test_a_wrong_specification_creates_nothing(admin, is_error, body, message):
    client = admin()
    answer = send(client, "POST", "", specification("1.3-rev1", **body))
    is_error(answer, 400, "UnexpectedContent")
    assert message in answer.json()["message"]
    assert len(client.rows("jobs")) == 12


@pytest.mark.parametrize("key", ["name", "type", "description", "virtualMachines"])
def test_what_a_specification_needs(admin, is_error, key):
    body = specification("1.3-rev1")
    del body[key]
    answer = send(admin(), "POST", "", body)
    is_error(answer, 400, "UnexpectedContent")
    assert answer.json()["message"] == f"The field {key} is required."


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff"])
def test_a_body_that_is_no_object(admin, is_error, content):
    client = admin()
    is_error(client.http.post("/api/v1/jobs", content=content), 400, "UnexpectedContent")
    job_id = client.rows("jobs")[0]["id"]
    is_error(client.http.put(f"/api/v1/jobs/{job_id}", content=content), 400, "UnexpectedContent")


@pytest.mark.parametrize("revision", REVISIONS)
def test_an_edit_stores_the_whole_document(admin, revision):
    client = admin(revision=revision)
    job = named(client, "Exchange DAG")
    job |= {"name": "Renamed", "isHighPriority": True, "isDisabled": True, "futureKey": {"b": 1, "a": [None]}}
    target = identify(client.simulator.options.seed, "repository", "dr")
    job["storage"]["backupRepositoryId"] = target
    answer = send(client, "PUT", f"/{job['id']}", job)
    assert answer.status_code == 200
    assert json.dumps(answer.json()) == json.dumps(job) == json.dumps(client.get(f"jobs/{job['id']}").json())
    state = named(client, "Renamed", "jobs/states")
    assert state["status"].lower() == "disabled"
    assert state["repositoryId"] == target
    assert state["nextRun"] is None
    assert len(client.rows("jobs", nameFilter="Renamed")) == 1
    assert not client.rows("jobs", nameFilter="Exchange DAG")


def test_an_edited_job_shows_in_the_words_of_the_revision_that_wrote_it(admin):
    client = admin(asking="1.2-rev1")
    job = named(client, "Exchange DAG")
    assert send(client, "PUT", f"/{job['id']}", job).status_code == 200
    client.http.headers["x-api-version"] = "1.3-rev1"
    assert client.get(f"jobs/{job['id']}").json() == job | {"type": "VSphereBackup"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": NOBODY}, "not the id in the path"),
        ({"type": "HyperVBackup"}, "cannot be changed"),
        ({"isDisabled": "no"}, "isDisabled is not valid"),
        ({"schedule": None}, "schedule is not valid"),
        ({"name": "SAP HANA"}, "already exists"),
    ],
)
def test_a_wrong_edit_changes_nothing(admin, is_error, changes, message):
    client = admin()
    job = named(client, "Exchange DAG")
    answer = send(client, "PUT", f"/{job['id']}", job | changes)
    is_error(answer, 400, "UnexpectedContent")
    assert message in answer.json()["message"]
    assert named(client, "Exchange DAG") == job


WHOLE = ["id", "name", "type", "isDisabled", "description", "storage", "guestProcessing", "schedule", "isHighPriority"]


@pytest.mark.parametrize("key", WHOLE)
def test_an_edit_needs_the_whole_document(admin, is_error, key):
    client = admin()
    job = named(client, "Exchange DAG")
    is_error(send(client, "PUT", f"/{job['id']}", {k: v for k, v in job.items() if k != key}), 400, "UnexpectedContent")


def test_a_rename_reaches_the_jobs_that_follow(admin):
    client = admin(jobs=45)
    leader = named(client, "ERP application servers")
    assert send(client, "PUT", f"/{leader['id']}", leader | {"name": "ERP"}).status_code == 200
    follower = named(client, "After ERP - reporting", "jobs/states")
    assert follower["runAfterJob"] == {"jobName": "ERP", "jobId": leader["id"]}


def test_a_deleted_job_is_gone_and_its_sessions_stay(admin, is_error):
    client = admin()
    job = named(client, "Exchange DAG")
    before = len(client.rows("sessions", jobIdFilter=job["id"]))
    answer = send(client, "DELETE", f"/{job['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    is_error(client.get(f"jobs/{job['id']}"), 404, "NotFound")
    is_error(send(client, "DELETE", f"/{job['id']}"), 404, "NotFound")
    assert job["id"] not in {row["id"] for row in client.rows("jobs/states")}
    assert len(client.rows("sessions", jobIdFilter=job["id"])) == before


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_job_is_started_and_stopped(admin, is_error, revision):
    client = admin(revision=revision)
    job = named(client, "Exchange DAG")
    body = {"performActiveFull": True, "startChainedJobs": False}
    answer = send(client, "POST", f"/{job['id']}/start", body)
    assert answer.status_code == 201
    session = answer.json()
    assert (session["state"], session["endTime"], session["result"]) == ("Starting", None, None)
    assert session["jobId" if revision != "1.1-rev0" else "activityId"] == job["id"]
    assert session in client.rows("sessions")
    state = named(client, "Exchange DAG", "jobs/states")
    assert (state["status"].lower(), state["sessionId"], state["lastResult"]) == ("running", session["id"], "None")
    is_error(send(client, "POST", f"/{job['id']}/start"), 400, "UnexpectedContent")

    key = "gracefullStop" if revision in {"1.1-rev0", "1.1-rev1"} else "gracefulStop"
    answer = send(client, "POST", f"/{job['id']}/stop", {key: False})
    assert answer.status_code == 201
    stopped = answer.json()
    assert stopped["id"] == session["id"]
    assert stopped["state"] == "Stopped"
    assert stopped["result"]["result"] == "Failed"
    assert stopped["result"]["isCanceled"] is True
    assert stopped in client.rows("sessions")
    assert named(client, "Exchange DAG", "jobs/states")["status"].lower() in {"inactive", "stopped"}
    is_error(send(client, "POST", f"/{job['id']}/stop"), 400, "UnexpectedContent")


def test_a_running_job_of_the_company_can_be_stopped_gracefully_without_a_body(admin):
    client = admin()
    job = named(client, "ERP application servers")
    answer = send(client, "POST", f"/{job['id']}/stop")
    assert answer.status_code == 201
    assert answer.json()["result"]["result"] == "Warning"


def test_the_newest_revision_starts_an_agent_policy_without_a_session_in_the_answer(admin):
    client = admin(revision="1.3-rev2", jobs=45)
    job = named(client, "Server policy - Windows DMZ")
    answer = send(client, "POST", f"/{job['id']}/start")
    assert (answer.status_code, answer.content) == (204, b"")
    assert named(client, job["name"], "jobs/states")["status"] == "Running"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("start", {}),
        ("start", {"performActiveFull": "yes"}),
        ("start", {"performActiveFull": True, "startChainedJobs": 1}),
        ("stop", {"gracefullStop": True}),
        ("stop", {"gracefulStop": None}),
    ],
)
def test_wrong_options_of_start_and_stop(admin, is_error, path, body):
    client = admin()
    job_id = client.rows("jobs")[0]["id"]
    is_error(send(client, "POST", f"/{job_id}/{path}", body), 400, "UnexpectedContent")


@pytest.mark.parametrize("revision", REVISIONS)
def test_jobs_are_disabled_and_enabled(admin, revision):
    client = admin(revision=revision)
    job = named(client, "Exchange DAG")
    for path, disabled in (("disable", True), ("disable", True), ("enable", False)):
        answer = send(client, "POST", f"/{job['id']}/{path}")
        newer = revision in {"1.3-rev1", "1.3-rev2"}
        assert (answer.status_code, answer.content) == ((204, b"") if newer else (200, b"{}"))
        assert named(client, "Exchange DAG") == job | {"isDisabled": disabled}
        state = named(client, "Exchange DAG", "jobs/states")
        assert (state["status"].lower() == "disabled") is disabled


WRITES = [
    ("POST", ""),
    ("PUT", "/{id}"),
    ("DELETE", "/{id}"),
    ("POST", "/{id}/start"),
    ("POST", "/{id}/stop"),
    ("POST", "/{id}/enable"),
    ("POST", "/{id}/disable"),
]


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize("role", ["Viewer", "BackupOperator"])
def test_roles(start, is_error, role, method, path):
    client = start(role=role)
    job = named(client, "Exchange DAG")
    answer = send(client, method, path.format(id=job["id"]))
    if role == "BackupOperator" and path.endswith(("start", "stop")):
        assert answer.status_code == (201 if path.endswith("start") else 400)
    else:
        is_error(answer, 403, "AccessDenied")
        assert named(client, "Exchange DAG") == job


def test_an_operator_enables_jobs_in_the_oldest_revisions_only(start):
    client = start(role="BackupOperator", asking="1.1-rev1")
    job_id = named(client, "Exchange DAG")["id"]
    assert send(client, "POST", f"/{job_id}/enable").status_code == 200
    client.http.headers["x-api-version"] = "1.2-rev1"
    assert send(client, "POST", f"/{job_id}/enable").status_code == 403


@pytest.mark.parametrize(("method", "path"), WRITES[1:])
def test_ids(admin, is_error, method, path):
    client = admin(jobs=45)
    truth = client.simulator.truth()
    is_error(send(client, method, path.format(id=NOBODY)), 404, "NotFound")
    is_error(send(client, method, path.format(id="seven")), 400, "InvalidURI")
    (without, *_) = truth.state_ids - truth.job_ids
    is_error(send(client, method, path.format(id=without)), 400, "UnexpectedContent")
    assert client.simulator.truth() == truth


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_missing_token_and_faults(admin, is_error, method, path):
    for fault, status, code in (("broken", 500, "UnknownError"), ("denied", 403, "AccessDenied")):
        client = admin(f"{fault}=job_writes")
        truth = client.simulator.truth()
        path = path.format(id=client.rows("jobs")[0]["id"])
        is_error(send(client, method, path), status, code)
        del client.http.headers["Authorization"]
        is_error(send(client, method, path), 401, "InvalidToken")
        assert client.simulator.truth() == truth
