"""Whether a repository keeps its backups from being changed: one answer from the many shapes of the API.

The kinds: `hardened` (days on a hardened Linux repository, on when above zero), `object storage` (a switch and days
on the bucket or container), `archive` (a switch only), `appliance` (a switch and days under the repository, from
1.3-rev2 on), `governance` (of a plain Linux repository, from 1.3-rev2 on), `none` (this type of repository has none),
`other` (a type that is not known here, with a switch all the same).
"""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from vbr_audit.tables.build.arrays import strings_of
from vbr_audit.tables.build.fields import Field, flag, whole, word

FIELDS: Final = (
    Field(
        "immutability_kind",
        "string",
        "How it can keep backups from being changed: hardened, object storage, archive, appliance, governance, "
        "other, none; NA for a type of which that is not known.",
    ),
    Field("immutability_supported", "boolean", "Its type can do so; NA for a type of which that is not known."),
    Field(
        "immutability_enabled",
        "boolean",
        "It does so. No for a type that cannot; NA where the type should tell and does not, as cloud storage of "
        "Microsoft and Google before 1.3-rev0.",
    ),
    Field(
        "immutability_days",
        "Int64",
        "For how many days it does so; not told by archive storage, and NA where not its own days hold but those of "
        "the retention.",
        unit="days",
    ),
    word(
        "immutability_mode",
        "Whether the days of the repository hold, or those of the retention. From 1.3-rev0 on.",
        "bucket.immutability.immutabilityMode",
        "container.immutability.immutabilityMode",
        known=("RepositorySettings", "RetentionSettings"),
    ),
    whole(
        "hardened_days",
        "The days of a hardened Linux repository.",
        "repository.makeRecentBackupsImmutableDays",
        unit="days",
    ),
    flag(
        "immutability_switch",
        "The switch of object storage or of an appliance.",
        "bucket.immutability.isEnabled",
        "container.immutability.isEnabled",
        "repository.immutability.isEnabled",
    ),
    whole(
        "immutability_switch_days",
        "The days that go with that switch.",
        "bucket.immutability.daysCount",
        "container.immutability.daysCount",
        "repository.immutability.daysCount",
        unit="days",
    ),
    flag(
        "archive_switch",
        "The switch of archive storage.",
        "bucket.immutabilityEnabled",
        "container.immutabilityEnabled",
    ),
    flag(
        "governance_switch",
        "The switch of a plain Linux repository. From 1.3-rev2 on.",
        "repository.enableGovernanceMode",
    ),
    whole(
        "governance_days",
        "The days that go with that switch. From 1.3-rev2 on.",
        "repository.governanceModeRetentionDays",
        unit="days",
    ),
)

_KINDS: Final = {
    **dict.fromkeys(("WinLocal", "Smb", "Nfs", "AzureDataBox", "AmazonSnowballEdge"), "none"),
    **dict.fromkeys(
        ("AmazonS3", "S3Compatible", "IBMCloud", "WasabiCloud", "GoogleCloud", "AzureBlob", "VeeamDataCloudVault"),
        "object storage",
    ),
    "S3Integrated": "object storage",
    **dict.fromkeys(("AmazonS3Glacier", "AzureArchive", "S3GlacierCompatible"), "archive"),
    **dict.fromkeys(("DellDataDomain", "HPEStoreOnce"), "appliance"),
    "LinuxHardened": "hardened",
    "LinuxLocal": "governance",
}
_PLACES: Final = {
    "hardened": (None, "hardened_days"),
    "object storage": ("immutability_switch", "immutability_switch_days"),
    "appliance": ("immutability_switch", "immutability_switch_days"),
    "other": ("immutability_switch", "immutability_switch_days"),
    "archive": ("archive_switch", None),
    "governance": ("governance_switch", "governance_days"),
    "none": (None, None),
}

_SHOWN_BY: Final = (
    ("hardened", "hardened_days"),
    ("other", "immutability_switch"),
    ("archive", "archive_switch"),
)


def add_immutability(arrays: dict[str, Any]) -> None:
    """Fill the computed columns of `FIELDS` from `type` and from the columns of the single shapes."""
    kinds = _kinds(arrays)
    enabled, days = [], []
    for row, kind in enumerate(kinds):
        switch, count = (None, None) if kind is None else _PLACES[kind]
        day = pd.NA if count is None else arrays[count][row]
        days.append(day if _own_days(kind, arrays["immutability_mode"][row]) else pd.NA)
        if kind == "hardened":
            enabled.append(pd.NA if day is pd.NA else bool(day > 0))
        else:
            enabled.append(False if kind == "none" else pd.NA if switch is None else arrays[switch][row])
    arrays["immutability_kind"] = strings_of([pd.NA if kind is None else kind for kind in kinds])
    supported = [pd.NA if kind is None else kind != "none" for kind in kinds]
    arrays["immutability_supported"] = pd.array(supported, dtype="boolean")
    arrays["immutability_enabled"] = pd.array(enabled, dtype="boolean")
    arrays["immutability_days"] = pd.array(days, dtype="Int64")


def _own_days(kind: str | None, mode: Any) -> bool:
    """Whether the days that a repository names hold; before 1.3-rev0 there is no mode, and they do."""
    return kind not in ("object storage", "other") or mode is pd.NA or mode == "RepositorySettings"


def _kinds(arrays: dict[str, Any]) -> list[str | None]:
    """The kind of each row. A plain Linux repository has one only if this server tells of it at all."""
    known = {name: ~arrays[name].isna() for name in ("hardened_days", "immutability_switch", "archive_switch")}
    plain_linux = "governance" if (~arrays["governance_switch"].isna()).any() else "none"
    kinds = []
    for row, row_type in enumerate(arrays["type"]):
        kind = _KINDS.get(row_type) if isinstance(row_type, str) else None
        if kind is None:
            found = (kind for kind, name in _SHOWN_BY if known[name][row])
            kind = next(found, None)
        kinds.append(plain_linux if kind == "governance" else kind)
    return kinds
