"""The rows of the page about the estate: objects, repositories, servers side by side, machines night by night."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vbr_audit.display import NOT_KNOWN, count, day, duration, is_known, number, percent, plain, size
from vbr_audit.reports.estate_words import (
    copy_text,
    covered_text,
    full_text,
    growth_text,
    kind_text,
    lock_text,
    point_text,
    space_text,
)
from vbr_audit.reports.figures.nights import ABSENT, IDLE, NIGHT_STATES, NIGHT_WORDS, MachineNights, MachineRow
from vbr_audit.reports.figures.protected_objects import FAILED, GOOD, IN_TIME, LATE, ORDER_WORDS
from vbr_audit.reports.figures.repository_list import SCALE_OUT
from vbr_audit.reports.record import NO_NAME, Capped, cell_text, clock_text, record_text
from vbr_audit.reports.words import Badge, badge

if TYPE_CHECKING:
    from vbr_audit.reports.context import ReportContext
    from vbr_audit.reports.figures.protected_objects import Copy
    from vbr_audit.reports.figures.server_list import ServerLine

MAX_OBJECTS: Final = 200
"""The page shows so many protected objects, so that it stays small; the workbook has them all."""
MAX_REPOSITORIES: Final = 200
"""The page shows so many repositories."""
MAX_COPIES: Final = 4
"""So many copies of an object are named."""
MAX_MACHINES: Final = 15
"""So many machines of a job are shown night by night."""

_STATES: Final = {LATE: "FAIL", IN_TIME: "PASS"}
_TESTS: Final = {GOOD: "PASS", FAILED: "FAIL"}
_TOLD: Final = {"Failed": "failed", "Warning": "with a warning", ABSENT: "the job ran without it", "Success": "good"}
"""The states that the line of a job counts, in words."""
_CELLS: Final = {
    "Success": ("pass", "✓"),
    "Warning": ("warn", "▲"),
    "Failed": ("fail", "✕"),
    "other": ("unk", "?"),
    ABSENT: ("waive", "–"),
    IDLE: ("na", "·"),
}


@dataclass(frozen=True)
class ObjectRow:
    """One protected object: its last restore point against its RPO, its copies, size and last restore test."""

    server: str
    name: str
    kind: str
    tier: str
    jobs: str
    point: str
    age: str
    age_sort: str
    state: Badge
    rpo: str
    covered: str
    covered_sort: str
    reason: str
    copies: tuple[str, ...]
    more_copies: int
    size: str
    size_sort: str
    test: Badge
    test_date: str
    test_sort: str


@dataclass(frozen=True)
class RepositoryRow:
    """One repository: its space, growth and lock, when it is full and why that is said, and what lies there."""

    server: str
    name: str
    kind: str
    host: str
    space: str
    free_sort: str
    growth: str
    growth_sort: str
    full: str
    full_sort: str
    reason: str
    lock: str
    held: str
    held_sort: str
    size: str


@dataclass(frozen=True)
class ServerRow:
    """One server of several: its failing findings by severity, and the shares and counts of the summary."""

    name: str
    build: str
    failing: tuple[str, ...]
    unanswered: str
    compliance: str
    assessed: str
    jobs: str
    runs: str
    success_rate: str
    objects: str
    read: str


@dataclass(frozen=True)
class NightCell:
    """One night of one machine: the style and the sign of its cell, and what they mean in words."""

    style: str
    sign: str
    word: str


@dataclass(frozen=True)
class NightRow:
    """One machine of a job with a cell for each night."""

    name: str
    told: str
    cells: tuple[NightCell, ...]


@dataclass(frozen=True)
class NightTable:
    """One job: its machines night by night; `days` are the nights as day of the month and as date."""

    job: str
    server: str
    told: str
    days: tuple[tuple[str, str], ...]
    rows: tuple[NightRow, ...]
    machines: int


@dataclass(frozen=True)
class EstateRows:
    """What is protected, where, since when and until when. `legend` says what the cells of the nights mean."""

    objects: Capped
    order: str
    repositories: Capped
    severities: tuple[str, ...]
    servers: tuple[ServerRow, ...]
    nights: tuple[NightTable, ...]
    has_nights: bool
    legend: tuple[NightCell, ...]


def estate_rows(context: ReportContext) -> EstateRows:
    """The rows that the page shows of the estate."""
    estate, zone = context.figures.estate, context.zone
    frame = estate.objects.frame
    records = frame.head(MAX_OBJECTS).to_dict("records")
    objects = tuple(_object(*pair, zone) for pair in zip(records, estate.objects.copies, strict=False))
    repositories = estate.repositories.head(MAX_REPOSITORIES).to_dict("records")
    severities = tuple(estate.servers[0].failing) if estate.servers else ()
    return EstateRows(
        objects=Capped(objects, len(frame)),
        order=ORDER_WORDS,
        repositories=Capped(tuple(_repository(record) for record in repositories), len(estate.repositories)),
        severities=severities,
        servers=tuple(_server(line) for line in estate.servers),
        nights=tuple(_night_table(nights) for nights in estate.nights),
        has_nights=estate.has_nights,
        legend=tuple(_cell(state) for state in reversed(NIGHT_STATES)),
    )


def _object(record: Mapping[Any, Any], copies: tuple[Copy, ...], zone: dt.tzinfo) -> ObjectRow:
    text = record_text(record)
    state, test = text["rpo_state"], text["last_test_result"]
    hours = record["age_h"]
    return ObjectRow(
        server=text["server"],
        name=text["name"] or NO_NAME,
        kind=", ".join(dict.fromkeys(word for word in (text["type"], text["platform"]) if word)),
        tier=text["tier"],
        jobs=text["jobs"] or NOT_KNOWN,
        point=point_text(record, zone),
        age=_age(hours),
        age_sort=f"{hours:.3f}" if is_known(hours) else "",
        state=badge(_STATES.get(state, "UNKNOWN"), state),
        rpo=duration(record["rpo_h"] * 3600) if is_known(record["rpo_h"]) else NOT_KNOWN,
        covered=covered_text(record),
        covered_sort=_sort(record["covered_at_least"]),
        reason="" if is_known(record["covered_share"]) else text["rpo_reason"],
        copies=tuple(copy_text(copy, zone) for copy in copies[:MAX_COPIES]),
        more_copies=max(len(copies) - MAX_COPIES, 0),
        size=size(record["backup_bytes"]),
        size_sort=_sort(record["backup_bytes"]),
        test=badge(_TESTS.get(test, "UNKNOWN"), test if test in _TESTS else "none"),
        test_date=clock_text(record["last_test"], zone)[:10] if is_known(record["last_test"]) else test,
        test_sort=text["last_test"],
    )


def _age(hours: Any) -> str:
    if not is_known(hours):
        return ""
    return f"{duration(hours * 3600)} ago" if hours >= 0 else "in the future"


def _sort(value: Any) -> str:
    return f"{value:.6f}" if is_known(value) else ""


def _repository(record: Mapping[Any, Any]) -> RepositoryRow:
    text = record_text(record)
    objects, points = record["objects_count"], record["points_count"]
    is_extent = text["kind"].endswith(" extent")
    held = f"{count(objects, 'object')}, {count(points, 'restore point')}"
    is_outer = record["kind"] == SCALE_OUT
    days = record["days_to_full"] if is_known(record["days_to_full"]) else record["days_low"]
    return RepositoryRow(
        server=text["server"],
        name=text["name"] or NO_NAME,
        kind=kind_text(record),
        host=text["host_name"],
        space=space_text(record),
        free_sort=_sort(record["free_share"]),
        growth="" if is_outer else growth_text(record),
        growth_sort=_sort(record["growth_bytes"]),
        full=text["outlook_reason"] if is_outer else full_text(record),
        full_sort=_sort(days),
        reason="" if is_outer else text["outlook_reason"],
        lock=lock_text(record),
        held="counted at its scale-out repository" if is_extent and not record["backups_count"] else held,
        held_sort=_sort(objects),
        size="" if is_extent and not record["backups_count"] else size(record["backup_bytes"]),
    )


def _server(line: ServerLine) -> ServerRow:
    return ServerRow(
        name=plain(line.server),
        build=plain(line.build) if line.build else NOT_KNOWN,
        failing=tuple(number(failing) for failing in line.failing.values()),
        unanswered=number(line.unanswered),
        compliance=percent(line.compliance),
        assessed=percent(line.assessed),
        jobs=count(line.jobs, "job"),
        runs=count(line.runs, "run"),
        success_rate=percent(line.success_rate),
        objects=number(line.objects),
        read=f"{number(line.whole)} of {number(line.asked)}",
    )


def _night_table(nights: MachineNights) -> NightTable:
    counts = nights.counts
    told = ", ".join(f"{number(counts[word])} {_TOLD[word]}" for word in _TOLD if counts[word])
    least = "" if nights.is_whole else "; not all sessions and tasks were read, so there may be more"
    return NightTable(
        job=cell_text(nights.job) or NO_NAME,
        server=cell_text(nights.server),
        told=f"{count(len(nights.rows), 'machine')}, {count(len(nights.nights), 'night')}; of all cells {told}{least}",
        days=tuple((str(night.day), day(night)) for night in nights.nights),
        rows=tuple(_night_row(row) for row in nights.rows[:MAX_MACHINES]),
        machines=len(nights.rows),
    )


def _night_row(row: MachineRow) -> NightRow:
    told = ", ".join(_bad_nights(row)) or "every night that it ran was good"
    return NightRow(cell_text(row.name) or NO_NAME, told, tuple(_cell(state) for state in row.nights))


def _bad_nights(row: MachineRow) -> Iterator[str]:
    for state in ("Failed", "Warning", ABSENT):
        if row.counts[state]:
            yield f"{NIGHT_WORDS[state]} in {count(row.counts[state], 'night')}"


def _cell(state: str) -> NightCell:
    style, sign = _CELLS[state]
    return NightCell(style, sign, NIGHT_WORDS[state])
