"""Repositories, their states, and the scale-out repository that binds some of them together."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil

from vbr_audit.simulator.holdings.chains import Chain
from vbr_audit.simulator.holdings.points import data_size, stored_size
from vbr_audit.simulator.holdings.world import SHAPE_12, World, cased
from vbr_audit.simulator.identity import ZERO
from vbr_audit.simulator.plans import REPOSITORIES
from vbr_audit.simulator.revisions import at_least

Json = dict[str, object]

SCALE_OUT = "Scale-out Repository Hamburg"
_DOMAIN = ".hansa.example"
_OTHERS = {
    "scale-out": SCALE_OUT,
    "extent-a": "Extent Hamburg A",
    "extent-b": "Extent Hamburg B",
    "capacity": "Object Storage - Capacity tier",
    "logs": "Object Storage - Logs",
    "azure": "Azure Blob - Offsite",
}
_NEWER_TYPES = {"DDBoost": "DellDataDomain"}


@dataclass(frozen=True, slots=True)
class _Repository:
    key: str
    type: str
    host: str
    path: str
    filled: int = 0
    days: int = 0
    tier: str = ""
    online: bool = True
    outdated: bool = False


# `filled` is the percentage that is in use, about; what has none is object storage, which has no capacity.
_ALL = (
    _Repository("main", "LinuxHardened", "hardened01", "/mnt/backup01", 66, days=14),
    _Repository("files", "DDBoost", "", "ddboost://dd01.hansa.example/veeam", 94),
    _Repository("dr", "LinuxHardened", "hardened02", "/mnt/backup01", 62, days=30, outdated=True),
    _Repository("object", "S3Compatible", "", "s3.hansa.example/veeam-immutable", days=30),
    _Repository("archive", "AmazonS3Glacier", "", "hansa-archive/veeam", days=1, tier="Archive"),
    _Repository("default", "WinLocal", "vbr01", "C:\\Backup", 76),
    _Repository("extent-a", "LinuxHardened", "repo03", "/mnt/extent", 63, days=14, tier="Performance"),
    _Repository("extent-b", "LinuxLocal", "repo04", "/mnt/extent", 60, tier="Performance"),
    _Repository("capacity", "AmazonS3", "", "hansa-capacity/veeam", days=21, tier="Capacity"),
    _Repository("logs", "AmazonS3", "", "hansa-logs/veeam"),
    _Repository("share", "Smb", "", "\\\\nas02.hansa.example\\veeam", 60, online=False),
    _Repository("exports", "Nfs", "", "nfs3://nas03.hansa.example:/veeam", 52),
    _Repository("azure", "AzureBlob", "", "veeam/offsite", days=30),
)
_GIB = 1024**3
_SIZES = 64  # capacities are whole multiples of so many GB
_EMPTY = 10_240  # GB of a repository that holds nothing


def repository_id(world: World, key: str) -> str:
    """The id of a repository, by its key in the plans."""
    return world.id("repository", key)


def repository_name(key: str) -> str:
    """The name of a repository, by its key in the plans."""
    return REPOSITORIES.get(key) or _OTHERS[key]


def repository_rows(world: World, revision: str) -> list[Json]:
    """Every repository with its settings; a scale-out one is not among them, its extents are."""
    return [_head(each, world, revision) | _settings(_as_set(each, world), world, revision) for each in _ALL]


def _as_set(each: _Repository, world: World) -> _Repository:
    return replace(each, days=world.setting(f"immutable days of {each.key}", each.days))


def _type(each: _Repository, revision: str) -> str:
    return _NEWER_TYPES.get(each.type, each.type) if at_least(revision, "1.3-rev2") else each.type


def _head(each: _Repository, world: World, revision: str) -> Json:
    return {
        "id": repository_id(world, each.key),
        "name": repository_name(each.key),
        "description": "Created by Veeam Backup" if each.key == "default" else f"{each.type} at {each.path}",
        "uniqueId": each.key,
        "type": _type(each, revision),
    }


def _settings(each: _Repository, world: World, revision: str) -> Json:
    if each.type == "DDBoost":
        return _data_domain(each, world, revision)
    if each.type in {"WinLocal", "LinuxLocal", "LinuxHardened"}:
        return {
            "hostId": world.id("host", each.host),
            "repository": _local(each, revision),
            "mountServer": _mount(world, revision),
        }
    if each.type in {"Smb", "Nfs"}:
        share: Json = {"sharePath": each.path, "gatewayServer": {"autoSelectEnabled": True, "gatewayServerIds": []}}
        if each.type == "Smb":
            share["credentialsId"] = world.id("credentials", "nas")
        return {"share": share, "repository": _limits(revision), "mountServer": _mount(world, revision)}
    return _object_storage(each, world, revision)


def _limits(revision: str) -> Json:
    name = "taskLimitEnabled" if at_least(revision, "1.1-rev1") else "enableTaskLimit"
    return {
        name: True,
        "maxTaskCount": 8,
        "readWriteLimitEnabled": False,
        "readWriteRate": 1,
        "advancedSettings": {
            "alignDataBlocks": True,
            "decompressBeforeStoring": False,
            "rotatedDrives": False,
            "perVmBackup": True,
        },
    }


def _local(each: _Repository, revision: str) -> Json:
    settings = {"path": each.path} | _limits(revision)
    if each.type != "WinLocal":
        settings["useFastCloningOnXFSVolumes"] = True
    if each.type == "LinuxHardened":
        settings["makeRecentBackupsImmutableDays"] = each.days
    if each.type == "LinuxLocal" and at_least(revision, "1.3-rev2"):
        settings |= {"enableGovernanceMode": False, "governanceModeRetentionDays": 7}
    return settings


def _data_domain(each: _Repository, world: World, revision: str) -> Json:
    """Before 1.3-rev2 no settings of an appliance are shown."""
    if not at_least(revision, "1.3-rev2"):
        return {}
    immutability = {"isEnabled": False, "daysCount": 7}
    appliance: Json = {"ddServername": "dd01.hansa.example", "credentialsId": world.id("credentials", "nas")}
    settings: Json = {"path": each.path, "enableTaskLimit": True, "maxTaskCount": 8, "immutability": immutability}
    return {"dellDataDomain": appliance, "repository": settings}


def _mount(world: World, revision: str) -> Json:
    server: Json = {
        "mountServerId": world.id("host", "vbr01"),
        "writeCacheFolder": "C:\\ProgramData\\Veeam\\Backup\\IRCache",
        "vPowerNFSEnabled": True,
    }
    if at_least(revision, "1.3-rev0"):
        return {"mountServerSettingsType": "Windows", "windows": server}
    return server


def _object_storage(each: _Repository, world: World, revision: str) -> Json:
    account: Json = {
        "credentialsId": world.id("cloud credentials", each.type),
        "connectionSettings": {"connectionType": "Direct", "gatewayServerIds": []},
    }
    where, _, folder = each.path.rpartition("/")
    if each.type == "AzureBlob":
        return {
            "account": account | {"regionType": "Global"},
            "container": {"containerName": where, "folderName": folder} | _immutability(each, revision, "1.3-rev0"),
            "mountServer": _mount(world, revision),
        }
    bucket: Json = {"bucketName": where.rpartition("/")[2], "folderName": folder}
    if each.type == "S3Compatible":
        account |= {"servicePoint": where.partition("/")[0], "regionId": "hamburg"}
    else:
        account["regionType"] = "Global"
        bucket["regionId"] = "eu-central-1"
    if each.type == "AmazonS3Glacier":
        return {"account": account, "bucket": bucket | {"immutabilityEnabled": True, "useDeepArchive": False}}
    settings: Json = {"account": account, "bucket": bucket | _immutability(each, revision)}
    limit = "taskLimitEnabled" if at_least(revision, "1.1-rev1") else "enableTaskLimit"
    return settings | {"mountServer": _mount(world, revision), limit: each.key != "logs", "maxTaskCount": 8}


def _immutability(each: _Repository, revision: str, first: str = "1.1-rev0") -> Json:
    if not at_least(revision, first):
        return {}
    part: Json = {"isEnabled": each.days > 0, "daysCount": each.days or 30}
    if at_least(revision, "1.3-rev0"):
        part["immutabilityMode"] = "RepositorySettings"
    return {"immutability": part}


def repository_state_rows(chains: Sequence[Chain], world: World, revision: str) -> list[Json]:
    """The space and the health of every repository: what its files take of it, and the rest."""
    used = _used_bytes(chains, world)
    return [_state(each, used[each.key], world, revision) for each in _ALL]


def _used_bytes(chains: Sequence[Chain], world: World) -> Mapping[str, int]:
    """What the files take on each repository; a scale-out one spreads machines, and its capacity tier copies all."""
    used: defaultdict[str, int] = defaultdict(int)
    for chain in chains:
        for number, member in enumerate(chain.members):
            points = chain.held(number)
            stored = sum(stored_size(data_size(member, point, world.end)) for point in points)
            if chain.repository == "scale-out":
                used["extent-b" if number % 2 else "extent-a"] += stored
                used["capacity"] += stored
            else:
                used[chain.repository] += stored
    return used


def repository_capacities(chains: Sequence[Chain], world: World) -> dict[str, float]:
    """How large each repository is, in GB by its key, so that its files fill it as far as it is filled."""
    used = _used_bytes(chains, world)
    return {each.key: _capacity(each, round(used[each.key] / _GIB, 1)) for each in _ALL}


def _capacity(each: _Repository, used: float) -> float:
    return float(ceil(used * 100 / each.filled / _SIZES) * _SIZES or _EMPTY) if each.filled else -1.0


def _state(each: _Repository, used_bytes: int, world: World, revision: str) -> Json:
    used = round(used_bytes / _GIB, 1)
    capacity = world.course.capacities()[each.key] if world.course else _capacity(each, used)
    row = _head(each, world, revision)
    del row["uniqueId"]
    row |= {
        "hostId": world.id("host", each.host) if each.host else ZERO,
        "hostName": each.host + _DOMAIN if each.host else "",
        "path": each.path,
        "capacityGB": capacity,
        "freeGB": round(capacity - used, 1) if each.filled else -1.0,
        "usedSpaceGB": used,
    }
    if at_least(revision, SHAPE_12):
        row["isOnline"] = each.online
    if at_least(revision, "1.3-rev0"):
        row["isOutOfDate"] = each.outdated
        if each.tier:
            row["scaleOutRepositoryDetails"] = {
                "membership": SCALE_OUT,
                "scaleOutRepositoryId": repository_id(world, "scale-out"),
                "extentType": each.tier,
            }
    return row


def scale_out_rows(world: World, revision: str) -> list[Json]:
    """The one scale-out repository: two extents, one of them under maintenance, a capacity and an archive tier."""
    extents = [
        {
            "id": repository_id(world, key),
            "name": repository_name(key),
            "status": [status] if at_least(revision, "1.3-rev0") else status,
        }
        for key, status in (("extent-a", "Normal"), ("extent-b", "Maintenance"))
    ]
    archive: Json = {
        "isEnabled": True,
        "extentId": repository_id(world, "archive"),
        "archivePeriodDays": 90,
        "advancedSettings": {"costOptimizedArchiveEnabled": True, "archiveDeduplicationEnabled": True},
    }
    if at_least(revision, "1.3-rev2"):
        archive |= {"copyPolicyEnabled": False, "movePolicyEnabled": True, "encryption": {"isEnabled": False}}
    return [
        {
            "id": repository_id(world, "scale-out"),
            "name": SCALE_OUT,
            "description": "Long-term copies",
            "uniqueId": "scale-out",
            "performanceTier": {
                "performanceExtents": extents,
                "advancedSettings": {"perVmBackup": True, "fullWhenExtentOffline": False},
            },
            "placementPolicy": {"type": "DataLocality", "settings": [], "enforceStrictPlacementPolicy": False},
            "capacityTier": _capacity_tier(world, revision),
            "archiveTier": archive,
        }
    ]


def _capacity_tier(world: World, revision: str) -> Json:
    hours = ",".join(["1"] * 24)
    password = "encryptionPasswordId" if at_least(revision, "1.1-rev1") else "encryptionPasswordIdOrNull"
    encryption: Json = {"isEnabled": True, password: world.id("password")}
    if at_least(revision, SHAPE_12):
        encryption["encryptionType"] = "ByUserPassword"
    tier: Json = {
        "isEnabled" if at_least(revision, "1.1-rev1") else "enabled": True,
        "extents": [{"id": repository_id(world, "capacity")}],
        "offloadWindow": {"days": [{"day": cased(day, revision), "hours": hours} for day in ("Saturday", "Sunday")]},
        "copyPolicyEnabled": True,
        "movePolicyEnabled": True,
        "operationalRestorePeriodDays": 14,
        "overridePolicy": {"isEnabled": False, "overrideSpaceThresholdPercents": 90},
        "encryption": encryption,
    }
    if at_least(revision, "1.3-rev0"):
        tier["backupHealth"] = {"isEnabled": False}
    return tier
