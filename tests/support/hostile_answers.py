"""Answers of a server in which every text is hostile: a transport that rewrites whatever JSON passes through it.

It knows no dataset, so that a new one is covered by itself. What a text is decides which server replaces it:
ids that other answers refer to, moments, words of an enumeration, and all other text.
"""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import httpx

MARK = "h0st1l3"
"""Stands in every hostile text, so that it can be found again."""
CORE = (
    f"{MARK}\"'></style></script></title></textarea>--><script>alert(1)</script><svg/onload=alert(1)>"
    "<img src=x onerror=alert(1)><a href=javascript:alert(1)>x</a>]]>{{7*7}}{%raw%}&lt;&#60;"
    "\u202e\u2066\u2028\x00\x07\x1b[31m\x1b]8;;http://evil.example\x1b\\\x9b1m\U000e0041"
)
LEADS = (
    *("=1+1", "=cmd|' /C calc'!A0", '=HYPERLINK("http://evil.example";"x")', "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"),
    *("\n=1", "'=1", "＝1", "=DDE(1;2;3)", "javascript:alert(1)//", "url(http://evil.example/x)", "//evil.example/"),
    *('" onmouseover="alert(1)', "' autofocus onfocus='alert(1)", "<!--", "../../", "?#&", "http://evil.example/"),
    *("🚀👩\u200d💻", "`|`", "[x](javascript:alert(1))", "![x](http://evil.example/x.png)", "_x0041_", "%1$s", "[red]"),
)
"""What makes a text dangerous by standing first in it."""
LONG = 40_000
BARE = ("#REF!", "#N/A", "=1+1", "", " ", "null", "NaN")
"""What is dangerous only where nothing else stands beside it."""

_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ].*|\d\d:\d\d(:\d\d)?(\.\d+)?")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_FREE = re.compile(r"(^|[a-z])([nN]ame|[dD]escription|[mM]essage|[pP]ath|[tT]ag|[uU]ser|[hH]int|[nN]ote)s?(\[\])?$")

ID, MOMENT, SOME_MOMENTS, WORD, TEXT, KEY = "id", "moment", "some moments", "word", "text", "key"
SERVERS = {
    "ids": (TEXT, ID, SOME_MOMENTS),
    "words": (TEXT, WORD, KEY),
    "everything": (TEXT, ID, WORD, MOMENT, KEY),
}
"""What each replaces, all of them texts; with `KEY`, each object has one more entry, whose name is hostile too.

`SOME_MOMENTS` are half of them: beside rows that stand in no period are rows that are shown.
"""
Place = tuple[str, str]
"""The path of an answer, with `*` for each id, and the place of a text in its JSON."""


def kind_of(place: str, value: str) -> str:
    """What the text at `place` is."""
    if _ID.fullmatch(value):
        return ID
    if _MOMENT.fullmatch(value):
        return MOMENT
    return WORD if _WORD.fullmatch(value) and not _FREE.search(place) else TEXT


def hostile(value: str, *, bare: bool = False) -> str:
    """What stands for `value`: always the same, another for each other value, so that what belongs together joins."""
    at = zlib.crc32(value.encode("utf-8", "replace"))
    if bare and at % 29 == 0:
        return BARE[at // 29 % len(BARE)]
    filling = "x" * LONG if at % 211 == 0 else ""
    return f"{LEADS[at % len(LEADS)]}{CORE}{filling}{value}"


@dataclass
class HostileTransport(httpx.BaseTransport):
    """Asks `inner`, and makes the texts of its answers hostile, those of the kinds in `replaced`.

    The texts in `kept` stay: ids that the client puts into paths, where it takes nothing but ids, and what its clock
    goes by.
    """

    inner: httpx.BaseTransport
    replaced: tuple[str, ...] = ()
    kept: frozenset[str] = frozenset()
    seen: set[Place] = field(default_factory=set)
    """Where a text stood."""
    changed: set[Place] = field(default_factory=set)
    """Where a hostile text was put."""
    asked_for: set[str] = field(default_factory=set)
    """The ids in the paths that were asked for, and the moments that the server gave as its own."""
    _known: dict[str, str] = field(default_factory=dict)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer to `request`; a hostile id in it is that of the server again."""
        path, _, query = request.url.raw_path.decode().partition("?")
        plain = "/".join(self._known.get(unquote(part), part) for part in path.split("/"))
        request.url = request.url.copy_with(raw_path="?".join(filter(None, (plain, query))).encode())
        response = self.inner.handle_request(request)
        body = response.read()
        if "/oauth2/" in path or "json" not in response.headers.get("content-type", ""):
            return httpx.Response(response.status_code, headers=response.headers, content=body)
        self.asked_for |= {part for part in plain.split("/") if _ID.fullmatch(part)}
        answer = "/".join("*" if _ID.fullmatch(part) else part for part in plain.split("/"))
        if response.is_error:
            answer += f" {response.status_code}"
        document = json.loads(body)
        if plain.endswith("/serverTime") and response.is_success:
            self.asked_for.add(document["serverTime"])
        made = self._rewritten(answer, document, "")
        headers = {name: value for name, value in response.headers.items() if name != "content-length"}
        return httpx.Response(response.status_code, headers=headers, content=json.dumps(made).encode())

    def close(self) -> None:
        """Close what is behind it."""
        self.inner.close()

    def _rewritten(self, answer: str, value: Any, place: str) -> Any:
        if isinstance(value, dict):
            more = {hostile("key"): hostile("value")} if KEY in self.replaced else {}
            told = {name: self._rewritten(answer, held, f"{place}.{name}".lstrip(".")) for name, held in value.items()}
            return told | more
        if isinstance(value, list):
            return [self._rewritten(answer, held, f"{place}[]") for held in value]
        if not isinstance(value, str):
            return value
        self.seen.add((answer, place))
        kind = kind_of(place, value)
        if kind == MOMENT and SOME_MOMENTS in self.replaced and zlib.crc32(f"{answer}{place}{value}".encode()) % 2:
            kind = SOME_MOMENTS
        if kind not in self.replaced or value in self.kept:
            return value
        self.changed.add((answer, place))
        if value.startswith("Unsupported RESTAPI"):
            return f"{value}. {CORE}"
        made = hostile(value, bare=kind == TEXT)
        if kind == ID:
            self._known[made] = value
        return made
