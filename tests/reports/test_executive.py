"""One sheet of paper for a manager: the numbers of the summary, in lines that fit, safe and accessible."""

from __future__ import annotations

import dataclasses
import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from looking import look_at, pdf_facts, pdf_text, print_to_pdf, too_wide

from vbr_audit.display import count, number, percent
from vbr_audit.findings.gaps import Gap, GapKind
from vbr_audit.pipeline import Audit
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.formats import FORMATS
from vbr_audit.reports.html.board import MOST_RISKS
from vbr_audit.reports.html.example_run import example_context
from vbr_audit.reports.html.executive import MOST_GAP, MOST_LINES, build_brief
from vbr_audit.reports.html.rendering import render_html

MakeRun = Callable[..., ReportContext]
NeedTool = Callable[..., str]


def page(context: ReportContext) -> str:
    return render_html(context, kind="executive")


def test_the_numbers_are_those_of_the_summary(context: ReportContext) -> None:
    text, summary = page(context), context.summary
    assert summary.verdict.headline in html.unescape(text)
    assert re.findall(r"<li><b>([^<]+)</b>", text)[: len(context.tiles)] == [tile.value for tile in context.tiles]
    assert f"Rating <b>{summary.rating.told}</b>" in text
    assert summary.rating.reason in html.unescape(text)
    open_questions = summary.counts["UNKNOWN"] + summary.counts["ERROR"]
    assert f"{count(open_questions, 'question')} without an answer" in text


def test_the_worst_risks_come_first_over_all_servers(make_run: MakeRun) -> None:
    context = make_run(servers=("vbr01", "vbr02"))
    brief, causes = build_brief(context), context.results.causes
    groups = causes.groupby(["severity", "check_id"])
    assert len(brief.risks) == min(groups.ngroups, MOST_RISKS)
    for risk in brief.risks:
        own = groups.get_group((risk.badge.word, risk.check_id))
        assert risk.causes == count(len(own), "cause")
        assert risk.consequence
        assert risk.owner
    order = ["critical", "high", "medium", "low", "info"]
    ranks = [order.index(risk.badge.word) for risk in brief.risks]
    assert ranks == sorted(ranks)


def test_a_risk_counts_only_the_causes_of_its_own_severity(context: ReportContext) -> None:
    """A check with one critical object among many lesser ones is one critical cause, not many."""
    findings = context.results.failed
    check = findings["check_id"].value_counts().index[0]
    several = findings[findings["check_id"] == check]
    words = ["critical", *["low"] * (len(several) - 1)]
    lone = several.assign(severity=pd.array(words, dtype=several["severity"].dtype))
    brief = build_brief(dataclasses.replace(context, results=dataclasses.replace(context.results, findings=lone)))
    assert len(several) > 1
    assert [(risk.badge.word, risk.causes) for risk in brief.risks] == [
        ("critical", "1 cause"),
        ("low", count(len(several) - 1, "cause")),
    ]


def test_protection_and_capacity_are_those_of_the_figures() -> None:
    context = example_context()
    brief, protection = build_brief(context), context.figures.protection
    assert [line.met for line in brief.digits] == [number(row.met) for row in protection.digits]
    assert brief.objects == "2 protected objects"
    assert brief.capacity.shown[-1] == "1 repository of unknown capacity"
    assert "4.0 % free of 1,000.0 GiB" in brief.capacity.shown[0]


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
    assert re.match(r"\d+ questions without an answer: Job settings \d+", brief.not_known[0])
    assert brief.not_known[-1].startswith("Tape jobs, media and libraries")
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
    assert all(len(line) <= MOST_GAP for line in brief.incomplete.shown)
    assert "and 5 more: see the full report" in page(dataclasses.replace(context, results=results))


def test_equal_runs_give_equal_bytes(make_run: MakeRun) -> None:
    assert page(make_run()) == page(make_run())


def test_nothing_runs_and_nothing_is_inline(context: ReportContext) -> None:
    text = page(context)
    assert "<script" not in text
    assert "script-src &#39;none&#39;" in text
    assert not re.search(r"<[^>]+\s(style|on\w+)=", text)


LONG = "漢W" * 250
"""A name of 500 letters without a place to break it, all of them wide."""
WIDTHS = [320, 390, 768, 1000, 1280, 1920]


@pytest.fixture(scope="session")
def crowded(make_run: MakeRun) -> ReportContext:
    """Twenty servers, of which every name is long and nothing could be read whole, with 10,000 findings."""
    denied = {"status": "denied", "reason": LONG}
    made = make_run(
        servers=[f"vbr{place:02}" for place in range(20)],
        job_count=1,
        session_count=2,
        word=lambda text: f"{text}{LONG}"[:500],
        changes=dict.fromkeys(("backups", "restore_points", "sessions", "job_states"), denied),
        tls="NOT VERIFIED (--insecure)",
        title=LONG,
    )
    findings = made.results.findings
    copies = [
        findings.assign(**{name: findings[name] + f"-{copy}" for name in ("finding_id", "cause", "object_id")})
        for copy in range(10_000 // len(findings) + 1)
    ]
    results = dataclasses.replace(made.results, findings=pd.concat(copies, ignore_index=True))
    return dataclasses.replace(made, results=results)


@pytest.fixture(scope="session")
def pages(
    tmp_path_factory: pytest.TempPathFactory,
    context: ReportContext,
    hostile_context: ReportContext,
    crowded: ReportContext,
    make_run: MakeRun,
) -> dict[str, Path]:
    """The executive pages of estates of every kind."""
    made = {
        "ordinary": context,
        "example": example_context(),
        "hostile": hostile_context,
        "nothing": make_run(job_count=0, session_count=0, waivers=None),
        "crowded": crowded,
    }
    folder = tmp_path_factory.mktemp("executive")
    for name, one in made.items():
        FORMATS["executive"].write(one, folder / f"{name}.html")
    return {name: folder / f"{name}.html" for name in made}


def test_the_crowded_estate_is_crowded(crowded: ReportContext) -> None:
    assert len(crowded.results.findings) > 10_000
    assert len(crowded.unverified) == 20


@pytest.mark.browser
def test_nothing_scrolls_at_any_width(pages: dict[str, Path], need_tool: NeedTool) -> None:
    assert too_wide(list(pages.values()), WIDTHS, need_tool) == {path.name: {} for path in pages.values()}


@pytest.mark.browser
@pytest.mark.parametrize("which", ["ordinary", "example", "hostile", "nothing", "crowded"])
def test_it_is_safe_accessible_and_one_sheet(which: str, pages: dict[str, Path], need_tool: NeedTool) -> None:
    path = pages[which]
    seen = look_at(path, need_tool)
    assert (seen["dialogs"], seen["requests"], seen["csp"], seen["errors"]) == (0, [], [], [])
    assert seen["h1"] == 1
    for name, found in seen["looks"].items():
        assert found["violations"] == [], name
        assert found["overflow"] <= 0, name
    facts = pdf_facts(print_to_pdf(path, need_tool), need_tool)
    assert (facts["Pages"], facts["Page size"].rpartition("(")[2]) == ("1", "A4)")


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
