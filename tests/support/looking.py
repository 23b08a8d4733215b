"""A page in a real Chromium, for tests: what happens when it is opened, and what comes out when it is printed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

BROWSER = Path(__file__).parents[1] / "browser"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")

NeedTool = Callable[..., str]


def look_at(page: Path, need_tool: NeedTool, *looks: str, rules: bool = True) -> Any:
    """Open `page` in these looks (all four without one), with and without script, and tell what happened.

    Without `rules`, axe does not judge it: it takes seconds for each thousand elements.
    """
    chromium, node = need_tool(*CHROMIUM), need_tool("node")
    for name in ("axe-core", "playwright-core"):
        need_tool(str(BROWSER / "node_modules" / name))
    words = [node, str(BROWSER / "look_at_page.mjs"), chromium, *([] if rules else ["--no-rules"]), str(page), *looks]
    done = subprocess.run(words, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return json.loads(done.stdout)


def first_screen(page: Path, need_tool: NeedTool, *selectors: str) -> list[dict[str, Any]]:
    """For a wide and a narrow window, the lower edges in pixels of the elements that `selectors` find, and its size."""
    chromium, node = need_tool(*CHROMIUM), need_tool("node")
    need_tool(str(BROWSER / "node_modules" / "playwright-core"))
    words = [node, str(BROWSER / "first_screen.mjs"), chromium, str(page), *selectors]
    done = subprocess.run(words, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def html_faults(pages: list[Path], need_tool: NeedTool) -> str:
    """What the Nu Html Checker finds wrong in `pages`; empty where nothing is."""
    checker = need_tool(str(BROWSER / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"))
    words = [need_tool("java"), "-jar", checker, "--errors-only", "--stdout", "--exit-zero-always", *map(str, pages)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout + done.stderr


def print_to_pdf(page: Path, need_tool: NeedTool) -> Path:
    """Print `page` as a reader would; return the PDF beside it."""
    target = page.with_suffix(".pdf")
    profile = page.with_suffix(".profile")
    words = [need_tool(*CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
    words += ["--no-pdf-header-footer", f"--print-to-pdf={target}", page.as_uri()]
    subprocess.run(words, capture_output=True, timeout=120, check=True)
    return target


def pdf_facts(pdf: Path, need_tool: NeedTool) -> dict[str, str]:
    """What `pdfinfo` reports a PDF, by name."""
    told = subprocess.run([need_tool("pdfinfo"), str(pdf)], capture_output=True, text=True, check=True).stdout
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in told.splitlines())}


def pdf_text(pdf: Path, need_tool: NeedTool) -> str:
    """The text of a PDF in reading order, each run of white space as one blank."""
    words = [need_tool("pdftotext"), "-raw", str(pdf), "-"]
    return " ".join(subprocess.run(words, capture_output=True, text=True, check=True).stdout.split())


def too_wide(
    pages: list[Path], widths: list[int], need_tool: NeedTool, *, scrolls: str = ""
) -> dict[str, dict[str, list[str]]]:
    """What scrolls or is wider than its window, by page and by those of the window's `widths` at which it is.

    What the selector `scrolls` finds may scroll, but must itself lie in the window.
    """
    chromium, node = need_tool(*CHROMIUM), need_tool("node")
    need_tool(str(BROWSER / "node_modules" / "playwright-core"))
    words = [node, str(BROWSER / "measure_widths.mjs"), chromium, ",".join(map(str, widths)), scrolls]
    words += map(str, pages)
    done = subprocess.run(words, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    found: dict[str, dict[str, list[str]]] = json.loads(done.stdout)
    return {Path(name).name: by_width for name, by_width in found.items()}


def open_pages(pages: list[Path], need_tool: NeedTool) -> dict[Path, Any]:
    """Open `pages` one after another, with and without script, and tell what each did and what it is made of."""
    chromium, node = need_tool(*CHROMIUM), need_tool("node")
    need_tool(str(BROWSER / "node_modules" / "playwright-core"))
    words = [node, str(BROWSER / "open_pages.mjs"), chromium, *map(str, pages)]
    done = subprocess.run(words, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return {Path(name): told for name, told in json.loads(done.stdout).items()}
