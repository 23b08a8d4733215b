"""What a history keeps of runs that the real client read, and the months that follow from it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from month_estate import BERLIN
from small_server import SmallServer, audited, daily, days, local, schedule_of

from vbr_audit.histories.evidence import RunTables
from vbr_audit.histories.month import runs_of_month
from vbr_audit.histories.month_rpo import rpo_of_month
from vbr_audit.histories.month_tables import MONTH_SPECS, tables_for_months
from vbr_audit.histories.restores import restore_tests_of_year
from vbr_audit.pipeline import Audit
from vbr_audit.tables.build.schema import conform


def kept(audit: Audit) -> RunTables:
    snapshot = audit.snapshot
    return RunTables(snapshot.manifest.run_id, snapshot.now, tables_for_months(snapshot, audit.results))


def first(frame: pd.DataFrame) -> dict[str, Any]:
    return {name: frame[name].iloc[0] for name in frame}


def server_of(
    nights: list[dt.date], now: str = "2026-11-08T06:00:00+01:00", name: str = "vbr01", **plan: Any
) -> SmallServer:
    """A server whose only job ran well at 22:00 on these nights and keeps the points of the last seven days."""
    vbr = SmallServer("1.3-rev1", now=now, name=name)
    job = vbr.add_job("Nightly", **plan)
    backup = vbr.add_backup(job)
    kept_points = [night for night in nights if night >= dt.date(2026, 11, 1)]
    vbr.add_object(backup, "srv1", points=len(kept_points))
    for night in nights:
        vbr.add_task(vbr.add_session(job, local(night, "22:00", BERLIN)), "srv1")
        if night in kept_points:
            vbr.add_point(backup, "srv1", local(night, "22:01", BERLIN))
    return vbr


def october(vbr: SmallServer) -> RunTables:
    return kept(audited(vbr, month="2026-10", timezone="Europe/Berlin", only="RUN RPO TST"))


@pytest.fixture(scope="module")
def good() -> RunTables:
    """October of a server that ran well each night of a quarter. Nobody changes it."""
    return october(server_of(days("2026-08-01", "2026-11-07")))


def test_every_table_has_the_columns_and_dtypes_of_its_specification(good: RunTables) -> None:
    assert list(good.tables) == [spec.name for spec in MONTH_SPECS]
    for spec in MONTH_SPECS:
        frame = good.tables[spec.name]
        assert frame.columns.tolist() == list(spec.names)
        assert frame.dtypes.astype(str).to_dict() == conform({}, spec)[0].dtypes.astype(str).to_dict()
        assert frame[[name for name in spec.key if name in frame]].duplicated().sum() == 0


def test_a_month_of_nights_is_met_though_its_points_are_gone(good: RunTables) -> None:
    runs, rpo = runs_of_month("2026-10", BERLIN, [good]), rpo_of_month("2026-10", BERLIN, [good])[0]
    assert [first(runs)[name] for name in ("due", "made", "missed", "success", "sla")] == [31, 31, 0, 31, "met"]
    assert [first(rpo)[name] for name in ("covered_h", "late_h", "unknown_h", "verdict")] == [745, 0, 0, "met"]


def test_a_month_without_a_run_is_missed_and_late() -> None:
    nights = [
        night for night in days("2026-08-01", "2026-11-07") if not dt.date(2026, 10, 1) <= night < dt.date(2026, 11, 2)
    ]
    run = october(server_of(nights))
    runs, rpo = runs_of_month("2026-10", BERLIN, [run]), rpo_of_month("2026-10", BERLIN, [run])[0]
    assert [first(runs)[name] for name in ("due", "missed", "runs", "sla")] == [31, 31, 0, "missed"]
    assert first(rpo)["verdict"] == "missed"
    assert first(rpo)["late_h"] + first(rpo)["covered_h"] + first(rpo)["unknown_h"] == 745
    assert first(rpo)["late_h"] >= 745 - 26


def test_a_job_of_weekdays_is_not_late_on_monday() -> None:
    nights = [night for night in days("2026-08-01", "2026-11-07") if night.weekday() < 5]
    run = october(server_of(nights, schedule=schedule_of(daily=daily(kind="WeekDays"))))
    runs, rpo = runs_of_month("2026-10", BERLIN, [run]), rpo_of_month("2026-10", BERLIN, [run])[0]
    assert [first(runs)[name] for name in ("due", "made", "missed")] == [22, 22, 0]
    assert [first(rpo)[name] for name in ("rpo_h", "verdict")] == [74, "met"]


def test_tables_that_a_file_kept_give_the_same_month(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="Parquet is part of an extra")
    run = october(server_of(days("2026-08-01", "2026-11-07")[::2]))
    for name, frame in run.tables.items():
        frame.to_parquet(tmp_path / f"{name}.parquet")
    read = {path.stem: pd.read_parquet(path) for path in tmp_path.iterdir()}
    without = {**read, "job_runs_daily": read["job_runs_daily"].drop(columns="promised_rate")}
    stored, older = (RunTables(run.run_id, run.now, tables) for tables in (read, without))
    for one, two in zip(rpo_of_month("2026-10", BERLIN, [run]), rpo_of_month("2026-10", BERLIN, [stored]), strict=True):
        pd.testing.assert_frame_equal(one, two)
    pd.testing.assert_frame_equal(runs_of_month("2026-10", BERLIN, [run]), runs_of_month("2026-10", BERLIN, [stored]))
    pd.testing.assert_frame_equal(restore_tests_of_year([run]), restore_tests_of_year([stored]))
    assert first(runs_of_month("2026-10", BERLIN, [older]))["required_rate"] is pd.NA


def test_two_servers_of_one_run_stay_two() -> None:
    one, two = (server_of(days("2026-08-01", "2026-11-07"), name=name) for name in ("vbr01", "vbr02"))
    run = kept(audited(one, two, month="2026-10", timezone="Europe/Berlin", only="RUN RPO TST"))
    runs, rpo = runs_of_month("2026-10", BERLIN, [run]), rpo_of_month("2026-10", BERLIN, [run])[0]
    assert runs["server"].tolist() == rpo["server"].tolist()
    assert sorted(runs["server"]) == ["vbr01", "vbr02"]
    assert runs["runs"].tolist() == [31, 31]
    assert rpo["verdict"].tolist() == ["met", "met"]
