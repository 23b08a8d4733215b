"""The executive page as a PDF: one sheet whatever the estate, for the archive, with the data of its run."""

from __future__ import annotations

import html
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import pytest
from estates import attachments_of
from looking import pdf_facts, pdf_text
from shared import once, printed_run
from typer.testing import CliRunner

from vbr_audit.cli import app
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.exports.json import findings_json
from vbr_audit.reports.formats import FORMATS
from vbr_audit.reports.html.example_run import HARM
from vbr_audit.reports.html.rendering import print_sheet, render_html

pytestmark = pytest.mark.usefixtures("weasyprint")
MakeRun = Callable[..., ReportContext]
NeedTool = Callable[..., str]
ESTATES = ("nothing", "one", "crowded")
RTL = "שרת גיבוי النسخ \u202e"
FIRST = "{# vbr-audit templates: 1 #}"


@pytest.fixture(scope="module")
def contexts(make_run: MakeRun) -> dict[str, ReportContext]:
    """No job, one job whose name means harm, and twenty servers whose names are long and run from right to left."""
    denied = {"status": "denied", "reason": RTL * 40}
    return {
        "nothing": make_run(job_count=0, session_count=0, waivers=None),
        "one": make_run(job_count=1, session_count=2, word=lambda text: f"{text} {HARM}"),
        "crowded": make_run(
            servers=[f"vbr{place:02}" for place in range(20)],
            job_count=3,
            session_count=5,
            word=lambda text: f"{RTL}{text}{'漢W' * 250}"[:500],
            changes=dict.fromkeys(("backups", "restore_points", "sessions"), denied),
            tls="NOT VERIFIED (--insecure)",
            title=RTL * 30,
        ),
    }


@pytest.fixture(scope="module")
def sheets(contexts: dict[str, ReportContext], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The sheets of these estates, printed once for all workers."""

    def make(folder: Path) -> None:
        for name, context in contexts.items():
            FORMATS["executive-pdf"].write(context, folder / f"{name}.pdf")

    folder = once(tmp_path_factory, "executive-pdf", make)
    return {name: folder / f"{name}.pdf" for name in contexts}


@pytest.mark.parametrize("estate", ESTATES)
def test_it_is_one_sheet_for_the_archive(estate: str, sheets: dict[str, Path], need_tool: NeedTool) -> None:
    facts = pdf_facts(sheets[estate], need_tool)
    assert (facts["Pages"], facts["Page size"].rpartition("(")[2]) == ("1", "A4)")
    assert (facts["Tagged"], facts["JavaScript"], facts["Encrypted"]) == ("yes", "no", "no")
    metadata = [need_tool("pdfinfo"), "-meta", str(sheets[estate])]
    told = subprocess.run(metadata, capture_output=True, text=True, check=True).stdout
    assert 'pdfaid:part="3"' in told
    assert 'pdfaid:conformance="U"' in told
    command = [need_tool("pdffonts"), str(sheets[estate])]
    fonts = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[2:]
    assert fonts
    assert {tuple(font.split()[-5:-2:2]) for font in fonts} == {("yes", "yes")}  # embedded, and readable as Unicode


@pytest.mark.parametrize("estate", ["nothing", "crowded"])
def test_its_evidence_is_that_of_the_run(
    estate: str, sheets: dict[str, Path], contexts: dict[str, ReportContext], need_tool: NeedTool
) -> None:
    context = contexts[estate]
    files = {"findings.json": findings_json(context), "manifest.json": context.manifest.to_json()}
    assert attachments_of(sheets[estate].read_bytes()) == files
    assert context.manifest.run_id in pdf_text(sheets[estate], need_tool)


def test_it_says_what_the_page_says(
    sheets: dict[str, Path], contexts: dict[str, ReportContext], need_tool: NeedTool
) -> None:
    page = (
        render_html(contexts["one"], kind="executive").partition("<main")[2].partition(">")[2].partition("</main>")[0]
    )
    # A chip's padding is a blank on paper, and a line may break anywhere: only the signs are compared.
    said = re.findall(r"[^\s<>]+", html.unescape(re.sub(r"<[^>]+>", " ", page)))
    shown = pdf_text(sheets["one"], need_tool)
    assert len(said) > 150
    assert [word for word in said if word not in shown] == []


def test_what_is_too_long_gets_smaller_before_it_gets_a_second_sheet(tmp_path: Path, need_tool: NeedTool) -> None:
    def printed(lines: int) -> dict[str, str]:
        page = f"<!doctype html><html lang=en><title>t</title><style>@page {{ size: A4 }}</style>{'<p>line' * lines}"
        (tmp_path / "sheet.pdf").write_bytes(print_sheet(page))
        facts = pdf_facts(tmp_path / "sheet.pdf", need_tool)
        assert facts["Page size"].endswith("(A4)")
        return facts

    assert [printed(lines)["Pages"] for lines in (4, 40, 90)] == ["1", "1", "4"]


def test_a_run_seals_it_and_verify_covers_it(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    run = tmp_path / "run"
    ours = tmp_path / "ours"
    ours.mkdir()
    (ours / "executive.html.j2").write_text(
        f'{FIRST}{{% extends "base.html.j2" %}}{{% block summary %}}<p>Our sheet</p>{{% endblock %}}', encoding="utf-8"
    )
    copytree(printed_run(tmp_path_factory) / "run", run)
    words = ["report", str(run), "--format", "executive-pdf", "--templates", str(ours), "--quiet"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "  executive.pdf\n" in (run / "SHA256SUMS").read_text("utf-8")
    files = {name: (run / name).read_bytes() for name in ("findings.json", "manifest.json")}
    assert attachments_of((run / "executive.pdf").read_bytes()) == files
    content = (run / "executive.pdf").read_bytes()
    (run / "executive.pdf").write_bytes(content.replace(b"%PDF-1.7", b"%PDF-1.6"))
    done = CliRunner().invoke(app, ["verify", str(run)])
    assert (done.exit_code, "executive.pdf was changed" in done.output) == (4, True)
