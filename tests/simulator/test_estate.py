"""The estate: the same for the same options, believable, and consistent in itself."""

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import pytest

from vbr_audit.simulator import REVISIONS, SimulatorOptions, create_app
from vbr_audit.simulator.estate import HISTORY_DAYS


def truth_of(now, **options):
    return create_app(now=now, **options).config["simulator"].truth()


@pytest.fixture(scope="module")
def company():
    now = datetime(2026, 11, 15, 9, 0, tzinfo=UTC)
    return now, create_app(now=now).config["simulator"].truth()


def test_same_options_same_estate(now):
    assert truth_of(now) == truth_of(now)


def test_other_seed_other_estate(now):
    first, second = truth_of(now, sessions=100), truth_of(now, sessions=100, seed=2)
    assert not first.session_ids & second.session_ids
    assert not first.job_ids & second.job_ids


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize(("jobs", "sessions"), [(0, 0), (0, 10), (1, 1), (3, 500), (40, 400), (60, 40)])
def test_sizes(now, revision, jobs, sessions):
    truth = truth_of(now, jobs=jobs, sessions=sessions, revision=revision)
    assert len(truth.job_ids) == len(truth.jobs) == jobs
    assert len(truth.session_ids) == len(truth.sessions) == sessions
    assert truth.job_ids <= truth.state_ids


@pytest.mark.parametrize(("jobs", "sessions"), [(40, 3000), (150, 40)])
def test_large_sizes(now, jobs, sessions):
    for revision in (REVISIONS[0], REVISIONS[-1]):
        truth = truth_of(now, jobs=jobs, sessions=sessions, revision=revision)
        assert (len(truth.job_ids), len(truth.session_ids)) == (jobs, sessions), revision
        assert (len(truth.jobs), len(truth.sessions)) == (jobs, sessions), revision
        assert truth.job_ids <= truth.state_ids, revision


def test_states_fit_the_newest_sessions(company):
    _, truth = company
    newest = {}
    for session in truth.sessions:
        newest[session["jobId"]] = session
    disabled = {job["id"]: job["isDisabled"] for job in truth.jobs}
    for state in truth.job_states:
        session = newest.get(state["id"])
        assert state["lastRun"] == (session["creationTime"] if session else None)
        assert state["sessionId"] == (session["id"] if session else None)
        running = session is not None and session["endTime"] is None
        assert (state["status"] == "Running") is running
        assert (state["status"] == "Disabled") is disabled.get(state["id"], False)
        assert state["lastResult"] == (session["result"]["result"] if session and session["result"] else "None")
        assert state["nextRun"] is None or state["nextRun"] > "2026-11-15T10:00"


def test_sessions_are_sound(company):
    now, truth = company
    for row in truth.sessions:
        created = datetime.fromisoformat(row["creationTime"])
        assert created.utcoffset() in {timedelta(hours=1), timedelta(hours=2)}
        assert now - timedelta(days=HISTORY_DAYS) <= created <= now
        if row["endTime"] is None:
            assert (row["state"], row["result"]) == ("Working", None)
        else:
            assert created <= datetime.fromisoformat(row["endTime"]) <= now
            assert (row["state"], row["result"]["isCanceled"]) == ("Stopped", False)


def test_fractions_of_seconds_vary(company):
    _, truth = company
    digits = {len(row["creationTime"].partition(".")[2].partition("+")[0]) for row in truth.sessions}
    assert digits == set(range(8))


def test_believable_problems(company):
    now, truth = company
    states = {row["name"]: row for row in truth.job_states}
    assert Counter(row["status"] for row in truth.job_states)["Disabled"] == 2
    assert Counter(row["status"] for row in truth.job_states)["Running"] == 1
    assert states["SAP HANA"]["lastResult"] == "Failed"
    assert states["Building access Zurich"]["lastRun"] is None
    stale = now - datetime.fromisoformat(states["Warehouse control"]["lastRun"])
    assert timedelta(days=8) < stale < timedelta(days=10)
    assert states["Copy to DR site"]["backupCopyMode"] == "Immediate"

    def share(test):
        return sum(map(test, truth.jobs)) / len(truth.jobs)

    def encrypted(job):
        return '"encryption": {"isEnabled": false' not in json.dumps(job)

    assert 0.75 < share(encrypted) < 1
    assert share(lambda job: not job["isDisabled"]) > 0.9


def test_success_rates(company):
    now, truth = company
    outcomes = defaultdict(Counter)
    for row in truth.sessions:
        if row["result"] and datetime.fromisoformat(row["creationTime"]) > now - timedelta(days=30):
            outcomes[row["name"]][row["result"]["result"]] += 1
    flaky = outcomes["Hyper-V branch offices"]
    assert flaky["Failed"] / flaky.total() == pytest.approx(0.3, abs=0.04)
    sound = [name for name, results in outcomes.items() if results["Failed"] / results.total() < 0.1]
    assert len(sound) / len(outcomes) > 0.9


def test_kinds_of_sessions(company):
    _, truth = company
    kinds = {row["sessionType"] for row in truth.sessions}
    assert {
        "BackupJob",
        "ReplicaJob",
        "BackupCopyJob",
        "AgentBackup",
        "ConfigurationBackup",
        "ConfigurationResynchronize",
        "Infrastructure",
        "MalwareDetection",
        "SecurityComplianceAnalyzer",
    } <= kinds


def test_large_history_is_dense_and_old(now):
    truth = truth_of(now, sessions=20_000)
    assert len(truth.session_ids) == 20_000
    oldest = datetime.fromisoformat(truth.sessions[0]["creationTime"])
    assert now - oldest > timedelta(days=59)
    per_job = Counter(row["jobId"] for row in truth.sessions)
    assert sum(count > 300 for count in per_job.values()) > 20


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"revision": "2.0-rev0"}, "unknown revision"),
        ({"role": "King"}, "unknown role"),
        ({"jobs": -1}, "negative"),
        ({"now": datetime(2026, 11, 15)}, "offset"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        create_app(**options)


def test_password_is_not_shown():
    assert "s3cret" not in repr(SimulatorOptions(password="s3cret"))


HOSTILE = ["=1+1", "@SUM(A1)", "\tTab first", "<script>alert(1)</script>", "", "#REF!", "javascript:alert(1)"]


def test_hostile_text_is_served_as_it_is(start):
    client = start(hostile=True)
    jobs = {job["name"]: job for job in client.rows("jobs")}
    assert set(HOSTILE) <= set(jobs)
    assert any("\x00" in name and "\x1b[31m" in name for name in jobs)
    assert any(len(name) == 300 for name in jobs)
    assert jobs["Stripped document"].keys() == {"id", "name", "type"}
    assert jobs["Nulls everywhere"]["storage"] is None
    assert jobs["From the future"]["type"] == "FutureBackup2030"
    assert client.get(f"jobs/{jobs['=1+1']['id']}").json() == jobs["=1+1"]
    states = {row["name"]: row for row in client.rows("jobs/states")}
    assert states["From the future"]["status"] == "Hibernating"
    sessions = client.rows("sessions")
    assert {"QuantumSync"} <= {row["sessionType"] for row in sessions}
    assert any(row["name"] is None for row in sessions)
    assert set(HOSTILE) <= {row["result"]["message"] for row in sessions if isinstance(row["result"], dict)}


@pytest.mark.parametrize("revision", REVISIONS)
def test_hostile_estate_is_served_in_every_revision(start, revision):
    client = start(hostile=True, asking=revision, revision="1.3-rev2")
    assert client.rows("jobs", orderColumn="Description")
    assert client.rows("jobs/states", orderColumn="LastRun")
    assert client.rows("sessions", orderColumn="EndTime", nameFilter="*script*")
