"""The page as a PDF: tagged, with the numbers of the page, asking for nothing."""

from __future__ import annotations

import builtins
import re
import subprocess
import sys
import zlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from looking import pdf_facts, pdf_text
from typer.testing import CliRunner

from vbr_audit.cli import app
from vbr_audit.display import number, percent
from vbr_audit.errors import ConfigurationError
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.formats import FORMATS
from vbr_audit.reports.html.example_run import example_context
from vbr_audit.reports.html.rendering import print_page, refuse_without_pdf, render_html

MakeRun = Callable[..., ReportContext]
NeedTool = Callable[..., str]


@pytest.fixture(scope="module", autouse=True)
def _weasyprint() -> None:
    """WeasyPrint comes with the extra `test`; a user's machine may lack a library of the system that it needs."""
    try:
        refuse_without_pdf()
    except ConfigurationError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def context(make_run: MakeRun) -> ReportContext:
    """A small run: the PDF of a large one takes its time."""
    return make_run(job_count=3, session_count=9)


@pytest.fixture(scope="module")
def pdf(context: ReportContext, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pdf") / "report.pdf"
    FORMATS["pdf"].write(context, path)
    return path


def unpacked(pdf: bytes) -> bytes:
    """The streams of a PDF as they are once their compression is undone."""
    # A carriage return before the end may be the last byte of the packed stream itself.
    streams = re.findall(rb"stream\r?\n(.*?)\nendstream", pdf, re.DOTALL)
    return pdf + b"".join(zlib.decompress(stream) for stream in streams if stream[:1] == b"x")


def test_it_is_tagged_and_has_a_title(pdf: Path, context: ReportContext, need_tool: NeedTool) -> None:
    facts = pdf_facts(pdf, need_tool)
    assert facts["Tagged"] == "yes"
    assert facts["Title"].startswith(context.title)
    assert "A4" in facts["Page size"]
    assert facts["JavaScript"] == "no"
    content = unpacked(pdf.read_bytes())
    assert b"pdfuaid:part" in content
    assert b"/Lang (en)" in content


def test_the_numbers_are_those_of_the_summary(pdf: Path, context: ReportContext, need_tool: NeedTool) -> None:
    text, summary = pdf_text(pdf, need_tool), context.summary
    assert summary.verdict.headline in text
    for tile in context.tiles:
        assert tile.value in text
    for share in (summary.compliance, summary.assessed, summary.success_rate):
        assert percent(share) in text
    for failing in summary.failing_by_severity.values():
        assert number(failing) in text


def test_names_that_mean_harm_are_text(tmp_path: Path, need_tool: NeedTool) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(print_page(render_html(example_context(), kind="executive"), ""))
    assert pdf_facts(path, need_tool)["JavaScript"] == "no"
    content = unpacked(path.read_bytes())
    assert not any(word in content for word in (b"/Launch", b"/URI", b"/EmbeddedFile", b"/OpenAction"))
    assert "<script>alert(1)</script>" in pdf_text(path, need_tool)


def test_equal_runs_give_equal_bytes_in_another_process_and_zone(tmp_path: Path) -> None:
    program = (
        "from vbr_audit.reports.html.example_run import example_context\n"
        "from vbr_audit.reports.html.rendering import render_html\n"
        "from vbr_audit.reports.html.rendering import print_page\n"
        "import sys, pathlib\n"
        "pathlib.Path(sys.argv[1]).write_bytes(print_page(render_html(example_context(), kind='executive'), ''))"
    )
    made = []
    for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo")):
        path = tmp_path / f"{seed}.pdf"
        environment = {"PYTHONHASHSEED": seed, "TZ": zone, "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        subprocess.run([sys.executable, "-c", program, str(path)], check=True, env=environment)
        made.append(path.read_bytes())
    assert made[0] == made[1]


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
