"""The estate agrees with itself at every moment: sizes, capacities, copies, points, flags, tasks, retries."""

from bisect import bisect_right
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from dateutil.relativedelta import relativedelta

from vbr_audit.simulator import create_app, read_moment

ZONE = ZoneInfo("Europe/Berlin")
GIB = 1024**3
GOOD = ("Success", "Warning")
MOMENTS = [
    "2026-11-15T10:00",
    "2026-03-29T06:00",  # the clock went forward this night
    "2026-10-26T02:30",  # the clock went back the night before
    "2026-01-01",
    "2028-02-29T12:00",
]


class Estate:
    """One estate with its rows by what they belong to; dates without an offset are the server's local time."""

    def __init__(self, moment):
        self.now = read_moment(moment)
        truth = create_app(now=self.now, revision="1.3-rev2").config["simulator"].truth("1.3-rev2")
        self.truth = truth
        self.jobs = {row["id"]: row for row in truth.jobs}
        self.backups = {row["id"]: row for row in truth.rows("backups")}
        self.objects = {(row["backupId"], row["id"]): row for row in truth.rows("backup_objects")}
        self.points = truth.rows("restore_points")
        self.files = {row["id"]: row for row in truth.rows("backup_files")}
        self.tasks = defaultdict(list)
        for row in truth.rows("task_sessions"):
            self.tasks[row["sessionId"]].append(row)
        self.runs = defaultdict(list)
        for row in truth.sessions:
            self.runs[row["jobId"]].append(row)

    def object_of(self, point):
        return (point["backupId"], self.files[point["backupFileId"]]["objectIds"][0])


@cache
def estate_at(moment):
    return Estate(moment)


@pytest.fixture(scope="module", params=MOMENTS)
def estate(request):
    return estate_at(request.param)


def when(text):
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=ZONE)


def day_of(text) -> date:
    return when(text).astimezone(ZONE).date()


def part(job, key):
    """The part of that name, wherever in the document it stands."""
    if isinstance(job, dict):
        return job[key] if key in job else next((found for each in job.values() if (found := part(each, key))), None)
    return None


def result_of(session):
    return (session["result"] or {}).get("result")


def test_sizes_add_up(estate):
    counted = Counter()
    for point in estate.points:
        file = estate.files[point["backupFileId"]]
        assert file["restorePointIds"] == [point["id"]]
        assert file["creationTime"][:19] == point["creationTime"][:19]
        assert file["gfsPeriods"] == point["gfsPeriods"]
        assert file["backupSize"] == file["dataSize"] * file["dedupRatio"] * file["compressRatio"] // 10_000
        assert file["dataSize"] == (point["originalSize"] if point["type"] == "Full" else point["originalSize"] // 20)
        counted[estate.object_of(point)] += 1
        assert point["originalSize"] <= estate.objects[estate.object_of(point)]["size"]
    assert len(estate.points) == len(estate.files)
    for key, row in estate.objects.items():
        assert row["restorePointsCount"] == counted[key]


def test_machines_grow(estate):
    sizes = defaultdict(list)
    for point in estate.points:
        sizes[estate.object_of(point)].append(point["originalSize"])
    assert all(series == sorted(series) for series in sizes.values())
    assert all(series[-1] > series[0] > series[-1] // 2 for series in sizes.values() if len(series) > 10)


def test_an_object_is_as_large_in_every_backup(estate):
    sizes = defaultdict(set)
    for (_, object_id), row in estate.objects.items():
        sizes[object_id].add(row["size"])
    assert all(len(each) == 1 for each in sizes.values())


def test_space_adds_up(estate):
    used = Counter()
    for file in estate.files.values():
        used[estate.backups[file["backupId"]]["repositoryId"]] += file["backupSize"]
    (scale_out,) = estate.truth.rows("scale_out_repositories")
    extents = {each["id"] for each in scale_out["performanceTier"]["performanceExtents"]}
    capacity_tier = {each["id"] for each in scale_out["capacityTier"]["extents"]}
    on_extents = 0.0
    for row in estate.truth.rows("repository_states"):
        if row["id"] in extents:
            on_extents += row["usedSpaceGB"]
        else:
            holder = scale_out["id"] if row["id"] in capacity_tier else row["id"]
            assert row["usedSpaceGB"] == pytest.approx(used[holder] / GIB, abs=0.1), row["name"]
        if row["capacityGB"] > 0:
            assert 0 < row["freeGB"] <= row["capacityGB"]
            assert row["freeGB"] + row["usedSpaceGB"] == pytest.approx(row["capacityGB"], abs=0.05)
        else:
            assert (row["capacityGB"], row["freeGB"]) == (-1, -1)
    assert on_extents == pytest.approx(used[scale_out["id"]] / GIB, abs=0.2)
    tight = {
        row["name"] for row in estate.truth.rows("repository_states") if 0 < row["freeGB"] < 0.1 * row["capacityGB"]
    }
    assert tight == {"Dedup Appliance Hamburg"}


def test_every_good_run_within_retention_left_its_points(estate):
    held = defaultdict(set)
    for point in estate.points:
        held[point["sessionId"]].add(estate.object_of(point))
    failed = {row["id"] for row in estate.truth.sessions if result_of(row) not in GOOD}
    assert not failed & set(held)
    checked = 0
    for backup in estate.backups.values():
        job = estate.jobs.get(backup["jobId"])
        retention = part(job, "retentionPolicy") if job else None
        if retention is None or retention["type"] not in {"Days", "Months"}:
            continue
        days = retention["quantity"] * (28 if retention["type"] == "Months" else 1)
        objects = {key for key in estate.objects if key[0] == backup["id"]}
        for run in estate.runs[job["id"]]:
            if result_of(run) in GOOD and estate.now - when(run["endTime"]) < timedelta(days=days):
                absent = objects - held[run["id"]]
                tasks = {task["name"]: task for task in estate.tasks[run["id"]]}
                for key in absent:
                    task = tasks.get(estate.objects[key]["name"])
                    copied = job["type"].endswith("Copy")
                    assert task is None if copied else result_of(task) == "Failed", (backup["name"], run["endTime"])
                checked += 1
    assert checked > 800


def test_points_reach_back_as_far_as_retention_says(estate):
    oldest = {}
    for point in estate.points:
        oldest.setdefault(point["backupId"], when(point["creationTime"]))
    for backup in estate.backups.values():
        job = estate.jobs.get(backup["jobId"])
        retention = part(job, "retentionPolicy") if job else None
        state = next((row for row in estate.truth.job_states if row["id"] == backup["jobId"]), None)
        if retention and retention["type"] == "Days" and state["status"] != "Disabled":
            slack = 12 if not job.get("schedule", {}).get("runAutomatically", True) else 8
            reach = estate.now - oldest[backup["id"]]
            assert reach > timedelta(days=retention["quantity"] - slack), backup["name"]


def test_a_chain_begins_with_a_full(estate):
    seen = set()
    for point in estate.points:
        key = estate.object_of(point)
        if key not in seen and "Exchange" not in estate.backups[point["backupId"]]["name"]:
            assert point["type"] == "Full", estate.backups[point["backupId"]]["name"]
        seen.add(key)


def test_fulls_come_from_full_runs(estate):
    runs = {row["id"]: row for row in estate.truth.sessions}
    for point in estate.points:
        run = runs.get(point["sessionId"])
        if run is not None and run["algorithm"] == "Full":
            assert point["type"] == "Full"


def test_long_term_flags_follow_the_rule(estate):
    today = estate.now.astimezone(ZONE).date()
    flagged = defaultdict(set)
    for point in estate.points:
        for period in point["gfsPeriods"]:
            if period != "None":
                assert point["type"] == "Full"
                flagged[point["backupId"], period].add(day_of(point["creationTime"]))
    expected = 0
    for backup in estate.backups.values():
        policy = part(estate.jobs.get(backup["jobId"]), "gfsPolicy")
        on = bool(policy and policy["isEnabled"])
        weeks, months, years = (
            policy[key][count] if on and policy[key]["isEnabled"] else 0
            for key, count in (
                ("weekly", "keepForNumberOfWeeks"),
                ("monthly", "keepForNumberOfMonths"),
                ("yearly", "keepForNumberOfYears"),
            )
        )
        weekly, monthly, yearly = (flagged[backup["id"], each] for each in ("Weekly", "Monthly", "Yearly"))
        assert all(today < day + timedelta(days=7 * weeks) for day in weekly)
        assert all(today < day + relativedelta(months=months, days=1) for day in monthly)
        assert all(today < day + relativedelta(years=years, days=1) for day in yearly)
        for days, period in ((weekly, "%G-%V"), (monthly, "%Y-%m"), (yearly, "%Y")):
            assert max(Counter(day.strftime(period) for day in days).values(), default=1) == 1
        if on and runs_daily(estate, backup):
            if weeks:
                assert len(weekly) in {weeks - 1, weeks, weeks + 1}, backup["name"]
            if months and backup["name"] != "Certificate authority":
                wanted = {(today - relativedelta(months=back)).strftime("%Y-%m") for back in range(1, months)}
                assert wanted <= {day.strftime("%Y-%m") for day in monthly}, backup["name"]
            expected += 1
    assert expected > 15


def runs_daily(estate, backup):
    state = next(row for row in estate.truth.job_states if row["id"] == backup["jobId"])
    late = estate.now - when(state["lastRun"]) if state["lastRun"] else timedelta(days=99)
    return late < timedelta(days=4)


def test_copies_hold_what_the_primary_made(estate):
    made = defaultdict(list)
    for row in estate.points:
        name = estate.backups[row["backupId"]]["name"]
        if "Copy" not in name:
            made[estate.object_of(row)[1]].append(when(row["creationTime"]))
    newest = {}
    for row in estate.points:
        if "Copy" in estate.backups[row["backupId"]]["name"]:
            newest[estate.object_of(row)] = when(row["creationTime"])
    assert len(newest) > 40
    states = {row["id"]: row for row in estate.truth.job_states}
    for (backup_id, object_id), at in newest.items():
        sources = sorted(made[object_id])
        assert sources
        assert sources[0] < at
        state = states[estate.backups[backup_id]["jobId"]]
        behind = sources[bisect_right(sources, at) :]
        if not state["name"].startswith(("Media archive", "Copy to object storage - Weekly")):
            # Nothing that was there a day ago is not copied yet.
            assert not [each for each in behind if estate.now - each > timedelta(hours=30)], state["name"]


def test_tasks_agree_with_sessions_and_points(estate):
    sessions = {row["id"]: row for row in estate.truth.sessions}
    points = {row["id"]: row for row in estate.points}
    oldest = {}
    for row in estate.points:
        oldest.setdefault(row["backupId"], when(row["creationTime"]))
    names = {row["backupId"]: set() for row in estate.objects.values()}
    for (backup_id, _), row in estate.objects.items():
        names[backup_id].add(row["name"])
    for session_id, tasks in estate.tasks.items():
        session = sessions[session_id]
        results = {result_of(task) for task in tasks if task["type"] != "Antivirus"}
        if result_of(session) == "Failed":
            assert results <= {"Failed"}
        if result_of(session) == "Success":
            assert results <= {"Success"}
        for task in tasks:
            # Without an offset, an hour that comes twice may be the second one.
            begun = datetime.fromisoformat(task["creationTime"]).replace(tzinfo=ZONE, fold=1)
            assert when(session["creationTime"]) - timedelta(seconds=1) <= begun
            assert task["endTime"] is None or when(task["endTime"]) <= estate.now
            if task["type"] == "Backup":
                assert task["name"] in names[session["resourceId"]]
                assert (task["restorePointId"] is not None) == (result_of(task) in GOOD)
                point = points.get(task["restorePointId"])
                if point is not None:
                    assert (point["name"], point["sessionId"]) == (task["name"], session_id)


def test_retries_start_within_the_wait_of_their_job(estate):
    runs = {row["id"]: row for row in estate.truth.sessions}
    retried = 0
    for row in estate.truth.sessions:
        number, first = row["retryInfo"]["retryNumber"], runs.get(row["originalSessionId"])
        if not number or first is None:
            continue
        attempts = [each for each in estate.runs[row["jobId"]] if each["originalSessionId"] == first["id"]]
        before = attempts[attempts.index(row) - 1]
        assert result_of(before) == "Failed"
        wait = part(estate.jobs.get(row["jobId"]), "retry") or {"isEnabled": True, "retryCount": 3, "awaitMinutes": 10}
        assert wait["isEnabled"]
        assert number <= wait["retryCount"]
        gap = when(row["creationTime"]) - when(before["endTime"])
        assert timedelta(0) < gap <= timedelta(minutes=wait["awaitMinutes"])
        retried += 1
    assert retried >= 3


def test_runs_start_by_the_schedule(estate):
    for job in estate.jobs.values():
        daily = (job.get("schedule") or {}).get("daily")
        if not daily or not daily["isEnabled"] or estate.runs[job["id"]] == []:
            continue
        hour, minute = map(int, daily["localTime"].split(":"))
        for run in estate.runs[job["id"]]:
            if run["retryInfo"]["retryNumber"] or run["endTime"] is None:
                continue
            start = when(run["creationTime"]).astimezone(ZONE)
            due = datetime(start.year, start.month, start.day, hour, minute, tzinfo=ZONE)
            late = start.timestamp() - due.timestamp()
            assert 0 <= late <= 60, (job["name"], start)
            if daily["dailyKind"] == "WeekDays":
                assert start.weekday() < 5


def test_the_history_shows_the_last_calendar_month(estate):
    month = (estate.now.astimezone(ZONE).replace(day=1) - timedelta(days=1)).replace(day=1, hour=0, minute=0)
    assert when(estate.truth.sessions[0]["creationTime"]) < month
    assert min(when(runs[0]["creationTime"]) for runs in estate.runs.values() if runs) < month


def test_some_answers_leave_out_the_offset(estate):
    truth = estate.truth
    local = [
        *(row["creationTime"] for row in truth.rows("task_sessions")),
        *(row["creationTime"] for row in estate.files.values()),
        *(row["creationTime"] for row in truth.rows("authorization_events")),
        *(row["creationTime"] for row in truth.rows("analyzer_last_run")),
    ]
    assert local
    assert {datetime.fromisoformat(text).tzinfo for text in local} == {None}
    whole = [*(row["creationTime"] for row in truth.sessions), *(row["creationTime"] for row in estate.points)]
    assert all(datetime.fromisoformat(text).tzinfo for text in whole)


def test_the_licence_is_used_by_what_is_protected(estate):
    (licence,) = estate.truth.rows("license")
    summary = licence["instanceLicenseSummary"]
    workloads = estate.truth.rows("license_instances")
    by_kind = defaultdict(list)
    for row in workloads:
        by_kind[row["type"]].append(row["usedInstancesNumber"])
    assert {each["type"]: each["count"] for each in summary["objects"]} == {
        kind: len(by_kind[kind]) for kind in by_kind
    }
    assert summary["usedInstancesNumber"] == pytest.approx(sum(row["usedInstancesNumber"] for row in workloads), abs=1)
    assert summary["usedInstancesNumber"] <= summary["licensedInstancesNumber"]
    machines = {
        row["name"]
        for row in estate.objects.values()
        if row["platformName"] in ("VMware", "HyperV", "CloudDirector", "Nutanix")
    }
    licensed = {row["name"] for row in workloads if row["type"] == "VM"}
    assert licensed - machines == {"erp-old-01"}
    assert machines <= licensed
