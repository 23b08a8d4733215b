"""The table `repository_tags`: what the site file says of each repository."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from vbr_audit.checks.derived.material import SITE, Derived, Material
from vbr_audit.tables.build.schema import Column, TableSpec, conform

SPEC: Final = TableSpec(
    "repository_tags",
    ("repository_id",),
    (
        Column("server", "string", "The server."),
        Column("repository_id", "string", "The repository, a scale-out one too."),
        Column("tags", "string", "Its tags in the site file, joined by commas; NA for none."),
        Column("is_offsite", "boolean", "It is tagged offsite; no where it is tagged onsite, NA where neither."),
        Column("is_offline", "boolean", "It is tagged offline; NA where it is not."),
        Column("is_immutable", "boolean", "It is tagged immutable; NA where it is not."),
    ),
    "One row per repository and scale-out repository with its tags in the site file.",
)


def _make(material: Material) -> pd.DataFrame:
    repositories, scale_out = material.frame("repositories"), material.frame("scale_out_repositories")
    ids = [*repositories["repository_id"], *scale_out["scale_out_repository_id"]]
    names = [*repositories["name"], *scale_out["name"]]
    tags = [material.site.tags_of(None if name is pd.NA else name) for name in names]
    columns: dict[str, Any] = {
        "server": [*repositories["server"], *scale_out["server"]],
        "repository_id": ids,
        "tags": [",".join(sorted(found)) or None for found in tags],
        "is_offsite": [True if "offsite" in found else False if "onsite" in found else None for found in tags],
        "is_offline": [True if "offline" in found else None for found in tags],
        "is_immutable": [True if "immutable" in found else None for found in tags],
    }
    return conform(columns, SPEC)[0]


TABLE: Final = Derived(SPEC, ("repositories", SITE), _make, also=("scale_out_repositories",), part="repositories")
