"""The causes of a run and the tables beside them: page, executive page, workbook and JSON show what Python has."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import estates
import pytest
from compared_runs import compared_demo
from html_tables import Page
from openpyxl import load_workbook
from shared import artefact

from vbr_audit.display import NOT_KNOWN, is_known, number, percent, plain, size
from vbr_audit.pipeline import Audit
from vbr_audit.reports.html.estate_part import MAX_COPIES

Row = tuple[Any, ...]


ESTATES = {"compared": compared_demo, "incomplete": estates.incomplete, "nothing": estates.nothing}


def audit_called(estate: str) -> Audit:
    return ESTATES[estate]()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The workbook, JSON and executive page of an estate, each estate written once."""

    @lru_cache
    def files_of(estate: str) -> dict[str, Path]:
        names = ("xlsx", "json", "executive", "html")
        return {name: artefact(tmp_path_factory, ESTATES[estate], name) for name in names}

    return files_of


@lru_cache
def page_of(path: Path) -> Page:
    return Page(path.read_text("utf-8"))


def tables_of(path: Path) -> dict[str, list[list[str]]]:
    return {table.id: table.rows for table in page_of(path).tables if table.id}


@pytest.fixture(scope="module")
def book_of(written: Any) -> Iterator[Callable[[str], Any]]:
    """The workbook of an estate, opened once: that takes longer than to read a sheet."""
    with contextlib.ExitStack() as opened:

        @lru_cache
        def get(estate: str) -> Any:
            return opened.enter_context(contextlib.closing(load_workbook(written(estate)["xlsx"], read_only=True)))

        yield get


def sheet_of(book: Any, name: str) -> list[dict[str, Any]]:
    rows = book[name].iter_rows(values_only=True) if name in book.sheetnames else iter([()])
    header, *others = list(rows)
    return [dict(zip(header, row, strict=True)) for row in others if any(value is not None for value in row)]


def cause_rows(audit: Audit) -> list[Row]:
    names = ("urgency", "severity", "check_id", "consequence", "findings", "objects", "remediation", "owner")
    causes = audit.causes
    texts = [(plain(name) or None) if is_known(name) else None for name in causes["name"].tolist()]
    rows = zip(*(causes[name].tolist() for name in names), strict=True)
    times = zip(texts, causes["open_since"], causes["due"], causes["overdue"], strict=True)
    return [
        (
            *(value if is_known(value) else None for value in row),
            name,
            since[:10] if is_known(since) else None,
            due,
            late,
        )
        for row, (name, since, due, late) in zip(rows, times, strict=True)
    ]


def on_page(path: Path) -> list[Row]:
    rows = []
    for name, table in tables_of(path).items():
        for row in table[1:]:
            if not name.startswith("table-causes-") or len(row) == 1:
                continue
            severity, told, where, findings, objects, remedy, owner, since, due = row
            check, _, consequence = told.partition(" ")
            known = tuple(None if text in (NOT_KNOWN, "not named") else text for text in (owner, since))
            rows.append(
                (
                    *(name.removeprefix("table-causes-").replace("-", " "), severity, check, consequence),
                    *(int(findings.replace(",", "")), int(objects.replace(",", "")), remedy, known[0]),
                    *(where, known[1], due.removesuffix(" overdue"), due.endswith(" overdue")),
                )
            )
    return rows


def in_sheet(book: Any) -> list[Row]:
    names = ("Urgency", "Severity", "Check ID", "Consequence", "Findings", "Objects", "Remediation", "Owner", "Name")
    return [
        (
            *(row[name] for name in names),
            row["Open since"][:10] if row["Open since"] else None,
            row["Due"].date().isoformat(),
            row["Overdue"],
        )
        for row in sheet_of(book, "Causes")
    ]


def in_json(path: Path) -> list[Row]:
    names = ("urgency", "severity", "check_id", "consequence", "findings", "objects", "remediation", "owner", "name")
    return [
        (*(row[name] for name in names), (row["open_since"] or "")[:10] or None, row["due"], row["overdue"])
        for row in json.loads(path.read_bytes())["causes"]
    ]


@pytest.mark.parametrize("estate", ESTATES)
def test_every_artefact_has_the_causes_of_python(estate: str, written: Any, book_of: Any) -> None:
    rows, files = cause_rows(audit_called(estate)), written(estate)
    assert in_json(files["json"]) == rows
    assert in_sheet(book_of(estate)) == rows
    shown = on_page(files["html"])
    assert len(shown) == len(rows)
    for found, row in zip(shown, rows, strict=True):
        assert (*found[:8], *found[9:]) == (*row[:8], *row[9:])
        assert found[8].startswith(row[8] or "(no name)")


def test_some_causes_are_overdue_and_some_have_an_owner() -> None:
    causes = audit_called("compared").causes
    assert causes["overdue"].any()
    assert not causes["overdue"].all()
    assert causes["owner"].notna().any()


PLAN = re.compile(
    r"<li><b>([\w ]+)</b> ([\d,]+) causes?(?:, which settles? ([\d,]+) findings?)? "
    r'<span class="soft">\(([\w, ]+)\)</span>(?: <span class="due">([\d,]+) overdue</span>)?'
)


@pytest.mark.parametrize("estate", ESTATES)
def test_the_plan_counts_causes_findings_and_what_is_overdue(estate: str, written: Any) -> None:
    causes = audit_called(estate).causes
    counts = {
        urgency: (len(rows), int(rows["findings"].sum()), int(rows["overdue"].sum()))
        for urgency, rows in causes.groupby("urgency")
    }
    told = {
        urgency.lower(): tuple(int((text or "0").replace(",", "")) for text in (many, findings, late))
        for urgency, many, findings, _, late in PLAN.findall(written(estate)["html"].read_text("utf-8"))
    }
    assert told == {"today": (0, 0, 0), "this month": (0, 0, 0), "later": (0, 0, 0)} | counts


@pytest.mark.parametrize("estate", ESTATES)
def test_the_badges_count_causes_of_their_own_severity(estate: str, written: Any) -> None:
    audit = audit_called(estate)
    text = written(estate)["html"].read_text("utf-8")
    first = re.findall(
        r"</span> (\w+)</span> <span><a [^>]+>([^<]+)</a> [^<]+</span> <span class=\"n\"><small>([\d,]+) cause",
        text[text.index('class="worst"') : text.index("Is it getting better?")],
    )
    by_check = audit.causes.groupby(["severity", "check_id"]).size()
    assert [(severity, check, number(int(by_check[severity, check]))) for severity, check, _ in first] == first
    by_check_list = text[text.index('id="in-short"') :]
    lines = re.findall(r"</span> (\w+)</span> <span><a [^>]+>([\w-]+)</a>.*?<small>([^<]+)</small>", by_check_list)
    failed = audit.failed
    for severity, check, told in lines:
        own = failed[failed["check_id"] == check]
        assert told.split(" cause")[0] == number(own["cause"].nunique())
        parts = re.findall(r"([\d,]+) (critical|high|medium|low|info)", told)
        assert sum(int(many) for many, _ in parts) in (0, own["cause"].nunique())
        assert (parts[0][1] if parts else severity) == severity
        assert severity in set(own["severity"])


@pytest.mark.parametrize("estate", ESTATES)
def test_jobs_found_are_the_same_everywhere(estate: str, written: Any, book_of: Any) -> None:
    summary, files = audit_called(estate).summary, written(estate)
    found = dataclasses.asdict(summary.jobs_found)
    assert json.loads(files["json"].read_bytes())["summary"]["jobs_found"] == found
    tile = next(tile for tile in audit_called(estate).context.tiles if "in scope" in tile.label)
    parts = [str(many) for name, many in found.items() if name in ("with_settings", "by_state_only", "by_backups_only")]
    if found["by_state_only"] or found["by_backups_only"]:
        assert re.findall(r"\d+", tile.label.partition(": ")[2]) == [many for many in parts if many != "0"]
    for name in ("html", "executive"):
        assert (tile.value, tile.label) in page_of(files[name]).tiles
    cover = [row[:2] for row in book_of(estate)["Cover"].iter_rows(values_only=True) if len(row) > 1]
    assert (tile.value, tile.label) in cover


@pytest.mark.parametrize("estate", ESTATES)
def test_protected_objects_are_the_same_on_page_and_sheet(estate: str, written: Any, book_of: Any) -> None:
    frame = audit_called(estate).context.figures.estate.objects.frame
    rows, files = sheet_of(book_of(estate), "Protected objects"), written(estate)
    assert [row["Name"] for row in rows] == [plain(name) for name in frame["name"]]
    shown = tables_of(files["html"]).get("table-objects", [[]])[1:]
    assert len(shown) == min(len(rows), 200)
    for row, (name, jobs, point, rpo, copies, backup, test) in zip(rows, shown, strict=False):
        assert name.startswith(row["Name"])
        assert jobs == row["Jobs"] or (not row["Jobs"] and jobs in ("", NOT_KNOWN))
        latest = next(value for header, value in row.items() if header.startswith("Latest point ("))
        assert (latest.strftime("%Y-%m-%d %H:%M") if latest else NOT_KNOWN) in point
        assert row["RPO state"] in point
        share, least = row["Covered share"], row["Covered at least"]
        known = isinstance(share, float | int)
        told = (
            percent(share) if known else f"at least {percent(least)}" if isinstance(least, float | int) else NOT_KNOWN
        )
        assert f"{told} covered" in rpo
        told = " ".join((row["Copies"] or "no copy is known").splitlines()[:MAX_COPIES])
        assert copies.startswith(told)
        assert backup == size(row["Backup (bytes)"])
        tested = next(value for header, value in row.items() if header.startswith("Last test ("))
        assert not isinstance(tested, dt.datetime) or tested.date().isoformat() in test
    if estate == "compared":
        assert len(rows) > 20


@pytest.mark.parametrize("estate", ESTATES)
def test_repositories_and_their_growth_are_the_same_on_page_and_sheet(estate: str, written: Any, book_of: Any) -> None:
    files = written(estate)
    rows = sheet_of(book_of(estate), "Repositories")
    shown = tables_of(files["html"]).get("table-repositories", [[]])[1:]
    assert len(rows) == len(shown)
    grown = 0
    for row, (name, space, growth, full, _, held) in zip(rows, shown, strict=True):
        assert name.startswith(row["Name"])
        if isinstance(row["Free share"], float):
            assert space == (
                f"{size(row['Used (bytes)'])} of {size(row['Capacity (bytes)'])}, {percent(row['Free share'])} free"
            )
        if row["Growth (bytes)"] is not None:
            assert growth == f"+{size(row['Growth (bytes)'])} a day"
            grown += 1
        if row["Outlook"] == "filling":
            assert f"in {number(int(row['Days to full']))} day" in full
        if "counted at" not in held and row["Objects count"] is not None:
            assert held.startswith(f"{number(row['Objects count'])} object")
            assert size(row["Backup (bytes)"]) in held
    assert (grown > 3) is (estate == "compared")
    told = re.findall(r"([\d.]+ %) free of ([\d.,]+ [KMGT]?i?B)", files["executive"].read_text("utf-8"))
    known = [(percent(row["Free share"]), size(row["Capacity (bytes)"])) for row in rows if row["Capacity (bytes)"]]
    assert set(told) <= set(known)
