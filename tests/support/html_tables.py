"""The tables, lists and headings of a page as a reader sees them."""

from __future__ import annotations

from dataclasses import dataclass, field

from html_tags import walk
from lxml import html


@dataclass
class Table:
    """One table: its id, its caption or the name it is given for those who hear it, its rows of texts."""

    id: str
    caption: str = ""
    rows: list[list[str]] = field(default_factory=list)


class Page:
    """Collects the tables of a page, and the big numbers with their words."""

    def __init__(self, text: str) -> None:
        self.tables: list[Table] = []
        self.tiles: list[tuple[str, str]] = []
        self._open: list[str] = []
        self._hidden = 0
        self._in_tiles = False
        walk(text, self._begin, self._say, self._end)

    def _begin(self, element: html.HtmlElement) -> None:
        if self._hidden or element.get("aria-hidden") == "true":
            self._hidden += 1
            return
        tag = element.tag
        if tag == "table":
            self.tables.append(Table(element.get("id") or "", element.get("aria-label") or ""))
        elif tag == "ul" and element.get("class") == "tiles":
            self._in_tiles = True
        elif tag == "li" and self._in_tiles:
            self.tiles.append(("", ""))
        elif tag == "tr" and self.tables:
            self.tables[-1].rows.append([])
        elif tag in ("td", "th") and self.tables and self.tables[-1].rows:
            self.tables[-1].rows[-1].append("")
        self._open.append(tag)

    def _end(self, element: html.HtmlElement) -> None:
        if self._hidden:
            self._hidden -= 1
            return
        self._open.pop()
        tag = element.tag
        if tag == "ul":
            self._in_tiles = False

    def _say(self, text: str | None) -> None:
        if self._hidden or not text or text.isspace():
            return
        words = " ".join(text.split())
        if self._in_tiles and self.tiles and words:
            value, label = self.tiles[-1]
            self.tiles[-1] = (words, label) if "b" in self._open else (value, f"{label} {words}".strip())
        elif "caption" in self._open and self.tables:
            self.tables[-1].caption = f"{self.tables[-1].caption} {words}".strip()
        elif ("td" in self._open or "th" in self._open) and self.tables and self.tables[-1].rows and words:
            row = self.tables[-1].rows[-1]
            if row:
                row[-1] = f"{row[-1]} {words}".strip()
