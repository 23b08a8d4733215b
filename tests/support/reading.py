"""A page as one reads it from top to bottom without script: what is folded up, hidden or only drawn is left out."""

from __future__ import annotations

from html_tags import walk
from lxml import html

_SILENT = frozenset({"head", "script", "style", "svg", "nav"})


class Reading:
    """The words of a page in reading order, with single blanks between them, and its headings with their places."""

    def __init__(self, page: str) -> None:
        self.headings: list[tuple[int, str, str]] = []
        """Place in the text, level and words of each heading."""
        self._words: list[str] = []
        self._length = 0
        self._open: list[tuple[str, bool]] = []
        walk(page, self._begin, self._say, self._end)
        self.text = " ".join(self._words)

    def _end(self, _: html.HtmlElement) -> None:
        self._open.pop()

    def _begin(self, element: html.HtmlElement) -> None:
        tag = element.tag
        is_hidden = element.get("aria-hidden") == "true" or "on-paper" in element.get("class", "")
        is_folded = bool(self._open) and self._open[-1][0] == "details closed" and tag != "summary"
        name = "details closed" if tag == "details" and element.get("open") is None else tag
        self._open.append((name, self._is_silent or tag in _SILENT or is_hidden or is_folded))
        if tag in ("h1", "h2", "h3") and not self._is_silent:
            self.headings.append((self._length, tag, ""))

    def _say(self, text: str | None) -> None:
        if self._is_silent or not text or text.isspace():
            return
        words = text.split()
        if any(tag in ("h1", "h2", "h3") for tag, _ in self._open) and self.headings:
            place, level, before = self.headings[-1]
            self.headings[-1] = (place, level, " ".join([*before.split(), *words]))
        self._words.extend(words)
        self._length += sum(map(len, words)) + len(words)

    @property
    def _is_silent(self) -> bool:
        return bool(self._open) and self._open[-1][1]

    def between(self, first: str, then: str | None) -> str:
        """What stands under the heading `first` up to the heading `then`, or up to the end without one."""
        places = {words: place for place, _, words in reversed(self.headings)}
        return self.text[places[first] : None if then is None else places[then]]
