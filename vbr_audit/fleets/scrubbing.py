"""A fleet without names: keyed pseudonyms for servers, tenants and objects, and only the tool's own words in texts.

A summary holds less than a run, so that the names that its texts may hold are not all known: what is neither a name
that is known, nor a word of the tool's own, nor a number, is removed. The same name has the pseudonym that a scrubbed
run gives it under the same key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

from vbr_audit.api.client import parse_url
from vbr_audit.checks.catalogue import REGISTRY
from vbr_audit.errors import ConfigurationError
from vbr_audit.fleets.population import Listed, Population
from vbr_audit.fleets.servers_file import Server
from vbr_audit.fleets.summaries import CheckCount, NewsGroup, ServerSummary, WorstCause
from vbr_audit.scrub.free_text import REMOVED, SHORTEST, TextScrubber, folded, is_ordinary, make_terms
from vbr_audit.scrub.pseudonyms import Pseudonyms, ScrubKey, default_key_file, load_key
from vbr_audit.scrub.scrubbing import PLAIN_FILES
from vbr_audit.scrub.tables import Rule, Scrubber, cause_rules, object_rules

_WORD: Final = re.compile(r"\w+(?:[-.]\w+)*")
_PART: Final = re.compile(r"[^\W_]+")
_KEPT: Final = re.compile(
    r"[a-z]+-[0-9a-f]{10,}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|\[removed\]|[A-Z]{2,4}-\d{3}"
)
"""What may be no name though it is no word: pseudonyms, ids of shipped checks."""
_BUILD: Final = re.compile(r"\d+(?:\.\d+){1,3}")
_SEVERAL: Final = re.compile(r"\[removed\](?:[^\w\[]{1,3}\[removed\])+")


@dataclass(frozen=True)
class KeyPlace:
    """Where a worker finds the key of the pseudonyms, and by `key_id` whether it is the one that is meant.

    It holds no secret, so that it may travel with a task.
    """

    path: str
    key_id: str

    @classmethod
    def of(cls, path: str | Path | None = None) -> KeyPlace:
        """The place of a key file, else of the user's own, which is made at its first use; raises `load_key`'s."""
        place = default_key_file() if path is None else Path(path)
        return cls(str(place.absolute()), load_key(path).id)

    def key(self) -> ScrubKey:
        """The key; raises `ConfigurationError` where there is none, or another one."""
        key = load_key(self.path)
        if key.id != self.key_id:
            raise ConfigurationError(
                "the worker has another key for pseudonyms", hint="Give all workers the same file of the key."
            )
        return key


@dataclass(frozen=True)
class FleetScrubber:
    """What replaces the names of a fleet under one key."""

    scrubber: Scrubber

    @classmethod
    def of(cls, key: ScrubKey, names: Iterable[tuple[str, str | None]]) -> FleetScrubber:
        """With these names, each with its kind, as what texts are searched for."""
        known = [(kind, name) for kind, name in names if name and name.strip()]
        pseudonyms = Pseudonyms(key)
        return cls(Scrubber(pseudonyms, TextScrubber(pseudonyms, make_terms(known, pseudonyms))))

    @classmethod
    def of_servers(cls, key: ScrubKey, servers: Iterable[Server]) -> FleetScrubber:
        """With the names, hosts, accounts and tenants of a file of servers."""
        return cls.of(key, (pair for server in servers for pair in _names_of_server(server)))

    @classmethod
    def of_summaries(cls, key: ScrubKey, summaries: Iterable[ServerSummary]) -> FleetScrubber:
        """With the names that the summaries hold."""
        return cls.of(key, (pair for summary in summaries for pair in _names_of_summary(summary)))

    @property
    def key_id(self) -> str:
        """What tells the key from others, and nothing else of it."""
        return self.scrubber.pseudonyms.key.id

    def summary(self, summary: ServerSummary) -> ServerSummary:
        """A summary without names; one that was scrubbed already stays.

        Raises `ConfigurationError` for one that was scrubbed with another key.
        """
        if summary.scrub_key_id is not None:
            if summary.scrub_key_id != self.key_id:
                raise ConfigurationError(
                    "the names of this fleet were replaced with another key", hint="Give that key with --scrub-key."
                )
            return summary
        names, policy = self.scrubber.pseudonyms, summary.policy_name
        digest = names.hashed
        return summary.model_copy(
            update={
                "server": names.name("server", summary.server),
                "tenant": None if summary.tenant is None else names.name("company", summary.tenant),
                "reasons": tuple(self.own_words(reason) for reason in summary.reasons),
                "server_id": None if summary.server_id is None else names.identifier(summary.server_id),
                "run_id": None if summary.run_id is None else digest(summary.run_id),
                "earlier_run": None if summary.earlier_run is None else digest(summary.earlier_run),
                "folder": None,
                "policy_name": policy if policy is None or policy in PLAIN_FILES else names.name("file", policy),
                "build": summary.build if _BUILD.fullmatch(summary.build or "") else None,
                "role": None if summary.role is None else self.own_words(summary.role),
                "rules": digest(summary.rules),
                "digest": digest(summary.digest),
                "checks": tuple(self._check(check) for check in summary.checks),
                "worst": tuple(self._cause(cause) for cause in summary.worst),
                "news": tuple(self._news(group) for group in summary.news),
                "scrub_key_id": self.key_id,
            }
        )

    def population(self, population: Population) -> Population:
        """The list under the pseudonyms of its servers and tenants."""
        names = self.scrubber.pseudonyms
        listed = [
            Listed(names.name("server", one.name), None if one.tenant is None else names.name("company", one.tenant))
            for one in population.servers
        ]
        return replace(population, servers=tuple(listed), source="the list", scrub_key_id=self.key_id)

    def text(self, text: str) -> str:
        """A text of the user's, such as a title, without the names that are known."""
        return self.scrubber.texts.clean(text)

    def own_words(self, text: str) -> str:
        """A text in which names are replaced, and what is no word of the tool's own is removed."""
        parts, at = [], 0
        clean = self.scrubber.texts.clean(text)
        for match in _KEPT.finditer(clean):
            if _stays(match.group(), text):
                parts += [_WORD.sub(_own_word, clean[at : match.start()]), match.group()]
                at = match.end()
        return _SEVERAL.sub(REMOVED, "".join([*parts, _WORD.sub(_own_word, clean[at:])]))

    def _check(self, check: CheckCount) -> CheckCount:
        if check.title is None:
            return check
        return check.model_copy(update={"title": self.own_words(check.title)})

    def _cause(self, cause: WorstCause) -> WorstCause:
        rule, _ = cause_rules().get(cause.kind, (Rule("prose"), False))
        return cause.model_copy(
            update={
                "cause": self.scrubber.pseudonyms.hashed(cause.cause),
                "failure": self.own_words(cause.failure),
                "name": self.scrubber.value(cause.name, rule),
                "title": self.own_words(cause.title),
                "consequence": self.own_words(cause.consequence),
                "owner": None if cause.owner is None else self.scrubber.name("user", cause.owner),
            }
        )

    def _news(self, group: NewsGroup) -> NewsGroup:
        rule, _ = object_rules().get(group.kind, (Rule("prose"), False))
        names = tuple(self.scrubber.value(name, rule) for name in group.names)
        return group.model_copy(update={"names": names, "title": self.own_words(group.title)})


def _stays(word: str, original: str) -> bool:
    """Whether a word of a cleaned text is a pseudonym, which no name of the original can be, or a check's id."""
    return word == REMOVED or word in REGISTRY or word.lower() not in original.lower()


def _own_word(match: re.Match[str]) -> str:
    """A word, or several that are joined, stays where each is a number, the tool's own, or too short for a name."""
    return match.group() if all(map(_is_known, _PART.findall(match.group()))) else REMOVED


def _is_known(word: str) -> bool:
    return len(word) < SHORTEST or word.isdecimal() or folded(word) in _said_words() or is_ordinary(folded(word))


@cache
def _said_words() -> frozenset[str]:
    """The words of what says why a server was not audited, in lower case: those of the source that may say so."""
    package = resources.files("vbr_audit")
    files = [each for name in _SAYING for each in package.joinpath(name).iterdir() if each.name.endswith(".py")]
    texts = (file.read_text(encoding="utf-8") for file in files)
    return frozenset(word.lower() for text in texts for word in re.findall("[A-Za-z]+", text))


_SAYING: Final = ("api", "collection", "fleets")


def _names_of_server(server: Server) -> Iterator[tuple[str, str | None]]:
    yield "server", server.shown_name
    yield "host", parse_url(server.url).host
    yield "user", server.username
    yield "company", server.tenant


def _names_of_summary(summary: ServerSummary) -> Iterator[tuple[str, str | None]]:
    if summary.scrub_key_id is None:
        yield "server", summary.server
        yield "company", summary.tenant
        yield from (("object", cause.name) for cause in summary.worst)


def scrubbed_summaries(key: ScrubKey, summaries: Sequence[ServerSummary]) -> tuple[ServerSummary, ...]:
    """Summaries without names; raises `ConfigurationError` for one that was scrubbed with another key."""
    scrubber = FleetScrubber.of_summaries(key, summaries)
    return tuple(map(scrubber.summary, summaries))
