"""A page in a real Chromium, for tests: what happens when it is opened, and what comes out when it is printed."""

from __future__ import annotations

import atexit
import json
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

BROWSER = Path(__file__).parents[1] / "browser"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")

NeedTool = Callable[..., str]


class Browser:
    """One Chromium for all pages of a process: to start it takes longer than to look at most pages."""

    def __init__(self, chromium: str, node: str) -> None:
        words = [node, str(BROWSER / "serve.mjs"), chromium]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(words, stdin=pipe, stdout=pipe, start_new_session=True)

    def tell(self, script: str, *words: str) -> Any:
        """What `script`, a file in `tests/browser`, tells when it is given `words`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"script": script, "words": words}).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the browser has ended"
        answer = json.loads(line)
        assert "told" in answer, answer["fault"]
        return answer["told"]

    def close(self) -> None:
        """End it; a process that is killed ends it too, as its input ends."""
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.wait(timeout=30)


@cache
def _browser(chromium: str, node: str) -> Browser:
    browser = Browser(chromium, node)
    atexit.register(browser.close)
    return browser


def _told(need_tool: NeedTool, script: str, *words: str) -> Any:
    need_tool(str(BROWSER / "node_modules" / "playwright-core"))
    return _browser(need_tool(*CHROMIUM), need_tool("node")).tell(script, *words)


def look_at(
    page: Path, need_tool: NeedTool, *looks: str, rules: bool = True, acts: bool = True, silence: bool | None = None
) -> Any:
    """Open `page` in these looks (all four without one), and tell what happened.

    Without `rules`, axe does not judge it. Without `acts`, it is looked at and no more: no key is pressed, nothing is
    unfolded, sorted or filtered. Without `silence`, which is as `acts` where it is not given, it is not opened without
    script. Each takes seconds for a large page.
    """
    need_tool(str(BROWSER / "node_modules" / "axe-core"))
    wanted = {"rules": rules, "acts": acts, "silence": acts if silence is None else silence}
    options = [f"--no-{name}" for name, is_wanted in wanted.items() if not is_wanted]
    return _told(need_tool, "look_at_page", *options, str(page), *looks)


def first_screen(page: Path, need_tool: NeedTool, *selectors: str) -> list[dict[str, Any]]:
    """For a wide and a narrow window, the lower edges in pixels of the elements that `selectors` find, and its size."""
    found: list[dict[str, Any]] = _told(need_tool, "first_screen", str(page), *selectors)
    return found


def html_faults(pages: list[Path], need_tool: NeedTool) -> str:
    """What the Nu Html Checker finds wrong in `pages`; empty where nothing is."""
    checker = need_tool(str(BROWSER / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"))
    java = [need_tool("java"), "-Xss4m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]  # half the time of a short run
    words = [*java, "-jar", checker, "--errors-only", "--stdout", "--exit-zero-always", *map(str, pages)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout + done.stderr


def print_to_pdf(page: Path, need_tool: NeedTool) -> Path:
    """Print `page` as a reader would; return the PDF beside it."""
    return Path(_told(need_tool, "print_page", str(page), str(page.with_suffix(".pdf"))))


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
    words = (",".join(map(str, widths)), scrolls, *map(str, pages))
    found: dict[str, dict[str, list[str]]] = _told(need_tool, "measure_widths", *words)
    return {Path(name).name: by_width for name, by_width in found.items()}


def open_pages(pages: list[Path], need_tool: NeedTool) -> dict[Path, Any]:
    """Open `pages`, those with a script without it too, and tell what each did and what it is made of."""
    return {Path(name): told for name, told in _told(need_tool, "open_pages", *map(str, pages)).items()}
