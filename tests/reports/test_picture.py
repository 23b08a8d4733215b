"""The picture of the report in README.md: the script that takes it works, and what it took is a picture of its size."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest
from looking import BROWSER, CHROMIUM, NeedTool

from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.html.rendering import render_html

KEPT = Path(__file__).parents[2] / "docs" / "images" / "report.png"


def size_of(picture: Path) -> tuple[int, int]:
    """Width and height of a PNG file in pixels."""
    head = picture.read_bytes()[:24]
    assert head.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", head[16:])
    return width, height


@pytest.mark.browser
def test_the_picture_can_be_taken_anew(need_tool: NeedTool, context: ReportContext, tmp_path: Path) -> None:
    page, picture = tmp_path / "report.html", tmp_path / "report.png"
    page.write_text(render_html(context), encoding="utf-8")
    need_tool(str(BROWSER / "node_modules" / "playwright-core"))
    words = [need_tool("node"), str(BROWSER / "picture.mjs"), need_tool(*CHROMIUM), str(page), str(picture)]
    subprocess.run(words, capture_output=True, timeout=120, check=True)
    assert size_of(picture) == size_of(KEPT)
    assert 20_000 < picture.stat().st_size < 200_000
