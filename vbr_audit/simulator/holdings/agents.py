"""Protection groups and the machines that their last scan found: most in order, a few forgotten."""

from collections.abc import Sequence
from dataclasses import dataclass

from vbr_audit.simulator.holdings.world import World
from vbr_audit.simulator.identity import ZERO
from vbr_audit.simulator.revisions import at_least

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class _Group:
    name: str
    type: str
    machines: tuple[str, ...]
    disabled: bool = False


_GROUPS = (
    _Group("Physical servers", "IndividualComputers", tuple(f"win-{n:03d}" for n in range(1, 7))),
    _Group("Linux servers", "CSVFile", tuple(f"lnx-{n:03d}" for n in range(1, 9))),
    _Group("Plant Leeds", "IndividualComputers", ("scada-03",)),
    _Group("Branch Zurich, closed", "ADObjects", (), disabled=True),
)
_NOT_LIKE_THE_REST: dict[str, Json] = {
    "lnx-005": {"state": "Offline"},
    "lnx-007": {"agentStatus": "Failed"},
    "win-004": {"agentStatus": "UpgradeRequired"},
    "scada-03": {"agentStatus": "NotInstalled", "driverStatus": "NotInstalled"},
}
_LAST_SEEN = {"lnx-005": 19.4}


def group_rows(world: World, revision: str) -> list[Json]:
    """Every protection group."""
    return [
        {
            "id": world.id("protection group", group.name),
            "name": group.name,
            "description": f"Created by HANSA\\backupadmin: {group.name}",
            "type": group.type,
            "isDisabled": group.disabled,
            **_scope(group, world, revision),
        }
        for group in _GROUPS
    ]


def _scope(group: _Group, world: World, revision: str) -> Json:
    """Where the machines of a group come from."""
    by_password: Json = {"masterCredentialsId": world.id("credentials", "agents"), "useCustomCredentials": False}
    match group.type:
        case "CSVFile":
            return {"file": {"path": "C:\\Scripts\\linux.csv"}, "credentials": by_password}
        case "ADObjects":
            domain: Json = {"id": world.id("domain", "hansa"), "name": "hansa.example", "serverName": "dc01"}
            domain["credentialsId"] = world.id("credentials", "agents")
            directory: Json = {"domainControllerSettings": domain, "objects": []}
            kind: Json = {"masterConnectionType": "PermanentCredentials"} if at_least(revision, "1.3-rev2") else {}
            return {"activeDirectory": directory, "credentials": kind | by_password}
    return {}


def entity_rows(world: World, revision: str) -> list[Json]:
    """The machines of every group."""
    return [row for group in _GROUPS for row in _machines(group, world, revision)]


def entities_of(group_id: str, world: World, revision: str) -> Sequence[Json]:
    """The machines of one group."""
    return [row for row in entity_rows(world, revision) if row["protectionGroupId"] == group_id]


def is_group(row_id: str, world: World) -> bool:
    """Tell whether there is a group of that id."""
    return any(world.id("protection group", group.name) == row_id for group in _GROUPS)


def _machines(group: _Group, world: World, revision: str) -> list[Json]:
    rows = []
    for number, name in enumerate(group.machines):
        row: Json = {
            "type": "Computer",
            "id": world.id("discovered", name),
            "name": f"{name}.hansa.example",
            "parentId": ZERO,
            "protectionGroupId": world.id("protection group", group.name),
            "state": "Online",
            "agentStatus": "Installed",
            "agentVersion": "13.0.1.180",
            "driverStatus": "Installed",
            "rebootRequired": False,
            "ipAddresses": [f"10.20.7.{number + 10}"],
            "lastConnected": world.ago(_LAST_SEEN.get(name, 0.2 + number / 50)),
            "objectId": world.id("object", name),
            "biosUuid": world.id("bios", name),
            "plugins": [],
            "isTrusted": True,
            **_NOT_LIKE_THE_REST.get(name, {}),
        }
        if row["agentStatus"] == "NotInstalled":
            row.pop("agentVersion")
        if at_least(revision, "1.3-rev2"):
            row["embeddedRecoveryMediaState"] = {"state": "NotCreated"}
        rows.append(row)
    return rows
