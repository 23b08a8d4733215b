"""Writing what is known of a fleet: `fleet.json`, the page, the workbook, and one page for each tenant."""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Final

from vbr_audit.collection.files import make_folder, slug
from vbr_audit.config.yaml_file import suggestion
from vbr_audit.errors import ConfigurationError, OutputError
from vbr_audit.fleets.fleet import Fleet
from vbr_audit.fleets.html_report import write_fleet_page
from vbr_audit.fleets.picture import FleetPicture, picture_of
from vbr_audit.fleets.population import Population
from vbr_audit.fleets.workbook import write_fleet_workbook

FLEET_FORMATS: Final = ("html", "xlsx", "json")
PAGE, WORKBOOK, TENANTS = "fleet.html", "fleet.xlsx", "tenants"


def checked_fleet_formats(names: Collection[str]) -> tuple[str, ...]:
    """The formats of a fleet report; raises `ConfigurationError` for another word."""
    for name in names:
        if name not in FLEET_FORMATS:
            near = suggestion(name, FLEET_FORMATS)
            raise ConfigurationError(
                f"unknown format of a fleet report {name!r}{near}", hint=f"Known are {', '.join(FLEET_FORMATS)}."
            )
    return tuple(name for name in FLEET_FORMATS if name in names)


def make_fleet_folder(folder: str | Path, *, tenants: bool = False) -> None:
    """Make the folder of the reports, for its owner only; raises `OutputError` where nothing can be written to it."""
    folder = Path(folder)
    mark = folder / f".{secrets.token_hex(6)}"
    try:
        make_folder(folder)
        mark.touch()
        mark.unlink()
        if tenants:
            make_folder(folder / TENANTS)
    except OSError as error:
        raise OutputError(f"cannot use {folder}: {error.strerror or error}", hint="Choose another folder.") from error


def tenant_files(tenants: Collection[str]) -> dict[str, str]:
    """The file of each tenant's page: no two have one, though their names differ in case alone."""
    plain_names = Counter(slug(tenant) for tenant in tenants)
    digests = {tenant: hashlib.sha256(tenant.encode("utf-8", "surrogatepass")).hexdigest()[:6] for tenant in tenants}
    return {
        tenant: f"{name}{f'-{digests[tenant]}' if plain_names[name] > 1 else ''}.html"
        for tenant, name in ((tenant, slug(tenant)) for tenant in tenants)
    }


def write_fleet(
    fleet: Fleet,
    folder: str | Path,
    *,
    formats: Collection[str] = FLEET_FORMATS,
    population: Population | None = None,
    title: str = "Backup servers",
) -> tuple[FleetPicture, tuple[Path, ...]]:
    """Write the reports of a fleet to `folder`; return what they show and their paths, `fleet.json` always among them.

    Each tenant gets a page of its own in `tenants/`, which is made of its own servers alone. The folder is made for
    its owner only. Raises `ConfigurationError` for an unknown format, and where names were replaced in the fleet and
    not in the list, `OutputError`.
    """
    folder, wanted = Path(folder), checked_fleet_formats(formats)
    if population is not None and fleet.scrub_key_ids - {population.scrub_key_id}:
        raise ConfigurationError(
            "the names of the servers were replaced, and those of the list were not, or with another key",
            hint="Give --scrub, with the key by which they were replaced.",
        )
    picture = picture_of(fleet, population, title=title)
    make_fleet_folder(folder, tenants=bool(picture.tenants) and "html" in wanted)
    paths = [fleet.save(folder)]
    if "html" in wanted:
        write_fleet_page(picture, folder / PAGE)
        paths.append(folder / PAGE)
        for tenant, name in tenant_files([line.tenant for line in picture.tenants]).items():
            path = folder / TENANTS / name
            write_fleet_page(picture_of(fleet, population, title=title, tenant=tenant), path)
            paths.append(path)
    if "xlsx" in wanted:
        write_fleet_workbook(picture, folder / WORKBOOK)
        paths.append(folder / WORKBOOK)
    return picture, tuple(paths)
