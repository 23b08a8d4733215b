"""The RPO of a month, from one run or from several that each saw a part of it."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from month_estate import BERLIN, Session, moment, nightly, protected_part, protecting, snapshot_at

from vbr_audit.checks.site import load_site
from vbr_audit.collection.period import month_span
from vbr_audit.histories import month_rpo, protection
from vbr_audit.histories.evidence import RunTables
from vbr_audit.histories.month_rpo import rpo_of_month
from vbr_audit.tables.build.schema import TableSpec, conform

HOUR = dt.timedelta(hours=1)
OCTOBER = {"since": "2026-10-01", "until": "2026-11-01", "now": "2026-11-02"}
Points = Mapping[str, Iterable[dt.datetime]]


def nights(first: str, last: str, **more: Any) -> list[dt.datetime]:
    return [session[1] for session in nightly(first, last, **more)]


def run_of(
    points: Points,
    *,
    hours: int = 26,
    kept_days: int = 400,
    sessions: Iterable[Session] = (),
    site: Any = None,
    **more: Any,
) -> RunTables:
    """A run that finds these points; its policy allows gaps of so many hours."""
    period = OCTOBER | more
    tables = protecting(points, now=period["now"], kept_days=kept_days) | period.pop("tables", {})
    return protected_part(snapshot_at(sessions, tables=tables, **period), hours, site)


def of_october(*runs: RunTables) -> dict[str, dict[str, Any]]:
    """Each object by its name, with its row of `rpo`."""
    frame = rpo_of_month("2026-10", BERLIN, runs)[0]
    return {frame["object_name"][row]: {name: frame[name][row] for name in frame} for row in range(len(frame))}


def of_a(*runs: RunTables) -> dict[str, Any]:
    return of_october(*runs)["A"]


@pytest.mark.parametrize("points", [{}, {"A": nights("2026-09-01", "2026-10-09")}])
def test_tables_have_the_columns_and_dtypes_of_their_specification(points: Points) -> None:
    run = run_of(points)
    rpo, gaps = rpo_of_month("2026-10", BERLIN, [run])
    specs: dict[TableSpec, pd.DataFrame] = {month_rpo.SPEC: rpo, month_rpo.GAPS_SPEC: gaps}
    specs |= {spec: run.table(spec) for spec in (protection.SPEC, protection.POINTS_SPEC, protection.EVIDENCE_SPEC)}
    for spec, frame in specs.items():
        assert frame.columns.tolist() == list(spec.names)
        assert frame.dtypes.astype(str).to_dict() == conform({}, spec)[0].dtypes.astype(str).to_dict()
        assert all(column.holds for column in spec.columns if column.dtype == "string")
        assert bool(points) == bool(len(frame))


def test_a_point_of_every_night_covers_the_month() -> None:
    row = of_a(run_of({"A": nights("2026-09-25", "2026-11-01")}))
    assert (row["covered_h"], row["late_h"], row["unknown_h"]) == (745, 0, 0)
    assert (row["covered_share"], row["verdict"], row["gaps"]) == (1, "met", 0)


def test_a_gap_is_named_with_both_points_and_is_late_from_the_promise_on() -> None:
    run = run_of({"A": nights("2026-09-25", "2026-11-01", skip=["2026-10-05", "2026-10-06"])})
    row = of_a(run)
    assert (row["late_h"], row["verdict"], row["longest_gap_h"]) == (46, "missed", 72)
    assert row["covered_share"] == pytest.approx(699 / 745)
    (gap,) = rpo_of_month("2026-10", BERLIN, [run])[1].to_dict("records")
    assert (gap["start"], gap["end"]) == (moment("2026-10-04T22:00"), moment("2026-10-07T22:00"))
    assert (gap["hours"], gap["is_whole"], gap["late_h"]) == (72, True, 46)
    assert gap["late_since"] == moment("2026-10-06T00:00")
    days = run.table(protection.SPEC).set_index("day")
    assert days.loc["2026-10-06", ["covered_h", "late_h", "worst_gap_h"]].tolist() == [0, 24, 50]
    assert days.loc["2026-10-25", ["hours", "covered_h", "worst_gap_h"]].tolist() == [25, 25, 25]


def test_a_month_without_a_point_is_late_and_the_open_end_is_said() -> None:
    run = run_of({"A": nights("2026-08-01", "2026-09-30")})
    row = of_a(run)
    assert (row["covered_h"], row["late_h"], row["verdict"]) == (24, 721, "missed")
    (gap,) = rpo_of_month("2026-10", BERLIN, [run])[1].to_dict("records")
    assert (gap["end"] is pd.NaT, gap["is_whole"], gap["hours"]) == (True, False, 747)


@pytest.mark.parametrize(
    ("name", "zone", "hours"),
    [
        ("2026-03", "Europe/Berlin", 743),
        ("2026-02", "Europe/Berlin", 672),
        ("2026-11", "America/New_York", 721),
        ("2026-10", "Asia/Kathmandu", 744),
        ("2026-03", "UTC", 744),
    ],
)
def test_a_month_has_its_own_hours(name: str, zone: str, hours: int) -> None:
    own = ZoneInfo(zone)
    since, until = month_span(name, own)
    points = [since + number * 12 * HOUR for number in range(-2, 66)]
    period = {"since": since, "until": until, "now": until + 6 * HOUR, "timezone": zone}
    run = run_of({"A": points}, **period)
    row = rpo_of_month(name, own, [run])[0].iloc[0]
    assert (row["hours"], row["covered_h"], row["verdict"]) == (hours, hours, "met")
    assert run.table(protection.SPEC)["covered_h"].sum() == hours


def test_the_promise_is_the_one_of_the_run_that_saw_the_day() -> None:
    points = {"A": nights("2026-09-25", "2026-11-01", skip=["2026-10-05", "2026-10-20"])}
    first = {"since": "2026-10-01", "until": "2026-10-12", "now": "2026-10-12T06:00"}
    second = {"since": "2026-10-12", "until": "2026-11-01", "now": "2026-11-02"}

    early, later = ({hours: run_of(points, hours=hours, **part) for hours in (26, 48)} for part in (first, second))

    def late(before: int, after: int) -> tuple[Any, ...]:
        row = of_a(early[before], later[after])
        return row["late_h"], row["verdict"], row["rpo_h"], row["strictest_rpo_h"]

    assert late(26, 26) == (44, "missed", 26, 26)
    assert late(26, 48) == (22, "missed", 48, 26)
    assert late(48, 26) == (22, "missed", 26, 26)
    assert late(48, 48) == (0, "met", 48, 48)


def test_the_promise_of_a_tier_counts_and_one_that_is_not_known_makes_nothing_good() -> None:
    points = {"A": nights("2026-09-25", "2026-11-01")}
    tiers = 'version: 1\ntiers:\n  - {name: gold, objects: ["A"], rpo_hours: 12}\n'
    assert of_a(run_of(points, site=load_site(tiers)))["covered_share"] == pytest.approx(32 * 12 / 745, abs=0.02)
    run = run_of(points)
    blind = run.table(protection.EVIDENCE_SPEC).assign(rpo_h=pd.array([pd.NA], dtype="Float64"))
    row = of_a(RunTables(run.run_id, run.now, {**run.tables, protection.EVIDENCE_SPEC.name: blind}))
    assert (row["verdict"], row["unknown_h"]) == ("unknown", 745)
    assert row["covered_share"] is pd.NA
    assert row["covered_at_least"] is pd.NA


def test_a_machine_that_came_in_the_month_is_owed_nothing_before() -> None:
    """`B` is new in a backup that holds an older machine, and all points are kept: no run of its job had it before."""
    points = {"A": nights("2026-09-01", "2026-11-01"), "B": nights("2026-10-26", "2026-11-01")}
    tables = protecting(points, now="2026-11-02", kept_days=14)
    shared = {
        "backup_objects": [row | {"backup_id": "b-A"} for row in tables["backup_objects"]],
        "restore_points": [row | {"backup_id": "b-A"} for row in tables["restore_points"]],
    }
    sessions = nightly("2026-09-25", "2026-11-01", job="A")
    row = of_october(run_of(points, tables=shared, sessions=sessions, kept_days=14))["B"]
    assert (row["owed_h"], row["covered_h"], row["verdict"]) == (122, 122, "met")
    assert row["covered_share"] == 1


def test_points_that_retention_removed_are_stood_in_for_by_runs_also_before_the_month() -> None:
    points = {"A": nights("2026-09-01", "2026-11-01")}
    run = run_of(points, kept_days=7, sessions=nightly("2026-09-01", "2026-11-01"))
    assert (of_a(run)["covered_h"], of_a(run)["verdict"]) == (745, "met")
    failed = nightly("2026-09-01", "2026-11-01", skip=["2026-10-05", "2026-10-06"])
    row = of_a(run_of(points, kept_days=7, sessions=failed))
    assert (row["late_h"], row["verdict"]) == (46, "missed")


def test_what_the_history_of_the_server_does_not_reach_is_unknown() -> None:
    points = {"A": nights("2026-09-01", "2026-11-01")}
    sessions = nightly("2026-10-11", "2026-11-01")
    row = of_a(run_of(points, kept_days=7, sessions=sessions, oldest="2026-10-11"))
    assert (row["unknown_h"], row["late_h"], row["verdict"]) == (262, 0, "unknown")
    assert row["covered_share"] is pd.NA
    assert row["covered_at_least"] == pytest.approx(483 / 745)
    assert row["covered_at_most"] == 1


def test_points_that_an_earlier_run_saw_fill_what_a_later_one_cannot_know() -> None:
    points = {"A": nights("2026-09-01", "2026-11-01")}
    late = run_of(points, kept_days=7, oldest="2026-10-20", sessions=nightly("2026-10-20", "2026-11-01"))
    early = run_of(points, kept_days=30, since="2026-09-25", until="2026-10-21", now="2026-10-21T06:00")
    assert of_a(late)["verdict"] == "unknown"
    assert (of_a(late, early)["covered_h"], of_a(late, early)["verdict"]) == (745, "met")


def test_a_month_that_no_run_saw_is_unknown_and_not_zero() -> None:
    points = {"A": nights("2026-08-01", "2026-12-01")}
    september = run_of(points, since="2026-09-01", until="2026-10-01", now="2026-10-01T06:00")
    december = run_of(points, since="2026-11-01", until="2026-12-01", now="2026-12-01T06:00")
    for runs in ([september], [september, december]):
        row = of_a(*runs)
        assert (row["unknown_h"], row["verdict"]) == (745, "unknown")
        assert row["covered_share"] is pd.NA
    assert not len(rpo_of_month("2026-10", BERLIN, [december])[0])


def test_a_server_keeps_its_objects_under_another_name() -> None:
    points = {"A": nights("2026-09-25", "2026-11-01")}
    first = run_of(points, since="2026-10-01", until="2026-10-12", now="2026-10-12T06:00")
    tables = protecting(points, now="2026-11-02", server="vbr-new")
    second = protected_part(snapshot_at([], **(OCTOBER | {"since": "2026-10-12"}), server="vbr-new", tables=tables))
    row = of_a(first, second)
    assert (row["covered_h"], row["verdict"], row["server"]) == (745, "met", "vbr-new")


@cache
def estate(seed: int) -> dict[str, list[dt.datetime]]:
    """The points of a dozen objects of long standing, at full hours around the month; `A` has an old one alone.

    Properties are held by two such estates: more objects cost little, and more runs much.
    """
    chance, since = random.Random(seed), month_span("2026-10", BERLIN)[0]
    some = {name: sorted(chance.sample(range(-60, 791), chance.randint(1, 25))) for name in "BCDEFGHIJKL"}
    return {name: [since + hour * HOUR for hour in (-700, *hours)] for name, hours in {"A": [], **some}.items()}


@cache
def whole(seed: int) -> RunTables:
    """One run that sees all of it."""
    return run_of(estate(seed))


def expected(points: list[dt.datetime], rpo: int) -> tuple[int, int]:
    """Covered and late hours of October, hour by hour."""
    since, until = month_span("2026-10", BERLIN)
    covered = 0
    for number in range(int((until - since) / HOUR)):
        at = since + number * HOUR
        last = max(point for point in points if point <= at)
        covered += at < last + rpo * HOUR
    return covered, 745 - covered


@pytest.mark.parametrize(("seed", "rpo"), [(1, 12), (1, 100), (2, 26)])
def test_covered_and_late_hours_are_those_that_counting_by_the_hour_gives(seed: int, rpo: int) -> None:
    rows = of_october(run_of(estate(seed), hours=rpo, now="2026-11-20"))
    for name, own in estate(seed).items():
        # The schedule of the jobs rests for 24 hours: no default asks for more.
        assert (rows[name]["covered_h"], rows[name]["late_h"]) == expected(own, max(rpo, 24)), name
        assert rows[name]["unknown_h"] == 0, name


@pytest.mark.parametrize(("seed", "cut", "late"), [(1, 1, 0), (2, 401, 37)])
def test_two_adjoining_runs_give_the_month_of_one(seed: int, cut: int, late: int) -> None:
    since, until = month_span("2026-10", BERLIN)
    edge = since + cut * HOUR
    first = run_of(estate(seed), since=since, until=edge, now=edge + late * HOUR)
    second = run_of(estate(seed), since=edge, until=until)
    for one, two in zip(
        rpo_of_month("2026-10", BERLIN, [whole(seed)]), rpo_of_month("2026-10", BERLIN, [second, first]), strict=True
    ):
        pd.testing.assert_frame_equal(one, two)


@pytest.mark.parametrize(("seed", "cut"), [(1, 1), (2, 401)])
def test_neither_order_nor_repetition_changes_anything(seed: int, cut: int) -> None:
    points, since = estate(seed), month_span("2026-10", BERLIN)[0]
    edge = since + cut * HOUR
    runs = [whole(seed), run_of(points, since=since, until=edge, now=edge), run_of(points, since=edge, hours=48)]
    turned = [
        RunTables(
            run.run_id, run.now, {name: table.sample(frac=1, random_state=seed) for name, table in run.tables.items()}
        )
        for run in [*runs, runs[0]]
    ]
    random.Random(seed).shuffle(turned)
    for one, two in zip(rpo_of_month("2026-10", BERLIN, runs), rpo_of_month("2026-10", BERLIN, turned), strict=True):
        pd.testing.assert_frame_equal(one, two)


@pytest.mark.parametrize(("seed", "lost"), [(1, 0), (2, 7)])
def test_what_is_not_known_of_one_object_changes_no_other(seed: int, lost: int) -> None:
    rows = [dict(row) for row in protecting(estate(seed), now=OCTOBER["now"])["restore_points"]]
    mine = [row for row in rows if row["name"] == "B"]
    mine[lost % len(mine)]["created"] = None
    known, odd = of_october(whole(seed)), of_october(run_of(estate(seed), tables={"restore_points": rows}))
    assert len(odd) == len(known) == 12
    for name in known.keys() - {"B"}:
        assert odd[name] == known[name]
    assert odd["B"]["late_h"] == 0


@pytest.mark.parametrize(("seed", "first", "length"), [(1, 0, 1), (1, 700, 200), (2, 288, 131)])
def test_less_evidence_never_raises_a_share_and_never_makes_a_promise_met(seed: int, first: int, length: int) -> None:
    points, (since, until) = estate(seed), month_span("2026-10", BERLIN)
    begin = since + first * HOUR
    end = min(begin + length * HOUR, until)
    parts = [run_of(points, since=since, until=begin, now=max(begin, since + HOUR))] if begin > since else []
    # The later run has none of the points before its period, as if retention had removed them.
    kept = {name: [at for at in own if at >= end] for name, own in points.items()}
    if end < until:
        parts.append(run_of(kept, since=end))
    full, less = of_october(whole(seed)), of_october(*parts)
    assert less
    for name, row in less.items():
        assert row["verdict"] != "met", name
        assert row["covered_share"] is pd.NA, name
        least = row["covered_at_least"]
        assert least is pd.NA or least <= full[name]["covered_share"], name
