"""The page in a real Chromium: nothing runs, nothing is asked for, everybody can read it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.html import render_html
from vbr_audit.reports.notebook import audit_html

pytestmark = pytest.mark.browser

BROWSER = Path(__file__).parents[1] / "browser"
MakeRun = Callable[..., ReportContext]
Look = Callable[[str], Any]


@pytest.fixture(scope="module")
def look(need_tool: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Look:
    """Open a page in Chromium and tell what happened."""
    chromium = need_tool("chromium", "chromium-browser", "google-chrome")
    node = need_tool("node")
    need_tool(str(BROWSER / "node_modules" / "axe-core"))
    need_tool(str(BROWSER / "node_modules" / "playwright-core"))

    def look_at(html: str) -> Any:
        page = tmp_path_factory.mktemp("page") / "report.html"
        page.write_text(html, encoding="utf-8")
        done = subprocess.run(
            [node, str(BROWSER / "look_at_page.mjs"), chromium, str(page)],
            capture_output=True,
            timeout=300,
            check=False,
            env=dict(os.environ),
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return json.loads(done.stdout)

    return look_at


@pytest.fixture(scope="module")
def ordinary(look: Look, context: ReportContext) -> Any:
    """What happened with the page of an ordinary run."""
    return look(render_html(context))


def assert_harmless_and_readable(seen: Any) -> None:
    assert seen["dialogs"] == 0
    assert seen["requests"] == []
    assert seen["csp"] == []
    assert seen["errors"] == []
    for name, found in seen["looks"].items():
        assert found["violations"] == [], name
        assert found["passes"] > 5
        assert found["overflow"] <= 0, name


def test_an_ordinary_run(ordinary: Any) -> None:
    seen = ordinary
    assert_harmless_and_readable(seen)
    assert seen["h1"] == 1
    assert seen["title"] == "Backup compliance, October 2026 · vbr01.example · 1 to 31 October 2026 (Europe/Berlin)"
    assert all(drawn and len(alt) > 30 for drawn, alt in seen["images"])
    assert len(seen["images"]) == 4


def test_sort_and_filter(ordinary: Any, context: ReportContext) -> None:
    tools = ordinary["tools"]
    assert sorted(tools["sorted"]) == sorted(tools["before"])
    assert [name.casefold() for name in tools["sorted"]] == sorted(name.casefold() for name in tools["before"])
    assert tools["reversed"][0] == tools["sorted"][-1]
    assert (tools["ascending"], tools["descending"]) == ("ascending", "descending")
    failing = context.results.failed
    expected = int((failing["check_id"] == "JOB-008").sum())
    assert 0 < expected == tools["shown"] < len(failing)
    assert tools["status"] == f"{expected} of {len(failing)} shown"


def test_everything_is_there_without_script(ordinary: Any, context: ReportContext) -> None:
    seen = ordinary
    assert seen["silentButtons"] == 0
    assert context.summary.verdict.headline in seen["silentText"]
    for finding_id in context.results.failed["finding_id"]:
        assert finding_id in seen["silentText"]


def test_hostile_text_everywhere(look: Look, hostile_context: ReportContext) -> None:
    seen = look(render_html(hostile_context))
    assert_harmless_and_readable(seen)
    assert "<script>alert(1)</script>" in seen["silentText"]


def test_a_page_at_its_row_limit(look: Look, make_run: MakeRun) -> None:
    page = render_html(make_run(job_count=480, session_count=600))
    assert "Showing 1,000 of" in page
    assert len(page.encode()) <= 2_000_000
    seen = look(page)
    assert_harmless_and_readable(seen)
    assert len(seen["tools"]["before"]) == 1000


def test_an_incomplete_run_with_two_servers(look: Look, make_run: MakeRun) -> None:
    context = make_run(
        servers=("vbr01", "vbr02"),
        tls="NOT VERIFIED (--insecure)",
        changes={"sessions": {"status": "partial", "reason": "90 of 307 rows"}},
    )
    assert_harmless_and_readable(look(render_html(context)))


def test_a_run_that_asked_for_every_dataset(
    look: Look, make_run: MakeRun, everything_asked: Callable[[ReportContext], ReportContext]
) -> None:
    assert_harmless_and_readable(look(render_html(everything_asked(make_run()))))


@pytest.mark.parametrize(("scheme", "ink", "paper"), [("light", "#111", "#fff"), ("dark", "#eee", "#111")])
def test_the_notebook_fragment(look: Look, hostile_context: ReportContext, scheme: str, ink: str, paper: str) -> None:
    frame = (
        f'<!doctype html><html lang="en"><head><title>{scheme}</title><link rel="icon" href="data:,">'
        f"<style>body{{color:{ink};background:{paper}}}</style></head><body><main><h1>Notebook</h1>"
    )
    assert_harmless_and_readable(look(f"{frame}<div>{audit_html(hostile_context)}</div></main></body></html>"))
