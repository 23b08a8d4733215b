"""summary.md, read by GitHub's own Markdown: the numbers of the run, and no text that became markup."""

from __future__ import annotations

import dataclasses
import html
import re
from collections.abc import Callable

import pytest
from cmarkgfm import cmark, github_flavored_markdown_to_html
from html_tags import Tags
from hypothesis import example, given
from hypothesis import strategies as st

from vbr_audit.display import number, percent, plain
from vbr_audit.pipeline import Audit
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.exports.encoding import code, pipe_table, text
from vbr_audit.reports.exports.markdown import MOST_CAUSES, summary_markdown
from vbr_audit.reports.words import STATUS_WORDS
from vbr_audit.vocabulary import SEVERITIES, STATUSES

MakeRun = Callable[..., ReportContext]
OURS = {"h1", "h2", "p", "strong", "ul", "li", "blockquote", "code", "table", "thead", "tbody", "tr", "th", "td"}
NASTY = (
    *("a|b", "a\\|b", "\\|", "|", "``|`", "`", "```", "a`b``c", "\\`", "\\", " ", "", "a\nb", "    indented"),
    *("*b*", "_i_", "__b__", "__init__", "snake_case_name", "~~s~~", "[x](y)", "![x](y)", "[^1]", "[x]: y", "$x$"),
    *("<b>", "<!-- x -->", "&lt;", "&#60;b&#62;", "{{7*7}}", "javascript:alert(1)", "https://evil.example"),
    *("www.evil.example", "a@evil.example", "@team", ":smile:", ":100:", "12:30", "a: b", "#12"),
    *("# h", "> q", "- l", "+ l", "1. l", "1) l", "---", "==="),
)


def rendered(markdown: str) -> Tags:
    return Tags(github_flavored_markdown_to_html(markdown, cmark.Options.CMARK_OPT_UNSAFE))


@example("a\\|b")
@given(st.text(st.sampled_from("ab1|\\`*_~[]()<>!#&;:@.-+=\n \"'/w{}$^"), max_size=12) | st.text(max_size=12))
def test_any_text_in_a_cell_stays_that_text(value: str) -> None:
    page = rendered(pipe_table(["A", "B"], [(value, "end"), ("next", value)]))
    assert page.tags <= OURS
    assert page.attributes <= {"align"}
    shown = " ".join(plain(value).split()) or "(empty)"
    assert [[" ".join(cell.split()) for cell in row] for row in page.cells[1:]] == [[shown, "end"], ["next", shown]]


@pytest.mark.parametrize("value", NASTY)
def test_nasty_text_is_no_markup_wherever_it_stands(value: str) -> None:
    for place in ("{}", "# {}", "- {}", "> - {}", "**Word:** {}", "| A |\n|---|\n| {} |"):
        for shown in (text(value), code(value)):
            page = rendered(place.format(shown))
            assert page.tags <= OURS, (place, shown, page.tags)
            assert page.attributes == set()


def test_harmless_text_is_left_as_it_is() -> None:
    for words in ("Payroll DB", "not in any backup", "snake_case_name", "26 October 2026, 17:49 (UTC+01:00)", "A & B"):
        assert text(words) == words


def test_the_hostile_corpus_becomes_no_markup(hostile_context: ReportContext, hostile_estate: Audit) -> None:
    for context in (hostile_context, hostile_estate.context):
        page = rendered(summary_markdown(context).decode())
        assert page.tags <= OURS
        assert page.attributes <= {"align"}
        assert "INCOMPLETE" in summary_markdown(context).decode() or not context.results.incomplete


def test_the_numbers_are_those_of_the_run(hostile_estate: Audit) -> None:
    context = hostile_estate.context
    markdown, summary = summary_markdown(context).decode(), context.summary
    rows = rendered(markdown).cells
    for status in STATUSES:
        assert [STATUS_WORDS[status], number(summary.counts[status])] in rows
    for area in summary.by_area:
        row = next(row for row in rows if row[0] == area.area)
        assert row[1:7] == [number(area.counts[status]) for status in STATUSES]
        assert row[7:] == [percent(area.compliance), percent(area.assessed)]
    assert f"- Compliance: {percent(summary.compliance)}, which" in markdown
    assert f"- Assessed: {percent(summary.assessed)}, which" in markdown
    for requirement in context.results.requirements.itertuples():
        named = [row for row in rows if row[2:3] == [requirement.requirement] and len(row) == 7]
        assert (requirement.judgement, requirement.answer) in [(row[4], row[5]) for row in named]
    failing, causes = summary.counts["FAIL"], context.results.causes
    assert len(causes) > MOST_CAUSES
    assert f"… {number(len(causes) - MOST_CAUSES)} more in the workbook, sheet Causes." in markdown
    assert f"## What fails ({number(failing)} findings, {number(len(causes))} causes)" in markdown
    settled = [row for row in rows if len(row) == 10 and row[0] in SEVERITIES]
    assert [(row[0], row[1], row[2], row[8]) for row in settled] == [
        (cause.severity, cause.due, cause.check_id, number(cause.findings))
        for cause in causes.head(MOST_CAUSES).itertuples()
    ]


def test_incomplete_evidence_comes_before_the_numbers(hostile_context: ReportContext) -> None:
    markdown = summary_markdown(hostile_context).decode()
    assert 0 < markdown.index("**INCOMPLETE:**") < markdown.index("## Numbers")


def test_a_run_where_all_is_well_says_so(context: ReportContext) -> None:
    findings = context.results.findings
    well = findings[findings["status"].eq("PASS")].reset_index(drop=True)
    results = dataclasses.replace(context.results, findings=well)
    markdown = summary_markdown(dataclasses.replace(context, results=results)).decode()
    assert "## What fails (0 findings, 0 causes)\n\nNothing fails." in markdown


def test_exceptions_are_counted_and_the_expired_named(context: ReportContext) -> None:
    markdown = html.unescape(summary_markdown(context).decode())
    assert re.search(r"- \d+ findings? (is|are) accepted\n- expired: W-2\n", markdown)
