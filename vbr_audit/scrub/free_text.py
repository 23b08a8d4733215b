"""Names in running text: every name of the estate and everything that looks like one is replaced by its pseudonym.

It is for what servers, files and people wrote. In sentences of this package's own nothing is looked for: there, each
value tells what it holds.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from ipaddress import ip_address
from typing import Final

from ahocorasick_rs import AhoCorasick

from vbr_audit.checks.catalogue import REGISTRY
from vbr_audit.checks.derived import left_objects, offloads, protection
from vbr_audit.collection.manifest import DatasetStatus
from vbr_audit.datasets import DATASETS, SPECS
from vbr_audit.display import plain
from vbr_audit.findings.gaps import OUT_OF_REACH
from vbr_audit.findings.requirements import shipped_files
from vbr_audit.reports.words import DEFINITIONS, STATUS_MEANINGS, STATUS_WORDS
from vbr_audit.scrub.pseudonyms import Pseudonyms
from vbr_audit.tables.build import enums
from vbr_audit.tables.jobs.control_list import CONTROLS
from vbr_audit.vocabulary import STATUSES

REMOVED: Final = "[removed]"
SHORTEST: Final = 3
"""Names of fewer characters are replaced as whole cells only."""

_FREE: Final = 4
"""Names of so many characters are found within longer words, too."""

_PATTERNS: Final = re.compile(
    r"""(?P<uuid>(?<![0-9a-f])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![0-9a-f]))
    |(?P<url>https?://[^\s"'<>)\]]+)
    |(?P<mail>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)
    |(?P<path>(?<![\w])[a-z]:\\{1,2}[^\s,;"'<>|)]*|\\\\[\w.$-]+(?:\\{1,2}[^\s,;"'<>|)]+)*)
    |(?P<user>(?<![\\\w.$-])[\w.-]+\\{1,2}[\w.$-]*[\w$])
    |(?P<sid>S-1(?:-\d+){2,})
    |(?P<fingerprint>(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{40})(?![0-9a-f])
        |(?<![0-9a-f:])(?:[0-9a-f]{2}:){15,31}[0-9a-f]{2}(?![0-9a-f:]))
    |(?P<address>(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.]*\d)|(?<![\w:])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:])
        |(?<![\w:-])(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}(?![\w:-]))""",
    re.IGNORECASE | re.VERBOSE,
)
_MAC: Final = re.compile(r"(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}", re.IGNORECASE)
_LABEL: Final = re.compile(r"[\w.-]*\Z")


@dataclass(frozen=True)
class Term:
    """A name in lower case, and what stands in for it."""

    folded: str
    kind: str
    stand_in: str


Span = tuple[int, int, str]


@dataclass(frozen=True)
class TextScrubber:
    """Replaces the names of one estate in texts; `builds` look like addresses and stay."""

    pseudonyms: Pseudonyms
    terms: Mapping[str, Term]
    builds: frozenset[str] = frozenset()
    _done: dict[tuple[bool, str], str] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def _search(self) -> tuple[tuple[Term, ...], AhoCorasick]:
        """The terms, and what finds all of them in a text at once."""
        terms = tuple(self.terms.values())
        return terms, AhoCorasick([term.folded for term in terms], store_patterns=False)

    def clean(self, text: str, *, prose: bool = True) -> str:
        """`text` without a name; without `prose`, what people wrote elsewhere is not looked for."""
        known = self._done.get((prose, text))
        if known is None:
            known = self._done[prose, text] = self._replaced(text, prose)
        return known

    def _replaced(self, text: str, prose: bool) -> str:
        names = [span for span in self._names(text) if prose or span[2] != REMOVED]
        spans = _merged([*self._patterns(text), *names])
        parts, at = [], 0
        for start, end, stand_in in spans:
            parts += [text[at:start], stand_in]
            at = end
        return "".join([*parts, text[at:]])

    def _patterns(self, text: str) -> Iterable[Span]:
        for match in _PATTERNS.finditer(text):
            kind, matched = match.lastgroup or "", match.group()
            if kind == "address" and not self._is_address(matched):
                continue
            term = self.terms.get(folded(matched))
            if kind == "uuid":
                yield (*match.span(), self.pseudonyms.identifier(matched))
            else:
                yield (*match.span(), term.stand_in if term else self.pseudonyms.name(kind, matched))

    def _is_address(self, text: str) -> bool:
        if text in self.builds:
            return False
        try:
            return bool(_MAC.fullmatch(text)) or not ip_address(text).is_unspecified
        except ValueError:
            return False

    def _names(self, text: str) -> Iterable[Span]:
        """The names in `text` from left to right, of those that begin at one place the longest, none within another."""
        terms, search = self._search
        matches = search.find_matches_as_indexes(folded(text), overlapping=True)
        over = 0
        for which, at, end in sorted(matches, key=lambda match: (match[1], -match[2])):
            term = terms[which]
            if at < over or not _stands(term, text, at, end):
                continue
            label = _LABEL.search(text, 0, at) if term.kind == "domain" else None
            yield (label.start() if label else at, end, term.stand_in)
            over = end


def _stands(term: Term, text: str, at: int, end: int) -> bool:
    """Whether `text` from `at` to `end` is the name: a word of its own, or long enough to stand within one."""
    as_word = not text[at - 1 : at].isalnum() and not text[end : end + 1].isalnum()
    return as_word or len(term.folded) >= _FREE


_NO_CHARACTER: Final = re.compile("[\ud800-\udfff]")


def folded(text: str) -> str:
    """`text` in lower case, each character in its place; what UTF-8 cannot write is the replacement character."""
    if text.isascii():
        return text.lower()
    lowered = "".join(low if len(low := sign.lower()) == 1 else sign for sign in text)
    return _NO_CHARACTER.sub("\ufffd", lowered)


def make_terms(names: Iterable[tuple[str, str]], pseudonyms: Pseudonyms) -> dict[str, Term]:
    """The names to look for, from pairs of kind and name; of a text that is given twice the first kind counts.

    A name with what `display.plain` makes of it, with its parts (the account and the domain of `DOMAIN\\user`, host and
    domain of a full host name), and without blanks around it.
    """
    terms: dict[str, Term] = {}
    parts: list[tuple[str, str]] = []

    def add(kind: str, text: str, stand_in: str) -> None:
        low = folded(text)
        if len(low) < SHORTEST or low in terms or (low.isdigit() and len(low) < 2 * _FREE):
            return
        # A note like `Backup` says nothing, and would take that word out of whatever servers write.
        if kind != REMOVED or not is_ordinary(low):
            terms[low] = Term(low, kind, stand_in)

    for kind, name in names:
        stand_in = _stand_in(kind, name, pseudonyms)
        for text in dict.fromkeys((name, name.strip(), plain(name), plain(name, lines=True))):
            add(kind, text, stand_in)
        if kind != REMOVED:
            parts += _parts(kind, name)
    for kind, part in parts:
        if part.casefold() not in _WELL_KNOWN and not is_ordinary(folded(part)):
            add(kind, part, pseudonyms.name(kind, part))
    return terms


def _stand_in(kind: str, name: str, pseudonyms: Pseudonyms) -> str:
    if kind == REMOVED:
        return REMOVED
    return pseudonyms.identifier(name) if kind == "id" else pseudonyms.name(kind, name)


_WELL_KNOWN: Final = frozenset({"builtin", "nt authority", "nt service", "workgroup", "localhost", "local"})
_HOST: Final = re.compile(r"(?:https?://)?([a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.[a-z][a-z0-9-]*)(?::\d+)?/?", re.IGNORECASE)


def _parts(kind: str, name: str) -> Iterable[tuple[str, str]]:
    """What of a name is a name in itself."""
    if kind == "user" and "\\" in name:
        domain, account = name.split("\\", 1)
        yield from (("domain", domain), ("user", account))
    if "@" in name and kind in ("user", "mail"):
        account, domain = name.rsplit("@", 1)
        yield from (("user", account), ("domain", domain))
    if kind in ("server", "host", "object", "url") and (host := _HOST.fullmatch(name)):
        label, _, domain = host[1].partition(".")
        yield from (("host", host[1]), ("host", label))
        if "." in domain:
            yield ("domain", domain)
    elif kind == "url":
        yield ("host", re.sub(r"^https?://|[:/].*$", "", name))


def _merged(spans: Iterable[Span]) -> list[Span]:
    """The spans from left to right; of those that overlap one over all of them, with the words of the longest."""
    merged: list[Span] = []
    widths: list[int] = []
    for start, end, stand_in in sorted(spans, key=lambda span: (span[0], -span[1])):
        if merged and start < merged[-1][1]:
            first, last, words = merged[-1]
            longer = end - start > widths[-1]
            merged[-1] = (first, max(last, end), stand_in if longer else words)
            widths[-1] = max(widths[-1], end - start)
        else:
            merged.append((start, end, stand_in))
            widths.append(end - start)
    return merged


# The words of this tool itself: what people wrote, values and words of the API are told from names by them.

_GRAM: Final = 3


@cache
def own_text() -> str:
    """Texts of this tool in lower case: titles, rationales, helps, the API's known words, what functions say."""
    return "\n".join(_texts()).lower()


@cache
def _grams() -> frozenset[str]:
    text = own_text()
    return frozenset(text[at : at + _GRAM] for at in range(len(text)))


def occurs(folded: str) -> bool:
    """Whether a text in lower case stands somewhere in the tool's own, be it within a word."""
    grams = _grams()
    if any(folded[at : at + _GRAM] not in grams for at in range(max(1, len(folded) - _GRAM + 1))):
        return False
    return folded in own_text()


@lru_cache(maxsize=65_536)
def is_ordinary(folded: str) -> bool:
    """Whether a text in lower case is a word, or some words, of the tool's own."""
    if not occurs(folded):
        return False
    text, size = own_text(), len(folded)
    at = text.find(folded)
    while at >= 0 and (text[at - 1 : at].isalnum() or text[at + size : at + size + 1].isalnum()):
        at = text.find(folded, at + 1)
    return at >= 0


def _texts() -> Iterator[str]:
    for check in REGISTRY.all():
        yield from (
            check.title,
            check.rationale,
            check.remediation,
            check.expected or "",
            check.failure or "",
            check.consequence or "",
            check.json_path or "",
        )
        yield from (f"{parameter.name} {parameter.help}" for parameter in check.parameters)
        yield from _constants(check.function.__code__)
    for spec in (*SPECS.values(), protection.SPEC, offloads.SPEC, left_objects.SPEC):
        yield f"{spec.name} {spec.help}"
        yield from (f"{column.name} {column.help} {column.unit}" for column in spec.columns)
    yield from (control.help for control in CONTROLS.values())
    yield from (f"{dataset.title} {dataset.path}" for dataset in DATASETS.values())
    yield from (str(words) for words in vars(enums).values() if isinstance(words, tuple))
    yield from (" ".join(words) for words in enums.CONTROL_WORDS.values())
    yield from (*OUT_OF_REACH, *STATUSES, *DatasetStatus, *calendar.day_name, *calendar.month_name)
    for words in (DEFINITIONS, STATUS_MEANINGS, STATUS_WORDS):
        yield str(words)
    yield from (file.text for file in shipped_files())


def _constants(code: object) -> Iterator[str]:
    """The texts that stand in a function, and in the functions within it."""
    for constant in getattr(code, "co_consts", ()):
        if isinstance(constant, str):
            yield constant
        else:
            yield from _constants(constant)
