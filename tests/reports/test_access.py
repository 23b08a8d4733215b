"""What could be read and by whom: the same rows in the context, the page and the workbook."""

from __future__ import annotations

import dataclasses
import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from single_sheets import write_alone

from vbr_audit.datasets import DATASETS
from vbr_audit.reports.access_map import NOT_ASKED, AccessRow
from vbr_audit.reports.context import ReportContext, build_context
from vbr_audit.reports.html.rendering import render_html

MakeRun = Callable[..., ReportContext]
Change = Callable[[ReportContext], ReportContext]
DENIED = {"jobs": {"status": "denied", "reason": "/api/v1/jobs is denied to this account (HTTP 403)"}}


def page_rows(text: str, table: str) -> list[list[str]]:
    """The cells of a table of the page as plain text."""
    found = re.search(rf'<table id="{table}".*?</table>', text, re.DOTALL)
    body = found.group().partition("<tbody>")[2] if found else ""
    return [
        [
            " ".join(html.unescape(re.sub(r"<[^>]+>", " ", cell)).split())
            for cell in re.findall(r"<td.*?</td>", row, re.DOTALL)
        ]
        for row in re.findall(r"<tr>.*?</tr>", body, re.DOTALL)
    ]


def sheet_rows(context: ReportContext, path: Path) -> list[dict[str, Any]]:
    header, *rows = openpyxl.load_workbook(write_alone(context, path, "Access"))["Access"].iter_rows(values_only=True)
    return [dict(zip(header, row, strict=True)) for row in rows]


def by_name(context: ReportContext) -> dict[str, AccessRow]:
    return {row.name: row for row in context.access}


def test_every_dataset_stands_there_with_its_status(run_of: MakeRun) -> None:
    rows = by_name(run_of(changes=DENIED))
    assert list(rows) == list(DATASETS)
    assert (rows["jobs"].status, rows["sessions"].status) == ("denied", "complete")
    assert rows["jobs"].reason == "is denied to this account (HTTP 403)"
    assert (rows["repositories"].status, rows["repositories"].is_asked) == (NOT_ASKED, False)
    assert "JOB-003" in rows["jobs"].checks
    assert rows["server_info"].roles_text == "Veeam Backup Administrator"
    assert rows["server_time"].short_roles == "every role"
    assert rows["repositories"].short_roles == "Backup Administrator, Backup/Restore/Tape Operator, Backup Viewer"


def test_what_a_revision_does_not_have_is_said(context: ReportContext) -> None:
    servers = [context.manifest.servers[0].model_copy(update={"revision": "1.2-rev1"})]
    old = dataclasses.replace(context.snapshot, manifest=context.manifest.model_copy(update={"servers": servers}))
    rows = by_name(build_context(old, context.results))
    assert rows["security_settings"].reason == "revision 1.2-rev1 does not have it"
    assert (rows["security_settings"].roles, rows["security_settings"].first_revision) == ((), "1.3-rev1")
    assert rows["backup_objects"].path == "/api/v1/backups/{id}/objects"
    assert rows["restore_points"].first_revision == "1.1-rev0"


@pytest.mark.parametrize("whole", [False, True], ids=["usual", "everything asked for"])
def test_the_page_and_the_workbook_show_the_same_rows(
    run_of: MakeRun, everything_asked: Change, tmp_path: Path, whole: bool
) -> None:
    context = run_of(changes=DENIED)
    context = everything_asked(context) if whole else context
    text = render_html(context)
    shown = page_rows(text, "table-access") + page_rows(text, "table-not-asked")
    cells = sheet_rows(context, tmp_path / "report.xlsx")
    assert len(shown) == len(cells) == len(DATASETS)
    assert len(page_rows(text, "table-not-asked")) == (0 if whole else len(DATASETS) - 6)
    by_title = {row[0].split(" /api/")[0]: row for row in shown}
    for cell, row in zip(cells, context.access, strict=True):
        title, state, roles, revision, checks = by_title[row.title]
        assert (cell["Server"], cell["Name"], cell["Path"]) == (row.server, row.name, row.path)
        assert title == f"{cell['Title']} {cell['Path']}"
        assert state.split(" ", 1)[1] == " ".join(filter(None, (cell["Status"], cell["Reason"])))
        assert cell["Roles"] == row.roles_text
        assert roles == row.short_roles
        assert revision == cell["First revision"]
        assert checks.replace(" ,", ",") == (cell["Checks"] or "none")


def test_with_several_servers_each_row_names_its_own(run_of: MakeRun, tmp_path: Path) -> None:
    context = run_of(servers=("vbr01.example", "vbr02.example"))
    text = render_html(context)
    assert '<b>Jobs</b> <span class="soft">of vbr02.example</span>' in text
    assert [cell["Server"] for cell in sheet_rows(context, tmp_path / "report.xlsx")] == (
        ["vbr01.example"] * len(DATASETS) + ["vbr02.example"] * len(DATASETS)
    )


def test_masked_accounts_are_told_on_the_cover(context: ReportContext) -> None:
    assert "Accounts" not in {fact.label for fact in context.cover}
    run = context.manifest.run.model_copy(update={"accounts_masked": True})
    masked = dataclasses.replace(context.snapshot, manifest=context.manifest.model_copy(update={"run": run}))
    facts = {fact.label: fact.value for fact in build_context(masked, context.results).cover}
    assert facts["Accounts"] == "user names and hints were replaced before anything was kept"
