"""What the site file demanded of the object of a finding: the value, the tier it belongs to, and where both stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from vbr_audit.checks.derived import protection, site_tables
from vbr_audit.checks.engine.registry import Check
from vbr_audit.checks.site import Site, Tier
from vbr_audit.config.yaml_file import KeyPath, YamlFile
from vbr_audit.display import plain

_DEMANDED: Final[Mapping[str, KeyPath]] = {
    "rpo_hours": ("rpo_hours",),
    "retention_days": ("retention_days",),
    "gfs_weekly": ("gfs", "weekly"),
    "gfs_monthly": ("gfs", "monthly"),
    "gfs_yearly": ("gfs", "yearly"),
}
"""The columns that hold what a tier demands, with their keys in a tier of the site file."""

_UNITS: Final = {column.name: column.unit for column in site_tables.DEMANDS_SPEC.columns}


@dataclass(frozen=True)
class Demand:
    """One value that the site file demands of an object; `tier` is None for what holds for all alike.

    `source` is where the value stands, as `site.yaml:12`.
    """

    name: str
    value: Any
    unit: str | None
    tier: str | None
    source: str

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        tier = f"the tier {plain(self.tier)}, " if self.tier is not None else ""
        return f"{self.name} = {plain(self.value)}{unit}, demanded by {tier}{plain(self.source)}"


def demands_on(
    finding: Mapping[str, Any], check: Check, protected: pd.DataFrame, site: Site
) -> tuple[tuple[Demand, ...], tuple[str, ...]]:
    """What the site file demands of the object of `finding` by what its check reads, and notes where it demands none.

    `protected` are the rows of `protected_objects`, which tell the tier of a protected object.
    """
    if not site.is_given:
        return (), ()
    file = YamlFile(site.name, site.text)
    found, notes = list(_server_wide(check, site, file)), []
    asked = _asked(check)
    if asked and site.document.tiers:
        tier, why = _tier_of(finding, check, protected, site, file)
        if tier is None:
            notes.append(why)
        else:
            found += _of_tier(tier, asked, site, file)
            missing = [name for name in asked if _value(tier, name) is None]
            if missing:
                where = f"{file.name}:{file.line_of(_place(tier, site))}"
                notes.append(f"Its tier {tier.name} ({where}) says nothing of {', '.join(missing)}.")
    return tuple(found), tuple(notes)


def _asked(check: Check) -> list[str]:
    """The demands of tiers that the check reads."""
    tables = (site_tables.DEMANDS_SPEC.name, protection.SPEC.name)
    read = {column for table in tables for column in check.reads.get(table, ())}
    return [name for name in _DEMANDED if name in read]


def _tier_of(
    finding: Mapping[str, Any], check: Check, protected: pd.DataFrame, site: Site, file: YamlFile
) -> tuple[Tier | None, str]:
    """The tier of the object, else why there is none."""
    name, nothing = finding["object_name"], f"No tier of {file.name} is for it."
    if check.population != protection.SPEC.name:
        return (site.tier_of(job=name) if isinstance(name, str) else None), nothing
    mine = protected["server"].eq(finding["server"]) & protected["object_key"].eq(finding["object_id"])
    rows = protected[mine.to_numpy(dtype=bool, na_value=False)]
    if not len(rows):
        return None, nothing
    row = rows.iloc[0]
    if row["tier_known"] is pd.NA or not row["tier_known"]:
        known = [tier for tier in site.document.tiers if tier.rpo_hours is not None]
        loosest = max(known, key=lambda tier: tier.rpo_hours or 0, default=None)
        told = "Which tier it belongs to is not known."
        if loosest is not None and len(known) == len(site.document.tiers):
            line = file.line_of((*_place(loosest, site), "rpo_hours"))
            told += f" The loosest is {loosest.name}: rpo_hours = {loosest.rpo_hours} ({file.name}:{line})."
        return None, told
    called = None if row["tier"] is pd.NA else row["tier"]
    return next((tier for tier in site.document.tiers if tier.name == called), None), nothing


def _of_tier(tier: Tier, asked: list[str], site: Site, file: YamlFile) -> Iterator[Demand]:
    for name in asked:
        if (value := _value(tier, name)) is not None:
            line = file.line_of((*_place(tier, site), *_DEMANDED[name]))
            yield Demand(name, value, _UNITS[name], tier.name, f"{file.name}:{line}")


def _server_wide(check: Check, site: Site, file: YamlFile) -> Iterator[Demand]:
    """The hours in which jobs may run, and the oldest good builds, where the check reads them."""
    if site_tables.WINDOW_SPEC.name in check.tables and site.window is not None:
        hours = f"{site.window.start:%H:%M} to {site.window.end:%H:%M}"
        yield Demand("window", hours, None, None, f"{file.name}:{file.line_of(('window',))}")
    if site_tables.BUILDS_SPEC.name in check.tables:
        for release, build in site.document.builds.items():
            line = file.line_of(("builds", release))
            yield Demand(f"builds {release}", build, None, None, f"{file.name}:{line}")


def _value(tier: Tier, name: str) -> Any:
    here: Any = tier
    for key in _DEMANDED[name]:
        here = getattr(here, str(key))
    return here


def _place(tier: Tier, site: Site) -> KeyPath:
    return ("tiers", site.document.tiers.index(tier))
