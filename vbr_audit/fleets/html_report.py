"""The fleet report as a page: one file, no request, readable without script; and one page for each tenant."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import jinja2
from markupsafe import Markup

from vbr_audit import __version__
from vbr_audit.collection.files import write_bytes
from vbr_audit.display import day, number, percent, plain, shorten
from vbr_audit.errors import TemplateError
from vbr_audit.fleets.picture import FleetPicture, ServerLine, rating_rules
from vbr_audit.fleets.population import TITLES
from vbr_audit.fleets.summaries import Outcome
from vbr_audit.reports.html.rendering import HINT, builtin_environment, content_policy, error_text, source_of
from vbr_audit.reports.words import Badge, badge
from vbr_audit.vocabulary import STATUSES

TEMPLATE: Final = "fleet.html.j2"
_STYLES: Final = ("style.css", "fleet.css")
MOST_ROWS: Final = 1_000
"""Rows of a table of the page; the workbook has all."""
MATRIX_SERVERS, MATRIX_CHECKS = 40, 40
"""So many of the worst servers and of the checks that fail most often are in the matrix of the page."""
MOST_NAMES: Final = 8
"""Servers that a shared cause names; the others are counted."""
_NAME: Final = 60
_CHANGES: Final = ("NEW", "REGRESSED", "LOST_SIGHT", "FIXED")


@dataclass(frozen=True)
class ServerRow:
    """One server as the page shows it."""

    server: str
    tenant: str
    grade: str
    told: str
    reason: str
    critical: str
    high: str
    causes: str
    compliance: str
    assessed: str
    success: str
    version: str
    changes: str
    worst: str
    rank: int


@dataclass(frozen=True)
class MatrixRow:
    """One check of the matrix with a badge for each of the servers; None where a server was not asked it."""

    check_id: str
    title: str
    cells: tuple[Badge | None, ...]


@dataclass(frozen=True)
class FleetPage:
    """The rows of the fleet's page; `picture` has the numbers."""

    picture: FleetPicture
    servers: tuple[ServerRow, ...]
    worst: tuple[ServerRow, ...]
    missing: tuple[ServerRow, ...]
    matrix_servers: tuple[str, ...]
    matrix: tuple[MatrixRow, ...]
    rules: tuple[tuple[str, str], ...]
    population_titles: dict[str, str]
    keys: tuple[Badge, ...]
    most_names: int
    most_rows: int
    read_at: str
    tool: str


def fleet_page(picture: FleetPicture) -> str:
    """The page of a picture as an HTML document; raises `TemplateError`."""
    environment = builtin_environment()
    page = _page(picture)
    try:
        css = Markup("\n").join([source_of(environment, name) for name in _STYLES])
        script = source_of(environment, "script.js")
        return environment.get_template(TEMPLATE).render(
            fleet=page, css=css, script=script, csp=content_policy(css, script)
        )
    except jinja2.TemplateError as error:
        raise TemplateError(error_text(error, TEMPLATE), hint=HINT) from error


def write_fleet_page(picture: FleetPicture, path: Path) -> None:
    """Write the page of a picture; raises `OutputError`."""
    write_bytes(path, fleet_page(picture).encode("utf-8", "surrogatepass"))


def _page(picture: FleetPicture) -> FleetPage:
    rows = {line.summary.server: _row(line, rank) for rank, line in enumerate(picture.lines)}
    ordered = [rows[line.summary.server] for line in picture.lines]
    shown = [at for at, line in enumerate(picture.lines) if line.rating is not None][:MATRIX_SERVERS]
    return FleetPage(
        picture=picture,
        servers=tuple(ordered[:MOST_ROWS]),
        worst=tuple(rows[line.summary.server] for line in picture.worst),
        missing=tuple(rows[line.summary.server] for line in picture.not_audited[:MOST_ROWS]),
        matrix_servers=tuple(shorten(picture.lines[at].summary.server, _NAME) for at in shown),
        matrix=tuple(_matrix_rows(picture, shown)),
        rules=rating_rules(),
        population_titles=dict(TITLES),
        keys=tuple(badge(status) for status in STATUSES),
        most_names=MOST_NAMES,
        most_rows=MOST_ROWS,
        read_at=f"{day(picture.fleet.now.date())}, {picture.fleet.now.astimezone(dt.UTC):%H:%M} UTC",
        tool=__version__,
    )


def _matrix_rows(picture: FleetPicture, shown: list[int]) -> list[MatrixRow]:
    """The checks that fail on most of the servers that are shown."""
    counted = []
    for place, check_id in enumerate(picture.check_ids):
        statuses = [picture.matrix[at][place] for at in shown]
        failing = statuses.count("FAIL")
        if failing:
            counted.append((-failing, check_id, statuses))
    told = {cause.check_id: cause.told for cause in picture.shared}
    return [
        MatrixRow(check_id, told.get(check_id, ""), tuple(badge(status) if status else None for status in statuses))
        for _, check_id, statuses in sorted(counted)[:MATRIX_CHECKS]
    ]


def _row(line: ServerLine, rank: int) -> ServerRow:
    summary, point, rating = line.summary, line.summary.point, line.rating
    causes: Mapping[str, int] = {} if point is None else point.causes
    worst = summary.worst[0] if summary.worst else None
    counts = [(summary.changes.get(state, 0), state.replace("_", " ").lower()) for state in _CHANGES]
    changes = [f"{number(many)} {state}" for many, state in counts if many]
    return ServerRow(
        server=shorten(summary.server, 200),
        tenant=shorten(summary.tenant, 200) if summary.tenant else "",
        grade=line.grade,
        told=str(Outcome.NOT_AUDITED) if rating is None else rating.told,
        reason=plain(summary.reasons[0]) if summary.reasons else "",
        critical=number(causes.get("critical")),
        high=number(causes.get("high")),
        causes=number(summary.causes_total if point is not None else None),
        compliance=percent(None if point is None else point.compliance),
        assessed=percent(None if point is None else point.assessed),
        success=percent(None if point is None else point.success_rate),
        version=" ".join(filter(None, (summary.build, f"API {summary.revision}" if summary.revision else ""))),
        changes=", ".join(changes) or ("nothing" if summary.changes else "no earlier run"),
        worst="" if worst is None else f"{worst.check_id} {plain(worst.failure)}",
        rank=rank,
    )
