"""What the server says of itself (`/serverInfo`; not every role may read it)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from vbr_audit.tables.build.enums import listed
from vbr_audit.tables.build.notes import Notes
from vbr_audit.tables.build.schema import Column, TableResult, TableSpec, conform

SPEC: Final = TableSpec(
    name="server_info",
    key=("server",),
    help="One row per server whose account may read it: installation, build, patches.",
    columns=(
        Column("server", "string", "The server's name in this run.", holds="server"),
        Column("vbr_id", "string", "The id of the installation.", holds="id"),
        Column("name", "string", "The server's own name.", holds="host"),
        Column("build", "string", "Its build number.", holds="word"),
        Column("patches", "string", "Its patches, separated by commas.", holds="word"),
        Column("platform", "string", "Windows or Linux, from 1.3-rev0 on.", holds="word"),
    ),
)

_TEXTS: Final = {"vbr_id": "vbrId", "name": "name", "build": "buildVersion", "platform": "platform"}
_KNOWN_KEYS: Final = frozenset(
    listed(
        """
        vbrId name buildVersion patches platform databaseVendor sqlServerEdition sqlServerVersion
        databaseSchemaVersion databaseContentVersion veeamRegistration
        """
    )
)


@dataclass(frozen=True)
class ServerInfo:
    """The installation's id, the server's own name, build and platform, its patches in the server's order."""

    vbr_id: str | None
    name: str | None
    build: str | None
    patches: tuple[str, ...]
    platform: str | None
    notes: Notes


def parse(document: Any) -> ServerInfo:
    """Read the answer of `/serverInfo`; what is missing or does not fit is None, and counted in `notes`."""
    notes = Notes(not_objects=int(not isinstance(document, dict)))
    fields = document if isinstance(document, dict) else {}
    for key in fields:
        if key not in _KNOWN_KEYS:
            notes.count_unknown_field(key)
    texts: dict[str, str | None] = {}
    for column, key in _TEXTS.items():
        value = fields.get(key)
        texts[column] = value if isinstance(value, str) else None
        notes.count_uncastable(column, int(value is not None and not isinstance(value, str)))
    patches = fields.get("patches")
    listed = patches if isinstance(patches, list) else []
    named = tuple(patch for patch in listed if isinstance(patch, str))
    wrong_shape = patches is not None and not isinstance(patches, list)
    notes.count_uncastable("patches", len(listed) - len(named) + int(wrong_shape))
    return ServerInfo(
        vbr_id=texts["vbr_id"],
        name=texts["name"],
        build=texts["build"],
        patches=named,
        platform=texts["platform"],
        notes=notes,
    )


def as_table(server: str, parsed: ServerInfo) -> TableResult:
    """The table `server_info` with the one row of `server`."""
    frame, _ = conform(
        {
            "server": [server],
            "vbr_id": [parsed.vbr_id],
            "name": [parsed.name],
            "build": [parsed.build],
            "patches": [", ".join(parsed.patches) or None],
            "platform": [parsed.platform],
        },
        SPEC,
    )
    return TableResult(frame, parsed.notes)
