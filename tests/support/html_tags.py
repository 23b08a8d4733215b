"""What a page is made of: its tags and attributes by name, its cells as text."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser

from lxml import etree, html


def walk(
    page: str,
    begin: Callable[[html.HtmlElement], object],
    say: Callable[[str | None], object],
    end: Callable[[html.HtmlElement], object],
) -> None:
    """Go through a page from top to bottom: each element as it begins and ends, and the texts between, if there are."""
    for event, element in etree.iterwalk(html.document_fromstring(page), events=("start", "end", "comment")):
        if event == "start":
            begin(element)
            say(element.text)
            continue
        if event == "end":
            end(element)
        say(element.tail)


class Tags(HTMLParser):
    """The tags of a page, and its cells and items as text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.cells: list[list[str]] = []
        self.in_cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")

            self.in_cell = True

    def handle_endtag(self, tag: str) -> None:
        self.in_cell = self.in_cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.in_cell:
            self.cells[-1][-1] += data
