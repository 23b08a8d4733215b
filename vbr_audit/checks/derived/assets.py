"""The table `assets`: the machines that must be protected, by the list of the site file, and whether they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import pandas as pd

from vbr_audit.checks.derived.material import SITE, Derived, Material
from vbr_audit.tables.schema import Column, TableSpec, conform

SPEC: Final = TableSpec(
    "assets",
    ("name",),
    (
        Column("server", "string", "The server that it is looked for on."),
        Column("name", "string", "The machine's name."),
        Column("platform", "string", "Its platform, as the list has it."),
        Column("owner", "string", "Its owner, as the list has it."),
        Column("exempt", "string", "Why it need not be protected; NA where it must be."),
        Column(
            "is_protected",
            "boolean",
            "A backup holds a restore point of it; NA if none is found and the backups of a server are not all known.",
        ),
        Column("found_as", "string", "The name of the object in the backups; NA if there is none."),
    ),
    "One row per machine of the list of assets: on the first server those that no server holds, else where it is held.",
)


class _Names:
    """The objects of one server by name: whether each has a restore point, None where that is not told."""

    def __init__(self, material: Material) -> None:
        objects = material.frame("backup_objects")
        nameless = len(objects) > 0 and bool(objects["name"].isna().all())
        self.is_whole = material.is_whole("backup_objects") and not nameless
        self.held: dict[str, tuple[str, bool | None]] = {}
        self.by_host: dict[str, list[str]] = {}
        for name, count in zip(objects["name"].tolist(), objects["restore_points_count"].tolist(), strict=True):
            if name is pd.NA:
                continue
            has_point = None if count is pd.NA else count > 0
            key = name.casefold()
            known = self.held.get(key)
            if known is None:
                self.by_host.setdefault(_host(key), []).append(key)
            self.held[key] = (name, has_point if known is None else _either(known[1], has_point))

    def find(self, asset: str) -> tuple[str | None, bool | None]:
        """The object that is this machine, and whether it has a restore point; no name and False for none.

        Names are one if they are equal, whatever their case, or if their hosts are and one of them has no domain.
        """
        key = asset.casefold()
        others = (name for name in self.by_host.get(_host(key), ()) if "." not in name or "." not in key)
        found = [self.held[name] for name in dict.fromkeys([*([key] if key in self.held else []), *others])]
        best: bool | None = False
        for _, has_point in found:
            best = _either(best, has_point)
        return (found[0][0] if found else None), best


def _host(name: str) -> str:
    return name.partition(".")[0]


def _either(one: bool | None, other: bool | None) -> bool | None:
    return True if one or other else None if None in (one, other) else False


def _make(material: Material) -> pd.DataFrame:
    own, others = _Names(material), [_Names(other) for other in material.others]
    server = [str(name) for name in material.frame("servers")["server"][:1]]
    rows = list(_rows(material, own, others)) if server else []
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in SPEC.names if name != "server"}
    return conform({"server": server * len(rows), **columns}, SPEC)[0]


def _rows(material: Material, own: _Names, others: list[_Names]) -> Iterable[dict[str, Any]]:
    whole = own.is_whole and all(other.is_whole for other in others)
    for asset in material.site.assets or ():
        found, held = own.find(asset.name)
        if not held:
            elsewhere = [other.find(asset.name)[1] for other in others]
            if not material.is_first or True in elsewhere:
                continue
            held = None if held is None or None in elsewhere or not whole else False
        known = {"name": asset.name, "platform": asset.platform, "owner": asset.owner, "exempt": asset.exempt}
        yield {**known, "is_protected": held, "found_as": found}


TABLE: Final = Derived(SPEC, (SITE,), _make, also=("backup_objects",), part="assets")
