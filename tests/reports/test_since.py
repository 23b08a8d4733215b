"""What changed since an earlier run, and the months up to this one: the same in every report, gaps as gaps."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from itertools import zip_longest
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from compared_runs import compared_demo
from estates import demo
from html_tables import Page
from sarif_demands import sarif_faults
from shared import artefact
from single_sheets import write_alone

import vbr_audit as va
from vbr_audit.display import number, percent
from vbr_audit.findings.changes import AGES
from vbr_audit.findings.lifecycle import State
from vbr_audit.histories.trends import TREND_SPEC, trend_of
from vbr_audit.reports.exports.json import findings_json
from vbr_audit.reports.figures.month_trend import months_of_trend
from vbr_audit.reports.review import Remark, Review
from vbr_audit.reports.since import STATE_WORDS
from vbr_audit.vocabulary import SEVERITIES


@pytest.fixture(scope="module")
def later() -> va.Audit:
    """The whole simulated estate, compared with earlier runs."""
    return compared_demo()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its reports."""
    folder = tmp_path_factory.mktemp("later")
    for kind in ("html", "executive", "json", "md", "xlsx", "sarif"):
        shutil.copy(artefact(tmp_path_factory, compared_demo, kind), folder / kind)
    return folder


@pytest.fixture(scope="module")
def book(written: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows of the sheets about time."""
    (written / "xlsx").rename(written / "later.xlsx")
    workbook = openpyxl.load_workbook(written / "later.xlsx", read_only=True)
    sheets = {}
    for name in ("Changes", "Drift", "Trend"):
        header, *rows = workbook[name].iter_rows(values_only=True)
        sheets[name] = [dict(zip_longest(header, row)) for row in rows]
    workbook.close()
    return sheets


def test_the_last_point_of_every_trend_is_the_headline(later: va.Audit, written: Path, book: Any) -> None:
    summary, causes = later.summary, later.causes["severity"].value_counts()
    last = json.loads((written / "json").read_text("utf-8"))["trend"]["months"][-1]
    assert last["run_id"] == later.snapshot.manifest.run_id
    assert {severity: last[f"causes_{severity}"] for severity in SEVERITIES} == {
        severity: int(causes.get(severity, 0)) for severity in SEVERITIES
    }
    assert last["rating"] == book["Trend"][-1]["Rating"] == summary.rating.told
    for name in ("compliance", "assessed", "success_rate"):
        assert last[name] == pytest.approx(getattr(summary, name))
        assert book["Trend"][-1][name.replace("_", " ").capitalize()] == pytest.approx(getattr(summary, name))
    assert [last[f"failing_{severity}"] for severity in SEVERITIES] == list(summary.failing_by_severity.values())
    page = (written / "html").read_text("utf-8")
    assert f"{number(len(later.causes))} in Oct 2026" in page
    critical, brief = number(causes["critical"]), (written / "executive").read_text("utf-8")
    assert f'<b>{summary.rating.grade}</b> <span>{critical} critical</span> <span class="when">Oct 2026</span>' in brief
    assert f"| Oct 2026 | {number(causes['critical'])} |" in (written / "md").read_text("utf-8")
    assert f"{percent(last['protected_share'])} at last" in page


def test_a_month_without_a_run_is_a_gap_everywhere(later: va.Audit, written: Path, book: Any) -> None:
    months = json.loads((written / "json").read_text("utf-8"))["trend"]["months"]
    assert [month["month"] for month in months] == ["2026-07", "2026-08", "2026-09", "2026-10"]
    assert [month["is_missing"] for month in months] == [False, True, False, False]
    assert set(months[1].values()) == {"2026-08", True, None}
    gap = [value for name, value in book["Trend"][1].items() if name not in ("Month", "Is missing")]
    assert set(gap) == {None}
    assert "No run about Aug 2026" in (written / "html").read_text("utf-8")
    brief = (written / "executive").read_text("utf-8")
    assert re.findall(r'<li class="gap">\s*<span>no run</span> <span class="when">(\w+ \d+)</span></li>', brief) == [
        *(f"{month} 2025" for month in ("Nov", "Dec")),
        *(f"{month} 2026" for month in ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Aug")),
    ]
    assert "Aug 2026 (no run) | – |" in (written / "md").read_text("utf-8")
    assert later.trend is not None
    assert later.trend.frame.iloc[1].drop(["month", "is_missing"]).isna().all()


def test_changed_rules_are_marked_and_other_runs_left_out(later: va.Audit, written: Path) -> None:
    assert later.trend is not None
    marked = {month.month: (month.policy_changed, month.version_changed) for month in later.trend.months}
    assert marked["2026-09"] == (True, False)  # against the point before the gap
    assert marked["2026-10"] == (False, True)
    assert later.trend.beside == 1
    page = (written / "html").read_text("utf-8")
    assert "policy before Sep 2026; version before Oct 2026" in page
    marked_months = re.findall(
        r'">(\w+ 2026)</span> <span class="changed">▲ (\w+)', (written / "executive").read_text()
    )
    assert marked_months == [("Sep 2026", "policy"), ("Oct 2026", "version")]
    assert "1 earlier run about other servers or jobs left out" in page


def test_the_sheet_of_changes_has_every_change_and_all_that_still_fails(later: va.Audit, book: Any) -> None:
    changes = later.changes
    assert changes is not None
    rows = book["Changes"]
    assert [row["Finding ID"] for row in rows] == [*changes.changed["finding_id"], *changes.still_open["finding_id"]]
    for state, many in changes.counts.items():
        assert sum(row["State"] == STATE_WORDS[state] for row in rows) == many, state
    still = [row for row in rows if row["State"] == STATE_WORDS[State.STILL]]
    assert {row["Status"] for row in still} == {"FAIL"}
    assert all(row["Days open"] == pytest.approx(30) for row in still)


def test_the_ages_are_those_of_all_that_fails(later: va.Audit, written: Path) -> None:
    changes = later.changes
    assert changes is not None
    failing = int((changes.findings["status"] == "FAIL").sum())
    assert sum(changes.ageing.values()) == failing
    assert list(changes.ageing) == list(AGES)
    kept = json.loads((written / "json").read_text("utf-8"))["changes"]
    assert kept["ageing"] == changes.ageing
    assert kept["median_fix_days"] == pytest.approx(30)
    assert "failing for 30 days (median)" in (written / "html").read_text("utf-8")


def test_the_sheet_of_drift_is_what_the_checks_of_drift_judged(later: va.Audit, book: Any) -> None:
    drift = later.results.drift
    assert len(book["Drift"]) == len(drift) > 10
    assert [row["Control"] for row in book["Drift"]] == drift["control"].tolist()
    failing = later.failed[later.failed["check_id"] == "DRF-001"]
    weaker = drift[drift["direction"] == "weakening"]
    assert len(failing) == weaker.drop_duplicates(["server_id", "object_type", "object_id"]).shape[0]


def test_the_numbers_of_the_charts_are_a_table_beside_them(written: Path) -> None:
    tables = Page((written / "html").read_text("utf-8")).tables
    months = [table.rows for table in tables if table.rows[0][0] == "Month"]
    assert [len(table) for table in months] == [5, 5]
    assert months[0][2][1:] == ["–"] * 7 + ["no run"]


def test_without_an_earlier_run_there_is_nothing_of_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    audit = demo()
    assert audit.trend is None
    page = artefact(tmp_path_factory, demo, "html").read_text("utf-8")
    assert "Since the last report" not in page
    assert "month-causes" not in page
    document = json.loads(findings_json(audit.context))
    assert not {"trend", "changes"} & set(document)
    assert not {"Changes", "Drift", "Trend"} & {plan.name for plan in _plans(audit)}


def _plans(audit: va.Audit) -> Any:
    from vbr_audit.reports.excel.workbook import plan_sheets

    return plan_sheets(audit.context)


def test_one_point_is_no_trend(later: va.Audit) -> None:
    assert later.trend is not None
    last = later.trend.months[-1].run
    assert last is not None
    alone = trend_of([], last, months=12)
    assert months_of_trend(alone) is None
    assert months_of_trend(later.trend) is not None
    assert list(alone.frame.columns) == list(TREND_SPEC.names)


def test_the_remarks_of_a_reviewer_go_with_their_findings(later: va.Audit, tmp_path: Path) -> None:
    changes = later.changes
    assert changes is not None
    fixed = str(changes.having(State.FIXED)["finding_id"].iloc[0])
    still = str(changes.still_open["finding_id"].iloc[0])
    remarks = {name: Remark(finding_id=name, status="Open", note=f"about {name}") for name in (fixed, still)}
    rules = dataclasses.replace(later.rules, review=Review(remarks, "report.xlsx"))
    write_alone(dataclasses.replace(later, rules=rules).context, tmp_path / "next.xlsx", "Findings")
    workbook = openpyxl.load_workbook(tmp_path / "next.xlsx", read_only=True)
    header, *rows = workbook["Findings"].iter_rows(values_only=True)
    workbook.close()
    at = {name: header.index(name) for name in ("Finding ID", "Status", "Reviewer note")}
    notes = {row[at["Finding ID"]]: (row[at["Status"]], row[at["Reviewer note"]]) for row in rows}
    assert notes[fixed] == ("PASS", f"about {fixed}")
    assert notes[still] == ("FAIL", f"about {still}")


def test_the_executive_page_says_what_changed_in_one_line(later: va.Audit, written: Path) -> None:
    changes = later.changes
    assert changes is not None
    page = (written / "executive").read_text("utf-8")
    line = re.search(
        r"Since the report of [^<]+</h2>\s*<p><b>[\d,]+ fixed</b>[^\n]*\n<p class=\"soft\">([^<]+)\.", page
    )
    assert line is not None
    phrases = STATE_WORDS | {State.LOST_SIGHT: "lost from sight"}
    words = [f"{number(many)} {phrases[state]}" for state, many in changes.counts.items() if many]
    assert line[1].split(". ")[0] == ", ".join([*words, f"{number(len(changes.still_open))} failing as before"])


def test_every_report_says_when_and_since_when_of_each_cause(later: va.Audit, written: Path) -> None:
    causes = later.causes
    document = json.loads((written / "json").read_text("utf-8"))["causes"]
    assert [cause["urgency"] for cause in document] == causes["urgency"].tolist()
    page = Page((written / "html").read_text("utf-8"))
    rows = [row for table in page.tables if (table.id or "").startswith("table-causes") for row in table.rows[1:]]
    rows = [row for row in rows if len(row) > 1]  # what stands beneath a cause is one cell
    assert [row[-2] for row in rows] == causes["open_since"].str[:10].fillna("not known").tolist()
    assert [row[-1] for row in rows] == [
        due + (" overdue" if late else "") for due, late in zip(causes["due"], causes["overdue"], strict=True)
    ]
    for name in ("due", "overdue", "owner", "consequence"):
        shown = [None if pd.isna(value) else value for value in causes[name]]
        assert [cause[name] for cause in document] == shown
    known = causes["open_since"].dropna()
    assert set(known) == {"2026-10-02T06:00:00Z", "2026-11-01T06:00:00Z"}
    text = (written / "html").read_text("utf-8")
    for urgency in ("today", "this month", "later"):
        own = causes[causes["urgency"] == urgency]
        settles = f"{number(len(own))} causes, which settle {number(own['findings'].sum())} findings"
        assert re.search(rf"<b>{urgency.capitalize()}</b> {settles}", text), urgency


def test_every_result_of_a_compared_run_has_a_state_in_sarif(later: va.Audit, written: Path) -> None:
    document = json.loads((written / "sarif").read_text("utf-8"))
    assert sarif_faults(document) == []
    results = document["runs"][0]["results"]
    drift = [result for result in results if result["ruleId"].startswith("DRF")]
    assert {result["baselineState"] for result in drift} == {"new"}
    assert {result["baselineState"] for result in results} == {"new", "unchanged", "updated", "absent"}
