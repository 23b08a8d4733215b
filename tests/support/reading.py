"""A page as one reads it from top to bottom without script: what is folded up, hidden or only drawn is left out."""

from __future__ import annotations

from html.parser import HTMLParser

_VOID = frozenset({"br", "col", "hr", "img", "input", "link", "meta", "wbr"})
_SILENT = frozenset({"head", "script", "style", "svg", "nav"})


class Reading(HTMLParser):
    """The words of a page in reading order, with single blanks between them, and its headings with their places."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.headings: list[tuple[int, str, str]] = []
        """Place in the text, level and words of each heading."""
        self._words: list[str] = []
        self._length = 0
        self._open: list[tuple[str, bool]] = []
        self.feed(html)
        self.close()
        self.text = " ".join(self._words)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            return
        given = dict(attrs)
        is_silent = tag in _SILENT or given.get("aria-hidden") == "true" or "on-paper" in (given.get("class") or "")
        is_folded = bool(self._open) and self._open[-1][0] == "details closed" and tag != "summary"
        name = "details closed" if tag == "details" and "open" not in given else tag
        self._open.append((name, is_silent or is_folded))
        if tag in ("h1", "h2", "h3") and not self._is_silent:
            self.headings.append((self._length, tag, ""))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0].split()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        words = data.split()
        if self._is_silent or not words:
            return
        if any(tag in ("h1", "h2", "h3") for tag, _ in self._open) and self.headings:
            place, level, before = self.headings[-1]
            self.headings[-1] = (place, level, " ".join([*before.split(), *words]))
        self._words.extend(words)
        self._length += sum(map(len, words)) + len(words)

    @property
    def _is_silent(self) -> bool:
        return any(silent for _, silent in self._open)

    def between(self, first: str, then: str | None) -> str:
        """What stands under the heading `first` up to the heading `then`, or up to the end without one."""
        places = {words: place for place, _, words in reversed(self.headings)}
        return self.text[places[first] : None if then is None else places[then]]
