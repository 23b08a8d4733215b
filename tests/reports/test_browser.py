"""The page in a real Chromium: nothing runs, nothing is asked for, everybody can read it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from compared_runs import compared_demo
from looking import NeedTool, first_screen, html_faults, look_at, too_wide
from made_fleet import many_servers
from shared import artefact

from vbr_audit.fleets.reporting import write_fleet
from vbr_audit.reports.charts.chart_list import chart_plans
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.html.example_run import example_context
from vbr_audit.reports.html.rendering import render_html
from vbr_audit.reports.notebook import audit_html

pytestmark = pytest.mark.browser

MakeRun = Callable[..., ReportContext]
Look = Callable[..., Any]
FEW = 20
"""Rows of a table, where nothing depends on their number."""


@pytest.fixture(scope="module")
def look(need_tool: NeedTool, tmp_path_factory: pytest.TempPathFactory) -> Look:
    """Open a page in Chromium and tell what happened."""

    def look_at_text(html: str, *looks: str, **options: bool) -> Any:
        page = tmp_path_factory.mktemp("page") / "report.html"
        page.write_text(html, encoding="utf-8")
        return look_at(page, need_tool, *looks, **options)

    return look_at_text


def few_rows(patch: pytest.MonkeyPatch) -> None:
    """Show so few rows of each table that a browser judges a page in a third of the time."""
    for limit in ("MAX_ROWS", "MAX_WIDE_ROWS"):
        patch.setattr(f"vbr_audit.reports.html.page.{limit}", FEW)


@pytest.fixture(scope="module")
def pages(
    tmp_path_factory: pytest.TempPathFactory, context: ReportContext, hostile_whole_context: ReportContext
) -> dict[str, Path]:
    """The pages that several tests look at."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "ordinary.html").write_text(render_html(context), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        few_rows(patch)
        (folder / "hostile.html").write_text(render_html(hostile_whole_context), encoding="utf-8")
    own = {path.stem: path for path in folder.glob("*.html")}
    return own | {"compared": artefact(tmp_path_factory, compared_demo, "html")}


@pytest.fixture(scope="module")
def ordinary(need_tool: NeedTool, pages: dict[str, Path]) -> Any:
    """What happened with the page of an ordinary run."""
    return look_at(pages["ordinary"], need_tool)


def assert_harmless(seen: Any) -> None:
    """Nothing ran and nothing was asked for, and in no look it is wider than the window."""
    assert seen["dialogs"] == 0
    assert seen["requests"] == []
    assert seen["csp"] == []
    assert seen["errors"] == []
    assert seen["looks"]
    for name, found in seen["looks"].items():
        assert found["overflow"] <= 0, name


def assert_harmless_and_readable(seen: Any) -> None:
    """The same, and everybody can read it: in light by all rules, in dark by those that read colours."""
    assert_harmless(seen)
    for name, found in seen["looks"].items():
        assert found["violations"] == [], name
        assert "color-contrast" in found["passes"], name
        assert len(found["passes"]) > (0 if name.startswith("dark") else 5), name


DIM = """<!doctype html><html lang="en"><head><title>Dim</title><link rel="icon" href="data:,"><style>
:root { color-scheme: light dark } body { color: #111; background: #fff } .last { color: #222 }
@media (prefers-color-scheme: dark) { body { color: #eee; background: #111 } }
</style></head><body><main><h1>Dim</h1><div role="button"></div><table><tbody>
%s<tr><td class="last">dim</td></tr></tbody></table></main></body></html>"""
FINE = '<tr><td>fine</td><td><a href="#a">fine</a></td><td id="a"><button>a wide one</button></td></tr>'
UNNAMED = '<tr><td>fine</td><td><a href="#a"></a></td><td><button></button></td></tr>'
TIGHT = "<tr><td>fine</td><td></td><td><button>1</button><button>2</button></td></tr>"


def test_what_is_wrong_in_one_row_of_many_is_found(look: Look) -> None:
    rows = FINE + FINE.replace(' id="a"', "") * 8
    page = DIM.replace('<div role="button"></div>', "").replace(' class="last"', ' role="none" aria-labelledby="b"')
    small = "<style>button { padding: 0; border: 0; margin: 0; width: 60px; height: 30px } td { padding: 9px }"
    small += "button:only-child:empty { width: 30px } td > button:nth-child(n):not(:only-child) { width: 12px }</style>"
    seen = look(
        (page % (rows + UNNAMED + rows.replace('"a"', '"c"') + TIGHT)).replace("</head>", f"{small}</head>"), acts=False
    )
    assert seen["errors"] == ["b is the id of nothing"]
    for name in ("light", "phone"):
        found = {told.partition(":")[0] for told in seen["looks"][name]["violations"]}
        assert found >= {"link-name", "button-name", "target-size"}, name
    assert look(DIM % (FINE * 2), "light", rules=False, acts=False)["errors"] == ["a is the id of several"]


def test_what_nobody_could_read_is_found_below_rows_that_are_fine(look: Look) -> None:
    looks = look(DIM % ("<tr><td>fine</td></tr>" * 9), acts=False)["looks"]
    for name, rule in (("light", "aria-command-name"), ("dark", "color-contrast")):
        for found in (looks[name], looks["phone" if name == "light" else "dark phone"]):
            assert [told.partition(":")[0] for told in found["violations"]] == [rule]
    assert "dim" in looks["dark"]["violations"][0]


def test_an_ordinary_run(ordinary: Any, context: ReportContext) -> None:
    seen = ordinary
    assert_harmless_and_readable(seen)
    assert seen["h1"] == 1
    assert seen["title"] == "Backup compliance, October 2026 · vbr01.example · 1 to 31 October 2026 (Europe/Berlin)"
    assert all(drawn and len(alt) > 30 for drawn, alt in seen["images"])
    assert len(seen["images"]) == len(chart_plans(context))
    assert seen["keys"] == {"first": "skip", "hash": "#main"}
    assert seen["parts"]["revealed"]
    assert seen["parts"]["states"] == [seen["parts"]["total"], 0]


def test_sort_and_filter(ordinary: Any, context: ReportContext) -> None:
    tools = ordinary["tools"]
    assert sorted(tools["sorted"]) == sorted(tools["before"])
    assert [name.casefold() for name in tools["sorted"]] == sorted(name.casefold() for name in tools["before"])
    assert tools["reversed"][0] == tools["sorted"][-1]
    assert (tools["ascending"], tools["descending"]) == ("ascending", "descending")
    causes = context.results.causes
    later = causes[causes["urgency"] == "later"]
    expected = int((later["check_id"] == "JOB-008").sum())
    assert 0 < expected == tools["shown"] < len(later)
    assert tools["status"] == f"{expected} of {len(later)} shown"


def test_everything_is_there_without_script(ordinary: Any, context: ReportContext) -> None:
    seen = ordinary
    assert seen["silentButtons"] == 0
    assert seen["silentReveal"]
    assert seen["silentBeneath"]
    assert context.summary.verdict.headline in seen["silentText"]
    for finding_id in context.results.failed["finding_id"]:
        assert finding_id in seen["silentText"]


def test_a_whole_estate_with_hostile_text_in_every_field(
    need_tool: NeedTool, pages: dict[str, Path], hostile_whole_context: ReportContext
) -> None:
    plans = chart_plans(hostile_whole_context)
    assert {"calendar", "capacity", "durations", "protection", "trend"} <= {plan.name for plan in plans}
    seen = look_at(pages["hostile"], need_tool)
    assert_harmless_and_readable(seen)
    assert "<script>alert(1)</script>" in seen["silentText"]
    assert all(drawn and len(alt) > 30 for drawn, alt in seen["images"])


def test_the_html_is_valid(
    need_tool: NeedTool, tmp_path: Path, pages: dict[str, Path], hostile_context: ReportContext
) -> None:
    """Of the executive page and that of a fleet too: the checker takes longer to start than to read a page."""
    paths = [pages["ordinary"], pages["hostile"], tmp_path / "fleet.html"]
    write_fleet(many_servers(8, tenants=2, missing={1: "timed out"}), tmp_path)
    for name, shown in (("executive", example_context()), ("executive-hostile", hostile_context)):
        paths.append(tmp_path / f"{name}.html")
        paths[-1].write_text(render_html(shown, kind="executive"), encoding="utf-8")
    assert html_faults(paths, need_tool) == ""


def test_a_page_at_its_row_limit(look: Look, make_run: MakeRun) -> None:
    """It is small enough to open and to sort; that everybody can read it is judged at a limit of a few rows, below."""
    context = make_run(job_count=480, session_count=600)
    page = render_html(context)
    assert "Showing 500 of" in page
    assert len(page.encode()) <= 2_000_000
    seen = look(page, "light", "phone", rules=False, silence=False)
    assert_harmless(seen)
    assert len(seen["tools"]["before"]) == rows_of_last_table(500, context)


def rows_of_last_table(limit: int, context: ReportContext) -> int:
    """How many rows the last table of causes has: all of its urgency among the first `limit`."""
    shown = context.results.causes.head(limit)["urgency"]
    return int((shown == shown.iloc[-1]).sum())


def test_an_incomplete_run_of_two_servers_that_asked_for_every_dataset_and_shows_a_few_rows(
    look: Look,
    make_run: MakeRun,
    everything_asked: Callable[[ReportContext], ReportContext],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = make_run(
        servers=("vbr01", "vbr02"),
        tls="NOT VERIFIED (--insecure)",
        changes={"sessions": {"status": "partial", "reason": "90 of 307 rows"}},
    )
    context = everything_asked(made)
    few_rows(monkeypatch)
    page = render_html(context)
    for text in (f"Showing {FEW} of", "90 of 307 rows", "NOT VERIFIED", "is denied to this account"):
        assert text in page
    assert_harmless_and_readable(look(page, acts=False))
    table = re.findall(r'<table[^>]* id="table-causes.*?</table>', page, re.DOTALL)[-1]
    rows = re.findall(r"<tr(?! class=\"under)[ >]", table.partition("<tbody")[2])
    assert len(rows) == rows_of_last_table(FEW, context)


@pytest.mark.parametrize(("scheme", "ink", "paper"), [("light", "#111", "#fff"), ("dark", "#eee", "#111")])
def test_the_notebook_fragment(look: Look, hostile_context: ReportContext, scheme: str, ink: str, paper: str) -> None:
    frame = (
        f'<!doctype html><html lang="en"><head><title>{scheme}</title><link rel="icon" href="data:,">'
        f"<style>body{{color:{ink};background:{paper}}}</style></head><body><main><h1>Notebook</h1>"
    )
    assert_harmless_and_readable(
        look(f"{frame}<div>{audit_html(hostile_context)}</div></main></body></html>", acts=False)
    )


FIRST = ("h1", ".lede", "#verdict", ".worst > p", ".bars", '.first a[href="#since"]')
"""In the order in which they stand."""


def test_the_first_screen_says_verdict_trend_changes_and_the_worst_causes(
    need_tool: NeedTool, pages: dict[str, Path]
) -> None:
    for seen in first_screen(pages["compared"], need_tool, *FIRST):
        counts = {selector: len(bottoms) for selector, bottoms in seen["bottoms"].items()}
        assert counts == {**dict.fromkeys(FIRST, 1), ".worst > p": 3}
        lowest = [max(bottoms) for bottoms in seen["bottoms"].values()]
        assert lowest == sorted(lowest)
        assert lowest[-1] <= seen["height"], seen


WIDTHS = [320, 390, 768, 1000, 1280, 1920]


def test_nothing_is_wider_than_its_page_at_any_width(need_tool: NeedTool, pages: dict[str, Path]) -> None:
    files = list(pages.values())
    assert too_wide(files, WIDTHS, need_tool, scrolls=".scroll") == {path.name: {} for path in files}
