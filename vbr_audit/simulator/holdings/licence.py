"""What the licence is used for: machines with an instance, and hosts with sockets."""

from collections.abc import Sequence

from vbr_audit.simulator.holdings.chains import Chain
from vbr_audit.simulator.holdings.world import World
from vbr_audit.simulator.revisions import at_least

Json = dict[str, object]

_MACHINES = {"VMware": ("VM", "VMware"), "HyperV": ("VM", "HyperV"), "WindowsPhysical": ("Server", "WindowsServer")}


def instance_rows(chains: Sequence[Chain], world: World, revision: str) -> list[Json]:
    """An instance for each machine of a few backups, and for one that was taken out of its job long ago."""
    members = {
        member.name: _MACHINES[chain.platform]
        for chain in chains
        if chain.platform in _MACHINES
        for member in chain.members[:3]
    }
    return [
        _instance(name, *kind, world, revision)
        for name, kind in (members | {"erp-old-01": ("VM", "VMware"), "ORCL01": ("Application", "Application")}).items()
    ]


def _instance(name: str, kind: str, platform: str, world: World, revision: str) -> Json:
    row: Json = {
        "name": name,
        "hostName": "vcenter01.hansa.example" if kind == "VM" else name,
        "usedInstancesNumber": 1.0,
        "type": kind,
        "instanceId": world.id("licensed workload", name),
    }
    if at_least(revision, "1.3-rev0"):
        row |= {"displayName": name, "platformType": platform, "canBeRevoked": True}
    return row


def socket_rows(world: World, _: str) -> list[Json]:
    """Two hosts; the second was added after the last sockets were used up."""
    return [
        {
            "name": f"{name}.hansa.example",
            "hostName": f"{name}.hansa.example",
            "hostId": world.id("licensed host", name),
            "socketsNumber": 2,
            "coresNumber": 32,
            "type": kind,
        }
        for name, kind in (("esx01", "vSphere"), ("esx02", "Unlicensed"))
    ]
