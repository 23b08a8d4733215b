"""Events of changed settings that VBR writes to the Windows event log and sends to syslog servers, and who did what.

Veeam's event reference lists them: 23050 is "Job Settings Updated". Each names the user and, in `ChangesXML`, the old
and the new values. A file is an export of the event log (one `<Event>`, or several below any element) or lines of
syslog (RFC 5424 or RFC 3164).
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pandas as pd
from lxml import etree

from vbr_audit.config.given_file import read_given
from vbr_audit.errors import ConfigurationError
from vbr_audit.tables.build.arrays import DTYPES, STRING
from vbr_audit.tables.build.enums import listed

MOST_BYTES: Final = 256 * 1024 * 1024
MOST_LINE: Final = 256 * 1024
MOST_NAME: Final = 256
"""Longest name of an account or an object that is taken from an event; Windows and VBR allow fewer characters."""
_HINT: Final = "Export the events as XML, or give the lines of a syslog server."

JOB: Final = frozenset({"job"})
_SCALE_OUT: Final = frozenset({"scale-out repository"})
_REPOSITORY: Final = frozenset({"repository"})
_USERS: Final = frozenset({"users", "user"})
_SERVER: Final = frozenset(
    {
        *("email settings", "notification settings", "event forwarding", "security settings", "analyzer schedule"),
        *("malware detection", "malware exclusion", "malware exclusions", "host authentication", "global exclusions"),
    }
)
KINDS_OF_EVENT: Final[Mapping[int, frozenset[str]]] = {
    23050: JOB,
    23130: JOB,
    23110: JOB,
    32120: JOB,
    23220: JOB,
    23450: JOB,
    25400: frozenset({"credentials"}),
    27800: frozenset({"proxy"}),
    28100: _REPOSITORY,
    28970: _REPOSITORY,
    29800: _REPOSITORY,
    29110: frozenset({"protection group"}),
    30100: _SCALE_OUT,
    31000: _SERVER,
    31100: frozenset({"traffic rule"}),
    31200: _USERS,
    31400: _USERS,
    31310: frozenset({"custom role"}),
    31500: frozenset({"configuration backup"}),
}
"""The kinds of objects whose settings an event tells of, by its id in Veeam's event reference."""
OF_ALL: Final = frozenset({31000, 31100, 31200, 31400, 31500})
"""The events that concern the server as a whole: they name no object."""


@dataclass(frozen=True)
class ChangeEvent:
    """One event: its id and time, the server that wrote it, the object, the user, and the values by name."""

    event_id: int
    at: dt.datetime
    host: str | None = None
    object_id: str | None = None
    object_name: str | None = None
    user: str | None = None
    changes: tuple[tuple[str, str, str], ...] = ()

    @property
    def source(self) -> str:
        """`VBR event 23050 at 2026-11-30T09:00:00Z`."""
        return f"VBR event {self.event_id} at {self.at.astimezone(dt.UTC).isoformat().replace('+00:00', 'Z')}"


@dataclass(frozen=True)
class ChangeEvents:
    """The events of a file; `skipped` counts what could not be read, or is no such event, by the reason."""

    events: tuple[ChangeEvent, ...]
    skipped: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def joined(cls, parts: Iterable[ChangeEvents]) -> ChangeEvents:
        """The events of several files, each once, in the order of time; what was skipped is added up."""
        parts = list(parts)
        found = dict.fromkeys(event for part in parts for event in part.events)
        skipped: Counter[str] = Counter()
        for part in parts:
            skipped.update(part.skipped)
        events = sorted(found, key=lambda event: (event.at, event.event_id, str(event.object_id)))
        return cls(tuple(events), dict(skipped))


NO_DATE: Final = "no valid date with its zone"
TOO_LONG: Final = "longer than 256 KB"
OTHER_EVENT: Final = "another event"
NO_EVENT: Final = "no event of VBR"


def read_events(
    content: bytes, *, name: str = "events", zone: dt.tzinfo | None = None, now: dt.datetime | None = None
) -> ChangeEvents:
    """The events in the content of a file called `name`, each once, in the order of time.

    Dates without a zone are read in `zone`, those without a year (RFC 3164) as the last ones before `now`.

    Raises `ConfigurationError`, naming file and line, for XML that is not well-formed or declares entities. What is no
    event of a change is skipped and counted.
    """
    if len(content) > MOST_BYTES:
        raise ConfigurationError(f"{name}: larger than {MOST_BYTES // 1024**2} MB", hint=_HINT)
    skipped: Counter[str] = Counter()
    text, clock = _text(content), Clock(zone, now)
    is_xml = text.lstrip().startswith("<") and not _PRIORITY.match(text.lstrip())
    found = _from_xml(name, text, clock, skipped) if is_xml else _from_lines(text, clock, skipped)
    events = tuple(found)  # what is skipped is counted while they are read
    return ChangeEvents.joined([ChangeEvents(events, skipped)])


def event_file(path: Path) -> bytes:
    """The content of a file of events; raises `ConfigurationError` for one that cannot be read."""
    try:
        return read_given(path, most=MOST_BYTES)
    except OSError as fault:
        raise ConfigurationError(f"cannot read {path}: {fault.strerror or fault}", hint=_HINT) from None


def _text(content: bytes) -> str:
    """Windows exports events as UTF-16; what is no text stays visible as replacement characters."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    return content.decode("utf-8-sig", "replace")


# An export of the Windows event log.


def _from_xml(name: str, text: str, clock: Clock, skipped: Counter[str]) -> Iterator[ChangeEvent]:
    root = _parsed(name, _DECLARATION.sub("", text))
    if next(root.iter("{*}Event", "{*}Events"), None) is None:
        skipped[NO_EVENT] += 1
    for element in root.iter("{*}Event"):
        event = _of_element(element, clock, skipped)
        if event is not None:
            yield event


_DECLARATION: Final = re.compile(r"<\?xml[^>]*\?>")


def _parsed(name: str, text: str) -> Any:
    """The XML of `text`, without entities, networks or huge trees; several elements side by side are allowed."""
    declared = re.search("<!DOCTYPE|<!ENTITY", text)
    if declared:
        line = text.count("\n", 0, declared.start()) + 1
        raise ConfigurationError(f"{name}:{line}: declares a document type, which no export of events does", hint=_HINT)
    try:
        return etree.fromstring(f"<all>{text}</all>".encode("utf-8", "replace"), _parser())
    except etree.XMLSyntaxError as fault:
        what = str(fault.msg).partition(", line ")[0]
        raise ConfigurationError(f"{name}:{fault.lineno or 1}: not well-formed XML: {what}", hint=_HINT) from None


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False)


def _local(element: Any) -> str:
    return str(etree.QName(element).localname)


def _of_element(element: Any, clock: Clock, skipped: Counter[str]) -> ChangeEvent | None:
    system: dict[str, Any] = {}
    data: dict[str, str] = {}
    for each in element.iter():
        if not isinstance(each.tag, str):
            continue
        if _local(each) in ("EventID", "TimeCreated", "Computer"):
            system.setdefault(_local(each), each)
        elif _local(each) == "Data":
            data[each.get("Name") or str(len(data))] = "".join(each.itertext())
    if "EventID" not in system:
        skipped[NO_EVENT] += 1
        return None
    time = system["TimeCreated"].get("SystemTime") if "TimeCreated" in system else None
    computer = "".join(system["Computer"].itertext()).strip() if "Computer" in system else None
    return _event("".join(system["EventID"].itertext()), clock.moment(time), computer, _named(data), skipped)


def _named(data: Mapping[str, str]) -> Mapping[str, str]:
    """The values of an event by name in small letters; those without names are found by what they look like."""
    named = {_ALIASES.get(key.casefold(), key.casefold()): value for key, value in data.items() if not key.isdigit()}
    for key, value in data.items():
        name, equals, rest = value.partition("=")
        if key.isdigit() and value.lstrip().startswith("<changes"):
            named.setdefault("changesxml", value)
        elif key.isdigit() and equals and name.strip().casefold() in _NAMES:
            named.setdefault(_ALIASES.get(name.strip().casefold(), name.strip().casefold()), rest.strip().strip('"'))
    return named


# Lines of syslog.

_PRIORITY: Final = re.compile(r"<\d{1,3}>")
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?")
_SHORT: Final = re.compile(r"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d \d\d:\d\d:\d\d\b")
_INSTANCE: Final = re.compile(r'instanceId="?(\d{1,9})"?')
_PARAMETER: Final = re.compile(r'(?<![\w<])(\w{1,64})="')
_ALIASES: Final = {"user": "username", "old": "oldvalue", "new": "newvalue", "property": "setting"}
_NAMES: Final = frozenset(
    listed(
        """
        jobid jobtype platform jobname changesxml username userfullinfo vbrhostname vbrversion version description id
        name type repositoryid repositoryname hostname proxyname user old new oldvalue newvalue setting property
        """
    )
)


def _from_lines(text: str, clock: Clock, skipped: Counter[str]) -> Iterator[ChangeEvent]:
    for line in text.splitlines():
        if not line.strip():
            continue
        if len(line) > MOST_LINE:
            skipped[TOO_LONG] += 1
            continue
        instance = _INSTANCE.search(line)
        if instance is None:
            skipped[NO_EVENT] += 1
            continue
        head = line[: instance.start()]
        moment = _ISO.search(head) or _SHORT.search(head)
        event = _event(instance[1], clock.moment(moment and moment[0]), _host(head, moment), _parameters(line), skipped)
        if event is not None:
            yield event


def _host(head: str, moment: re.Match[str] | None) -> str | None:
    words = [word for word in head[moment.end() :].split() if not _PRIORITY.fullmatch(word)] if moment else []
    return words[0] if words else None


def _parameters(line: str) -> Mapping[str, str]:
    """The parameters of a line by name.

    VBR writes quotation marks inside a value as they are: XML ends with its last tag, another value before the next
    parameter. A name with two values could be part of another value, so that neither is taken.
    """
    places = [match for match in _PARAMETER.finditer(line) if match[1].casefold() in _NAMES]
    found: dict[str, set[str]] = {}
    end = 0
    for number, match in enumerate(places):
        if match.start() < end:
            continue
        name, begin = match[1].casefold(), match.end()
        stop = line.find(_CHANGES_END, begin) if name == "changesxml" else -1
        if stop >= 0:
            end = stop + len(_CHANGES_END)
            value = line[begin:end]
        else:
            end = places[number + 1].start() if number + 1 < len(places) else len(line)
            value = line[begin:end].rstrip().removesuffix("]").rstrip().removesuffix('"')
        plain = value.replace('\\"', '"').replace("\\]", "]").replace("\\\\", "\\")
        found.setdefault(_ALIASES.get(name, name), set()).add(plain)
    return {name: values.pop() for name, values in found.items() if len(values) == 1}


_CHANGES_END: Final = "</changes>"


# Both.


def _event(
    number: str, at: dt.datetime | None, host: str | None, data: Mapping[str, str], skipped: Counter[str]
) -> ChangeEvent | None:
    """The event of these values, or None, counted, where it is another one or has no valid date."""
    text = number.strip()
    event_id = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if event_id not in KINDS_OF_EVENT:
        skipped[OTHER_EVENT] += 1
        return None
    if at is None:
        skipped[NO_DATE] += 1
        return None
    changes = _inner(data.get("changesxml", ""))
    inner = changes.find(".//object") if changes is not None else None
    info = _inner(data.get("userfullinfo", ""))
    object_id = data.get("jobid") or data.get("repositoryid") or data.get("id")
    object_id = object_id or (inner.get("id") if inner is not None else None)
    name = next((data[key] for key in ("jobname", "repositoryname", "proxyname", "name") if data.get(key)), None)
    user = data.get("username") or (info.get("fullName") if info is not None else None)
    values = tuple(_values(changes)) if changes is not None else ()
    if not values and {"oldvalue", "newvalue"} & data.keys():
        values = ((data.get("setting", ""), data.get("oldvalue", ""), data.get("newvalue", "")),)
    host, object_id, name, user = (
        (word or "")[:MOST_NAME] or None for word in (data.get("vbrhostname") or host, object_id, name, user)
    )
    return ChangeEvent(event_id, at, host, object_id, name, user, values)


def _inner(text: str) -> Any:
    """The XML inside a value; None where there is none that can be read."""
    if not text.lstrip().startswith("<") or "<!" in text:
        return None
    try:
        return etree.fromstring(text.strip().encode("utf-8", "replace"), _parser())
    except (etree.XMLSyntaxError, ValueError):
        return None


def _values(changes: Any) -> Iterator[tuple[str, str, str]]:
    """The name, the old and the new value of each changed property."""
    for each in changes.iter("property"):
        label = each.get("internal") or each.get("name") or ""
        yield label, each.findtext("old") or "", each.findtext("new") or ""


@dataclass(frozen=True)
class Clock:
    """How a date without a zone, or without a year, is read: in `zone`, in the last year that is not after `now`."""

    zone: dt.tzinfo | None = None
    now: dt.datetime | None = None

    def moment(self, text: str | None) -> dt.datetime | None:
        """The instant that `text` stands for, in UTC; None where that is not known."""
        if text is None:
            return None
        try:
            moment = (
                self._short(text) if text[:1].isalpha() else dt.datetime.fromisoformat(_MICRO.sub(r"\1", text.strip()))
            )
            if moment is not None and moment.tzinfo is None:
                moment = moment.replace(tzinfo=self.zone) if self.zone else None
            return None if moment is None else moment.astimezone(dt.UTC)
        except (ValueError, OverflowError):
            return None

    def _short(self, text: str) -> dt.datetime | None:
        """A date of RFC 3164, which names no year."""
        if self.now is None or self.zone is None:
            return None
        latest = self.now.astimezone(self.zone) + dt.timedelta(days=1)
        for year in (latest.year, latest.year - 1):
            moment = dt.datetime.strptime(f"{year} {text}", "%Y %b %d %H:%M:%S").replace(tzinfo=self.zone)
            if moment <= latest:
                return moment
        return None


_MICRO: Final = re.compile(r"(\.\d{6})\d+")
"""Windows writes seven digits behind the second."""


# Who made which change.

SLACK: Final = dt.timedelta(minutes=5)
"""How far the clocks of server and run may be apart."""


def with_events(drift: pd.DataFrame, events: ChangeEvents, *, is_alone: bool = False) -> pd.DataFrame:
    """The rows of `drift` with `who`, `source` and `changed_at` by the events that fit: the latest counts.

    An event fits a change if it is of the same object, by its id or else its name, and was written between the two
    runs, give or take five minutes. Without an id it must come from the same host, unless `is_alone` says that there
    is but one server.
    """
    by_key = _by_key(events)
    whos: list[str | None] = []
    sources: list[str] = []
    moments: list[dt.datetime | None] = []
    for change in rows_of(drift):
        fitting = _fitting(change, by_key, is_alone)
        latest = fitting[-1] if fitting else None
        whos.append(latest.user if latest else None)
        sources.append(_sources(fitting) or change["source"])
        moments.append(latest.at if latest else None)
    who, source = (pd.Series(cells, index=drift.index, dtype=STRING) for cells in (whos, sources))
    dated = pd.Series(moments, index=drift.index, dtype=DTYPES["datetime"])
    return drift.assign(who=who, source=source, changed_at=dated)


_MOST_SHOWN: Final = 3


def _sources(fitting: Sequence[ChangeEvent]) -> str:
    """The events that fit a change, the latest first; of many, the latest ones and how many there are besides."""
    latest = [event.source for event in reversed(fitting[-_MOST_SHOWN:])]
    more = len(fitting) - len(latest)
    return "; ".join([*latest, f"and {more:,} more"] if more else latest)


def rows_of(frame: pd.DataFrame) -> Iterator[Mapping[str, Any]]:
    """The rows of a table by the names of its columns."""
    names = list(map(str, frame.columns))
    for cells in zip(*(frame[name].tolist() for name in names), strict=True):
        yield dict(zip(names, cells, strict=True))


Keyed = Mapping[tuple[str, str], tuple[ChangeEvent, ...]]


def _by_key(events: ChangeEvents) -> Keyed:
    """The events by kind of object and what names the object there."""
    found: dict[tuple[str, str], list[ChangeEvent]] = {}
    for event in events.events:
        if event.event_id in OF_ALL:
            key = _ANY
        elif event.object_id:
            key = f"id:{event.object_id.casefold()}"
        elif event.object_name:
            key = f"name:{event.object_name}"
        else:
            continue
        for kind in KINDS_OF_EVENT[event.event_id]:
            found.setdefault((kind, key), []).append(event)
    return {key: tuple(group) for key, group in found.items()}


_ANY: Final = "*"


def _fitting(change: Mapping[str, Any], by_key: Keyed, is_alone: bool) -> list[ChangeEvent]:
    """The events that fit one change, in the order of time."""
    kind, object_id = change["object_type"], change["object_id"]
    candidates = [*by_key.get((kind, _ANY), ()), *by_key.get((kind, f"name:{change['object_name']}"), ())]
    host = str(change["server"]).partition(".")[0].casefold()
    candidates = [
        event for event in candidates if is_alone or not event.host or event.host.partition(".")[0].casefold() == host
    ]
    if not pd.isna(object_id):
        candidates += by_key.get((kind, f"id:{object_id.casefold()}"), ())
    first, last = change["changed_after"] - SLACK, change["changed_before"] + SLACK
    return sorted((event for event in candidates if first < event.at <= last), key=lambda event: event.at)
