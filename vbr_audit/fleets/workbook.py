"""The fleet report as a workbook: servers, worst causes, shared causes, the whole matrix, and what was not audited."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, cast

import pandas as pd

from vbr_audit import __version__
from vbr_audit.collection.files import replacing
from vbr_audit.fleets.picture import SCRUBBED, FleetPicture, ServerLine, rating_rules
from vbr_audit.fleets.population import TITLES
from vbr_audit.spreadsheet.book import streamed_book
from vbr_audit.spreadsheet.cells import CellGuard, xml_text
from vbr_audit.spreadsheet.sheet import SheetColumn, SheetPlan, write_sheets
from vbr_audit.tables.build.arrays import STRING
from vbr_audit.vocabulary import SEVERITIES

_SHARE: Final = "0.0%"


def write_fleet_workbook(picture: FleetPicture, path: Path) -> None:
    """Write the workbook of a picture, whole or not at all; raises `OutputError`."""
    guard = CellGuard()
    with replacing(path) as temporary, streamed_book(temporary) as book:
        book.properties.title = xml_text(picture.title)
        book.properties.creator = f"vbr-audit {__version__}"
        book.properties.created = picture.fleet.now.astimezone(dt.UTC).replace(tzinfo=None, microsecond=0)
        for plan in fleet_sheets(picture):
            write_sheets(book, plan, dt.UTC, guard)


def fleet_sheets(picture: FleetPicture) -> tuple[SheetPlan, ...]:
    """The sheets in order: a table from the first row on, without a formula."""
    plans = [
        _plan("Summary", ("What", "Value"), _summary(picture), wrap=True),
        _servers(picture),
        _worst_causes(picture),
        _shared(picture),
        _matrix(picture),
    ]
    missing = [
        (line.summary.server, line.summary.tenant, line.summary.reasons[0] if line.summary.reasons else None)
        for line in picture.not_audited
    ]
    plans.append(_plan("Not audited", ("Server", "Tenant", "Reason"), missing, wrap=True))
    if picture.population is not None:
        found = [
            (one.check_id, TITLES[one.check_id], one.server, one.tenant, one.observed) for one in picture.population
        ]
        plans.append(_plan("Population", ("Check", "Title", "Server", "Tenant", "Observed"), found, wrap=True))
    versions = _plan("Versions", ("Build", "API revision", "Servers"), picture.versions, numbers=("Servers",))
    plans.append(versions)
    if picture.tenants:
        headers = ("Tenant", "Servers", "Audited", *picture.grades)
        rows = [(line.tenant, line.servers, line.audited, *line.grades.values()) for line in picture.tenants]
        plans.append(_plan("Tenants", headers, rows, numbers=headers[1:]))
    return tuple(plans)


def _plan(
    name: str,
    headers: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    numbers: Sequence[str] = (),
    shares: Sequence[str] = (),
    coloured: Sequence[str] = (),
    wrap: bool = False,
    frozen: int = 1,
) -> SheetPlan:
    """A sheet with these columns: text, but for those that hold numbers or shares; None is an empty cell."""
    cells = list(zip(*rows, strict=True)) or [()] * len(headers)
    columns = []
    for header, values in zip(headers, cells, strict=True):
        dtype = cast(Any, "Int64" if header in numbers else "Float64" if header in shares else STRING)
        series = pd.Series([pd.NA if value is None else value for value in values], dtype=dtype)
        columns.append(
            SheetColumn(
                header,
                series,
                coloured=header in coloured,
                number_format=_SHARE if header in shares else None,
            )
        )
    return SheetPlan(name, f"tbl{name.replace(' ', '')}", tuple(columns), frozen, "", wrap=wrap)


def _summary(picture: FleetPicture) -> Iterator[tuple[str, str]]:
    yield "Report", picture.title if picture.tenant is None else f"{picture.title}: {picture.tenant}"
    if picture.fleet.scrub_key_ids:
        yield "Names", SCRUBBED
    yield "Audited from (UTC)", f"{picture.fleet.now.astimezone(dt.UTC):%Y-%m-%d %H:%M}"
    yield "Coverage", picture.coverage_text
    yield "Servers", f"{picture.total:,}"
    yield "Servers audited", f"{picture.judged:,}"
    yield from (
        (f"Servers rated {grade}" if len(grade) == 1 else f"Servers {grade}", f"{many:,}")
        for grade, many in picture.grades.items()
    )
    yield from (("Period", period) for period in picture.periods)
    yield from (("Policy", policy) for policy in picture.policies)
    yield from ((f"Rule of {letter}", rule) for letter, rule in rating_rules())
    yield "Tool", f"vbr-audit {__version__}"


def _servers(picture: FleetPicture) -> SheetPlan:
    severities = tuple(f"{severity.capitalize()} causes" for severity in SEVERITIES)
    numbers = ("Causes", *severities, "Failing findings", "Gaps", "Seconds")
    shares = ("Compliant", "Assessed", "Runs succeeded", "Protected", "Space used")
    headers = ("Server", "Tenant", "Outcome", "Rating", "Reason", "Causes", *severities, "Failing findings", "Gaps")
    headers += (*shares, "Build", "API revision", "Policy", "Run ID", "Run folder", "Seconds")
    rows = [_server_cells(line) for line in picture.lines]
    return _plan("Servers", headers, rows, numbers=numbers, shares=shares, wrap=True)


def _server_cells(line: ServerLine) -> tuple[Any, ...]:
    summary, point = line.summary, line.summary.point
    first = (
        *(summary.server, summary.tenant, str(summary.outcome), None if line.rating is None else line.rating.told),
        summary.reasons[0] if summary.reasons else None,
    )
    last = (
        summary.build,
        summary.revision,
        summary.policy_name,
        summary.run_id,
        summary.folder,
        round(summary.seconds),
    )
    if point is None:
        return (*first, *[None] * (len(SEVERITIES) + 8), *last)
    return (
        *first,
        summary.causes_total,
        *(point.causes.get(severity) for severity in SEVERITIES),
        sum(point.failing.values()),
        point.incomplete,
        *(point.compliance, point.assessed, point.success_rate, point.protected_share, point.used_share),
        *last,
    )


def _worst_causes(picture: FleetPicture) -> SheetPlan:
    headers = ("Server", "Tenant", "Severity", "Check", "Cause", "Name", "Findings", "Open since (UTC)", "Cause ID")
    rows = [
        (
            *(line.summary.server, line.summary.tenant, one.severity, one.check_id, one.failure, one.name),
            *(one.findings, one.open_since, one.cause),
        )
        for line in picture.lines
        for one in line.summary.worst
    ]
    return _plan("Worst causes", headers, rows, numbers=("Findings",), coloured=("Severity",), wrap=True)


def _shared(picture: FleetPicture) -> SheetPlan:
    headers = ("Severity", "Check", "Cause", "Servers", "Servers asked", "Objects", "Where")
    rows = [
        (one.severity, one.check_id, one.told, one.servers, one.asked, one.objects, ", ".join(one.names))
        for one in picture.shared
    ]
    numbers = ("Servers", "Servers asked", "Objects")
    return _plan("Shared causes", headers, rows, numbers=numbers, coloured=("Severity",), wrap=True)


def _matrix(picture: FleetPicture) -> SheetPlan:
    """One row per server, one column per check: the worst status that the check has there."""
    headers = ("Server", "Rating", *picture.check_ids)
    rows = [
        (line.summary.server, line.grade, *(status or None for status in cells))
        for line, cells in zip(picture.lines, picture.matrix, strict=True)
    ]
    return _plan("Matrix", headers, rows, coloured=picture.check_ids)
