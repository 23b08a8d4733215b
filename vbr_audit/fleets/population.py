"""The list of servers that ought to be audited, held against those that were."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from vbr_audit.config.given_file import read_given
from vbr_audit.display import shorten
from vbr_audit.errors import ConfigurationError
from vbr_audit.fleets.summaries import Outcome, ServerSummary

_MOST_BYTES: Final = 16 * 1024 * 1024
_COLUMNS: Final = ("name", "tenant")
_HINT: Final = "The first line names the columns: name, and if wanted tenant; then one server a line, as it is called."


@dataclass(frozen=True)
class Listed:
    """One server of the list: its name, and the tenant whose it is."""

    name: str
    tenant: str | None = None


@dataclass(frozen=True)
class Population:
    """The servers that ought to be audited; `source` is the name of the file.

    `scrub_key_id` tells the key by which their names were replaced, None where they were not.
    """

    servers: tuple[Listed, ...]
    source: str
    scrub_key_id: str | None = None

    def of_tenant(self, tenant: str, whose: Mapping[str, str | None]) -> Population:
        """The servers of one tenant: those that it has by `whose`, and those that the list alone says are its.

        `whose` is the tenant by the name of a server without regard to case. The list need not name tenants.
        """
        own = [server for server in self.servers if whose.get(server.name.casefold(), server.tenant) == tenant]
        return replace(self, servers=tuple(own))


@dataclass(frozen=True)
class PopulationFinding:
    """A server that is in one of the two and not in the other: FLT-001 not audited, FLT-002 not in the list."""

    check_id: str
    server: str
    tenant: str | None
    observed: str


TITLES: Final = {
    "FLT-001": "Every server of the list is audited",
    "FLT-002": "Every audited server is in the list",
}
"""What the two checks of a population ask."""


def load_population(path: str | Path) -> Population:
    """The list of servers in a CSV file (UTF-8; `,` or `;`); raises `ConfigurationError` with file and line."""
    path = Path(path)
    try:
        text = read_given(path, most=_MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path.name}: not UTF-8 text", hint="Save the file as UTF-8.") from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror or error}", hint="Check the path.") from None
    first = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in first else ",", strict=True)
    try:
        servers = tuple(_servers(rows, path.name))
    except csv.Error as error:
        raise ConfigurationError(f"{path.name}: {error}", hint=_HINT) from None
    return Population(servers, path.name)


def _servers(rows: Iterable[list[str]], name: str) -> Iterator[Listed]:
    numbered = enumerate(rows, 1)
    header = [cell.strip().casefold() for cell in next(numbered, (1, []))[1]]
    if "name" not in header:
        raise ConfigurationError(f"{name}:1: no column name", hint=_HINT)
    if unknown := [cell for cell in header if cell not in _COLUMNS]:
        raise ConfigurationError(f"{name}:1: unknown column {shorten(unknown[0], 40)}", hint=_HINT)
    seen: dict[str, int] = {}
    for line, cells in numbered:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise ConfigurationError(f"{name}:{line}: {len(cells)} cells, not {len(header)}", hint=_HINT)
        row = {column: cell.strip() for column, cell in zip(header, cells, strict=True)}
        if not row["name"]:
            raise ConfigurationError(f"{name}:{line}: no name", hint=_HINT)
        before = seen.setdefault(row["name"].casefold(), line)
        if before != line:
            raise ConfigurationError(
                f"{name}:{line}: {shorten(row['name'], 60)} is in line {before} too", hint="Name each server once."
            )
        yield Listed(row["name"], row.get("tenant") or None)


def held_against(population: Population, summaries: Iterable[ServerSummary]) -> tuple[PopulationFinding, ...]:
    """What is in the list and was not audited (FLT-001), and what was asked for and is not in the list (FLT-002).

    Names are compared without regard to case.
    """
    found = {summary.server.casefold(): summary for summary in summaries}
    listed = {server.name.casefold() for server in population.servers}
    missing = []
    for server in population.servers:
        summary = found.get(server.name.casefold())
        if summary is None:
            missing.append(PopulationFinding("FLT-001", server.name, server.tenant, "nobody asked for it"))
        elif summary.outcome is Outcome.NOT_AUDITED:
            missing.append(PopulationFinding("FLT-001", server.name, summary.tenant, summary.reasons[0]))
    beyond = [
        PopulationFinding("FLT-002", summary.server, summary.tenant, f"not in {population.source}")
        for name, summary in found.items()
        if name not in listed
    ]
    return (*missing, *beyond)
