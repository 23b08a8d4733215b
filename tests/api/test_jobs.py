"""The ten operations of the Jobs section: the real client, writing to the simulator."""

from __future__ import annotations

import copy
import datetime as dt
import json
import logging
import traceback
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from specification_facts import path_of, schemas_of

from vbr_audit.api.client import Client
from vbr_audit.api.job_operations import operations as jobs
from vbr_audit.api.job_operations.models import MODELS, Retry, Schedule
from vbr_audit.api.job_operations.operations import Listing, lost_keys, merged
from vbr_audit.errors import (
    AbsentError,
    ApiError,
    ChangedMeanwhileError,
    ConfigurationError,
    DeniedError,
    OutcomeUnknownError,
    TransientError,
    WriteRefusedError,
)
from vbr_audit.revisions import job_type_name, stop_key
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, create_app, serve

NOW = dt.datetime(2026, 11, 15, 9, 0, tzinfo=dt.UTC)
REVISIONS = ["1.1-rev0", "1.1-rev1", "1.1-rev2", "1.2-rev0", "1.2-rev1", "1.3-rev0", "1.3-rev1", "1.3-rev2"]
NOBODY = "12345678-1234-1234-1234-123456789abc"
SPECIFICATION: dict[str, Any] = {
    "type": "VSphereBackup",
    "name": "New job",
    "description": "by test",
    "virtualMachines": {"includes": [{"type": "VirtualMachine", "hostName": "vcenter01", "name": "srv01"}]},
}


@pytest.fixture
def writer(simulate):
    """A client that may write, signed in as administrator, and its simulator."""

    def make(*faults: str, **options: Any):
        return simulate(*faults, **{"allow_writes": True, "role": "Administrator", "now": NOW, "jobs": 12, **options})

    return make


def writes_in(simulator) -> list[tuple[str, str]]:
    return [(m, p) for m, p, _ in simulator.counts.log if m != "GET" and not p.startswith("/api/oauth2/")]


def named(client: Client, name: str) -> dict[str, Any]:
    return next(row for row in jobs.list_jobs(client).rows if row["name"] == name)


@pytest.mark.parametrize("read", [jobs.list_jobs, jobs.list_states])
def test_all_rows_come_whatever_the_cap(simulate, read) -> None:
    client, simulator = simulate("limit-cap=3", jobs=20, revision="1.3-rev2")
    listing = read(client)
    truth = simulator.truth()
    assert {row["id"] for row in listing.rows} == (truth.job_ids if read is jobs.list_jobs else truth.state_ids)
    assert listing.is_whole
    assert listing.total == len(listing.rows)
    assert [row["name"].lower() for row in listing.rows] == sorted(row["name"].lower() for row in listing.rows)
    assert [row["id"] for row in read(client, skip=4).rows] == [row["id"] for row in listing.rows[4:]]
    assert read(client, skip=2, limit=7).rows == listing.rows[2:9]
    assert read(client, skip=len(listing.rows) - 1, limit=7) == Listing(listing.rows[-1:], listing.total, None)
    assert read(client, skip=1000, limit=7).rows == []
    assert read(client, limit=0).rows == []


def test_what_is_not_whole_says_so(simulate) -> None:
    client, _ = simulate("ignored-skip", "limit-cap=3", jobs=20)
    for listing in (jobs.list_jobs(client), jobs.list_jobs(client, limit=8)):
        assert not listing.is_whole
        assert len(listing.rows) == 3
    client, _ = simulate("null-rows", jobs=40)
    listing = jobs.list_jobs(client)
    assert listing.shortfall is not None
    assert all(isinstance(row, dict) for row in listing.rows)
    assert repr(listing) == f"<Listing of {len(listing.rows)} rows, not whole>"


def test_jobs_are_filtered_and_ordered(simulate) -> None:
    client, _ = simulate(jobs=20)
    down = jobs.list_jobs(client, order_column="Name", order_asc=False)
    assert [row["name"].lower() for row in down.rows] == sorted((r["name"].lower() for r in down.rows), reverse=True)
    assert {row["name"] for row in jobs.list_jobs(client, name_filter="File servers*").rows} == {
        "File servers Hamburg",
        "File servers Munich",
    }
    assert {row["type"] for row in jobs.list_jobs(client, type_filter="HyperVBackup").rows} == {"HyperVBackup"}


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize("word", ["Backup", "VSphereBackup"])
def test_a_type_is_asked_for_as_the_revision_spells_it(simulate, revision: str, word: str) -> None:
    client, simulator = simulate(revision=revision, jobs=12)
    rows = jobs.list_jobs(client, type_filter=word).rows
    spelt = "VSphereBackup" if revision.startswith("1.3") else "Backup"
    assert {row["type"] for row in rows} == {spelt}
    assert f"typeFilter={spelt}" in simulator.counts.log[-1][2]


def state_filters() -> list[tuple[dict[str, Any], Any]]:
    """Each of the eleven filters of states, with what the rows that pass have in common."""
    noon = dt.datetime(2026, 11, 14, 12, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    return [
        ({"name_filter": "File servers*"}, lambda row: row["name"].startswith("File servers")),
        ({"type_filter": "HyperVBackup"}, lambda row: row["type"] == "HyperVBackup"),
        ({"last_result_filter": "Failed"}, lambda row: row["lastResult"] == "Failed"),
        ({"status_filter": "running"}, lambda row: row["status"].lower() == "running"),
        ({"workload_filter": "Application"}, lambda row: row["workload"].lower() == "application"),
        ({"last_run_after_filter": noon}, lambda row: dt.datetime.fromisoformat(row["lastRun"]) >= noon),
        ({"last_run_before_filter": noon}, lambda row: dt.datetime.fromisoformat(row["lastRun"]) <= noon),
        ({"is_high_priority_job_filter": True}, lambda row: row["highPriority"]),
        ({"objects_count_filter": 4}, lambda row: row["objectsCount"] == 4),
    ]


@pytest.mark.parametrize(("query", "passes"), state_filters())
def test_states_are_filtered(simulate, query: dict[str, Any], passes) -> None:
    client, _ = simulate(jobs=45, sessions=400, now=NOW, revision="1.3-rev1")
    everything = jobs.list_states(client).rows
    expected = [row["id"] for row in everything if row["lastRun"] is not None and passes(row)]
    found = [row["id"] for row in jobs.list_states(client, **query).rows if row["lastRun"] is not None]
    assert found == expected
    assert 0 < len(found) < len(everything)


def test_states_of_one_id_and_one_repository(simulate) -> None:
    client, _ = simulate(jobs=20)
    row = jobs.list_states(client).rows[3]
    assert [each["id"] for each in jobs.list_states(client, id_filter=row["id"].upper()).rows] == [row["id"]]
    there = jobs.list_states(client, repository_id_filter=row["repositoryId"]).rows
    assert {each["repositoryId"] for each in there} == {row["repositoryId"]}


@pytest.mark.parametrize(
    ("revision", "sent"), [("1.2-rev1", "running"), ("1.3-rev0", "running"), ("1.3-rev1", "Running")]
)
def test_a_status_is_sent_as_the_revision_writes_it(simulate, revision: str, sent: str) -> None:
    client, simulator = simulate(revision=revision)
    jobs.list_states(client, status_filter="Running", workload_filter="CloudVm")
    query = simulator.counts.log[-1][2]
    assert f"statusFilter={sent}" in query
    assert f"workloadFilter={'CloudVm' if sent == 'Running' else 'cloudVm'}" in query


@pytest.mark.parametrize(
    "query",
    [
        {"id_filter": "7"},
        {"repository_id_filter": "../sessions"},
        {"last_run_after_filter": dt.datetime(2026, 11, 14)},
        {"last_run_before_filter": dt.datetime(2026, 11, 14)},
        {"status_filter": "a b"},
        {"type_filter": "x&y=z"},
        {"order_column": "Name,Type"},
        {"objects_count_filter": -1},
        {"skip": -1},
        {"limit": -1},
    ],
)
def test_a_wrong_filter_is_refused(simulate, query: dict[str, Any]) -> None:
    client, simulator = simulate()
    with pytest.raises(ConfigurationError):
        jobs.list_states(client, **query)
    assert "/api/v1/jobs/states" not in simulator.counts.requests


@pytest.mark.parametrize(
    "job_id", ["", "7", "..", f"{NOBODY}/start", f"{NOBODY}?x=1", f"{NOBODY}\n", "{" + NOBODY + "}"]
)
def test_only_a_uuid_becomes_part_of_a_path(writer, job_id: str) -> None:
    client, simulator = writer()
    for ask in (jobs.get_job, jobs.delete_job, jobs.start_job, jobs.stop_job, jobs.enable_job, jobs.disable_job):
        with pytest.raises(ConfigurationError, match="job_id is no UUID"):
            ask(client, job_id)
    with pytest.raises(ConfigurationError, match="job_id is no UUID"):
        jobs.edit_job(client, job_id, {})
    assert not simulator.counts.log


def test_one_job(simulate) -> None:
    client, _ = simulate()
    for row in jobs.list_jobs(client).rows:
        assert jobs.get_job(client, row["id"].upper()) == row
    with pytest.raises(AbsentError):
        jobs.get_job(client, NOBODY)


WRITES: dict[str, Any] = {
    "create": lambda client, job_id: jobs.create_job(client, SPECIFICATION),
    "edit": lambda client, job_id: jobs.edit_job(client, job_id, {"name": "edited"}),
    "delete": jobs.delete_job,
    "start": jobs.start_job,
    "stop": jobs.stop_job,
    "enable": jobs.enable_job,
    "disable": jobs.disable_job,
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_no_write_leaves_a_client_that_only_reads(simulate, write) -> None:
    client, simulator = simulate(role="Administrator")
    with pytest.raises(WriteRefusedError, match="would change the server"):
        write(client, NOBODY)
    assert not simulator.counts.log


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_role_that_may_not_write_is_told_so(writer, write) -> None:
    client, simulator = writer(role="Viewer")
    job_id = jobs.list_jobs(client).rows[0]["id"]
    with pytest.raises(DeniedError) as caught:
        write(client, job_id)
    assert "Administrator" in (caught.value.hint or "")
    assert len(writes_in(simulator)) == 1


@pytest.mark.parametrize("write", [each for name, each in WRITES.items() if name != "create"])
def test_a_job_that_is_not_there(writer, write) -> None:
    client, _ = writer()
    with pytest.raises(AbsentError):
        write(client, NOBODY)


@pytest.mark.parametrize("revision", REVISIONS)
def test_the_life_of_a_job(writer, revision: str) -> None:
    client, simulator = writer(revision=revision)
    made = jobs.create_job(client, SPECIFICATION)
    assert made == jobs.get_job(client, made["id"])
    assert made["type"] == ("VSphereBackup" if revision.startswith("1.3") else "Backup")
    edited = jobs.edit_job(client, made["id"], {"schedule": {"retry": {"retryCount": 7}}})
    made["schedule"]["retry"]["retryCount"] = 7
    assert json.dumps(edited) == json.dumps(made)

    def status() -> str:
        (state,) = jobs.list_states(client, id_filter=made["id"]).rows
        return state["status"].lower()

    session = jobs.start_job(client, made["id"], perform_active_full=True)
    assert session is not None
    assert session["state"] == "Starting"
    assert status() == "running"
    stopped = jobs.stop_job(client, made["id"], graceful=False)
    assert stopped is not None
    assert stopped["result"]["result"] == "Failed"
    assert status() in {"inactive", "stopped"}
    jobs.disable_job(client, made["id"])
    assert status() == "disabled"
    jobs.enable_job(client, made["id"])
    assert status() in {"inactive", "stopped"}
    jobs.delete_job(client, made["id"])
    with pytest.raises(AbsentError):
        jobs.get_job(client, made["id"])
    assert [method for method, _ in writes_in(simulator)] == ["POST", "PUT", *["POST"] * 4, "DELETE"]


def test_a_start_without_a_session_in_the_answer(writer) -> None:
    client, _ = writer(revision="1.3-rev2", jobs=45)
    assert jobs.start_job(client, named(client, "Server policy - Windows DMZ")["id"]) is None


def test_a_type_without_a_model_passes_whole(writer) -> None:
    client, _ = writer()
    made = jobs.create_job(client, {"name": "Odd", "type": "HyperVBackup", "futureKey": [1, {"a": None}]})
    assert made["futureKey"] == [1, {"a": None}]


def test_a_model_can_be_created_from(writer) -> None:
    from vbr_audit.api.job_operations.models import BackupJob

    client, _ = writer(revision="1.2-rev1")
    model = BackupJob.model_validate(SPECIFICATION | {"futureKey": 1})
    model.schedule = Schedule(run_automatically=True, retry=Retry(is_enabled=True, retry_count=2, await_minutes=5))
    made = jobs.create_job(client, model)
    assert made["type"] == "Backup"
    assert made["futureKey"] == 1
    assert made["schedule"]["retry"] == {"isEnabled": True, "retryCount": 2, "awaitMinutes": 5}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ""}, "has no name"),
        ({"type": ""}, "has no type"),
        ({"description": None}, r"description: input should be a valid string"),
        ({"virtualMachines": {}}, r"virtualMachines\.includes: field required"),
        ({"type": "VSphereReplica"}, "destination: field required"),
        ({"storage": {"retentionPolicy": {"quantity": "seven"}}}, r"storage\.backupRepositoryId: field required"),
    ],
)
def test_a_specification_that_lacks_something_is_not_sent(writer, change: dict[str, Any], message: str) -> None:
    client, simulator = writer()
    with pytest.raises(ConfigurationError, match=message) as caught:
        jobs.create_job(client, SPECIFICATION | change)
    assert "seven" not in str(caught.value)
    assert not simulator.counts.log


def test_what_the_server_refuses_is_told_in_its_words(writer) -> None:
    client, _ = writer()
    with pytest.raises(ApiError, match="already exists") as caught:
        jobs.create_job(client, SPECIFICATION | {"name": "Exchange DAG"})
    assert caught.value.status == 400


def test_an_edit_that_changes_nothing_sends_nothing(writer) -> None:
    client, simulator = writer()
    job = named(client, "Exchange DAG")
    assert jobs.edit_job(client, job["id"], {"name": "Exchange DAG"}) == job
    assert jobs.edit_job(client, job["id"], lambda draft: None) == job
    assert not writes_in(simulator)


def test_an_edit_by_a_function_may_add_keys(writer) -> None:
    client, _ = writer()
    job = named(client, "Exchange DAG")

    def change(draft: dict[str, Any]) -> None:
        draft["schedule"]["extra"] = {"a": 1}

    assert jobs.edit_job(client, job["id"], change)["schedule"]["extra"] == {"a": 1}
    answered = jobs.edit_job(client, job["id"], lambda draft: draft | {"description": "new"})
    assert answered["description"] == "new"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schedule": {"retry": {"retryCout": 3}}}, r"the job has no schedule\.retry\.retryCout"),
        ({"id": NOBODY}, "cannot change the id"),
        ({"type": "HyperVBackup"}, "cannot change the type"),
        ({"description": {1, 2}}, "no JSON"),
        ({"description": float("nan")}, "no JSON"),
        (lambda draft: draft["schedule"].pop("retry") and None, r"would lose 'schedule\.retry'"),
        (lambda draft: {"name": "only this"}, "would lose 'id'"),
        (lambda draft: ["no document"], "answered no document"),
    ],
)
def test_an_edit_that_would_do_harm_is_refused(writer, change, message: str) -> None:
    client, simulator = writer()
    job = named(client, "Exchange DAG")
    with pytest.raises(ConfigurationError, match=message):
        jobs.edit_job(client, job["id"], change)
    assert not writes_in(simulator)


def test_an_edit_refuses_when_the_job_changed_meanwhile(writer) -> None:
    client, simulator = writer()
    job = named(client, "Exchange DAG")

    def change(draft: dict[str, Any]) -> None:
        jobs.edit_job(client, job["id"], {"description": "someone else was quicker"})
        draft["isHighPriority"] = True

    with pytest.raises(ChangedMeanwhileError, match="nothing was written"):
        jobs.edit_job(client, job["id"], change)
    assert len(writes_in(simulator)) == 1
    assert jobs.get_job(client, job["id"]) == job | {"description": "someone else was quicker"}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
unknown_keys = st.dictionaries(
    st.text("abcXYZ_-.$ é", min_size=1, max_size=6).map("x{}".format), json_values, max_size=4
)


@pytest.fixture(scope="module")
def editing():
    """A client that may write, the simulator, and one of its jobs, for many examples."""
    app = create_app(role="Administrator", jobs=3, sessions=5, now=NOW, revision="1.3-rev2")
    simulator = app.config["simulator"]
    with Client(
        "http://127.0.0.1",
        username=DEMO_USERNAME,
        password=SecretStr(DEMO_PASSWORD),
        transport=httpx.WSGITransport(app=app),
        allow_writes=True,
    ) as client:
        yield client, simulator, simulator.estate.jobs[0]


@settings(max_examples=40)
@given(top=unknown_keys, deep=unknown_keys, count=st.integers(0, 99))
def test_an_edit_leaves_everything_else_as_it_was(editing, top, deep, count: int) -> None:
    client, simulator, job = editing
    document = top | job.document
    document["schedule"] = job.document["schedule"] | deep
    simulator.estate.jobs[0] = replace(job, document=document, written_in="1.3-rev2")
    simulator.forget()
    expected = copy.deepcopy(document)
    expected["schedule"]["retry"]["retryCount"] = count
    answered = jobs.edit_job(client, job.id, {"schedule": {"retry": {"retryCount": count}}})
    assert json.dumps(answered) == json.dumps(expected) == json.dumps(jobs.get_job(client, job.id))


@given(document=st.dictionaries(st.text(max_size=4), json_values, min_size=1, max_size=5), data=st.data())
def test_a_merge_touches_one_key_only(document: dict[str, Any], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(document)))
    value = data.draw(st.integers())
    after = merged(document, {key: value})
    assert after[key] == value
    assert json.dumps(after | {key: document[key]}) == json.dumps(document)
    assert lost_keys(document, document | {key: value}) == []
    assert lost_keys(document, {k: v for k, v in document.items() if k != key}) == [key]


def test_whole_numbers_beyond_64_bits_survive_an_edit() -> None:
    """Served by a small WSGI application, because the simulator's own writer of JSON refuses them."""
    stored = {"id": NOBODY, "type": "X", "name": "a", "big": 2**70, "float": 1.5}
    puts = []

    def serve_one(environ: Any, start_response: Any) -> list[bytes]:
        body = json.dumps(stored).encode()
        if environ["PATH_INFO"].endswith("token"):
            body = b'{"access_token":"a","expires_in":900}'
        elif environ["REQUEST_METHOD"] == "PUT":
            puts.append(environ["wsgi.input"].read())
            body = b""
        start_response("200 OK", [("Content-Type", "application/json")])
        return [body]

    with Client(
        "http://127.0.0.1",
        username="a",
        password=SecretStr("b"),
        transport=httpx.WSGITransport(app=serve_one),
        allow_writes=True,
    ) as client:
        answered = jobs.edit_job(client, NOBODY, {"name": "b"})
    assert json.loads(puts[0]) == stored | {"name": "b"}
    assert answered["id"] == NOBODY  # an empty answer: read anew


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("fault", ["broken=job_writes", "html=job_writes"])
def test_a_write_without_a_clear_answer_is_never_repeated(writer, write, fault: str) -> None:
    client, simulator = writer(fault)
    job_id = jobs.list_jobs(client).rows[0]["id"]
    with pytest.raises(OutcomeUnknownError, match="whether the server acted is not known") as caught:
        write(client, job_id)
    assert "before you ask again" in (caught.value.hint or "")
    assert len(writes_in(simulator)) == 1


def test_a_write_that_was_done_and_whose_answer_was_lost_is_not_repeated(writer) -> None:
    client, simulator = writer("cut-json-forever=job_writes")
    with pytest.raises(OutcomeUnknownError):
        jobs.create_job(client, SPECIFICATION)
    assert len(writes_in(simulator)) == 1
    assert named(client, "New job")["name"] == "New job"


@pytest.mark.parametrize("fault", ["slow=2", "reset=2"])
def test_timeout_and_reset_over_a_socket_are_not_repeated(fault: str) -> None:
    with (
        serve(faults=[fault], role="Administrator", jobs=5, sessions=5) as url,
        Client(
            str(url), username=DEMO_USERNAME, password=SecretStr(DEMO_PASSWORD), timeout=0.5, allow_writes=True
        ) as client,
    ):
        if fault == "reset=2":
            client.settle()  # which is the first data request: the second loses its connection
        else:
            client._auth.sign_ins = 1  # a read would be slow as well
        with pytest.raises(OutcomeUnknownError):
            jobs.start_job(client, next(iter(url.simulator.truth().job_ids)))
        assert len(writes_in(url.simulator)) == 1


def test_nothing_was_sent_when_nothing_answers() -> None:
    client = Client("http://127.0.0.1:9", username="a", password=SecretStr("b"), allow_writes=True)
    client._auth.sign_ins = 1
    with client, pytest.raises(TransientError, match="cannot connect") as caught:
        jobs.delete_job(client, NOBODY)
    assert not isinstance(caught.value, OutcomeUnknownError)


def test_too_many_requests_is_no_unknown_outcome(writer) -> None:
    client, simulator = writer("throttle=2")
    jobs.list_jobs(client, limit=1)
    with pytest.raises(TransientError) as caught:
        jobs.create_job(client, SPECIFICATION)
    assert caught.value.status == 429
    assert not isinstance(caught.value, OutcomeUnknownError)
    assert len(writes_in(simulator)) == 1


def test_a_write_that_a_dead_token_turned_away_is_sent_with_a_new_one(writer) -> None:
    client, simulator = writer("token-calls=1")
    made = jobs.create_job(client, SPECIFICATION)
    jobs.disable_job(client, made["id"])
    assert jobs.get_job(client, made["id"])["isDisabled"] is True
    assert simulator.counts.refreshes >= 2
    assert len([row for row in jobs.list_jobs(client).rows if row["name"] == "New job"]) == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [("PATCH", "/api/v1/jobs"), ("POST", "https://evil.example/api/v1/jobs"), ("POST", "/api/v1/../oauth2/token")],
)
def test_requests_that_are_none_of_the_api(writer, method: str, path: str) -> None:
    client, simulator = writer()
    with pytest.raises(WriteRefusedError):
        client.request(method, path, {})
    assert not simulator.counts.log


@pytest.mark.parametrize("revision", ["1.2-rev1", "1.3-rev1"])
def test_what_is_sent_is_in_the_specification(writer, revision: str) -> None:
    schemas = schemas_of(revision)
    client, simulator = writer(revision=revision)
    noon = dt.datetime(2026, 11, 14, 12, tzinfo=dt.UTC)
    every = {"id_filter": NOBODY, "repository_id_filter": NOBODY} | {
        name: value for query, _ in state_filters() for name, value in query.items()
    }
    jobs.list_states(client, **(every | {"last_run_before_filter": noon, "type_filter": "Backup"}), skip=1, limit=1)
    states = {name for name, _ in parse_qsl(simulator.counts.log[-1][2])}
    jobs.list_jobs(client, name_filter="a", type_filter="Backup", skip=1, limit=1)
    listed = {name for name, _ in parse_qsl(simulator.counts.log[-1][2])}
    for path, sent in (("/api/v1/jobs/states", states), ("/api/v1/jobs", listed)):
        operation = path_of(revision, path)
        assert operation is not None
        assert sent == {name for name in operation["parameters"] if not name.startswith("afterJob")}
    assert stop_key(revision) in schemas["JobStopSpec"]["properties"]
    assert {"performActiveFull", "startChainedJobs"} <= set(schemas["JobStartSpec"]["properties"])
    for job_type in MODELS:
        assert job_type_name(job_type, revision) in schemas["EJobType"]["enum"]
    for model in MODELS.values():
        assert set(model.model_json_schema(by_alias=True)["required"]) >= {"name", "type", "virtualMachines"}


CANARY = "canary-Xy7"


def test_no_content_of_a_job_is_shown_or_logged(writer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client, _ = writer("cut-json-forever=job_writes")
    secret = SPECIFICATION | {"futureKey": CANARY, "description": CANARY}
    texts = []
    for change in ({}, {"virtualMachines": CANARY}):
        with pytest.raises((OutcomeUnknownError, ConfigurationError)) as caught:
            jobs.create_job(client, secret | change)
        texts += ["".join(traceback.format_exception(caught.value, limit=0)), repr(caught.value)]
    listing = jobs.list_jobs(client)
    assert any(row["description"] == CANARY for row in listing.rows)
    assert CANARY not in "".join([*texts, repr(listing), caplog.text])
