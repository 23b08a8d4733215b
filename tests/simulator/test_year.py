"""The simulator's year: one company, month by month, and the months agree with each other."""

from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from itertools import pairwise

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from specification_facts import REVISIONS
from specification_reader import Reader, model_of

from vbr_audit.simulator import DEMO_PASSWORD, SimulatorOptions, create_app, year
from vbr_audit.simulator.clock import ZONE
from vbr_audit.simulator.course import the_year
from vbr_audit.simulator.year import LIVES, MONTHS, month_end, month_name

NOW = datetime(2026, 11, 15, 9, 0, tzinfo=UTC)
YEAR = range(-11, 1)
NEWEST = "1.3-rev1"
ZONES = (UTC, ZONE, timezone(timedelta(hours=-11)), timezone(timedelta(hours=13)))


def make_server(month, **options):
    return create_app(now=NOW, month=month, **{"revision": NEWEST, **options}).config["simulator"]


server = cache(make_server)


class Months:
    """What the server held after each month, read once."""

    def __init__(self):
        self.truths = {month: server(month).truth() for month in YEAR}

    def rows(self, dataset, month):
        return self.truths[month].rows(dataset)

    def job(self, name, month):
        return next((row for row in self.rows("jobs", month) if row["name"] == name), None)

    def state(self, name, month):
        return next(row for row in self.rows("repository_states", month) if row["name"] == name)


@pytest.fixture(scope="module")
def months():
    yield Months()
    server.cache_clear()


def part(document, *names):
    for name in names:
        document = document[name]
    return document


def encrypted(document):
    return part(document, "storage", "advancedSettings", "storageData", "encryption", "isEnabled")


# What the script changes: how it is read, and the value at the end of each month from the first one named on.
EVENTS = {
    "encryption goes off, on and off again": (
        lambda months, month: encrypted(months.job("File servers Hamburg", month)),
        {-11: False, -8: True, 0: False},
    ),
    "encryption that was never on": (
        lambda months, month: encrypted(months.job("File servers Munich", month)),
        {-11: False, 0: True},
    ),
    "encryption of a job that older revisions do not list": (
        lambda months, month: encrypted(months.job("Physical servers Windows", month)),
        {-5: True, -2: False},
    ),
    "retries": (
        lambda months, month: part(months.job("Exchange DAG", month), "schedule", "retry", "isEnabled"),
        {-11: True, -7: False, -4: True},
    ),
    "retries that go off, on and off again": (
        lambda months, month: part(months.job("Tenant vApps", month), "schedule", "retry", "isEnabled"),
        {-11: True, -2: False, -1: True, 0: False},
    ),
    "retention": (
        lambda months, month: part(months.job("Domain controllers", month), "storage", "retentionPolicy", "quantity"),
        {-11: 60, -3: 14},
    ),
    "long-term policy": (
        lambda months, month: part(months.job("Monitoring and logging", month), "storage", "gfsPolicy", "isEnabled"),
        {-11: True, -1: False},
    ),
    "health check": (
        lambda months, month: part(
            months.job("Hyper-V Leeds", month), "storage", "advancedSettings", "backupHealth", "isEnabled"
        ),
        {-5: False, -3: True},
    ),
    "a job that is switched off": (
        lambda months, month: months.job("Migration wave 3", month)["isDisabled"],
        {-11: False, 0: True},
    ),
    "days of immutability": (
        lambda months, month: next(
            row["repository"]["makeRecentBackupsImmutableDays"]
            for row in months.rows("repositories", month)
            if row["name"] == "Hardened Repository Hamburg"
        ),
        {-11: 14, -2: 7},
    ),
    "an administrator": (
        lambda months, month: "HANSA\\ext.consultant" in {row["name"] for row in months.rows("users", month)},
        {-5: False, -3: True},
    ),
    "four-eyes authorization": (
        lambda months, month: sum(
            row["name"].endswith("four-eyes authorization") and row["state"] == "Approved"
            for row in months.rows("authorization_events", month)
        ),
        {-11: 0, -6: 1, -5: 2},
    ),
    "multi-factor authentication": (
        lambda months, month: months.rows("security_settings", month)[0]["mfaEnabled"],
        {-11: True, -6: False, -5: True},
    ),
    "the revision": (lambda months, month: server(month).options.revision, {-11: "1.2-rev1", -5: NEWEST}),
    "jobs that the revision shows": (
        lambda months, month: months.job("Hyper-V Leeds", month) is not None,
        {-11: False, -5: True},
    ),
}


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_is_seen_in_its_months_and_in_no_other(months, name):
    read, values = EVENTS[name]
    expected = None
    for month in range(min(values), 1):
        expected = values.get(month, expected)
        assert read(months, month) == expected, month


@pytest.mark.parametrize("name", LIVES)
def test_a_job_is_there_in_its_months_and_in_no_other(months, name):
    life = LIVES[name]
    for month in YEAR:
        there = life.first <= month <= life.last
        assert (months.job(name, month) is not None) is there
        assert (name in {row["name"] for row in months.rows("job_states", month)}) is there
        assert (name in {row["name"] for row in months.rows("backups", month)}) is there
        if not there and month < life.first:
            assert name not in {row["name"] for row in months.rows("sessions", month)}


def test_jobs_keep_their_ids(months):
    ids = {}
    for month in YEAR:
        for row in months.rows("jobs", month):
            assert ids.setdefault(row["name"], row["id"]) == row["id"]
    assert len(set(ids.values())) == len(ids) > 40


def test_neighbours_agree_on_sessions(months):
    for month in YEAR[:-1]:
        here, later = ({row["id"]: row for row in months.rows("sessions", each)} for each in (month, month + 1))
        shared = set(here) & set(later)
        assert len(shared) > 1000
        working = {key for key in shared if here[key]["state"] == "Working"}
        assert len(working) < 10
        for key in shared - working:
            for name in ("name", "creationTime", "endTime", "result"):
                assert here[key][name] == later[key][name]
        for key in working:
            assert here[key]["result"] is here[key]["endTime"] is None
            assert later[key]["state"] == "Stopped"
        # Whatever lies in the time that both show is shown by both, but for jobs that are gone.
        begun = min(moment(row) for row in later.values())
        assert {key for key, row in here.items() if moment(row) >= begun} <= set(later)
        ended = month_end(NOW, month)
        assert {key for key, row in later.items() if moment(row) <= ended} <= set(here)


def moment(row):
    return datetime.fromisoformat(row["creationTime"])


def test_restore_points_keep_their_ids(months):
    for month in YEAR[:-1]:
        here, later = ({row["id"]: row for row in months.rows("restore_points", each)} for each in (month, month + 1))
        shared = set(here) & set(later)
        assert len(shared) > 1500
        assert all(here[key]["creationTime"] == later[key]["creationTime"] for key in shared)
        ended = month_end(NOW, month)
        assert not [row for key, row in later.items() if key not in here and moment(row) <= ended]


def test_a_machine_is_renamed_and_another_one_is_made_anew(months):
    def machines(job, month):
        backup = next(row["id"] for row in months.rows("backups", month) if row["name"] == job)
        holdings = server(month).holdings
        return {row["name"]: row for row in holdings.below("backups", "backup_objects", backup, NEWEST)}

    def changed(job, month):
        return [machines(job, each) for each in (month - 1, month)]

    before, after = changed("ERP application servers", -9)
    old, new = (set(before) - set(after)).pop(), (set(after) - set(before)).pop()
    assert new == f"{old}-archive"
    assert before[old]["id"] == after[new]["id"]
    assert before[old]["objectId"] == after[new]["objectId"]

    before, after = changed("Warehouse control", -3)
    assert set(before) == set(after)
    anew = [name for name in before if before[name]["id"] != after[name]["id"]]
    assert len(anew) == 1
    assert before[anew[0]]["objectId"] != after[anew[0]]["objectId"]
    assert 0 < after[anew[0]]["restorePointsCount"] < min(row["restorePointsCount"] for row in before.values())
    assert machines("Warehouse control", 0)[anew[0]]["id"] == after[anew[0]]["id"]


@pytest.mark.parametrize("outage", year.OUTAGES, ids=lambda outage: outage.job)
def test_a_stretch_of_failures_ends(months, outage):
    def results(first, last):
        day = {
            row["creationTime"][:10]: row
            for month in (outage.month, outage.month + 1)
            for row in months.rows("sessions", month)
            if row["name"] == outage.job and first <= (moment(row) - end).days < last
        }
        return [row["result"]["result"] for row in day.values()]

    end = month_end(NOW, outage.month)
    assert set(results(-outage.before, outage.days - outage.before)) == {"Failed"}
    assert len(results(-outage.before, outage.days - outage.before)) >= outage.days - 1
    after = results(outage.days - outage.before + 1, outage.days - outage.before + 8)
    assert after.count("Failed") <= 1 < len(after)


def test_runs_are_not_retried_while_retries_are_off(months):
    for row in server(-4).estate.sessions:
        if row.name == "Exchange DAG" and row.created > server(-8).estate.now:
            assert row.retry == 0
    assert any(row.name == "Oracle Finance" and row.retry == 3 for row in server(-2).estate.sessions)


def test_repositories_fill_stay_and_are_purged(months):
    def used(name):
        return [months.state(name, month)["usedSpaceGB"] for month in YEAR]

    for name in ("Dedup Appliance Hamburg", "NFS export Munich", "Hardened Repository Frankfurt"):
        assert len({months.state(name, month)["capacityGB"] for month in YEAR}) == 1
    filling = used("Dedup Appliance Hamburg")
    assert filling[-1] > 1.25 * filling[0]
    assert all(later > 0.98 * earlier for earlier, later in pairwise(filling))
    flat = used("NFS export Munich")
    assert max(flat) < 1.1 * min(flat)
    purged = used("Hardened Repository Frankfurt")
    assert min(purged[:6]) > 1.1 * max(purged[6:])
    for month in YEAR:
        for row in months.rows("repository_states", month):
            assert row["capacityGB"] < 0 or row["freeGB"] > 0


def test_faults_strike_in_their_month_only():
    assert {month: server(month).options.faults for month in YEAR if server(month).options.faults} == year.FAULTS


def test_the_same_month_is_the_same_to_the_byte(months):
    the_year.cache_clear()
    for month in (-11, 0):
        again = make_server(month).truth()
        for dataset in ("jobs", "job_states", "sessions", "repository_states", "backups", "users", "restore_points"):
            assert orjson.dumps(again.rows(dataset)) == orjson.dumps(months.rows(dataset, month))


def test_the_months_do_not_hang_on_the_day_they_are_asked_on(months):
    later = create_app(now=datetime(2026, 11, 28, 23, tzinfo=UTC), month=-2).config["simulator"]
    assert orjson.dumps(later.truth().sessions) == orjson.dumps(months.rows("sessions", -2))


def test_another_seed_is_another_year(months):
    other = server(-2, seed=2).truth()
    assert not other.session_ids & months.truths[-2].session_ids
    assert not other.job_ids & months.truths[-2].job_ids


@pytest.mark.parametrize(
    ("now", "names"),
    [
        ("2026-11-15T09:00+01:00", ["2026-10", "2026-09", "2025-11"]),
        ("2026-11-01T06:30+01:00", ["2026-10", "2026-09", "2025-11"]),
        ("2026-11-01T06:29+01:00", ["2026-09", "2026-08", "2025-10"]),
        ("2026-12-31T23:30+00:00", ["2026-11", "2026-10", "2025-12"]),
    ],
)
def test_months_are_those_that_are_over(now, names):
    moment = datetime.fromisoformat(now)
    assert [month_name(moment, month) for month in (0, -1, -11)] == names
    assert month_end(moment, 0) <= moment


MOMENTS = st.datetimes(datetime(2001, 1, 1), datetime(2098, 12, 31), timezones=st.sampled_from(ZONES))


@given(MOMENTS)
def test_months_follow_on_each_other(now):
    ends = [month_end(now, month) for month in range(1 - MONTHS, 1)]
    assert ends[-1] <= now.astimezone(ZONE) < ends[-1] + timedelta(days=32)
    assert {(end.day, end.hour, end.minute) for end in ends} == {(1, 6, 30)}
    names = [month_name(now, month) for month in range(1 - MONTHS, 1)]
    assert len(set(names)) == MONTHS
    assert names == sorted(names)
    for before, after in pairwise(ends):
        assert (after.year * 12 + after.month) - (before.year * 12 + before.month) == 1


@example(datetime(2026, 4, 1, 6, 30, tzinfo=UTC), 0, 0)  # over a change of the clock
@example(datetime(2028, 3, 5, 12, tzinfo=ZONES[3]), 1, -MONTHS + 2)  # from the first month on, of a leap year
@example(datetime(2027, 1, 1, 6, 29, tzinfo=ZONES[2]), 3, -5)  # over the change of the revision
@settings(max_examples=1)
@given(MOMENTS, st.integers(0, 3), st.integers(-MONTHS + 2, 0))
def test_any_two_neighbours_agree(now, seed, month):
    def held(each):
        options = {"now": now, "seed": seed, "jobs": 12, "sessions": 120, "revision": NEWEST}
        truth = create_app(month=each, **options).config["simulator"].truth()
        return {row["id"]: row for row in (*truth.sessions, *truth.rows("restore_points"))}

    here, later = held(month - 1), held(month)
    shared = [key for key in set(here) & set(later) if here[key].get("state") != "Working"]
    assert shared
    # A restore point has the name of its machine, which may be renamed.
    kept = ("creationTime", "endTime", "result", "backupId", "jobId", "type")
    assert all(here[key].get(name) == later[key].get(name) for key in shared for name in kept)
    ended = month_end(now, month - 1)
    assert not [row for key, row in later.items() if key not in here and moment(row) <= ended]


@pytest.mark.parametrize("wrong", [{"month": 1}, {"month": -MONTHS}, {"month": 0, "empty": True}])
def test_a_month_that_is_none_is_refused(wrong):
    with pytest.raises(ValueError, match="month"):
        SimulatorOptions(now=NOW, **wrong)


@pytest.mark.parametrize(("month", "newest"), [(-11, NEWEST), (-6, NEWEST), (-3, NEWEST), (0, REVISIONS[-1])])
@pytest.mark.parametrize(
    "path",
    [
        "jobs",
        "jobs/states",
        "sessions",
        "backups",
        "backupObjects",
        "restorePoints",
        "backupInfrastructure/repositories",
        "backupInfrastructure/repositories/states",
        "security/users",
        "security/settings",
        "authorization/events",
        "license",
    ],
)
def test_what_the_year_changes_fits_the_specification(server_of_year, month, newest, path):
    client = server_of_year(month, newest)
    revision = client.simulator.options.revision
    client.http.headers["x-api-version"] = revision
    model = model_of(path, revision)
    if model is None:
        assert client.get(path).status_code in {400, 404}
        return
    answer = client.get(path, limit=100_000).json()
    if "errorCode" in answer:
        raise AssertionError(answer)
    rows = answer["data"] if "pagination" in answer else [answer]
    assert rows or path == "authorization/events"
    reader = Reader(revision)
    for row in rows:
        reader.read(row, model, path)
    kinds = reader.problems if revision != REVISIONS[-1] or path != "jobs" else set()
    assert not kinds, sorted(kinds)


def test_the_password_is_that_of_any_server():
    assert server(0).options.password == DEMO_PASSWORD
