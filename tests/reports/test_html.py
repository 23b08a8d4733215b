"""The page as text: its policy, its numbers, its templates."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from core_checks import core_policy
from openpyxl import load_workbook

from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.display import number, percent
from vbr_audit.errors import TemplateError
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.html import page
from vbr_audit.reports.html.rendering import render_html
from vbr_audit.reports.record import cause_anchor
from vbr_audit.reports.template_folder import builtin_templates
from vbr_audit.reports.words import STATUS_WORDS
from vbr_audit.vocabulary import COUNT_COLUMNS

MakeRun = Callable[..., ReportContext]


@pytest.fixture(scope="module")
def text(context: ReportContext) -> str:
    return render_html(context)


def table(text: str, name: str) -> list[list[str]]:
    """The cells of a table, row by row, as a reader sees them."""
    found = re.search(rf'<table[^>]*id="{name}".*?</table>', text, re.DOTALL)
    assert found, name
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", found.group(), re.DOTALL)
    cells = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL) for row in rows]
    return [[html.unescape(re.sub(r"\s+", " ", re.sub("<[^>]+>", "", cell))).strip() for cell in row] for row in cells]


def test_the_policy_names_the_style_and_the_script_of_the_page(text: str) -> None:
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    policy = html.unescape(policy)
    for element, directive in (("style", "style-src"), ("script", "script-src")):
        (inside,) = re.findall(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy


def test_nothing_comes_from_elsewhere_and_nothing_is_inline(text: str) -> None:
    page_without_code = re.sub(r"<(style|script)>.*?</\1>", "", text, flags=re.DOTALL)
    assert not re.search(r"<[^>]+\s(style|on\w+)=", page_without_code)
    assert all(source.startswith("data:") for source in re.findall(r'(?:src|srcset)="([^"]+)"', text))
    assert set(re.findall(r'href="([^"]{1,5})', text)) <= {
        "#main",
        "#chec",
        "data:",
        *re.findall(r'href="(#[^"]{1,4})', text),
    }


def test_equal_runs_give_equal_bytes(text: str, make_run: MakeRun) -> None:
    assert render_html(make_run()) == text


def test_numbers_are_those_of_the_summary(text: str, context: ReportContext) -> None:
    summary = context.summary
    assert table(text, "status-counts")[1:] == [
        [row[0], number(summary.counts[status])]
        for row, status in zip(table(text, "status-counts")[1:], STATUS_WORDS, strict=True)
    ]
    assert {row[0]: row[1] for row in table(text, "severity-counts")[1:]} == {
        severity: number(failing) for severity, failing in summary.failing_by_severity.items()
    }
    tiles = re.findall(r"<li><b>([^<]+)</b>", text)
    assert tiles[:7] == [
        percent(summary.checks_share),
        percent(summary.compliance),
        number(len(context.results.causes)),
        number(context.figures.jobs_at_risk),
        number(summary.jobs_in_scope),
        percent(summary.success_rate),
        f"{summary.datasets_complete} of {summary.datasets_total}",
    ]


def test_rows_are_those_of_the_results(text: str, context: ReportContext) -> None:
    counts = context.summary.counts
    shown_findings = re.findall(r'<li id="f-([^"]+)"', text)
    assert sorted(shown_findings) == sorted(context.results.failed["finding_id"])
    assert sum(int(row[3]) for row in table(text, "table-questions")[1:]) == counts["UNKNOWN"] + counts["ERROR"]
    assert len(table(text, "table-accepted")) - 1 == counts["WAIVED"]
    coverage = context.results.coverage
    shown = table(text, "table-checks")[1:]
    assert [[row[2], *row[4:10]] for row in shown] == [
        [number(record[name]) for name in ("population", *COUNT_COLUMNS)] for record in coverage.to_dict("records")
    ]
    causes = context.results.causes
    names = re.findall(r'<table[^>]*id="(table-causes-[^"]+)"', text)
    groups = [[row for row in table(text, name)[1:] if len(row) > 1] for name in names]
    assert len(groups) == causes["urgency"].nunique()
    assert [[row[0], row[3], row[4], *row[6:8]] for rows in groups for row in rows] == [
        [cause.severity, number(cause.findings), number(cause.objects), "not named", "not known"]
        for cause in causes.itertuples()
    ]
    assert [row[8] for rows in groups for row in rows] == causes["due"].tolist()
    for row, told in zip((row for rows in groups for row in rows), causes["consequence"], strict=True):
        assert told in row[1]
    assert int(causes["findings"].sum()) == counts["FAIL"]
    for row, inside in re.findall(r'<tr id="(c-[^"]+)".*?<ul>(.*?)</ul>', text, re.DOTALL):
        own = context.results.failed
        own = own[own["cause"].map(cause_anchor) == row]
        assert re.findall(r'<li id="f-([^"]+)"', inside) == own["finding_id"].tolist()
    short = re.findall(r'<li><span class="chip.*?<a href="#[^"]+">([^<]+)</a> ([^<]+)', text)
    failing = coverage[coverage["fail"] > 0]
    assert sorted((check, html.unescape(sentence).strip()) for check, sentence in short) == sorted(
        (check, context.results.failures.of_server(check, server))
        for check, server in zip(failing["check_id"].tolist(), failing["server"].tolist(), strict=True)
    )
    assert not [title for title in failing["title"] if title in text[text.index('id="wrong"') : text.index("</table>")]]


def test_provenance_is_readable_in_full(text: str, context: ReportContext) -> None:
    for record in context.manifest.datasets:
        assert str(record.sha256) in text
        assert record.path in text
    assert "Every dataset that the checks need was read whole." in text


def test_notes_and_waivers_are_told(text: str) -> None:
    assert "words that no known revision lists in state: Dreaming (3×)" in text
    assert "Head of IT" in text


def test_a_whole_run_has_no_band(text: str) -> None:
    assert 'class="band"' not in text


def test_an_incomplete_run_says_so_loudly(make_run: MakeRun) -> None:
    context = make_run(changes={"sessions": {"status": "denied", "reason": "role too low", "sha256": None}})
    text = render_html(context)
    assert context.results.incomplete
    assert "This report is incomplete" in text
    assert "no answer to hash" in text
    assert text.index("This report is incomplete") < text.index('id="verdict"')


def test_an_unverified_server_is_told_loudly(make_run: MakeRun) -> None:
    text = render_html(make_run(tls="NOT VERIFIED (--insecure)"))
    assert "The identity of a server was not verified" in text


def test_a_cut_table_says_so(context: ReportContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MAX_WIDE_ROWS", 5)
    text = render_html(context)
    assert text.count('<tr id="c-') == 5
    causes = context.results.causes
    assert f"Showing 5 of {len(causes)}, worst first. The full list is in the workbook, sheet Causes." in text
    hidden = set(causes["urgency"]) - set(causes["urgency"].head(5))
    assert text.count("All of them are in the workbook, sheet Causes.") == len(hidden)


def test_a_cut_table_names_a_sheet_of_the_workbook(workbook: Path) -> None:
    pages = [
        path for path in builtin_templates().rglob("*.j2") if path.name != "fleet.html.j2"
    ]  # it has its own workbook
    templates = "".join(path.read_text("utf-8") for path in pages)
    named = set(re.findall(r'cut\([\w.]+, "([^"]+)"\)', templates)) | set(re.findall(r"sheet ([A-Z]\w+)\.", templates))
    assert {"Findings", "Jobs", "Runs of jobs"} <= named
    book = load_workbook(workbook, read_only=True)
    book.close()
    assert named <= set(book.sheetnames)


def test_a_long_table_says_how_much_of_it_is_on_paper(make_run: MakeRun) -> None:
    text = render_html(make_run(job_count=60, session_count=page.PRINT_ROWS + 5))
    assert text.count('<tr class="late">') >= 5
    assert f"On paper: the first {page.PRINT_ROWS} of {page.PRINT_ROWS + 5}." in text


def test_what_rest_cannot_show_is_always_told(text: str) -> None:
    limits = text[text.index('id="limits"') : text.index('id="access"')]
    for word in ("Tape", "CDP", "SureBackup", "Cloud Connect"):
        assert word in limits


def test_equal_questions_stand_together(make_run: MakeRun) -> None:
    rows = table(render_html(make_run(job_count=240)), "table-questions")[1:]
    (row,) = [row for row in rows if "ProxmoxBackup" in row[1]]
    assert row[4].endswith("and 28 more")


def test_a_run_with_nothing_in_it(context: ReportContext) -> None:
    from vbr_audit.findings import evaluate
    from vbr_audit.reports.context import build_context

    empty = Snapshot.from_tables(
        {}, now=context.snapshot.now, since=context.snapshot.since, until=context.snapshot.until
    )
    text = render_html(build_context(empty, evaluate(empty, core_policy())))
    assert "no server" in text
    assert "No finding fails." in text
    assert re.findall(r'<figure id="chart-(\w+)">', text) == ["areas"]
    assert "No job is in scope." in text
    assert "This run has no waivers of its own." in text


def test_a_server_without_jobs(run_of: MakeRun) -> None:
    text = render_html(run_of(job_count=0, session_count=0, waivers=None))
    assert "What was checked, and of how many" in text


def test_text_that_steers_is_shown(hostile_context: ReportContext) -> None:
    text = render_html(hostile_context)
    assert "<script>alert" not in text
    assert "49" not in re.findall(r"<h1>(.*?)</h1>", text)[0]
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", text)
    assert "␛[31m" in text
    assert "⟨U+202E⟩" in text


def test_long_and_empty_names(make_run: MakeRun) -> None:
    names = iter(["", " ", "n" * 300, "🚀" * 40] * 500)
    text = render_html(make_run(word=lambda word: next(names) if word in {"Payroll DB", "Files HQ"} else word))
    assert "n" * 300 in text


def test_a_users_template_extends_the_built_in_one(context: ReportContext, tmp_path: Path) -> None:
    (tmp_path / "compliance.html.j2").write_text(
        '{% extends "builtin:compliance.html.j2" %}{% block summary %}<p>Ours & yours: {{ report.title }}</p>'
        "{{ super() }}{% endblock %}",
        encoding="utf-8",
    )
    (tmp_path / "style.css").write_text("body { color: #123456; }", encoding="utf-8")
    text = render_html(context, tmp_path)
    assert "<p>Ours & yours: Backup compliance, October 2026</p>" in text
    assert "<style>body { color: #123456; }\n" in text
    assert "What is wrong" in text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ report.titel }}", "compliance.html.j2:1: .*titel"),
        ("\n\n{% if %}", "compliance.html.j2:3"),
        ('{% extends "nothing.html.j2" %}', "no template called 'nothing.html.j2'"),
        ("{{ ''.__class__.__mro__ }}", "compliance.html.j2:1: .*unsafe"),
    ],
)
def test_a_wrong_template_is_named_with_its_line(
    context: ReportContext, tmp_path: Path, template: str, message: str
) -> None:
    (tmp_path / "compliance.html.j2").write_text(template, encoding="utf-8")
    with pytest.raises(TemplateError, match=message):
        render_html(context, tmp_path)


def test_a_style_that_would_end_its_element(context: ReportContext, tmp_path: Path) -> None:
    (tmp_path / "style.css").write_text("</style>", encoding="utf-8")
    with pytest.raises(TemplateError, match=r"style\.css"):
        render_html(context, tmp_path)


def test_a_folder_of_templates_that_is_not_there(context: ReportContext, tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="no folder of templates"):
        render_html(context, tmp_path / "none")


def test_no_name_in_a_table_is_ever_nan(text: str) -> None:
    assert not re.search(r">(nan|None|<NA>|NaT)<", text)


def test_a_name_of_blanks_is_seen_and_no_link_is_without_words(make_run: MakeRun) -> None:
    blank = render_html(make_run(job_count=2, session_count=2, word=lambda text: " ", waivers=None))
    assert "(blank)" in blank
    assert re.findall(r"<(?:a|b)(?: [^>]*)?>\s*</(?:a|b)>", blank) == []
