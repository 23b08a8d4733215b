"""Paging, filters and ordering of jobs, job states and sessions."""

from datetime import datetime

import pytest

COLLECTIONS = ["jobs", "jobs/states", "sessions"]


@pytest.mark.parametrize("path", COLLECTIONS)
def test_pages_join_to_the_whole(start, path):
    client = start()
    whole = client.get(path).json()
    assert whole["pagination"] == {
        "total": len(whole["data"]),
        "count": len(whole["data"]),
        "skip": 0,
        "limit": 200,
    }
    joined, skip = [], 0
    while page := client.get(path, skip=skip, limit=5).json()["data"]:
        joined += page
        skip += len(page)
    assert joined == whole["data"]


def test_default_limit_is_200(start):
    answer = start(sessions=450).get("sessions").json()
    assert len(answer["data"]) == answer["pagination"]["count"] == answer["pagination"]["limit"] == 200
    assert answer["pagination"]["total"] == 450


@pytest.mark.parametrize("path", COLLECTIONS)
@pytest.mark.parametrize(
    "query",
    [
        {"skip": "-1"},
        {"skip": "two"},
        {"limit": "0"},
        {"limit": "1e3"},
        {"limit": str(2**31)},
        {"limit": "٣"},
        {"orderColumn": "Colour"},
        {"orderColumn": "Name", "orderAsc": "up"},
        {"typeFilter": "no type"},
    ],
)
def test_malformed_values(start, is_error, path, query):
    is_error(start().get(path, **query), 400, "InvalidURI")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("jobs", {"typeFilter": "Backup"}),
        ("jobs/states", {"statusFilter": "Dancing"}),
        ("jobs/states", {"idFilter": "7"}),
        ("jobs/states", {"isHighPriorityJobFilter": "maybe"}),
        ("jobs/states", {"objectsCountFilter": "many"}),
        ("jobs/states", {"lastRunAfterFilter": "2026-11-01T00:00:00 01:00"}),
        ("sessions", {"createdAfterFilter": "yesterday"}),
        ("sessions", {"endedBeforeFilter": "2026-11-01T00:00:00 01:00"}),
        ("sessions", {"jobIdFilter": "none"}),
        ("sessions", {"stateFilter": "Dancing"}),
        ("sessions", {"resultFilter": "Maybe"}),
    ],
)
def test_malformed_filters(start, is_error, path, query):
    is_error(start().get(path, **query), 400, "InvalidURI")


def test_unknown_parameters_are_ignored_and_names_are_case_sensitive(start):
    client = start()
    assert len(client.rows("jobs", Skip="5", colour="red")) == 12


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        ("Exchange*", {"Exchange DAG"}),
        ("*munich", {"File servers Munich"}),
        ("*SERVERS*", {"File servers Hamburg", "File servers Munich", "ERP application servers"}),
        ("Exchange DAG", {"Exchange DAG"}),
        ("Exchange", set()),
        ("Exch*DAG", set()),
    ],
)
@pytest.mark.parametrize("path", ["jobs", "jobs/states"])
def test_name_filter(start, path, pattern, named):
    assert {row["name"] for row in start().rows(path, nameFilter=pattern)} == named


def test_name_filter_looks_at_every_property(start):
    assert {row["type"] for row in start().rows("jobs", nameFilter="VSphereReplica")} == {"VSphereReplica"}
    assert len(start().rows("jobs/states", nameFilter="*Frankfurt*")) == 2


@pytest.mark.parametrize("column", ["Name", "Type", "Description"])
def test_jobs_in_order(start, column):
    client = start()
    key = column.lower()
    ascending = [row[key] for row in client.rows("jobs", orderColumn=column, orderAsc="true")]
    assert ascending == sorted(ascending, key=str.lower)
    descending = [row[key] for row in client.rows("jobs", orderColumn=column, orderAsc="false")]
    assert descending == sorted(ascending, key=str.lower, reverse=True)


def test_one_job(start, is_error):
    client = start()
    for row in client.rows("jobs"):
        assert client.get(f"jobs/{row['id']}").json() == row
    is_error(client.get("jobs/12345678-1234-1234-1234-123456789abc"), 404, "NotFound")
    is_error(client.get("jobs/not-an-id"), 400, "InvalidURI")


def test_a_job_without_document(start, is_error):
    client = start()
    truth = client.simulator.truth()
    (azure, legacy) = sorted(truth.state_ids - truth.job_ids)
    for job_id in (azure, legacy):
        is_error(client.get(f"jobs/{job_id}"), 400, "UnexpectedContent")


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("typeFilter", "type", "BackupCopy"),
        ("lastResultFilter", "lastResult", "Failed"),
        ("statusFilter", "status", "Running"),
        ("workloadFilter", "workload", "Application"),
        ("objectsCountFilter", "objectsCount", 4),
        ("isHighPriorityJobFilter", "highPriority", True),
    ],
)
def test_state_filters(start, name, key, value):
    client = start()
    expected = [row for row in client.rows("jobs/states") if row[key] == value]
    assert expected
    assert client.rows("jobs/states", **{name: str(value).lower()}) == expected


def test_states_by_id_and_repository(start):
    client = start()
    row = client.rows("jobs/states")[3]
    assert client.rows("jobs/states", idFilter=row["id"]) == [row]
    same = client.rows("jobs/states", repositoryIdFilter=row["repositoryId"])
    assert {each["repositoryName"] for each in same} == {row["repositoryName"]}


def test_states_by_last_run(start):
    client = start(jobs=40)
    after = client.rows("jobs/states", lastRunAfterFilter="2026-11-15T00:00:00+01:00")
    before = client.rows("jobs/states", lastRunBeforeFilter="2026-11-14T23:59:59+01:00")
    never = [row for row in client.rows("jobs/states") if row["lastRun"] is None]
    assert after
    assert before
    assert never
    assert len(after) + len(before) + len(never) == 42


def test_states_by_the_job_before(start):
    client = start(jobs=40)
    chained = client.rows("jobs/states", afterJobNameFilter="ERP application servers")
    assert [row["name"] for row in chained] == ["After ERP - reporting"]
    first = chained[0]["runAfterJob"]["jobId"]
    assert client.rows("jobs/states", afterJobIdFilter=first) == chained


@pytest.mark.parametrize("column", ["Status", "LastRun", "LastResult", "NextRun", "RepositoryId", "ObjectsCount"])
def test_states_in_order(start, column):
    client = start(jobs=40)
    key = column[0].lower() + column[1:]

    def rank(row):
        value = row[key]
        if key in {"lastRun", "nextRun"} and value:
            return (True, datetime.fromisoformat(value).timestamp())
        return (value is not None, value.lower() if isinstance(value, str) else value or 0)

    ranks = [rank(row) for row in client.rows("jobs/states", orderColumn=column, orderAsc="true")]
    assert ranks == sorted(ranks)


@pytest.mark.parametrize("column", ["Name", "SessionType", "CreationTime", "EndTime", "State", "Result", "InitiatedBy"])
def test_sessions_in_order(start, column):
    client = start()
    key = column[0].lower() + column[1:]

    def rank(row):
        value = row[key]
        if column == "Result":
            return (value or {}).get("result", "None").lower()
        if column.endswith("Time"):
            return datetime.fromisoformat(value).timestamp() if value else 0
        return value.lower()

    ranks = [rank(row) for row in client.rows("sessions", orderColumn=column, orderAsc="true")]
    assert ranks == sorted(ranks)
    assert [rank(row) for row in client.rows("sessions", orderColumn=column, orderAsc="false")] == ranks[::-1]


def test_sessions_without_order_come_newest_first(start):
    created = [datetime.fromisoformat(row["creationTime"]) for row in start().rows("sessions")]
    assert created == sorted(created, reverse=True)


def test_session_date_filters(start):
    client = start()
    border = "2026-11-10T00:00:00+01:00"
    moment = datetime.fromisoformat(border)
    rows = client.rows("sessions")
    for key, stem in (("creationTime", "created"), ("endTime", "ended")):
        late = [row["id"] for row in rows if row[key] and datetime.fromisoformat(row[key]) >= moment]
        early = [row["id"] for row in rows if row[key] and datetime.fromisoformat(row[key]) <= moment]
        assert late
        assert early
        assert [row["id"] for row in client.rows("sessions", **{f"{stem}AfterFilter": border})] == late
        assert [row["id"] for row in client.rows("sessions", **{f"{stem}BeforeFilter": border})] == early


def test_date_without_offset_is_local_time(start):
    client = start()
    local = client.rows("sessions", createdAfterFilter="2026-11-10T00:00:00")
    assert local == client.rows("sessions", createdAfterFilter="2026-11-09T23:00:00Z")


def test_session_filters(start):
    client = start()
    rows = client.rows("sessions")
    job_id = next(row["jobId"] for row in rows if row["sessionType"] == "BackupJob")
    for query, holds in (
        ({"typeFilter": "BackupJob"}, lambda row: row["sessionType"] == "BackupJob"),
        (
            {"typeFilter": ["BackupJob", "Retention"]},
            lambda row: row["sessionType"] in {"BackupJob", "Retention"},
        ),
        ({"resultFilter": "Failed"}, lambda row: row["result"] and row["result"]["result"] == "Failed"),
        ({"stateFilter": "Working"}, lambda row: row["state"] == "Working"),
        ({"jobIdFilter": job_id}, lambda row: row["jobId"] == job_id),
        ({"nameFilter": "Rescan*"}, lambda row: row["name"].startswith("Rescan")),
    ):
        expected = [row for row in rows if holds(row)]
        assert expected, query
        assert client.rows("sessions", **query) == expected


def test_several_types_at_once_are_newer_than_1_2(start, is_error):
    client = start(asking="1.2-rev1")
    is_error(client.get("sessions", typeFilter=["BackupJob", "Infrastructure"]), 400, "InvalidURI")
    is_error(client.get("sessions", orderColumn="InitiatedBy"), 400, "InvalidURI")
    is_error(client.get("jobs/states", orderColumn="RepositoryName"), 400, "InvalidURI")


def test_empty_server(start):
    client = start(empty=True)
    for path in COLLECTIONS:
        assert client.get(path).json() == {
            "data": [],
            "pagination": {"total": 0, "count": 0, "skip": 0, "limit": 200},
        }
