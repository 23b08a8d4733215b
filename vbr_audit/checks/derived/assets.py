"""The table `assets`: the machines that must be protected, by the list of the site file, and whether they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import pandas as pd

from vbr_audit.checks.derived import protection
from vbr_audit.checks.derived.material import SITE, Derived, Material
from vbr_audit.checks.logic.machine_names import are_nameless, find_machine, held_by_name, machine_keys
from vbr_audit.tables.build.schema import Column, ObjectKind, TableSpec, conform

SPEC: Final = TableSpec(
    "assets",
    ("name",),
    (
        Column("server", "string", "The server on which the machine is looked up.", holds="server"),
        Column("name", "string", "The machine's name.", holds="object"),
        Column("platform", "string", "Its platform in the asset list.", holds="word"),
        Column("owner", "string", "Its owner in the asset list.", holds="user"),
        Column("exempt", "string", "Why it needs no protection; NA if it must be protected.", holds="prose"),
        Column(
            "is_protected",
            "boolean",
            "A backup contains a restore point of it; NA if none is found and not all backups of a server are known.",
        ),
        Column(
            "is_backed_up",
            "boolean",
            "An existing job, or a backup chain that still grows, backs it up; NA if not known.",
        ),
        Column("latest_point", "datetime", "Its newest known restore point on this server; NaT for none."),
        Column("found_as", "string", "The name of the object in the backups; NA if there is none.", holds="object"),
    ),
    "One row per machine in the asset list: under each server that has a backup of it, else under the first server.",
    kind=ObjectKind("asset", "name", "name", cause="machine"),
)


class _Holding:
    """What the backups of one server hold, and whether all of that is known."""

    def __init__(self, material: Material) -> None:
        objects = material.frame("backup_objects")
        self.is_whole = material.is_whole("backup_objects") and not are_nameless(objects)
        self.held = held_by_name(objects)
        protected = material.frame("protected_objects")[["name", "is_backed_up", "newest_point"]]
        self._by_name: dict[str, list[tuple[Any, Any]]] = {}
        for name, *facts in zip(*(protected[column].tolist() for column in protected), strict=True):
            if name is not pd.NA:
                self._by_name.setdefault(name.casefold(), []).append(tuple(facts))

    def facts_of(self, name: str) -> dict[str, Any]:
        """Whether this machine is backed up still, and its newest restore point."""
        entries = [facts for key in machine_keys(self.held, name) for facts in self._by_name.get(key, ())]
        answers = [worked for worked, _ in entries]
        sure = any(worked is True for worked in answers)
        known = True if sure else False if answers and all(worked is False for worked in answers) else None
        return {
            "is_backed_up": known,
            "latest_point": max((at for _, at in entries if at is not pd.NaT), default=None),
        }


def _make(material: Material) -> pd.DataFrame:
    own, *others = (_Holding(each) for each in (material, *material.others))
    server = [str(name) for name in material.frame("servers")["server"][:1]]
    rows = list(_rows(material, own, others)) if server else []
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in SPEC.names if name != "server"}
    return conform({"server": server * len(rows), **columns}, SPEC)[0]


def _rows(material: Material, own: _Holding, others: list[_Holding]) -> Iterable[dict[str, Any]]:
    whole = own.is_whole and all(other.is_whole for other in others)
    for asset in material.site.assets or ():
        key, held = find_machine(own.held, asset.name)
        if not held:
            elsewhere = [find_machine(other.held, asset.name)[1] for other in others]
            if not material.is_first or True in elsewhere:
                continue
            held = None if held is None or None in elsewhere or not whole else False
        known = {"name": asset.name, "platform": asset.platform, "owner": asset.owner, "exempt": asset.exempt}
        yield {**known, "is_protected": held, "found_as": key, **own.facts_of(asset.name)}


TABLE: Final = Derived(SPEC, (SITE,), _make, also=("backup_objects", *protection.TABLE.also, "backups"), part="assets")
