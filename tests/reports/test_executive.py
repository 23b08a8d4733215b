"""One sheet of paper for a manager: the numbers of the summary, in lines that fit, safe and accessible."""

from __future__ import annotations

import dataclasses
import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from looking import html_faults, look_at, pdf_facts, pdf_text, print_to_pdf

from vbr_audit.display import number, percent
from vbr_audit.findings.gaps import Gap, GapKind
from vbr_audit.pipeline import Audit
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.formats import FORMATS
from vbr_audit.reports.html.example_run import example_context
from vbr_audit.reports.html.executive import LINE, MOST_LINES, MOST_RISKS, build_brief
from vbr_audit.reports.html.rendering import render_html

MakeRun = Callable[..., ReportContext]
NeedTool = Callable[..., str]


def page(context: ReportContext) -> str:
    return render_html(context, kind="executive")


def rows(text: str, name: str) -> list[list[str]]:
    """The cells of a table below its header, as a reader sees them."""
    found = re.search(rf'<table[^>]*id="{name}".*?</table>', text, re.DOTALL)
    assert found, name
    lines = re.findall(r"<tr>(.*?)</tr>", found.group(), re.DOTALL)[1:]
    cells = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", line, re.DOTALL) for line in lines]
    return [[html.unescape(re.sub(r"\s+", " ", re.sub("<[^>]+>", "", cell))).strip() for cell in row] for row in cells]


def test_the_numbers_are_those_of_the_summary(context: ReportContext) -> None:
    text, summary = page(context), context.summary
    assert summary.verdict.headline in html.unescape(text)
    assert re.findall(r"<li><b>([^<]+)</b>", text)[: len(context.tiles)] == [tile.value for tile in context.tiles]
    assert [row[1:] for row in rows(text, "table-areas")] == [
        [
            number(area.counts["FAIL"]),
            number(area.counts["WAIVED"]),
            number(area.counts["UNKNOWN"] + area.counts["ERROR"]),
            number(area.counts["PASS"]),
            percent(area.compliance),
        ]
        for area in summary.by_area
    ]


def test_the_worst_risks_come_first_over_all_servers(make_run: MakeRun) -> None:
    context = make_run(servers=("vbr01", "vbr02"))
    brief, failed = build_brief(context), context.results.failed
    assert len(brief.risks) + brief.more_risks == failed["check_id"].nunique()
    assert len(brief.risks) <= MOST_RISKS
    for risk in brief.risks:
        assert risk.failing == number(int((failed["check_id"] == risk.check_id).sum()))
        assert risk.remedy
    order = ["critical", "high", "medium", "low", "info"]
    ranks = [order.index(risk.badge.word) for risk in brief.risks]
    assert ranks == sorted(ranks)


def test_objects_of_an_unknown_population_are_told_so() -> None:
    brief = build_brief(example_context())
    assert "not known" in {risk.population for risk in brief.risks}


def test_protection_and_capacity_are_those_of_the_figures() -> None:
    context = example_context()
    brief, protection = build_brief(context), context.figures.protection
    assert [line.met for line in brief.digits] == [number(row.met) for row in protection.digits]
    assert brief.objects == "2 protected objects"
    assert brief.capacity.shown[-1] == "1 repository of unknown capacity"
    assert "4.0 % free of 1,000 GB" in brief.capacity.shown[0]


def test_exceptions_that_have_ended_or_soon_will() -> None:
    assert build_brief(example_context()).exceptions.shown == (
        "expired on 15 October 2026: W-2 for JOB-*, owner <b>Lab</b>",
        "ends on 20 November 2026: W-1 for JOB-*, owner Head of IT",
    )


def test_what_is_not_known_is_said(context: ReportContext) -> None:
    assert 'class="band"' not in page(context)
    text = page(example_context())
    assert text.index("This report is incomplete") < text.index("The identity of a server") < text.index('id="verdict"')
    brief = build_brief(example_context())
    assert brief.not_known.shown[0].startswith("Questions without an answer: Job settings ")
    gap = example_context().gaps[0]
    assert brief.incomplete.shown[0][:50] == gap.text[:50]
    assert brief.remedies == (gap.remedy,)
    assert f"What to do: {gap.remedy}" in text


def test_lists_are_cut_and_counted(context: ReportContext) -> None:
    long = "because " * 40
    gaps = tuple(Gap(GapKind.BROKEN, reason=f"check {number} broke {long}") for number in range(9))
    results = dataclasses.replace(context.results, gaps=gaps)
    brief = build_brief(dataclasses.replace(context, results=results))
    assert len(brief.incomplete.shown) == MOST_LINES
    assert all(len(line) <= LINE for line in brief.incomplete.shown)
    assert "and 5 more: see the full report" in page(dataclasses.replace(context, results=results))


def test_equal_runs_give_equal_bytes(make_run: MakeRun) -> None:
    assert page(make_run()) == page(make_run())


def test_nothing_runs_and_nothing_is_inline(context: ReportContext) -> None:
    text = page(context)
    assert "<script" not in text
    assert "script-src &#39;none&#39;" in text
    assert not re.search(r"<[^>]+\s(style|on\w+)=", text)


@pytest.mark.browser
@pytest.mark.parametrize("which", ["ordinary", "example", "hostile", "nothing"])
def test_it_is_safe_accessible_and_one_sheet(
    which: str,
    context: ReportContext,
    hostile_context: ReportContext,
    make_run: MakeRun,
    tmp_path: Path,
    need_tool: NeedTool,
) -> None:
    made = {
        "ordinary": lambda: context,
        "example": example_context,
        "hostile": lambda: hostile_context,
        "nothing": lambda: make_run(job_count=0, session_count=0, waivers=None),
    }[which]()
    path = tmp_path / "executive.html"
    FORMATS["executive"].write(made, path)
    seen = look_at(path, need_tool)
    assert (seen["dialogs"], seen["requests"], seen["csp"], seen["errors"]) == (0, [], [], [])
    assert seen["h1"] == 1
    for name, found in seen["looks"].items():
        assert found["violations"] == [], name
        assert found["overflow"] <= 0, name
    assert pdf_facts(print_to_pdf(path, need_tool), need_tool)["Pages"] == "1"


@pytest.mark.browser
def test_the_html_is_valid(hostile_context: ReportContext, tmp_path: Path, need_tool: NeedTool) -> None:
    paths = []
    for name, made in (("example", example_context()), ("hostile", hostile_context)):
        paths.append(tmp_path / f"{name}.html")
        paths[-1].write_text(page(made), encoding="utf-8")
    assert html_faults(paths, need_tool) == ""


@pytest.mark.browser
def test_a_whole_hostile_estate_fits_too(hostile_estate: Audit, tmp_path: Path, need_tool: NeedTool) -> None:
    path = tmp_path / "executive.html"
    FORMATS["executive"].write(hostile_estate.context, path)
    pdf = print_to_pdf(path, need_tool)
    facts: dict[str, Any] = pdf_facts(pdf, need_tool)
    assert (facts["Pages"], facts["Page size"].rpartition("(")[2]) == ("1", "A4)")
    assert percent(hostile_estate.summary.compliance) in pdf_text(pdf, need_tool)


def test_a_run_folder_lists_it_and_keeps_it(hostile_estate: Audit, tmp_path: Path) -> None:
    hostile_estate.write_outcome(tmp_path, formats=["executive", "json"])
    assert "  executive.html\n" in (tmp_path / "SHA256SUMS").read_text("utf-8")
    hostile_estate.write_outcome(tmp_path, formats=["json"])
    assert "  executive.html\n" in (tmp_path / "SHA256SUMS").read_text("utf-8"), "no format is deleted unasked"
