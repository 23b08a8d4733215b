"""The tables of objects, repositories, servers and nights: what they say, and that page, sheet and Python agree."""

from __future__ import annotations

import datetime as dt
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

import estates
import pandas as pd
import pytest
from compared_runs import samples_before
from html_tables import Page
from small_server import SmallServer, audited, daily, days, local, schedule_of

import vbr_audit as va
from vbr_audit.checks.derived import protection
from vbr_audit.errors import ConfigurationError
from vbr_audit.histories.evidence import RunTables
from vbr_audit.histories.month_rpo import rpo_of_month
from vbr_audit.histories.month_tables import tables_for_months
from vbr_audit.pipeline import Audit
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.data_files import data_contents
from vbr_audit.reports.excel.workbook import plan_sheets
from vbr_audit.reports.figures import protected_objects, repository_list
from vbr_audit.reports.figures.nights import nights_of
from vbr_audit.reports.figures.protected_objects import LATE, NONE_IN_A_YEAR, NONE_SEEN, UNCLEAR
from vbr_audit.reports.figures.repository_list import TOO_FEW, shown_repositories
from vbr_audit.reports.html.rendering import render_html
from vbr_audit.reports.interface import ReportOptions
from vbr_audit.spreadsheet.sheet import SheetPlan

NOW = "2026-11-01T06:00:00+01:00"
BERLIN = dt.timezone(dt.timedelta(hours=1))
NIGHTS = days("2026-09-25", "2026-10-31")
OCTOBER = NIGHTS[6:]
READ = (
    *("jobs", "job_states", "sessions", "session_history", "task_sessions", "restore_sessions", "restore_tasks"),
    *("backups", "backup_objects", "backup_files", "restore_points", "repositories", "repository_states"),
    *("scale_out_repositories", "server_info", "server_time"),
)
LONG = "N" * 500
RIGHT_TO_LEFT = "\u202eخادم الملفات"


def nightly(vbr: SmallServer, name: str, repository: str, machines: dict[str, str]) -> None:
    """A job that ran every night; a machine of `machines` failed in the nights of its text, as `3 9`, or was missing
    in those with a minus."""
    job = vbr.add_job(name, repository=repository, schedule=schedule_of(daily=daily("22:00")))
    backup = vbr.add_backup(job, repository=repository)
    for machine in machines:
        vbr.add_object(backup, machine, points=1)
    for night in NIGHTS:
        session = vbr.add_session(job, local(night, "22:00", BERLIN))
        for machine, odd in machines.items():
            words = odd.split() if night in OCTOBER else []
            if f"-{night.day}" in words:
                continue
            failed = str(night.day) in words
            vbr.add_task(session, machine, "Failed" if failed else "Success")
            if not failed:
                vbr.add_point(backup, machine, local(night, "22:05", BERLIN))


@lru_cache
def small(name: str = "vbr01", *, more: tuple[str, ...] = ()) -> SmallServer:
    vbr = SmallServer(now=NOW, name=name)
    vbr.add_repository("Local")
    nightly(vbr, "Nightly", "Local", {"good": "", "bad": "3 9 30 31", "left out": "-12", **dict.fromkeys(more, "")})
    return vbr


@lru_cache
def one() -> Audit:
    return audited(
        small(more=(LONG, RIGHT_TO_LEFT)), month="2026-10", timezone="Europe/Berlin", only="RPO CPY", datasets=READ
    )


@lru_cache
def three() -> Audit:
    servers = (small(f"vbr0{number}") for number in (1, 2, 3))
    return audited(*servers, month="2026-10", timezone="Europe/Berlin", only="RPO RUN", datasets=READ)


@lru_cache
def unread() -> Audit:
    return audited(small("vbr09"), month="2026-10", timezone="UTC", only="RPO", datasets=("backups", "backup_objects"))


@lru_cache
def page_of(make: Any) -> Page:
    return Page(render_html(make().context))


def rows_of(page: Page, table: str) -> list[list[str]]:
    return next(each.rows for each in page.tables if each.id == table)[1:]


def sheet(context: ReportContext, name: str) -> pd.DataFrame:
    plan: SheetPlan = next(each for each in plan_sheets(context) if each.name == name)
    return pd.DataFrame({column.header: column.values.reset_index(drop=True) for column in plan.columns})


def test_the_objects_are_those_of_va_protected() -> None:
    audit = estates.demo()
    frame = audit.context.figures.estate.objects.frame
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        asked = va.protected(audit.snapshot, site=audit.rules.site)
    keys = ["server", "object_key"]
    columns = ["age_h", *protection.SPEC.names]
    ours, theirs = (each.sort_values(keys, ignore_index=True)[columns] for each in (frame, asked))
    pd.testing.assert_frame_equal(ours, theirs)
    assert len(frame) > 20


def test_the_covered_share_is_that_of_the_month_of_a_history() -> None:
    audit = one()
    run = RunTables("r", audit.snapshot.now, tables_for_months(audit.snapshot, audit.results))
    rpo, gaps = rpo_of_month("2026-10", audit.context.zone, [run])
    estate = audit.context.figures.estate
    pd.testing.assert_frame_equal(estate.period.rpo.drop(columns="reason"), rpo.drop(columns="reason"))
    pd.testing.assert_frame_equal(estate.period.gaps, gaps)
    shares = dict(zip(rpo["object_name"], rpo["covered_share"], strict=True))
    frame = estate.objects.frame
    assert dict(zip(frame["name"], frame["covered_share"], strict=True)) == shares
    assert 0 < shares["bad"] < shares["left out"] < shares["good"] == 1


def test_the_worst_object_is_first_on_page_and_sheet() -> None:
    context = one().context
    names = ["bad", "left out", "good", LONG, RIGHT_TO_LEFT]
    assert context.figures.estate.objects.frame["name"].tolist()[:3] == names[:3]
    on_page, in_sheet = rows_of(page_of(one), "table-objects"), sheet(context, "Protected objects")
    assert in_sheet["Name"].tolist() == context.figures.estate.objects.frame["name"].tolist()
    assert [row[0].split()[0] for row in on_page[:2]] == ["bad", "left"]
    late = in_sheet.loc[0]
    assert late["RPO state"] == LATE
    assert "late 2026-10-29 22:05" in " ".join(on_page[0][2].split())
    assert f"{late['Covered share'] * 100:.1f} % covered" in " ".join(on_page[0][3].split())
    assert on_page[0][4] == "Local: too old to count, not immutable, off-site: not known"
    assert late["Copies"] == on_page[0][4]
    assert LONG in on_page[3][0]
    assert "⟨U+202E⟩" in on_page[4][0]


def test_what_is_not_known_is_said() -> None:
    assert all(cell.strip() for each in rows_of(page_of(one), "table-objects") for cell in each)
    estate = unread().context.figures.estate
    assert estate.repositories.empty
    assert set(estate.objects.frame["rpo_state"]) == {UNCLEAR}
    assert "were not read in this run" in render_html(unread().context)


def test_no_test_seen_is_not_never_tested() -> None:
    whole = one().context.figures.estate.objects.frame["last_test_result"]
    assert set(whole) <= {NONE_IN_A_YEAR, NONE_SEEN}
    seen = unread().context.figures.estate.objects.frame["last_test_result"]
    assert set(seen) == {NONE_SEEN}
    tested = estates.demo().context.figures.estate.objects.frame
    assert tested["last_test"].notna().any()
    assert set(tested.loc[tested["last_test"].isna(), "last_test_result"]) <= {NONE_IN_A_YEAR, NONE_SEEN}


def test_the_copies_are_those_that_the_digits_count() -> None:
    estate = estates.demo().context.figures.estate
    frame = estate.objects.frame
    for (_, row), copies in zip(frame.iterrows(), estate.objects.copies, strict=True):
        current = [copy for copy in copies if copy.is_current]
        assert len(current) == row["copies_count"]
        if row["has_protected_copy"] is True:
            assert any(copy.is_locked for copy in current)
        if row["has_offsite"] is True:
            assert any(copy.is_offsite for copy in current)
        ends = [copy.locked_until for copy in current if copy.is_locked and copy.locked_until]
        assert max(ends, default=None) == (None if pd.isna(row["locked_until"]) else row["locked_until"])


def test_a_repository_says_what_lies_there_and_why_its_growth_is_not_known() -> None:
    context = estates.demo().context
    frame, snapshot = context.figures.estate.repositories, context.snapshot
    outer = snapshot.backups.merge(snapshot.backup_objects, on=["server", "backup_id"])
    points = outer.groupby("repository_id")["restore_points_count"].sum(min_count=1)
    files = snapshot.backup_files.merge(snapshot.backups, on=["server", "backup_id"], suffixes=("", "_of_backup"))
    sizes = files.groupby("repository_id")["backup_bytes"].sum()
    by_id = frame.set_index("repository_id")
    for name in points.index:
        assert by_id["points_count"][name] == points[name]
        assert by_id["backup_bytes"][name] == sizes[name]
    assert frame["points_count"].sum() == outer["restore_points_count"].sum()
    simple = frame[frame["kind"] != repository_list.SCALE_OUT]
    assert set(simple["outlook_reason"]) == {TOO_FEW}
    on_page = rows_of(page_of(estates.demo), "table-repositories")
    in_sheet = sheet(context, "Repositories")
    assert [row[0].split(" repository")[0][:5] for row in on_page] == [name[:5] for name in in_sheet["Name"]]
    without = simple["capacity_bytes"].isna()
    assert without.any()
    told = [row[1] for row, gone in zip(on_page, frame["capacity_bytes"].isna(), strict=True) if gone]
    assert all("capacity not known" in text or text == "see its extents" for text in told)


def test_growth_comes_from_the_samples_of_earlier_runs() -> None:
    pytest.importorskip("scipy")
    row = shown_repositories(one().snapshot, samples_before(one())).set_index("name").loc["Local"]
    assert row["growth_bytes"] == pytest.approx(2**30, rel=0.01)
    assert row["outlook"] == "filling"
    assert row["days_to_full"] == pytest.approx(row["free_bytes"] / 2**30, rel=0.02)


def test_a_run_keeps_the_samples_that_its_growth_rests_on(tmp_path: Path) -> None:
    first = one().save(tmp_path / "first", formats=("json",))
    later = SmallServer(now="2026-12-01T06:00:00+01:00", name="vbr01")
    later.add_repository("Local")
    audit = audited(later, month="2026-11", timezone="UTC", only="RPO", datasets=READ, baseline=first)
    assert audit.samples is not None
    assert audit.samples["repository"].tolist() == ["Local"]
    again = va.load_audit(audit.save(tmp_path / "second", formats=("json",)))
    pd.testing.assert_frame_equal(again.samples, audit.samples)


def test_servers_stand_side_by_side_only_where_there_are_several() -> None:
    assert one().context.figures.estate.servers == ()
    assert not any(table.id == "table-servers" for table in page_of(one).tables)
    lines, summary = three().context.figures.estate.servers, three().summary
    assert {line.server for line in lines} == {"vbr01", "vbr02", "vbr03"}
    for severity, failing in summary.failing_by_severity.items():
        assert sum(line.failing[severity] for line in lines) == failing
    assert sum(line.runs for line in lines) == sum(summary.sessions_by_result.values())
    assert sum(line.objects or 0 for line in lines) == len(three().results.protected)
    assert sum(line.whole for line in lines) == summary.datasets_complete
    rows = rows_of(page_of(three), "table-servers")
    assert sorted(row[0].split()[0] for row in rows) == ["vbr01", "vbr02", "vbr03"]


def test_the_nights_of_a_job_show_failures_and_machines_left_out() -> None:
    nights = nights_of(one().snapshot, one().context.zone, "Nightly")
    assert nights.nights == tuple(OCTOBER)
    assert nights.is_whole
    held = {row.name: dict(zip((night.day for night in nights.nights), row.nights, strict=True)) for row in nights.rows}
    assert nights.rows[0].name == "bad"
    assert [day for day, state in held["bad"].items() if state == "Failed"] == [3, 9, 30, 31]
    assert [day for day, state in held["left out"].items() if state == "absent"] == [12]
    assert set(held["good"].values()) == {"Success"}
    assert one().context.figures.estate.nights[0] == nights
    with pytest.raises(ConfigurationError, match="no job is called"):
        nights_of(one().snapshot, one().context.zone, "Nobody")


def test_a_retry_ends_what_its_run_began() -> None:
    vbr = SmallServer(now=NOW, name="vbr01")
    vbr.add_repository("Local")
    job = vbr.add_job("Nightly", repository="Local", schedule=schedule_of(daily=daily("22:00")))
    first = vbr.add_session(job, local(OCTOBER[4], "22:00", BERLIN), result="Failed")
    again = vbr.add_session(job, local(OCTOBER[4], "22:40", BERLIN), isRetry=True)
    vbr.add_task(first, "srv1", "Failed")
    vbr.add_task(again, "srv1", "Success")
    audit = audited(vbr, month="2026-10", timezone="Europe/Berlin", only="RUN", datasets="all")
    (row,) = nights_of(audit.snapshot, audit.context.zone, "Nightly").rows
    assert row.counts["Failed"] == 0
    assert row.counts["Success"] == 1


def test_a_chosen_job_is_drawn() -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    axes = va.plot.machine_nights(one().snapshot, "Nightly")
    try:
        assert [label.get_text() for label in axes.get_yticklabels()][:2] == ["bad", "left out"]
        legend = [text.get_text() for text in axes.get_legend().get_texts()]
        assert {"failed", "the job ran without it", "success"} <= set(legend)
    finally:
        pyplot.close(axes.figure)


def test_the_tables_of_the_period_are_files_that_the_dictionary_names() -> None:
    context, options = one().context, ReportOptions(data_files=True)
    files = data_contents(context, options)
    for name, frame in context.figures.estate.period.by_name.items():
        if len(frame):
            assert b"".join(files[f"{name}.csv"]()).count(b"\r\n") == len(frame) + 1
    book = {plan.name: plan for plan in plan_sheets(context, options)}
    assert "data/period_rpo.csv" in set(book["Dictionary"].columns[0].values)
    assert len(book) + 3 <= 29


def test_a_server_on_which_nothing_is_says_so() -> None:
    audit = audited(SmallServer(now=NOW), month="2026-10", timezone="UTC", only="RPO", datasets=READ)
    estate = audit.context.figures.estate
    assert estate.objects.frame.columns.tolist() == list(protected_objects.SPEC.names)
    assert estate.repositories.columns.tolist() == list(repository_list.SPEC.names)
    page = render_html(audit.context)
    assert "No protected object is known" in page
    assert "No repository could be read" in page


def test_a_point_in_the_future_and_an_object_without_one() -> None:
    vbr = SmallServer(now=NOW, name="vbr01")
    vbr.add_repository("Local")
    job = vbr.add_job("Nightly", repository="Local", schedule=schedule_of(daily=daily("22:00")))
    backup = vbr.add_backup(job, repository="Local")
    vbr.add_object(backup, "ahead", points=1)
    vbr.add_object(backup, "empty", points=0)
    vbr.add_point(backup, "ahead", "2026-11-01T10:00:00+01:00")
    audit = audited(vbr, month="2026-10", timezone="Europe/Berlin", only="RPO", datasets=READ)
    rows = {row[0].split()[0]: row for row in rows_of(Page(render_html(audit.context)), "table-objects")}
    assert "no restore point" in rows["empty"][2]
    assert "in the future" in rows["ahead"][2]
    assert list(rows) == ["empty", "ahead"]
