"""Writing what is known of a fleet: `fleet.json`, the page, the workbook, and one page for each tenant."""

from __future__ import annotations

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
    its owner only. Raises `ConfigurationError` for an unknown format, `OutputError`.
    """
    folder, wanted = Path(folder), checked_fleet_formats(formats)
    picture = picture_of(fleet, population, title=title)
    try:
        make_folder(folder)
        if picture.tenants and "html" in wanted:
            make_folder(folder / TENANTS)
    except OSError as error:
        raise OutputError(f"cannot use {folder}: {error.strerror or error}", hint="Choose another folder.") from error
    paths = [fleet.save(folder)]
    if "html" in wanted:
        write_fleet_page(picture, folder / PAGE)
        paths.append(folder / PAGE)
        for line in picture.tenants:
            path = folder / TENANTS / f"{slug(line.tenant)}.html"
            write_fleet_page(picture_of(fleet, population, title=title, tenant=line.tenant), path)
            paths.append(path)
    if "xlsx" in wanted:
        write_fleet_workbook(picture, folder / WORKBOOK)
        paths.append(folder / WORKBOOK)
    return picture, tuple(paths)
