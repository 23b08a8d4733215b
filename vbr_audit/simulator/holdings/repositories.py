"""Repositories, their states, and the scale-out repository that binds some of them together."""

from dataclasses import dataclass

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
    "share": "NAS share Zurich",
    "exports": "NFS export Munich",
    "azure": "Azure Blob - Offsite",
}
_NEWER_TYPES = {"DDBoost": "DellDataDomain"}


@dataclass(frozen=True, slots=True)
class _Repository:
    key: str
    type: str
    host: str
    path: str
    capacity: float
    free: float
    days: int = 0
    tier: str = ""
    online: bool = True
    outdated: bool = False


_ALL = (
    _Repository("main", "LinuxHardened", "hardened01", "/mnt/backup01", 122880.0, 41779.2, days=14),
    _Repository("files", "DDBoost", "", "ddboost://dd01.hansa.example/veeam", 65536.0, 3801.1),
    _Repository("dr", "LinuxHardened", "hardened02", "/mnt/backup01", 81920.0, 30310.4, days=30, outdated=True),
    _Repository("object", "S3Compatible", "", "s3.hansa.example/veeam-immutable", -1.0, -1.0, days=30),
    _Repository("archive", "AmazonS3Glacier", "", "hansa-archive/veeam", -1.0, -1.0, days=1, tier="Archive"),
    _Repository("default", "WinLocal", "vbr01", "C:\\Backup", 476.8, 112.4),
    _Repository("extent-a", "LinuxHardened", "repo03", "/mnt/extent", 40960.0, 15155.2, days=14, tier="Performance"),
    _Repository("extent-b", "LinuxLocal", "repo04", "/mnt/extent", 40960.0, 16384.0, tier="Performance"),
    _Repository("capacity", "AmazonS3", "", "hansa-capacity/veeam", -1.0, -1.0, days=21, tier="Capacity"),
    _Repository("logs", "AmazonS3", "", "hansa-logs/veeam", -1.0, -1.0),
    _Repository("share", "Smb", "", "\\\\nas02.hansa.example\\veeam", 10240.0, 4096.0, online=False),
    _Repository("exports", "Nfs", "", "nfs3://nas03.hansa.example:/veeam", 20480.0, 9830.4),
    _Repository("azure", "AzureBlob", "", "veeam/offsite", -1.0, -1.0, days=30),
)


def repository_id(world: World, key: str) -> str:
    """The id of a repository, by its key in the plans."""
    return world.id("repository", key)


def repository_name(key: str) -> str:
    """The name of a repository, by its key in the plans."""
    return REPOSITORIES.get(key) or _OTHERS[key]


def repository_rows(world: World, revision: str) -> list[Json]:
    """Every repository with its settings; a scale-out one is not among them, its extents are."""
    return [_head(each, world, revision) | _settings(each, world, revision) for each in _ALL]


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
        return _data_domain(revision)
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


def _data_domain(revision: str) -> Json:
    """Before 1.3-rev2 no settings of an appliance are shown."""
    if not at_least(revision, "1.3-rev2"):
        return {}
    immutability = {"isEnabled": False, "daysCount": 7}
    return {"repository": {"enableTaskLimit": True, "maxTaskCount": 8, "immutability": immutability}}


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


def repository_state_rows(world: World, revision: str) -> list[Json]:
    """The space and the health of every repository; object storage has no capacity to speak of."""
    return [_state(each, world, revision) for each in _ALL]


def _state(each: _Repository, world: World, revision: str) -> Json:
    row = _head(each, world, revision)
    del row["uniqueId"]
    row |= {
        "hostId": world.id("host", each.host) if each.host else ZERO,
        "hostName": each.host + _DOMAIN if each.host else "",
        "path": each.path,
        "capacityGB": each.capacity,
        "freeGB": each.free,
        "usedSpaceGB": round(each.capacity - each.free, 1) if each.capacity > 0 else 18432.5,
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
            "archiveTier": {
                "isEnabled": True,
                "extentId": repository_id(world, "archive"),
                "archivePeriodDays": 90,
                "advancedSettings": {"costOptimizedArchiveEnabled": True, "archiveDeduplicationEnabled": True},
            },
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
