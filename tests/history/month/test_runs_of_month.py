"""The runs of a month, from one run or from several that each saw a part of it."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from month_estate import BERLIN, Session, moment, nightly, part_of, promising, snapshot_at

from vbr_audit.collection.period import month_span
from vbr_audit.histories import daily, evidence, month
from vbr_audit.histories.evidence import RunTables
from vbr_audit.histories.month import coverage_of_month, runs_of_month, unfinished_of_month
from vbr_audit.tables.build.schema import TableSpec, conform

OCTOBER = {"since": "2026-10-01", "until": "2026-11-01", "now": "2026-11-02"}
COUNTS = ("due", "made", "missed", "overlapped", "unclear", "runs", "success", "warning", "failed", "other", "open")


def october(sessions: list[Session], **more: Any) -> RunTables:
    return part_of(snapshot_at(sessions, **(OCTOBER | more)))


def only(frame: pd.DataFrame) -> dict[str, Any]:
    assert len(frame) == 1
    return {name: frame[name].iloc[0] for name in frame}


def of_month(*runs: RunTables, name: str = "2026-10", zone: dt.tzinfo = BERLIN) -> dict[str, Any]:
    return only(runs_of_month(name, zone, runs))


def kept(spec: TableSpec) -> pd.DataFrame:
    return october([]).table(spec)


@pytest.mark.parametrize(
    ("spec", "make"),
    [
        (daily.SPEC, lambda: kept(daily.SPEC)),
        (evidence.SPEC, lambda: kept(evidence.SPEC)),
        (daily.OPEN_SPEC, lambda: kept(daily.OPEN_SPEC)),
        (daily.CARRIED_SPEC, lambda: kept(daily.CARRIED_SPEC)),
        (month.SPEC, lambda: runs_of_month("2026-10", BERLIN, [])),
        (month.SPEC, lambda: runs_of_month("2026-10", BERLIN, [october([])])),
        (month.COVERAGE_SPEC, lambda: coverage_of_month("2026-10", BERLIN, [october([])])),
        (month.COVERAGE_SPEC, lambda: coverage_of_month("2026-10", BERLIN, [])),
        (month.UNFINISHED_SPEC, lambda: unfinished_of_month("2026-10", BERLIN, [october([])])),
    ],
)
def test_tables_have_the_columns_and_dtypes_of_their_specification(
    spec: TableSpec, make: Callable[[], pd.DataFrame]
) -> None:
    frame = make()
    assert frame.columns.tolist() == list(spec.names)
    assert frame.dtypes.astype(str).to_dict() == conform({}, spec)[0].dtypes.astype(str).to_dict()
    assert all(column.holds for column in spec.columns if column.dtype == "string")


def test_a_month_of_nights_is_31_runs_and_745_hours() -> None:
    row = of_month(october(nightly("2026-09-20", "2026-11-01")))
    assert [row[name] for name in COUNTS] == [31, 31, 0, 0, 0, 31, 31, 0, 0, 0, 0]
    assert (row["success_rate"], row["sla"], row["hours"], row["known_h"], row["unknown_h"]) == (1, "met", 745, 745, 0)


def test_a_month_without_a_run_is_a_month_of_missed_runs() -> None:
    row = of_month(october(nightly("2026-08-01", "2026-09-30")))
    assert (row["due"], row["made"], row["missed"], row["runs"]) == (31, 0, 31, 0)
    assert (row["success_rate"] is pd.NA, row["sla"]) == (True, "missed")


def test_what_the_history_of_the_server_does_not_reach_is_unknown_and_no_zero() -> None:
    run = october(nightly("2026-10-11", "2026-11-01"), oldest="2026-10-11")
    row = of_month(run)
    assert (row["runs"], row["missed"], row["known_h"], row["unknown_h"]) == (21, 0, 505, 240)
    assert (row["success_rate"] is pd.NA, row["sla"]) == (True, "unknown")
    assert row["reason"] == "the server's history of sessions begins later"
    days = run.table(daily.SPEC)
    unknown = days[days["day"] < "2026-10-11"]
    assert len(unknown) == 10
    assert not unknown["known"].any()
    assert unknown[list(COUNTS)].isna().all(axis=None)
    cover = only(coverage_of_month("2026-10", BERLIN, [run]))
    assert (cover["sessions_h"], cover["unknown_h"]) == (505, 240)
    assert cover["first_unknown"] == pd.Timestamp("2026-09-30T22:00Z")


@pytest.mark.parametrize("status", ["partial", "denied", "failed"])
def test_sessions_that_were_not_read_whole_leave_every_count_unknown_and_show_what_failed(status: str) -> None:
    sessions = [*nightly("2026-10-01", "2026-10-30"), ("A", moment("2026-10-31T22:00"), 30.0, "Failed")]
    row = of_month(october(sessions, status={"sessions": status}))
    assert all(row[name] is pd.NA for name in COUNTS)
    assert (row["failed_seen"], row["unknown_h"], row["sla"]) == (int(status == "partial"), 745, "unknown")
    assert status in row["reason"]


def test_an_hourly_job_of_october_in_berlin_has_745_runs() -> None:
    plan = {
        "schedule_daily_enabled": False,
        "schedule_periodically_enabled": True,
        "schedule_periodically_kind": "Hours",
        "schedule_periodically_frequency": 1,
        "start_interval_h": 1,
    }
    first = moment("2026-10-01").astimezone(dt.UTC)
    sessions = [("A", first + dt.timedelta(hours=number), 10.0, "Success") for number in range(760)]
    row = of_month(october(sessions, jobs={"A": plan}))
    assert (row["runs"], row["success"], row["missed"]) == (745, 745, 0)


@pytest.mark.parametrize(
    ("name", "zone", "hours"),
    [
        ("2026-03", "Europe/Berlin", 743),
        ("2026-10", "Europe/Berlin", 745),
        ("2026-02", "Europe/Berlin", 672),
        ("2026-03", "America/New_York", 743),
        ("2026-11", "America/New_York", 721),
        ("2026-10", "Asia/Kolkata", 744),
        ("2026-02", "UTC", 672),
        ("2028-02", "UTC", 696),
    ],
)
def test_a_month_of_nights_is_whole_over_changes_of_the_clock(name: str, zone: str, hours: int) -> None:
    own = ZoneInfo(zone)
    since, until = month_span(name, own)
    day, sessions = since.astimezone(own).date(), []
    while day < until.astimezone(own).date():
        sessions.append(("A", dt.datetime.combine(day, dt.time(22), tzinfo=own), 30.0, "Success"))
        day += dt.timedelta(days=1)
    run = part_of(
        snapshot_at(
            sessions,
            since=since,
            until=until,
            now=until + dt.timedelta(hours=6),
            timezone=zone,
            server_zone=zone,
            oldest=since - dt.timedelta(days=99),
        )
    )
    row = of_month(run, name=name, zone=own)
    assert (row["hours"], row["known_h"], row["due"], row["made"]) == (hours, hours, len(sessions), len(sessions))
    days = run.table(daily.SPEC)
    assert days["day"].tolist() == sorted({str(session[1].date()) for session in sessions})
    assert days["hours"].sum() == hours


def test_a_server_in_another_zone_has_the_days_of_the_report() -> None:
    york = ZoneInfo("America/New_York")
    first = dt.date(2026, 9, 25)
    sessions = [
        ("A", dt.datetime.combine(first + dt.timedelta(days=number), dt.time(22), tzinfo=york), 30.0, "Success")
        for number in range(40)
    ]
    run = october(sessions, server_zone="America/New_York")
    row = of_month(run)
    # 22:00 in New York is 04:00, and after the change in Berlin 03:00, on the next day of the report.
    assert (row["due"], row["made"], row["runs"]) == (31, 31, 31)
    assert (run.table(daily.SPEC).groupby("day")["runs"].sum() == 1).all()


def test_the_promise_is_the_one_of_the_run_that_saw_the_day() -> None:
    nights = nightly("2026-10-01", "2026-10-31")
    first = [(job, start, length, "Failed" if start.day in (3, 9) else result) for job, start, length, result in nights]
    early = {"since": "2026-10-01", "until": "2026-10-16", "now": "2026-10-16T06:00"}
    late = {"since": "2026-10-16", "until": "2026-11-01", "now": "2026-11-02"}

    one, two = (
        {rate: part_of(snapshot, promising(rate)) for rate in (0.8, 0.99)}
        for snapshot in (snapshot_at(first, **early), snapshot_at(first, **late))
    )

    def both(before: float, after: float) -> dict[str, Any]:
        return of_month(one[before], two[after])

    assert both(0.8, 0.99)["sla"] == "met"
    assert both(0.99, 0.8)["sla"] == "missed"
    assert both(0.8, 0.99)["required_rate"] == 0.99
    assert both(0.8, 0.99)["success_rate"] == pytest.approx(29 / 31)


def test_a_failed_run_that_was_open_is_carried_in_and_counted_once() -> None:
    sessions = [*nightly("2026-10-01", "2026-10-30"), ("A", moment("2026-10-31T22:00"), 900.0, "Failed")]
    sessions += nightly("2026-11-01", "2026-11-30")
    before = october(sessions, now="2026-11-01T06:00")
    after = part_of(snapshot_at(sessions, since="2026-11-01", until="2026-12-01", now="2026-12-01T06:00"))
    alone = of_month(before)
    assert (alone["runs"], alone["open"], alone["failed"]) == (31, 1, 0)
    row = of_month(after, before)
    assert (row["runs"], row["open"], row["failed"], row["success"], row["carried_in"]) == (31, 0, 1, 30, 0)
    november = of_month(before, after, name="2026-11")
    assert (november["runs"], november["failed"], november["carried_in"], november["carried_in_failed"]) == (
        30,
        0,
        1,
        1,
    )
    named = only(unfinished_of_month("2026-11", BERLIN, [before, after]))
    assert (named["kind"], named["outcome"], named["result"]) == ("carried in", "ended", "Failed")
    assert only(unfinished_of_month("2026-10", BERLIN, [before]))["outcome"] == "open"


def test_an_open_run_is_named_until_it_ended_and_unknown_when_it_is_not_listed_any_more() -> None:
    endless = [("A", moment("2026-10-31T22:00"), 90000.0, "Failed")]
    before = snapshot_at(endless, **(OCTOBER | {"now": "2026-11-01T06:00"}))
    opened = daily.open_runs(before)
    assert opened["state"].tolist() == ["Working"]
    later = {"since": "2026-11-01", "until": "2026-12-01", "now": "2026-12-01T06:00"}

    def outcome(sessions: list[Session], **more: Any) -> tuple[Any, ...]:
        twice = pd.concat([opened, opened])
        row = only(daily.carried_in(twice, snapshot_at(sessions, **(later | more))))
        return row["outcome"], row["state"], row["result"], row["reason"]

    assert outcome(endless) == ("open", "Working", pd.NA, pd.NA)
    assert outcome([]) == ("unknown", pd.NA, pd.NA, "the server does not list it any more")
    assert outcome([], vbr_id="other")[3] == "the server was not read"
    assert "denied" in outcome([], status={"sessions": "denied"})[3]
    ended = [("A", moment("2026-10-31T22:00"), 900.0, "Failed")]
    assert outcome(ended) == ("ended", "Stopped", "Failed", pd.NA)
    gone = part_of(snapshot_at([], **later))
    lost = only(unfinished_of_month("2026-11", BERLIN, [part_of(before), gone]))
    assert (lost["outcome"], lost["state"], lost["result"]) == ("unknown", pd.NA, pd.NA)


def test_a_run_that_got_a_retry_after_the_reading_has_the_result_of_the_retry() -> None:
    jobs = {"A": {"retry_enabled": True, "retry_count": 3, "retry_wait_min": 10}}
    first = ("A", moment("2026-10-31T22:00"), 600.0, "Failed")
    retry = ("A", moment("2026-11-01T08:10"), 30.0, "Warning")
    before = october([first], now="2026-11-01T06:00", jobs=jobs)
    later = snapshot_at([first, retry], since="2026-11-01", until="2026-12-01", now="2026-12-01T06:00", jobs=jobs)
    row = only(daily.carried_in(before.table(daily.OPEN_SPEC), later))
    assert (row["outcome"], row["result"]) == ("ended", "Warning")
    month_row = of_month(before, part_of(later))
    assert (month_row["warning"], month_row["failed"], month_row["first_attempt_success"]) == (1, 0, 0)


def test_a_run_whose_retry_came_after_the_reading_has_the_result_of_the_retry_and_counts_once() -> None:
    jobs = {"A": {"retry_enabled": True, "retry_count": 3, "retry_wait_min": 10, "schedule_daily_time": "23:40"}}
    sessions = [("A", moment("2026-10-31T23:40"), 10.0, "Failed"), ("A", moment("2026-11-01T00:01"), 20.0, "Warning")]
    before = october(sessions, now="2026-11-01", jobs=jobs)
    later = {"since": "2026-11-01", "until": "2026-12-01", "now": "2026-12-01T06:00", "jobs": jobs}
    after = part_of(snapshot_at(sessions, **later))
    assert [of_month(before)[name] for name in ("runs", "warning", "failed")] == [1, 0, 1]
    row = of_month(before, after)
    assert [row[name] for name in ("runs", "warning", "failed", "first_attempt_success")] == [1, 1, 0, 0]
    november = of_month(before, after, name="2026-11")
    assert [november[name] for name in ("runs", "carried_in", "carried_in_failed")] == [0, 1, 0]


def test_a_run_that_lasts_over_a_month_is_carried_into_the_month_in_which_it_ends() -> None:
    sessions = [("A", moment("2026-09-30T22:00"), 32 * 1440.0, "Failed"), *nightly("2026-11-03", "2026-11-30")]
    reads = [("2026-09", "2026-10-01T06:00"), ("2026-10", "2026-11-01T06:00"), ("2026-11", "2026-12-01T06:00")]
    runs = []
    for name, now in reads:
        since, until = month_span(name, BERLIN)
        runs.append(part_of(snapshot_at(sessions, since=since, until=until, now=now)))
    carried = [of_month(*runs, name=name)["carried_in_failed"] for name, _ in reads]
    outcomes = [unfinished_of_month(name, BERLIN, runs)["outcome"].tolist() for name, _ in reads]
    # No session of the run is in what is read for November: it is named as unknown, not as good.
    assert carried == [0, 0, 0]
    assert outcomes == [["unknown"], ["unknown"], ["unknown"]]
    assert of_month(*runs, name="2026-09")["open"] == 1


def test_a_job_that_is_not_listed_has_a_line_of_its_own() -> None:
    sessions = [*nightly("2026-10-01", "2026-10-31"), ("Z", moment("2026-10-05T22:00"), 30.0, "Failed")]
    table = runs_of_month("2026-10", BERLIN, [october(sessions)]).set_index("job_name")
    assert table.loc["Job Z", ["is_listed", "runs", "failed"]].tolist() == [False, 1, 1]
    assert table.loc["Job Z", "due"] is pd.NA
    assert table.loc["Job Z", "sla"] == "missed"
    assert table.loc["Job A", ["runs", "missed"]].tolist() == [31, 0]


def test_a_disabled_job_keeps_its_runs_and_its_due_starts_are_not_known() -> None:
    row = of_month(october(nightly("2026-10-01", "2026-10-10"), jobs={"A": {"expected_to_run": False}}))
    assert (row["runs"], row["due"], row["missed"]) == (10, pd.NA, pd.NA)
    assert (row["due_unknown_h"], row["reason"]) == (745, "the job is disabled or not scheduled")


def test_a_job_that_a_whole_reading_does_not_list_is_absent_and_not_unknown() -> None:
    sessions = nightly("2026-10-16", "2026-10-31")
    before = {"since": "2026-10-01", "until": "2026-10-16", "now": "2026-10-16T06:00", "jobs": {"B": {}}}
    after = {"since": "2026-10-16", "until": "2026-11-01", "now": "2026-11-02"}
    table = runs_of_month("2026-10", BERLIN, [part_of(snapshot_at(sessions, **each)) for each in (before, after)])
    row = table.set_index("job_name").loc["Job A"]
    assert (row["known_h"], row["unlisted_h"], row["unknown_h"], row["success_rate"]) == (385, 360, 0, 1)
    blind = before | {"status": {"jobs": "denied"}, "jobs": {}}
    runs = [part_of(snapshot_at(sessions, **each)) for each in (blind, after)]
    assert runs_of_month("2026-10", BERLIN, runs)["unknown_h"].tolist() == [360]
    unread = only(runs_of_month("2026-10", BERLIN, [october(sessions[:1], jobs={}, status={"jobs": "denied"})]))
    assert (unread["is_listed"], unread["due"], unread["reason"]) == (pd.NA, pd.NA, "jobs: denied (403)")


def test_days_of_another_zone_that_pass_an_edge_of_the_month_are_unknown() -> None:
    nights = nightly("2026-10-01", "2026-10-31")
    period = {"since": "2026-09-01", "until": "2026-11-02", "timezone": "UTC"}
    run = october(nights, server_zone="UTC", **period)
    row = of_month(run)
    assert (row["unknown_h"], row["reason"]) == (25, "a day of another zone passes the edge of the month")
    assert of_month(run, zone=ZoneInfo("UTC"))["unknown_h"] == 0
    # The months of the server's own clock can be told apart in a report of any zone.
    for zone in ("UTC", "Asia/Tokyo", "America/New_York"):
        other = of_month(october(nights, **(period | {"timezone": zone})))
        assert (other["unknown_h"], other["runs"], other["missed"]) == (0, 31, 0)


def test_the_later_of_two_runs_that_know_a_day_counts() -> None:
    sessions = nightly("2026-10-01", "2026-10-31")
    old = october(sessions[:-1], now="2026-11-02")
    new = october(sessions, now="2026-11-03")
    blind = october(sessions, now="2026-11-04", status={"sessions": "denied"})
    for runs in ([old, new, blind], [blind, new, old, old]):
        assert (of_month(*runs)["runs"], of_month(*runs)["missed"]) == (31, 0)


def test_a_server_keeps_its_months_under_another_name() -> None:
    sessions = nightly("2026-10-01", "2026-10-31")
    one = part_of(snapshot_at(sessions, since="2026-10-01", until="2026-10-16", now="2026-10-17"))
    two = part_of(snapshot_at(sessions, since="2026-10-16", until="2026-11-01", now="2026-11-02", server="vbr-new"))
    row = of_month(one, two)
    assert (row["runs"], row["server"], row["unknown_h"]) == (31, "vbr-new", 0)


def test_a_server_that_no_run_saw_in_the_month_is_named_with_nothing_covered() -> None:
    row = only(coverage_of_month("2026-12", BERLIN, [october(nightly("2026-10-01", "2026-10-31"))]))
    assert (row["sessions_h"], row["unknown_h"], row["runs"]) == (0, 744, 0)
    assert row["reason"] == "no run of the history covers it"


def test_a_start_that_may_still_come_is_neither_made_nor_missed() -> None:
    sessions = nightly("2026-10-01", "2026-10-30")
    row = of_month(october(sessions, until="2026-10-31T22:05", now="2026-10-31T22:05"))
    assert [row[name] for name in COUNTS[:5]] == [31, 30, 0, 0, 1]


SEEDS = (1, 2)
"""Each is an estate of eight jobs with chances of their own: more jobs cost little, and more runs much."""
JOBS = "ABCDEFGH"


@cache
def estate(seed: int) -> list[Session]:
    """The nights of a month of some jobs, some missing, with results and lengths of all kinds."""
    chance, sessions = random.Random(seed), []
    for job in JOBS:
        for job_name, start, _, _ in nightly("2026-09-25", "2026-11-01", job=job):
            if chance.randint(0, 5):
                length = chance.choice([5.0, 30.0, 200.0, 900.0])
                sessions.append((job_name, start, length, chance.choice(["Success", "Warning", "Failed"])))
    return sessions


@cache
def whole(seed: int) -> RunTables:
    """One run that sees all of it."""
    return seen(estate(seed), *month_span("2026-10", BERLIN))


def seen(sessions: list[Session], since: dt.datetime, until: dt.datetime, **more: Any) -> RunTables:
    jobs = {name: {} for name in JOBS}
    return part_of(
        snapshot_at(sessions, **({"since": since, "until": until, "now": "2026-11-02", "jobs": jobs} | more))
    )


@pytest.mark.parametrize(("seed", "cut", "late"), [(1, 1, 0), (1, 720, 60), (2, 401, 7)])
def test_two_adjoining_runs_give_the_month_of_one(seed: int, cut: int, late: int) -> None:
    sessions, (since, until) = estate(seed), month_span("2026-10", BERLIN)
    edge = since + dt.timedelta(hours=cut)
    undivided = runs_of_month("2026-10", BERLIN, [whole(seed)])
    first = seen(sessions, since, edge, now=edge + dt.timedelta(hours=late))
    divided = runs_of_month("2026-10", BERLIN, [seen(sessions, edge, until), first])
    pd.testing.assert_frame_equal(divided[divided["open"] == 0], undivided[divided["open"] == 0])
    counts = ["due", "made", "missed", "runs"]
    pd.testing.assert_frame_equal(divided[counts], undivided[counts])


@pytest.mark.parametrize("seed", SEEDS)
def test_neither_the_order_of_rows_nor_that_of_runs_changes_anything(seed: int) -> None:
    sessions, (since, until) = estate(seed), month_span("2026-10", BERLIN)
    edge = since + dt.timedelta(days=12, hours=5)
    shuffled = random.Random(seed).sample(sessions, len(sessions))
    runs = [seen(sessions, since, edge), seen(sessions, edge, until), seen(sessions, since, until, now="2026-11-03")]
    again = [seen(shuffled, since, until, now="2026-11-03"), seen(shuffled, edge, until), seen(shuffled, since, edge)]
    turned = [
        RunTables(
            run.run_id, run.now, {name: table.sample(frac=1, random_state=seed) for name, table in run.tables.items()}
        )
        for run in again
    ]
    pd.testing.assert_frame_equal(runs_of_month("2026-10", BERLIN, turned), runs_of_month("2026-10", BERLIN, runs))


@pytest.mark.parametrize(("seed", "day"), [(1, 0), (1, 30), (2, 12)])
def test_an_odd_session_of_one_job_changes_no_other_job(seed: int, day: int) -> None:
    since, until = month_span("2026-10", BERLIN)
    odd = [*estate(seed), ("B", since + dt.timedelta(days=day, hours=3), 4000.0, "Failed")]
    plain, other = (runs_of_month("2026-10", BERLIN, [run]) for run in (whole(seed), seen(odd, since, until)))
    pd.testing.assert_frame_equal(plain[plain["job_name"] != "Job B"], other[other["job_name"] != "Job B"])


@pytest.mark.parametrize(("seed", "day"), [(1, 1), (1, 31), (2, 12)])
def test_what_is_less_known_never_makes_a_promise_met(seed: int, day: int) -> None:
    since, until = month_span("2026-10", BERLIN)
    less = runs_of_month("2026-10", BERLIN, [seen(estate(seed), since, until, oldest=since + dt.timedelta(days=day))])
    assert not less["sla"].isin(["met", "no run"]).any()
    assert less["success_rate"].isna().all()
    assert (less["unknown_h"] > 0).all()


@pytest.mark.parametrize(("seed", "late"), [(1, 0), (2, 90)])
def test_every_run_counts_once_over_adjoining_months_and_every_failure_is_in_a_report(seed: int, late: int) -> None:
    sessions, lengths = estate(seed), [random.Random(seed).choice((1, 30, 400, 5000)) for _ in range(19)]
    every = [
        (job, start + dt.timedelta(days=shift), float(lengths[(start.day + shift) % len(lengths)]), result)
        for shift in (-30, 0, 31)
        for job, start, _, result in sessions
    ]
    every = list({(job, start): (job, start, length, result) for job, start, length, result in every}.values())
    names = ("2026-09", "2026-10", "2026-11")
    bounds = {name: month_span(name, BERLIN) for name in names}
    runs = [seen(every, *bounds[name], now=bounds[name][1] + dt.timedelta(hours=late)) for name in names]
    tables = {name: runs_of_month(name, BERLIN, runs) for name in names}
    for name, (since, until) in bounds.items():
        started = [session for session in every if since <= session[1] < until]
        assert tables[name]["runs"].sum() == len(started)
        over = [
            start + dt.timedelta(minutes=length)
            for _, start, length, result in every
            if since - dt.timedelta(days=7) <= start < since and result == "Failed"
        ]
        if name != "2026-09":
            assert tables[name]["carried_in_failed"].sum() == sum(
                since <= end < until and end <= runs[-1].now for end in over
            )
