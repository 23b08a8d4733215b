"""The site builds without a warning, and asks for nothing outside of itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from pages import DOCS

ROOT = DOCS.parent
LOADING = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
SHOWN_ONLY = ("canonical", "next", "prev")


class Loaded(HTMLParser):
    """The addresses that a page loads by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the address of a tag that loads one."""
        told = dict(attrs)
        address = told.get(LOADING.get(tag, ""))
        if address and told.get("rel") not in SHOWN_ONLY:
            self.found.append(address)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    target = tmp_path_factory.mktemp("site")
    words = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "-q",
        "-f",
        str(ROOT / "mkdocs.yml"),
        "-d",
        str(target),
    ]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return target


def test_every_page_is_in_the_site(site: Path) -> None:
    pages = {path.stem for path in DOCS.glob("*.md")}
    assert pages <= {path.stem for path in site.glob("*.html")}


def test_every_block_of_code_is_one(site: Path) -> None:
    """A fence with words that the renderer does not know would stay as text, and swallow what follows."""
    for path in site.glob("*.html"):
        assert "```" not in path.read_text("utf-8"), path.name


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    for path in site.rglob("*.html"):
        loaded = Loaded()
        loaded.feed(path.read_text("utf-8"))
        assert [address for address in loaded.found if re.match(r"(?:https?:)?//", address)] == [], path.name
    for path in site.rglob("*.css"):
        assert re.findall(r"url\([\"']?(?:https?:)?//[^)]*\)|@import", path.read_text("utf-8")) == [], path.name


def test_the_search_knows_checks_columns_and_names(site: Path) -> None:
    index = (site / "search" / "search_index.js").read_text("utf-8")
    for word in ("RPO-003", "retry_wait_min", "vbr-audit-doctor", "load_audit", "LoadCredential"):
        assert word in index


def test_the_api_page_tells_every_public_name(site: Path) -> None:
    import vbr_audit as va

    text = (site / "api.html").read_text("utf-8")
    told = set(re.findall(r'id="vbr_audit\.(\w+)"', text))
    assert set(va.__all__) - {"plot"} <= told
    assert "sessions_per_day" in text
