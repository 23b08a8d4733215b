"""What the licence is used for: machines and shares with instances, and hosts with sockets; and how much is used."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from vbr_audit.simulator.holdings.chains import Chain
from vbr_audit.simulator.holdings.members import Member
from vbr_audit.simulator.holdings.world import World
from vbr_audit.simulator.revisions import at_least

Json = dict[str, object]

_VIRTUAL = {"VMware": "VMware", "HyperV": "HyperV", "CloudDirector": "VMware", "Nutanix": "NutanixAhv"}
_WORKSTATION = 1 / 3
"""Three workstations take one instance."""
_SHARE_GIB = 500
"""Number of GB of a share that take one instance."""
_GIB = 1024**3
_LEAST, _STEP, _ROOM = 250, 50, 1.25


@dataclass(frozen=True, slots=True)
class Use:
    """One workload with what it takes of the licence."""

    name: str
    type: str
    platform: str
    instances: float = 1.0


_LEFT_OVER = (Use("erp-old-01", "VM", "VMware"), Use("ORCL01", "Application", "Application"))
"""One that was taken out of its job long ago, and a database."""


def uses_of(chains: Sequence[Chain]) -> list[Use]:
    """The workloads that take instances: each machine and share that has a backup, once, and what was left over."""
    uses = {use.name: use for chain in chains for member in chain.members for use in _uses(chain, member)}
    return [*uses.values(), *_LEFT_OVER] if uses else []


def _uses(chain: Chain, member: Member) -> Iterable[Use]:
    if chain.platform in _VIRTUAL:
        yield Use(member.name, "VM", _VIRTUAL[chain.platform])
    elif chain.platform == "UnstructuredData":
        yield Use(member.name, "FileShare", "UnstructuredData", float(ceil(member.size / _GIB / _SHARE_GIB)))
    elif chain.platform.endswith("Physical"):
        system = chain.platform.removesuffix("Physical")
        desk = member.name.startswith("nb-")
        kind = "Workstation" if desk else "Server"
        yield Use(member.name, kind, f"{system}{kind}", _WORKSTATION if desk else 1.0)


def counts(uses: Sequence[Use]) -> Json:
    """How many instances there are, and what is used of them by the kind of workload."""
    kinds: Mapping[str, list[float]] = defaultdict(list)
    for use in uses:
        kinds[use.type].append(use.instances)
    used = round(sum(use.instances for use in uses), 2)
    return {
        "licensedInstancesNumber": float(max(_LEAST, ceil(used * _ROOM / _STEP) * _STEP)),
        "usedInstancesNumber": used,
        "newInstancesNumber": 0.0,
        "rentalInstancesNumber": 0.0,
        "objects": [
            {
                "type": kind,
                "count": len(each),
                "multiplier": round(sum(each) / len(each), 2),
                "usedInstancesNumber": round(sum(each), 2),
            }
            for kind, each in kinds.items()
        ],
        "workload": [],
        "package": "Suite",
    }


def instance_rows(chains: Sequence[Chain], world: World, revision: str) -> list[Json]:
    """Each workload that takes instances."""
    return [_instance(use, world, revision) for use in uses_of(chains)]


def _instance(use: Use, world: World, revision: str) -> Json:
    row: Json = {
        "name": use.name,
        "hostName": "vcenter01.hansa.example" if use.type == "VM" else use.name,
        "usedInstancesNumber": round(use.instances, 2),
        "type": use.type,
        "instanceId": world.id("licensed workload", use.name),
    }
    if at_least(revision, "1.3-rev0"):
        row |= {"displayName": use.name, "platformType": use.platform, "canBeRevoked": True}
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
