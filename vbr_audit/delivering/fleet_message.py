"""What a delivery says of a fleet: the facts of all its servers, read from `fleet.json` once.

The summaries of the servers have what is new and the worst causes of each, not every finding: tickets, which follow
each finding, are kept by the runs of the servers, one by one.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from vbr_audit.checks.catalogue import REGISTRY
from vbr_audit.collection.run_folder import FINDINGS_JSON, MANIFEST, bytes_of
from vbr_audit.delivering.message import Cause, Message, News, read_message
from vbr_audit.display import count, moment, number, percent, period_text, shorten, time_zone
from vbr_audit.errors import ConfigurationError, EvidenceError
from vbr_audit.findings.lifecycle import SPEAKS, State
from vbr_audit.findings.rating import GRADES, NOT_RATED, Rating, rate
from vbr_audit.vocabulary import SEVERITIES

FLEET_JSON: Final = "fleet.json"
FLEET_FILES: Final = ("fleet.html", "fleet.xlsx", FLEET_JSON)
"""What may go with a mail about a fleet: pages of tenants are for them alone."""
_SCHEMA: Final = 1
_LONG, _SHORT, _SHARED = 400, 120, 3
_GRADES: Final = (*(grade.letter for grade in reversed(GRADES)), NOT_RATED)
_LEVELS: Final = ("fail", "unknown", "pass")
_SHIPPED: Final = {check.id: check for check in REGISTRY}
_NO_REMEDY: Final = "See the report of the server."
Summary = Mapping[str, Any]


@dataclass(frozen=True)
class FleetMessage(Message):
    """The facts of a fleet that a channel puts into words.

    `heading` is its subject. `causes` are the worst of each server, `causes_beyond` counts the others. `seen_as` names
    the runs of the servers together, as `earlier_run` names those before. `runs` are the folders of the runs in the
    history, empty where the fleet does not say which they are.
    """

    heading: str
    causes_beyond: int
    seen_as: str
    runs: tuple[str, ...]

    @property
    def subject(self) -> str:
        """One line that says how many servers there are and how they stand."""
        return self.heading

    @property
    def causes_total(self) -> int:
        """How many causes there are on all servers."""
        return len(self.causes) + self.causes_beyond

    @property
    def told_as(self) -> str:
        """What the next message about the fleet names as the runs before."""
        return self.seen_as

    @property
    def files(self) -> Collection[str]:
        """The files that may go with a mail."""
        return FLEET_FILES


def is_fleet(folder: Path) -> bool:
    """Whether a folder holds a fleet, and is no run."""
    return (folder / FLEET_JSON).is_file() and not (folder / MANIFEST).exists()


def read_fleet_message(folder: Path) -> FleetMessage:
    """The facts of the fleet in `folder`; raises `EvidenceError` where its `fleet.json` is not what one is."""
    try:
        document = orjson.loads(bytes_of(folder / FLEET_JSON))
        if document["schema"] != _SCHEMA or not document["servers"]:
            raise ValueError("another version")
        return _message(folder, document)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise EvidenceError(
            f"{folder / FLEET_JSON} is not what this version of vbr-audit writes of a fleet",
            hint="Audit the fleet again, or write it anew: vbr-audit fleet report FLEET --out DIR.",
        ) from None


def messages_of_runs(message: FleetMessage, history: Path) -> Iterator[Message]:
    """The messages of the runs of a fleet, one for each server that was audited.

    Raises `ConfigurationError` before the first where a run is not in `history`, and what `read_message` raises.
    """
    missing = [name for name in message.runs if not (history / name / FINDINGS_JSON).is_file()]
    if missing or not message.runs:
        what = f"{missing[0]} is not in {history}" if missing else "the fleet does not say which its runs are"
        raise ConfigurationError(
            f"tickets are kept by the runs of a fleet, and {what}",
            hint="Give --history, the one that `fleet audit` added them to; its --run-format must name json.",
        )
    return (read_message(history / name) for name in message.runs)


def _message(folder: Path, document: Mapping[str, Any]) -> FleetMessage:
    servers: Sequence[Summary] = document["servers"]
    audited = [one for one in servers if one.get("point")]
    ratings = [_rating(one) for one in audited]
    now = dt.datetime.fromisoformat(document["now"])
    causes = sorted(
        (_cause(one, row) for one in audited for row in one.get("worst", ())), key=lambda cause: _rank(cause.severity)
    )
    failing: dict[str, int] = {severity: _total(audited, "failing", severity) for severity in SEVERITIES}
    gaps = tuple(_gaps(servers))
    fresh = all(one.get("earlier_run") for one in audited)
    return FleetMessage(
        run_id=document["batch"],
        scope=_hash(["fleet", *sorted(one["server"].casefold() for one in servers)]),
        digest=_hash([*sorted(f"{one['server']} {one['outcome']} {one.get('digest', '')}" for one in servers), *gaps]),
        now=now,
        month=f"{now.astimezone(dt.UTC):%Y-%m}",
        servers=tuple(shorten(one["server"], _SHORT) for one in servers),
        period=_period(audited),
        read_at=moment(now, dt.UTC, "UTC"),
        level=_level(audited, gaps),
        headline=_headline(servers, audited, failing),
        detail=_shared(audited),
        **_rated(ratings),
        is_scrubbed=any(one.get("scrub_key_id") for one in servers),
        gaps=gaps,
        numbers=tuple(_numbers(servers, audited, ratings)),
        failing_by_severity=failing,
        earlier="the run before of each server" if any(one.get("earlier_run") for one in audited) else "",
        earlier_run=_seen_as(servers, "earlier_run") if fresh else "",
        changed=_changed(audited),
        gone=frozenset(),
        news=_news(audited),
        causes=tuple(causes),
        findings=(),
        folder=folder,
        heading=_heading(servers, audited, ratings, failing),
        causes_beyond=sum(one["causes_total"] for one in audited) - len(causes),
        seen_as=_seen_as(servers, "run_id"),
        runs=tuple(one["folder"] for one in audited) if all(one.get("folder") for one in audited) else (),
    )


def _rating(summary: Summary) -> Rating:
    point = summary["point"]
    return rate(point["causes"], assessed=point.get("assessed"), gaps=point.get("incomplete", 0))


def _total(audited: Iterable[Summary], field: str, name: str) -> int:
    return sum(one["point"][field].get(name, 0) for one in audited)


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity)


def _gaps(servers: Iterable[Summary]) -> Iterator[str]:
    """The servers that were not audited first, then what could not be read of the others."""
    for one in sorted(servers, key=lambda one: bool(one.get("point"))):
        reasons = one.get("reasons", ())
        if not one.get("point"):
            yield shorten(f"{one['server']} was not audited: {reasons[0] if reasons else 'no reason is known'}", _LONG)
        elif reasons:
            beyond = one.get("reasons_total", len(reasons)) - 1
            more = f" (and {count(beyond, 'more reason')})" if beyond > 0 else ""
            yield shorten(f"{one['server']}: {reasons[0]}{more}", _LONG)


def _period(audited: Iterable[Summary]) -> str:
    spans = {(one["since"], one["until"], one["timezone"]) for one in audited}
    if len(spans) != 1:
        return "not the same for all servers" if spans else "not known"
    ((since, until, zone),) = spans
    return period_text(dt.datetime.fromisoformat(since), dt.datetime.fromisoformat(until), time_zone(zone), zone)


def _level(audited: Iterable[Summary], gaps: Sequence[str]) -> str:
    """The worst level of a server; what was not read is never good."""
    found = {one["point"]["level"] for one in audited} | ({"unknown"} if gaps else set())
    return next((level for level in _LEVELS if level in found), "unknown")


def _headline(servers: Sequence[Summary], audited: Sequence[Summary], failing: Mapping[str, int]) -> str:
    wrong = sum(any(one["point"]["failing"].values()) for one in audited)
    lost = len(servers) - len(audited)
    missing = f"{number(lost)} of {count(len(servers), 'server')} {'was' if lost == 1 else 'were'} not audited; "
    found = count(sum(failing.values()), "failing finding")
    return f"{missing if lost else ''}{found} on {count(wrong, 'server')}"


def _shared(audited: Iterable[Summary]) -> str:
    """What fails on several servers, on most of them first."""
    found: Counter[str] = Counter(check["check_id"] for one in audited for check in one["checks"] if check["counts"][1])
    shared = [(check, many) for check, many in sorted(found.items(), key=lambda entry: -entry[1]) if many > 1]
    told = [f"{check} {_title(check)} on {count(many, 'server')}" for check, many in shared[:_SHARED]]
    return f"Fails on most servers: {'; '.join(told)}." if told else "No check fails on several servers."


def _title(check_id: str) -> str:
    check = _SHIPPED.get(check_id)
    return f"({check.title})" if check else "(a check of your own)"


def _rated(ratings: Sequence[Rating]) -> dict[str, str]:
    """The worst rating, its rule, and how many servers have which."""
    worst = min(ratings, key=lambda rating: _GRADES.index(rating.grade), default=None)
    if worst is None:
        return {"rating": NOT_RATED, "rating_rule": "No server was audited.", "rating_reason": ""}
    grades = Counter(rating.grade for rating in ratings)
    told = ", ".join(f"{number(grades[grade])} {grade}" for grade in _GRADES if grades[grade])
    return {
        "rating": f"{worst.grade}, the worst of {count(len(ratings), 'server')}",
        "rating_rule": worst.rule,
        "rating_reason": f"By server: {told}.",
    }


def _numbers(
    servers: Sequence[Summary], audited: Sequence[Summary], ratings: Sequence[Rating]
) -> Iterator[tuple[str, str]]:
    yield "Servers", number(len(servers))
    yield "Audited", f"{number(len(audited))} ({percent(len(audited) / len(servers))})"
    yield "Failing findings", number(_total(audited, "counts", "FAIL"))
    yield "Causes of what fails", number(sum(one["causes_total"] for one in audited))
    yield "Without an answer", number(sum(_total(audited, "counts", name) for name in ("UNKNOWN", "ERROR")))
    grades = Counter(rating.grade for rating in ratings)
    yield from ((f"Servers rated {grade}", number(grades[grade])) for grade in _GRADES if grades[grade])


def _heading(
    servers: Sequence[Summary], audited: Sequence[Summary], ratings: Sequence[Rating], failing: Mapping[str, int]
) -> str:
    lost = len(servers) - len(audited)
    worst = _rated(ratings)["rating"].partition(",")[0]
    words = [f"INCOMPLETE, {number(lost)} not audited"] if lost else []
    words += [f"worst rating {worst}", count(failing["critical"], "critical finding")]
    return shorten(f"Backup audit of {count(len(servers), 'server')}: {', '.join(words)}", 180)


def _seen_as(servers: Iterable[Summary], field: str) -> str:
    """A name of all runs together: those of the fleet, or those before them."""
    return "fleet-" + _hash(sorted(f"{one['server']} {one.get(field) or ''}" for one in servers))


def _changed(audited: Iterable[Summary]) -> dict[str, int]:
    changed: Counter[str] = Counter()
    for one in audited:
        changed.update(one.get("changes", {}))
    return dict(changed)


def _news(audited: Iterable[Summary]) -> tuple[News, ...]:
    """What turned bad before what was lost sight of, the worst first, whatever server it is on."""
    pairs = [(one, row) for one in audited for row in one.get("news", ()) if row["state"] in SPEAKS]
    pairs.sort(key=lambda pair: (pair[1]["state"] == State.LOST_SIGHT, _rank(pair[1]["severity"])))
    return tuple(_news_of(one["server"], row) for one, row in pairs)


def _news_of(server: str, row: Mapping[str, Any]) -> News:
    names, beyond = row.get("names", ()), row["objects"] - len(row.get("names", ()))
    more = f" and {number(beyond)} more" if beyond > 0 else ""
    return News(
        state=row["state"].replace("_", " ").lower(),
        severity=row["severity"],
        check_id=shorten(row["check_id"], _SHORT),
        title=shorten(row["title"], _SHORT),
        server=shorten(server, _SHORT),
        kind=shorten(row["kind"], _SHORT),
        objects=row["objects"],
        names=", ".join(shorten(name, _SHORT) for name in names) + more,
    )


def _cause(summary: Summary, row: Mapping[str, Any]) -> Cause:
    check = _SHIPPED.get(row["check_id"])
    return Cause(
        key=row["cause"],
        severity=row["severity"],
        check_id=shorten(row["check_id"], _SHORT),
        title=shorten(row.get("title"), _SHORT),
        failure=shorten(row["failure"], _LONG),
        consequence=shorten(row.get("consequence") or row["failure"], _LONG),
        name=shorten(row["name"], _SHORT),
        kind=shorten(row.get("kind"), _SHORT),
        server=shorten(summary["server"], _SHORT),
        owner=shorten(row["owner"], _SHORT) if row.get("owner") else "",
        due=row.get("due", ""),
        overdue=bool(row.get("overdue")),
        settles=row["findings"],
        remediation=shorten(check.remediation, _LONG) if check else _NO_REMEDY,
    )


def _hash(words: list[str]) -> str:
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()[:16]
