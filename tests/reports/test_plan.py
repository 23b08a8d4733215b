"""The plan on the page: groups by urgency, findings beneath their cause, many of them, none, long and turned names."""

from __future__ import annotations

import dataclasses
import html
import re

import numpy as np
import pandas as pd
import pytest

from vbr_audit.findings.results import DUE_DAYS, URGENCIES, Planning
from vbr_audit.reports.context import ReportContext, build_context
from vbr_audit.reports.figures.month_trend import MonthTrend
from vbr_audit.reports.html.first_screen import trend_line
from vbr_audit.reports.html.page import MOST_BENEATH, Page, build_page
from vbr_audit.reports.html.rendering import render_html
from vbr_audit.tables.build.arrays import STRING

MANY = 10_000
LONG = "Zahlungsverkehr" * 34
TURNED = "\u05e9\u05e8\u05ea \u202e<b>gnp.exe"


def with_failing(context: ReportContext, failing: pd.DataFrame, owners: pd.Series | None = None) -> ReportContext:
    """The run with these failing findings and no others."""
    results = context.results
    others = results.findings[(results.findings["status"] != "FAIL").to_numpy(dtype=bool)]
    planning = results.planning
    if owners is not None:
        planning = Planning(planning.now, planning.zone, owners)
    findings = pd.concat([failing, others], ignore_index=True)
    counts = results.coverage["check_id"].map(failing["check_id"].value_counts()).fillna(0).astype("Int64")
    changed = dataclasses.replace(
        results, findings=findings, planning=planning, coverage=results.coverage.assign(fail=counts)
    )
    return build_context(context.snapshot, changed, title=context.title)


def repeated(context: ReportContext, times: int, **told: str) -> pd.DataFrame:
    """The first failing finding so often, each about an object of its own, of one cause."""
    rows = context.results.failed.iloc[np.zeros(times, dtype=int)].reset_index(drop=True)
    ids = pd.Series([f"{place:016x}" for place in range(times)], dtype=STRING)
    return rows.assign(finding_id=ids, object_id="o-" + ids, object_name="machine " + ids, **told)


@pytest.fixture(scope="module")
def crowded(context: ReportContext) -> Page:
    return build_page(with_failing(context, repeated(context, MANY)))


def test_of_very_many_findings_of_one_cause_the_first_stand_beneath_it(crowded: Page) -> None:
    (cause,) = crowded.causes.rows
    assert (cause.findings, cause.objects) == ("10,000", "10,000")
    assert (len(cause.listed.rows), cause.listed.total, cause.listed.is_cut) == (MOST_BENEATH, MANY, True)
    assert crowded.wrong.total == MANY
    assert [part.causes for part in crowded.plan if part.causes] == [1]


def test_one_cause_with_a_long_and_a_turned_name(context: ReportContext) -> None:
    rows = repeated(context, MOST_BENEATH + 1, cause_name=LONG)
    rows["object_name"] = TURNED
    owners = pd.Series([f"Owner <i>{place}" for place in range(5)], index=rows["finding_id"].head(5), dtype=STRING)
    text = render_html(with_failing(context, rows, owners))
    assert f"<b>{LONG}</b>" in text
    assert "<b>gnp" not in text
    assert "\u202e" not in text
    assert text.count('<li id="f-') == MOST_BENEATH
    assert f"The first {MOST_BENEATH} of {MOST_BENEATH + 1}. All of them are in the workbook, sheet Findings." in text
    assert "Owner &lt;i&gt;0, Owner &lt;i&gt;1, Owner &lt;i&gt;2 and 2 more" in text
    assert len(re.findall('<table[^>]*id="table-causes-', text)) == 1
    assert ", due 1 day after it began" in text or "days after it began" in text


def test_nothing_fails(context: ReportContext) -> None:
    text = render_html(with_failing(context, context.results.failed.head(0)))
    assert "No finding fails." in text
    assert 'id="table-causes' not in text
    assert 'class="worst"' not in text
    assert 'href="#causes"' not in text


def test_the_rule_of_urgency_and_days_is_told_on_the_page(context: ReportContext) -> None:
    text = html.unescape(render_html(context))
    for urgency, severities in URGENCIES.items():
        assert f"{', '.join(severities)}: {urgency}" in text
        assert f"({urgency})" in text
        assert re.search(rf"\b{DUE_DAYS[urgency]} days? \({urgency}\)", text)


def months(*totals: int | None, marks: tuple[str, ...] = ()) -> MonthTrend:
    names = tuple(f"M{place}" for place in range(len(totals)))
    known = tuple(total is not None for total in totals)
    marks = marks or ("",) * len(totals)
    return MonthTrend(
        names, known, ratings=(None,) * len(totals), causes=(("high", totals),), shares=(), marks=marks, beside=0
    )


@pytest.mark.parametrize(
    ("totals", "bars", "told"),
    [
        ((4, None, 8, 0), "▅·█▁", "Fewer causes than in M2: 0 now, 8 then, 4 in M0"),
        ((1, 1200), "▁█", "More causes than in M0: 1,200 now, 1 then"),
        ((0, 0), "▁▁", "As many causes as in M0: 0 now, 0 then"),
    ],
)
def test_the_trend_in_a_line_has_gaps_and_no_zero_for_a_month_without_a_run(
    totals: tuple[int | None, ...], bars: str, told: str
) -> None:
    line = trend_line(months(*totals))
    assert line is not None
    assert (line.bars, line.text) == (bars, told)
    assert trend_line(None) is None
    assert trend_line(months(None, 5)) is None
    assert trend_line(months(3, 5, None)) is None


def test_the_trend_says_what_else_changed_since_the_run_before() -> None:
    line = trend_line(months(9, 4, None, 6, marks=("", "version", "policy", "policy, version")))
    assert line is not None
    assert line.text.endswith("6 now, 4 then, 9 in M0; the policy and the version changed in between")
    line = trend_line(months(9, 4, 6, marks=("", "policy", "")))
    assert line is not None
    assert "changed" not in line.text
