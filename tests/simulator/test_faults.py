"""Each fault, one by one, as a client meets it."""

import json
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from vbr_audit.simulator import DATASETS, FAULTS, Fault, create_app
from vbr_audit.simulator.estate import HISTORY_DAYS

PATHS = {
    "jobs": "jobs",
    "job_states": "jobs/states",
    "sessions": "sessions",
    "server_time": "serverTime",
    "server_info": "serverInfo",
}


def test_every_fault_is_described():
    assert all(text and "\n" not in text for text in FAULTS.values())


def test_unknown_fault_names_the_known_ones():
    with pytest.raises(ValueError, match=r"did you mean 'limit-cap'.*Known faults: limit-cap, token-ttl"):
        Fault.parse("limit-kap=3")
    with pytest.raises(ValueError, match=r"unknown fault 'xyzzy'\. Known"):
        create_app(faults=["xyzzy"])


@pytest.mark.parametrize(
    "text",
    [
        "limit-cap=0",
        "limit-cap=x",
        "limit-cap=",
        "token-ttl=soon",
        "token-ttl=-1",
        "token-ttl=inf",
        "clock-skew=nan",
        "denied",
        "denied=everything",
        "ignored-skip=everything",
        "refuse-refresh=1",
        "growing=fast",
        "growing=0",
        "growing=unfiltered:0",
        "",
    ],
)
def test_bad_values(text):
    with pytest.raises(ValueError, match="fault"):
        Fault.parse(text)


def test_defaults_are_filled_in():
    assert Fault.parse("limit-cap") == Fault("limit-cap", "100")
    assert Fault.parse(" denied = jobs ") == Fault("denied", "jobs")


def test_faults_are_a_sequence():
    with pytest.raises(TypeError, match="sequence"):
        create_app(faults="denied=jobs")


def test_limit_cap(start):
    answer = start("limit-cap=4").get("sessions", limit=1000).json()
    assert len(answer["data"]) == 4
    assert answer["pagination"] == {"total": 120, "count": 4, "skip": 0, "limit": 1000}


@pytest.mark.parametrize(("fault", "status"), [("unavailable=3", 503), ("throttle=3", 429)])
def test_every_third_request_is_put_off(start, is_error, fault, status):
    client = start(fault)
    answers = [client.get("jobs") for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200, 200, status, 200, 200, status, 200]
    is_error(answers[2], status, "ServiceUnavailable")
    assert int(answers[2].headers["Retry-After"]) in {0, 1}
    assert client.simulator.counts.faults[fault.split("=")[0]] == 2


def test_cut_json_is_whole_http(start):
    client = start("cut-json=2")
    answers = [client.get("sessions") for _ in range(3)]
    assert len(answers[0].json()["data"]) == 120
    with pytest.raises(json.JSONDecodeError):
        answers[1].json()
    assert int(answers[1].headers["Content-Length"]) == len(answers[1].content)
    assert answers[2].json() == answers[0].json()


def test_cut_json_forever(start):
    client = start("cut-json-forever=sessions")
    for _ in range(3):
        with pytest.raises(json.JSONDecodeError):
            client.get("sessions").json()
    assert client.get("jobs").json()


def test_cut_body_declares_the_whole(start):
    client = start("cut-body=2")
    whole, cut = client.get("sessions"), client.get("sessions")
    assert int(cut.headers["Content-Length"]) == len(whole.content) > len(cut.content)


def test_reset(start):
    client = start("reset=2")
    assert client.get("jobs").status_code == 200
    with pytest.raises(ConnectionResetError):
        client.get("jobs")
    assert client.get("jobs").status_code == 200


def test_slowness_is_added_up(start, monkeypatch):
    naps = []
    monkeypatch.setattr("vbr_audit.simulator.misbehaviour.sleep", naps.append)
    client = start("slow=1.5", "latency-ms=250")
    client.get("jobs")
    client.get("serverTime")
    assert naps == [1.75, 1.75]


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [("denied", 403, "AccessDenied"), ("missing", 404, "NotFound"), ("broken", 500, "UnknownError")],
)
def test_faults_of_one_dataset(start, is_error, fault, status, code, dataset):
    client = start(f"{fault}={dataset}", role="Administrator")
    for _ in range(2):
        for name, path in PATHS.items():
            if name == dataset:
                is_error(client.get(path), status, code)
            else:
                assert client.get(path).status_code == 200


def test_a_fault_may_come_twice(start):
    client = start("denied=jobs", "denied=sessions")
    assert [client.get(path).status_code for path in ("jobs", "jobs/states", "sessions")] == [403, 200, 403]


def test_html(start):
    answer = start("html=jobs").get("jobs")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.text.startswith("<!DOCTYPE html>")


def test_ignored_skip(start):
    client = start("ignored-skip")
    assert client.get("jobs", limit=3, skip=3).json()["data"] == client.get("jobs", limit=3).json()["data"]
    one = start("ignored-skip=sessions")
    assert one.get("jobs", limit=3, skip=3).json()["data"] != one.get("jobs", limit=3).json()["data"]


def test_growing(start):
    client = start("growing=2")
    totals = [client.get("sessions", limit=1).json()["pagination"]["total"] for _ in range(3)]
    assert totals == [120, 122, 124]
    newest = client.get("sessions", limit=1).json()["data"][0]
    assert datetime.fromisoformat(newest["creationTime"]) >= client.simulator.options.now
    frozen = {"createdBeforeFilter": "2026-11-15T09:00:00Z"}
    assert [client.get("sessions", **frozen).json()["pagination"]["total"] for _ in range(2)] == [120, 120]


@pytest.mark.parametrize(("fault", "step"), [("growing=unfiltered", 5), ("growing=unfiltered:3", 3)])
def test_growing_in_spite_of_the_filter(start, fault, step):
    client = start(fault)
    frozen = {"createdBeforeFilter": "2026-11-15T09:00:00Z", "limit": 1}
    totals = [client.get("sessions", **frozen).json()["pagination"]["total"] for _ in range(3)]
    assert totals == [120, 120 + step, 120 + 2 * step]


def test_shrinking(start):
    client = start("shrinking=2")
    before = client.simulator.truth().session_ids
    totals = [client.get("sessions", limit=1).json()["pagination"]["total"] for _ in range(3)]
    assert totals == [120, 118, 116]
    assert client.simulator.truth().session_ids < before


@pytest.mark.parametrize(("fault", "total"), [("total-high=7", 127), ("total-low=7", 113), ("total-low=999", 0)])
def test_wrong_totals(start, fault, total):
    answer = start(fault).get("sessions").json()
    assert answer["pagination"]["total"] == total
    assert len(answer["data"]) == 120


def test_duplicates(start):
    client = start("duplicates")
    pages = [client.get("sessions", skip=skip, limit=10).json()["data"] for skip in range(0, 140, 10)]
    pages = [page for page in pages if page]
    assert len(pages) == 14
    for before, after in pairwise(pages):
        assert before[-1] == after[0]
    assert {row["id"] for page in pages for row in page} == client.simulator.truth().session_ids


def test_ignored_filter(start):
    client = start("ignored-filter")
    assert len(client.rows("sessions", createdAfterFilter="2026-11-15T00:00:00Z")) == 120
    assert len(client.rows("jobs/states", lastRunAfterFilter="2030-01-01T00:00:00Z")) == 14
    assert len(client.rows("sessions", typeFilter="Retention")) < 120


@pytest.mark.parametrize(
    ("faults", "days"), [((), HISTORY_DAYS), (("short-history",), 10), (("short-history=20",), 20)]
)
def test_history_reaches_back(start, now, faults, days):
    created = [datetime.fromisoformat(row["creationTime"]) for row in start(*faults, sessions=500).rows("sessions")]
    assert timedelta(days=days - 1) < now - min(created) <= timedelta(days=days)
    assert max(created) <= now
    assert len(created) == 500


def test_null_rows(start):
    rows = start("null-rows").rows("sessions")
    assert rows[7] is None
    assert rows[13] == "no object"
    assert sum(isinstance(row, dict) for row in rows) == 110


def test_faults_combine(start):
    client = start("limit-cap=7", "unavailable=2", "total-high=1", "null-rows")
    answer = client.get("sessions", limit=50).json()
    assert len(answer["data"]) == 7
    assert answer["pagination"]["total"] == 121
    assert client.get("sessions").status_code == 503


@pytest.mark.parametrize("path", ["jobs", "jobs/states", "sessions", "backupInfrastructure/repositories"])
def test_churn_moves_the_rows_and_keeps_the_total(start, path):
    client = start("churn=2", role="Administrator")
    pages = [client.get(path, orderColumn="Name", limit=1000).json() for _ in range(30)]
    assert len({page["pagination"]["total"] for page in pages}) == 1
    ids = [[row["id"] for row in page["data"]] for page in pages]
    for before, after in pairwise(ids):
        assert after[:-2] == before[2:]
        assert not set(after[-2:]) & set(before)
    assert len(set().union(*ids)) == len(ids[0]) + 58


def test_churn_of_rows_below_a_parent_is_left_alone(start):
    client = start("churn=2", role="Administrator")
    backup = client.rows("backups")[0]["id"]
    assert client.rows(f"backups/{backup}/objects") == client.rows(f"backups/{backup}/objects")


@pytest.mark.parametrize(("asking", "newest", "status"), [("1.3-rev0", "1.3-rev1", 500), ("1.3-rev1", "1.3-rev1", 200)])
def test_states_500(start, asking, newest, status):
    client = start("states-500", revision=newest, asking=asking)
    answer = client.get("jobs/states")
    assert answer.status_code == status
    assert status == 200 or "EJobStatus" in answer.json()["message"]
    assert client.get("jobs").status_code == 200
    assert start("states-500", revision="1.2-rev1", asking="1.1-rev0").get("jobs/states").status_code == 200
