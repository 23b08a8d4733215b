"""Tickets: one for each cause (or finding) that fails, commented and closed once it is fixed, reopened if it returns.

What a system has is compared with what a run says, so that a run that was never delivered loses nothing. A ticket is
closed only for what was judged again; what could not be looked at stays open, and a comment says so once.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from vbr_audit.config.secret_sources import KEYS, named_source
from vbr_audit.config.yaml_file import Problem
from vbr_audit.delivering.channels.card import (
    KEYRING_PLACE,
    Channel,
    Common,
    Keyring,
    Parcel,
    Text,
    TrustEntry,
    Words,
    trust_of,
)
from vbr_audit.delivering.channels.posting import as_json
from vbr_audit.delivering.channels.webhook import read_json
from vbr_audit.delivering.json_template import filled, filled_text
from vbr_audit.delivering.message import OPEN, Cause, Judged, Message
from vbr_audit.delivering.speaking import Reason, Told
from vbr_audit.delivering.ticket_systems import (
    SYSTEMS,
    Action,
    TicketSystem,
    found_at,
    shipped_system,
    ticket_system,
)
from vbr_audit.delivering.wire import Answer, Request, ask, host_of
from vbr_audit.delivering.words import cause_when
from vbr_audit.display import shorten
from vbr_audit.errors import ConfigurationError, DeliveryError
from vbr_audit.vocabulary import SEVERITIES, Severity, severities_from

MOST_NEW: Final = 50
"""How many tickets one run opens unless the channel says otherwise; the rest is opened with the next ones."""
_TITLE: Final = 160
_GONE: Final = (404, 410)


_OWN_HEADERS: Final = frozenset(
    {"accept", "authorization", "connection", "content-length", "content-type", "host", "session-token", "user-agent"}
)
"""Headers that are set here, and those that are the wire's."""


class HeaderEntry(BaseModel):
    """A header that a system wants beside, such as an application token: its name, and the place of its value."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    name: Annotated[Text, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,60}$")]
    value_env: Text | None = None
    value_file: Text | None = None
    value_command: Words | None = None


class TicketsEntry(TrustEntry):
    """A ticket system: one of `SYSTEMS`, or a `template` of one's own."""

    system: Literal["jira", "jira-cloud", "servicenow", "glpi"] | None = None
    template: Text | None = None
    url: Text
    by: Literal["cause", "finding"] = "cause"
    severity: Severity = "high"
    most_new: Annotated[int, Field(ge=1, le=1000)] = MOST_NEW
    values: dict[str, str | int] = Field(default_factory=dict)
    username: Text | None = None
    password_env: Text | None = None
    password_file: Text | None = None
    password_command: Words | None = None
    password_keyring: Keyring | None = None
    token_env: Text | None = None
    token_file: Text | None = None
    token_command: Words | None = None
    token_keyring: Keyring | None = None
    headers: list[HeaderEntry] = Field(default_factory=list)


@dataclass(frozen=True)
class Subject:
    """What one ticket is about, and the findings that decide whether it is settled."""

    key: str
    findings: tuple[str, ...]
    facts: Mapping[str, Any]


class TicketsChannel(Channel):
    """A ticket system over its REST interface."""

    model = TicketsEntry
    secrets = ("password", "token")
    keeps_tickets = True

    @classmethod
    def faults(cls, entry: Mapping[str, Any], common: Common) -> Iterator[Problem]:
        """That the system is known, its values are given, and its address holds no secret."""
        yield from super().faults(entry, common)
        yield from _header_faults(entry.get("headers", ()))
        if bool(entry.get("system")) == bool(entry.get("template")):
            yield Problem((), f"needs either system (one of {', '.join(SYSTEMS)}) or template")
            return
        try:
            system_of(entry, common)
        except ConfigurationError as error:
            yield Problem(("values",) if entry.get("system") else ("template",), error.message)
        if any(sign in entry["url"] for sign in "@?#"):
            yield Problem(("url",), "is the bare address of the system: no account and no query")
            return
        try:
            host_of(entry["url"])
        except ConfigurationError as error:
            yield Problem(("url",), error.message)

    @property
    def where(self) -> str:
        """The host of the system."""
        return host_of(self.entry["url"])

    def __init__(self, entry: Mapping[str, Any], common: Common) -> None:
        super().__init__(entry, common)
        self._session: str | None = None

    def parcels(self, message: Message, reason: Reason, told: Told) -> Iterable[Parcel]:
        """One parcel for each request; none where the tickets are as they ought to be."""
        book: Mapping[str, Any] = {key: one for key, one in told.get("tickets", {}).items() if one}
        failing = self._failing(message)
        link = self.letter(message, reason).link
        for key, kept in book.items():
            if not kept.get("ticket"):
                continue  # its number is not known: a person follows it
            yield from self._followed(key, kept, message, key in failing)
        wanted = severities_from(self.entry.get("severity", "high"))
        new = [one for one in failing.values() if one.key not in book and one.facts["severity"] in wanted]
        for subject in new[: self.entry.get("most_new", MOST_NEW)]:
            learned = {"open": True, "findings": list(subject.findings)}
            yield self._parcel("open", subject.key, {**subject.facts, "link": link, "comment": ""}, learned)

    def send(self, content: bytes, key: str, told: Told) -> Told:
        """Ask the system for one action; the id of a new ticket is learned."""
        order = json.loads(content)
        subject, action = order["key"], order["action"]
        kept = (told.get("tickets") or {}).get(subject) or {}
        if action != "open" and not kept.get("ticket"):
            return {}  # somebody removed it: there is nothing to follow
        system = system_of(self.entry, self.common)
        facts = {**order["values"], "key": subject, "ticket": kept.get("ticket", "")}
        answer = self._ask(system, action, facts)
        if answer.status in _GONE:
            if action == "open":
                raise DeliveryError(f"{self.where} answered {answer.status}", hint="Check url and system.")
            return {"tickets": {subject: None}}
        learned = dict(order["learned"])
        if action == "open":
            learned["ticket"] = found_at(answer.body, system.ticket_at)
            if learned["ticket"] is None:
                raise DeliveryError(f"{self.where} took a ticket, but did not say which one it is", unsure=True)
        return {"tickets": {subject: learned}}

    def assumed(self, content: bytes) -> Told:
        """That the ticket is as it was asked for; of a new one no number is known, and a person follows it."""
        order = json.loads(content)
        return {"tickets": {order["key"]: order["learned"]}}

    def _ask(self, system: TicketSystem, action: Action, facts: Mapping[str, Any]) -> Answer:
        call = system.call(action)
        written = {name: system.escaped(facts[name]) for name in ("description", "comment")}
        values = {**self.entry.get("values", {}), **facts, **written}
        path = filled_text(call.path, {name: quote(str(value), safe="") for name, value in values.items()})
        url = self.entry["url"].strip().rstrip("/") + path
        return self._sent(call.method, url, as_json(filled(call.body, values)), self._headers(system))

    def _sent(self, method: str, url: str, content: bytes, headers: Mapping[str, str]) -> Answer:
        own = frozenset(header["name"] for header in self.entry.get("headers", ()))
        request = Request(method, SecretStr(url), content, headers, own)
        try:
            return ask(request, trust_of(self.entry, self.common), self.timeout)
        except DeliveryError:
            self._session = None  # it may be that which is not known any more
            raise

    def _own_headers(self) -> dict[str, str]:
        """The headers that the table names; raises `ConfigurationError` for a value that none can be."""
        found = {}
        for header in self.entry.get("headers", ()):
            source = named_source(header, "value", self.common.folder)
            value = "" if source is None else source.resolve(self.name, KEYRING_PLACE).get_secret_value()
            if not (value.isascii() and value.isprintable()):
                raise ConfigurationError(
                    f"the value of the header {header['name']} is no text that a header can hold",
                    hint="Correct it where it is kept.",
                )
            found[header["name"]] = value
        return found

    def _headers(self, system: TicketSystem) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "application/json", **self._own_headers()}
        if self._session is not None:
            return headers | {"Session-Token": self._session}
        token, password = self.secret("token"), self.secret("password")
        if token is not None:
            headers["Authorization"] = f"{system.token_word} {token}"
        elif password is not None:
            pair = f"{self.entry.get('username', '')}:{password}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        if system.session is None:
            return headers
        url = self.entry["url"].strip().rstrip("/") + system.session.path
        answer = self._sent("GET", url, b"", headers)
        self._session = found_at(answer.body, system.session.token_at)
        if self._session is None:
            raise DeliveryError(f"{self.where} gave no session", hint="Check url, and what the account may do.")
        headers.pop("Authorization", None)
        return headers | {"Session-Token": self._session}

    def _failing(self, message: Message) -> dict[str, Subject]:
        if self.entry.get("by", "cause") == "finding":
            failing = (one for one in message.findings if one.status == "FAIL")
            ordered = sorted(failing, key=lambda one: SEVERITIES.index(one.severity))
            return {one.key: Subject(one.key, (one.key,), _facts_of_finding(one)) for one in ordered}
        members: dict[str, list[str]] = {}
        for one in message.findings:
            if one.status == "FAIL":
                members.setdefault(one.cause, []).append(one.key)
        return {one.key: Subject(one.key, tuple(members.get(one.key, ())), _facts(one)) for one in message.causes}

    def _followed(self, key: str, kept: Mapping[str, Any], message: Message, fails: bool) -> Iterator[Parcel]:
        """What a ticket that is there needs."""
        if fails:
            if not kept["open"]:
                comment = f"It fails again, as read on {message.read_at}."
                yield self._parcel("reopen", key, {"comment": comment}, {"open": True, "lost": False})
                yield self._parcel("comment", key, {"comment": comment}, {})
            return
        if not kept["open"]:
            return
        lost, told = _outcome(kept["findings"], message)
        if lost:
            if not kept.get("lost"):
                yield self._parcel("comment", key, {"comment": told}, {"lost": True})
            return
        yield self._parcel("comment", key, {"comment": told}, {})
        yield self._parcel("close", key, {"comment": told}, {"open": False, "lost": False})

    def _parcel(self, action: Action, key: str, values: Mapping[str, Any], learned: Mapping[str, Any]) -> Parcel:
        order = {"action": action, "key": key, "values": {"description": "", **values}, "learned": learned}
        about = f"{action} the ticket of {key}" + (f": {values['title']}" if "title" in values else "")
        return Parcel(f"{action}-{key}", about, as_json(order))


def _header_faults(headers: Iterable[Mapping[str, Any]]) -> Iterator[Problem]:
    """Headers that are not the user's to set, and those without a place of their value, or with several."""
    for at, header in enumerate(headers):
        if header["name"].lower() in _OWN_HEADERS:
            yield Problem(("headers", at, "name"), "is set by vbr-audit")
        if sum(f"value_{ending}" in header for ending in KEYS) != 1:
            yield Problem(("headers", at), "needs one place of its value: value_env, value_file or value_command")


def system_of(entry: Mapping[str, Any], common: Common) -> TicketSystem:
    """The system of a channel; raises `ConfigurationError`."""
    name = entry.get("system")
    content = shipped_system(name) if name else read_json(common, entry["template"])
    return ticket_system(content, entry.get("values", {}), name or entry["template"])


def _outcome(findings: Iterable[str], message: Message) -> tuple[bool, str]:
    """Whether some of the findings of a ticket could not be looked at, and what became of them in words."""
    known = {one.key: one for one in message.findings}
    kept = tuple(findings)
    unanswered = [key for key in kept if key in known and known[key].status in OPEN]
    missing = [key for key in kept if key not in known and key not in message.gone]
    when = f"as read on {message.read_at}"
    if unanswered or missing:
        return True, f"Not known any more, {when}: {len(unanswered) + len(missing)} of {len(kept)} could not be judged."
    words: dict[str, int] = {}
    for key in kept:
        word = "object gone" if key not in known else (known[key].change or known[key].status)
        words[word] = words.get(word, 0) + 1
    told = ", ".join(f"{many} {word.replace('_', ' ').lower()}" for word, many in words.items())
    return False, f"Nothing of it fails any more, {when}: {told}."


def _facts(cause: Cause) -> dict[str, Any]:
    lines = [cause.consequence, f"What fails: {cause.failure}", f"Where: {cause.kind} {cause.name}, {cause.server}"]
    lines += [f"What to do: {cause.remediation}", cause_when(cause)]
    return {
        **_common(cause, f"{cause.check_id} {cause.failure}", lines),
        "owner": cause.owner,
        "due": cause.due,
    }


def _facts_of_finding(finding: Judged) -> dict[str, Any]:
    lines = [finding.title, f"Found: {finding.observed}", f"Expected: {finding.expected}"]
    lines += [f"Where: {finding.kind} {finding.name}, {finding.server}", f"What to do: {finding.remediation}"]
    return {**_common(finding, f"{finding.check_id} {finding.title}", lines), "owner": "", "due": ""}


def _common(what: Cause | Judged, head: str, lines: list[str]) -> dict[str, Any]:
    place = SEVERITIES.index(what.severity)
    return {
        "title": shorten(f"{head} – {what.kind} {what.name} ({what.server})", _TITLE),
        "description": "\n".join([*lines, f"Opened by vbr-audit; id {what.key}."]),
        "severity": what.severity,
        "urgency": min(place + 1, 3),
        "urgency_5": 5 - place,
        "check_id": what.check_id,
        "server": what.server,
        "name": what.name,
        "kind": what.kind,
    }
