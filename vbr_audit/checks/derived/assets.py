"""The table `assets`: the machines that must be protected, by the list that the site file names."""

from __future__ import annotations

from typing import Final

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
    ),
    "One row per machine of the list of assets that the site file names.",
)


def _make(material: Material) -> pd.DataFrame:
    assets = material.site.assets or ()
    servers = material.frame("servers")["server"].tolist()[:1]
    columns = {name: [getattr(asset, name) for asset in assets] for name in ("name", "platform", "owner", "exempt")}
    return conform({"server": servers * len(assets), **columns}, SPEC)[0]


TABLE: Final = Derived(SPEC, (SITE,), _make, part="assets")
