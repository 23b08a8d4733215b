"""The report as a PDF: short, archivable, tagged, with the numbers of the page and its data, asking for nothing."""

from __future__ import annotations

import builtins
import hashlib
import re
import subprocess
import zlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import estates
import pytest
from estates import attachments_of
from looking import pdf_facts, pdf_text
from PIL import Image
from shared import once
from typer.testing import CliRunner

from vbr_audit.cli import app
from vbr_audit.display import number, percent
from vbr_audit.errors import ConfigurationError
from vbr_audit.reports.charts.page_charts import make_charts
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.exports.json import findings_json
from vbr_audit.reports.formats import FORMATS
from vbr_audit.reports.html.environment import make_environment
from vbr_audit.reports.html.example_run import HARM
from vbr_audit.reports.html.paper import MOST_CAUSES
from vbr_audit.reports.html.rendering import PRINT_STYLE, print_page, render_html, source_of

pytestmark = pytest.mark.usefixtures("weasyprint")
MakeRun = Callable[..., ReportContext]
NeedTool = Callable[..., str]
FIRST = "{# vbr-audit templates: 1 #}"
PAGE_WIDTH = 595.276
"""Points; A4."""


@pytest.fixture(scope="module")
def context(make_run: MakeRun) -> ReportContext:
    """A small run whose names mean harm, and are wider than a page."""
    return make_run(job_count=3, session_count=9, word=lambda text: f"{text} {HARM} {'W' * 150}")


@pytest.fixture(scope="module")
def pdf(context: ReportContext, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of that run, printed once for all workers."""

    def make(folder: Path) -> None:
        FORMATS["pdf"].write(context, folder / "report.pdf")

    return once(tmp_path_factory, "paper", make) / "report.pdf"


def unpacked(pdf: bytes) -> bytes:
    """The streams of a PDF as they are once their compression is undone."""
    # A carriage return before the end may be the last byte of the packed stream itself.
    streams = re.findall(rb"stream\r?\n(.*?)\nendstream", pdf, re.DOTALL)
    return pdf + b"".join(zlib.decompress(stream) for stream in streams if stream[:1] == b"x")


def test_it_is_for_the_archive_tagged_and_has_a_title(pdf: Path, context: ReportContext, need_tool: NeedTool) -> None:
    facts = pdf_facts(pdf, need_tool)
    assert facts["Tagged"] == "yes"
    assert facts["Title"].startswith(context.title)
    assert "A4" in facts["Page size"]
    assert facts["JavaScript"] == "no"
    content = unpacked(pdf.read_bytes())
    for claimed in (b'pdfaid:part="3"', b'pdfaid:conformance="U"', b"/OutputIntents", b"/Lang (en)", b"/Outlines"):
        assert claimed in content, claimed


def test_what_an_archive_asks_for_is_there(pdf: Path, context: ReportContext, need_tool: NeedTool) -> None:
    """No validator is run here: these are the demands that a program can look up in the file."""
    told = subprocess.run([need_tool("pdffonts"), str(pdf)], capture_output=True, text=True, check=True).stdout
    fonts = [line.split() for line in told.splitlines()[2:]]
    assert fonts
    assert {(font[-5], font[-3]) for font in fonts} == {("yes", "yes")}  # embedded, and readable as Unicode
    assert pdf_facts(pdf, need_tool)["Encrypted"] == "no"
    content = unpacked(pdf.read_bytes())
    for demanded in (b"/GTS_PDFA1", b"/Marked true", b"/AF [", b"<dc:title>", b"/StructTreeRoot"):
        assert demanded in content, demanded
    assert not re.search(rb"/(Encrypt|AA|Sound|Movie|RichMedia|ImportData|LZWDecode)\b", content)


def test_each_chart_has_a_text_for_who_does_not_see_it(pdf: Path, context: ReportContext) -> None:
    drawn = [chart for chart in make_charts(context) if chart.name in ("runs", "trend", "capacity")]
    content = unpacked(pdf.read_bytes())
    assert drawn
    assert content.count(b"/S /Figure") == content.count(b"/Alt ") == len(drawn)
    for chart in drawn:
        assert chart.title.encode() in content or chart.title.encode("utf-16-be") in content


def test_it_is_a_report_to_read(pdf: Path, need_tool: NeedTool) -> None:
    assert int(pdf_facts(pdf, need_tool)["Pages"]) <= 20
    text = pdf_text(pdf, need_tool)
    places = [text.find(words) for words in ("Findings by status", "What is wrong, worst first", "Findings by area")]
    places += [text.find(words) for words in ("What could not be answered", "Method and definitions", "manifest.json")]
    assert -1 not in places
    assert places == sorted(places)


def test_the_attached_files_are_those_of_the_run_folder(pdf: Path, context: ReportContext) -> None:
    manifest = context.manifest.to_json()
    assert attachments_of(pdf.read_bytes()) == {"findings.json": findings_json(context), "manifest.json": manifest}
    made = unpacked(pdf.read_bytes())
    assert b"/AFRelationship /Data" in made
    assert b"/AFRelationship /Source" in made


def test_the_paper_names_its_run(pdf: Path, context: ReportContext, need_tool: NeedTool) -> None:
    text = pdf_text(pdf, need_tool)
    assert context.manifest.run_id in text
    assert f"SHA-256 {hashlib.sha256(context.manifest.to_json()).hexdigest()}" in text


@pytest.fixture(scope="module")
def wide_parts(context: ReportContext, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the whole page what the short report has not, and whose names set its width: charts with numbers, terms.

    To print every table of it takes minutes.
    """

    def make(folder: Path) -> None:
        page = render_html(context)
        head, body = page.split("<body>", 1)
        parts = re.findall(
            r'<figure .*?</figure>|<dl class="facts".*?</dl>|<table[^>]* id="table-jobs".*?</table>', body, re.DOTALL
        )
        assert len(parts) > 4
        style = source_of(make_environment(), PRINT_STYLE)
        made = print_page(f"{head}<body><main>{''.join(parts)}</main></body></html>", style)
        (folder / "report.pdf").write_bytes(made)

    return once(tmp_path_factory, "wide-parts", make) / "report.pdf"


@pytest.mark.parametrize("length", ["pdf", "wide_parts"])
def test_nothing_runs_off_the_page(
    length: str, request: pytest.FixtureRequest, tmp_path: Path, need_tool: NeedTool
) -> None:
    pdf = request.getfixturevalue(length)
    margins = 40.0 if length == "pdf" else 32.0  # points, of a margin of 15 mm or 12 mm
    command = [need_tool("pdftotext"), "-bbox", str(pdf), "-"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    boxes = [
        tuple(map(float, box)) for box in re.findall(r'<word xMin="([-\d.]+)" yMin="([-\d.]+)" xMax="([-\d.]+)"', told)
    ]
    assert len(boxes) > (1000 if length == "pdf" else 200)
    assert [box for box in boxes if box[0] < margins or box[2] > PAGE_WIDTH - margins] == []
    subprocess.run([need_tool("pdftoppm"), "-gray", "-r", "36", str(pdf), str(tmp_path / "p")], check=True)
    for page in sorted(tmp_path.iterdir()):
        with Image.open(page) as image:
            edge = int(margins * 36 / 72) - 2
            edges = [(0, 0, edge, image.height), (image.width - edge, 0, image.width, image.height)]
            assert [image.crop(edge).getextrema() for edge in edges] == [(255, 255)] * 2, page.name


def test_the_numbers_are_those_of_the_summary(pdf: Path, context: ReportContext, need_tool: NeedTool) -> None:
    text, summary = pdf_text(pdf, need_tool), context.summary
    assert summary.verdict.headline in text
    for tile in context.tiles:
        assert tile.value in text
    for share in (summary.compliance, summary.assessed, summary.success_rate):
        assert percent(share) in text
    for failing in summary.failing_by_severity.values():
        assert number(failing) in text


def test_names_that_mean_harm_are_text(pdf: Path, need_tool: NeedTool) -> None:
    content = unpacked(pdf.read_bytes())
    assert not any(word in content for word in (b"/Launch", b"/URI", b"/OpenAction", b"/JavaScript"))
    assert "<script>alert(1)</script>" in pdf_text(pdf, need_tool)


def test_of_more_causes_than_fit_the_rest_is_counted(make_run: MakeRun) -> None:
    context = make_run(job_count=60, session_count=60)
    assert len(context.results.causes) > MOST_CAUSES
    text = " ".join(render_html(context, kind="pdf").split())
    assert text.count('id="c-') == MOST_CAUSES
    rest = number(len(context.results.causes) - MOST_CAUSES)
    assert f"The other {rest} are in <code>findings.json</code>, which is attached" in text


def test_the_whole_page_is_an_option_and_templates_of_a_user_make_both(tmp_path: Path, need_tool: NeedTool) -> None:
    ours = tmp_path / "ours"
    ours.mkdir()
    for name, words in (("compliance", "all of it"), ("pdf", "in short")):
        text = f'{FIRST}{{% extends "base.html.j2" %}}{{% block summary %}}<p>Our report, {words}</p>{{% endblock %}}'
        (ours / f"{name}.html.j2").write_text(text, encoding="utf-8")
    run = tmp_path / "run"
    small = ["--policy", "minimal", "--jobs", "2", "--sessions", "20"]
    made = ["demo", "--out", str(run), *small, "--format", "json,pdf", "--pdf", "full"]
    for words, told in (
        (made, "all of it"),
        (["report", str(run), "--format", "pdf"], "in short"),
        (["check", str(run), "--pdf", "full", "--fail-on", "never"], "all of it"),
    ):
        done = CliRunner().invoke(app, [*words, "--templates", str(ours), "--quiet"])
        assert done.exit_code == 0, done.output
        assert f"Our report, {told}" in pdf_text(run / "report.pdf", need_tool)
    files = {name: (run / name).read_bytes() for name in ("findings.json", "manifest.json")}
    assert attachments_of((run / "report.pdf").read_bytes()) == files


def test_another_length_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="unknown length 'long'"):
        estates.nothing().save(tmp_path / "run", pdf="long")
    assert not (tmp_path / "run").exists()
    done = CliRunner().invoke(app, ["demo", "--out", str(tmp_path / "run"), "--pdf", "long"])
    assert done.exit_code == 2
    assert not (tmp_path / "run").exists()


def test_it_asks_for_nothing(tmp_path: Path) -> None:
    asked: list[str] = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *words: Any) -> None:
            """Say nothing."""

    secret = tmp_path / "secret.svg"
    secret.write_text('<svg xmlns="http://www.w3.org/2000/svg"><text>SECRET</text></svg>')
    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        page = (
            f"<!doctype html><html lang=en><title>t</title><style>@import '{url}/a.css';"
            f"body {{ background: url({url}/b) }}</style><link rel=stylesheet href='{url}/c.css'>"
            f"<link rel=attachment href='{secret.as_uri()}'>"
            f"<img src='{url}/d.png' alt=d><img src='{secret.as_uri()}' alt=e><object data='{url}/f'></object>"
        )
        made = print_page(page, f"@font-face {{ font-family: x; src: url({url}/g) }} body {{ font-family: x }}")
        server.shutdown()
    assert made.startswith(b"%PDF")
    assert asked == []
    assert b"SECRET" not in unpacked(made)
    assert b"EmbeddedFile" not in unpacked(made)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (ModuleNotFoundError("No module named 'weasyprint'", name="weasyprint"), "pip install 'vbr-audit[pdf]'"),
        (OSError("cannot load library 'libpango-1.0-0'"), "apt install libpango"),
    ],
)
def test_without_weasyprint_an_audit_stops_before_it_asks_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception, told: str
) -> None:
    importing = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "weasyprint":
            raise fault
        return importing(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    words = ["audit", "https://127.0.0.1:1", "-u", "x", "--format", "html,pdf", "--out", str(tmp_path / "o")]
    done = CliRunner().invoke(app, words, env={"VBR_AUDIT_PASSWORD": "x"})
    assert done.exit_code == 2
    assert told in done.output
    assert not (tmp_path / "o").exists()
