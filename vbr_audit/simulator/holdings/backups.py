"""How each revision writes backups, their objects, restore points and files."""

from collections.abc import Sequence

from vbr_audit.simulator.clock import local_stamp, stamp
from vbr_audit.simulator.holdings.chains import Chain
from vbr_audit.simulator.holdings.points import COMPRESSED, DEDUPED, Point, data_size, stored_size
from vbr_audit.simulator.holdings.repositories import repository_id, repository_name
from vbr_audit.simulator.holdings.world import SHAPE_12, World, platform_name
from vbr_audit.simulator.identity import ZERO, identify
from vbr_audit.simulator.lazy import Lazy
from vbr_audit.simulator.revisions import JOB_TYPES, at_least, has_job_type, job_type_name

Json = dict[str, object]

_UNSEEN_TYPES = {"NutanixAHVBackupJob": "1.3-rev2"}
_MARKED = {("File servers Hamburg", 0): ("Infected", 2), ("Web frontends", 1): ("Suspicious", 1)}
_OPERATIONS = {
    "VMware": ["StartViVMInstantRecovery", "StartEntireVmRestore", "StartFlrRestore"],
    "CloudDirector": ["StartEntireVmRestoreCloudDirector", "StartFlrRestore"],
}


def backup_rows(chains: Sequence[Chain], world: World, revision: str) -> list[Json]:
    """Every backup."""
    return [_backup(chain, world, revision) for chain in chains]


def _backup(chain: Chain, world: World, revision: str) -> Json:
    row: Json = {
        "id": chain.id,
        "jobId": chain.job_id,
        "policyUniqueId": identify(world.seed, "policy", chain.name),
        "name": chain.name,
        "platformName": platform_name(chain.platform, revision),
        "platformId": _platform_id(chain.platform),
        "creationTime": stamp(chain.created),
        "repositoryId": repository_id(world, chain.repository),
    }
    if at_least(revision, "1.3-rev0"):
        row["repositoryName"] = repository_name(chain.repository)
        row["jobType"] = _job_type(chain.type, revision)
    return row


def _job_type(kind: str, revision: str) -> str:
    if kind in JOB_TYPES:
        return job_type_name(revision, kind) if has_job_type(revision, kind) else "Unknown"
    first = _UNSEEN_TYPES.get(kind)
    return kind if first is None or at_least(revision, first) else "Unknown"


def _platform_id(platform: str) -> str:
    return identify(0, "platform", platform)


def object_rows(chains: Sequence[Chain], revision: str) -> list[Json]:
    """Every object, once for each backup that holds it."""
    return [_object(chain, member, revision) for chain in chains for member in range(len(chain.members))]


def _object(chain: Chain, member: int, revision: str) -> Json:
    each, platform = chain.members[member], platform_name(chain.platform, revision)
    row: Json = {
        "id": each.id,
        "name": each.name,
        "type": _object_type(chain),
        "platformName": platform,
        "platformId": ZERO,
        "restorePointsCount": len(chain.held(member)),
    }
    if platform == "VMware":
        row |= {"objectId": each.reference, "viType": "VirtualMachine", "path": f"vcenter01.hansa.example\\{each.name}"}
    elif platform == "CloudDirector":
        row |= {"objectId": each.reference, "cloudDirectorType": "VirtualMachine", "path": f"vcd\\{each.name}"}
    elif platform == "AzureCompute":
        row |= {"objectId": each.reference, "encryptionState": "Encrypted", "path": each.name, "owner": "Hansa"}
    if at_least(revision, "1.3-rev0"):
        row["lastRunFailed"] = member in chain.last_failed
    if at_least(revision, "1.3-rev2"):
        row["backupId"] = chain.id
        row["size"] = each.size
        if platform == "HyperV":
            row |= {"objectId": each.reference, "hvType": "VirtualMachine"}
        elif platform == "UnstructuredData":
            row["hostId"] = identify(0, "file server", chain.platform)
    return row


def _object_type(chain: Chain) -> str:
    if "Agent" in chain.type:
        return "Computer"
    return {"UnstructuredData": "FileShare", "EntraID": "Tenant"}.get(chain.platform, "VM")


def point_rows(chains: Sequence[Chain], world: World, revision: str) -> Lazy:
    """Every restore point, oldest first, written when asked for."""
    places = [
        (point.created, place, member, number)
        for place, chain in enumerate(chains)
        for number, point in enumerate(chain.points)
        for member in range(len(chain.members))
        if chain.holds(member, point)
    ]
    places.sort()

    def write(at: int) -> Json:
        _, place, member, number = places[at]
        chain = chains[place]
        return write_point(chain, member, chain.points[number], world, revision)

    return Lazy([place[0] for place in places], write)


def write_point(chain: Chain, member: int, point: Point, world: World, revision: str) -> Json:
    """One restore point of one member; there is no object id in it, in any revision."""
    each = chain.members[member]
    row: Json = {
        "id": point.point_id(member),
        "name": each.name,
        "platformName": platform_name(chain.platform, revision),
        "platformId": _platform_id(chain.platform),
        "creationTime": stamp(point.created),
        "backupId": chain.id,
        "type": "Full" if point.full else "Increment",
        "sessionId": point.session_id,
        "allowedOperations": list(_OPERATIONS.get(chain.platform, ["StartFlrRestore"])),
    }
    if at_least(revision, SHAPE_12):
        row["malwareStatus"] = _malware(chain, member, point)
        row["backupFileId"] = point.file_id(member)
    if at_least(revision, "1.3-rev0"):
        linux = "Linux" in chain.name or "Linux" in chain.type
        row["guestOsFamily"] = "Linux" if linux else "Windows"
        row["originalSize"] = each.size_at(point.created, world.end)
    if at_least(revision, "1.3-rev2"):
        row["gfsPeriods"] = list(point.periods) or ["None"]
    return row


def _malware(chain: Chain, member: int, point: Point) -> str:
    status, newest = _MARKED.get((chain.name, member), ("Clean", 0))
    return status if newest and point in chain.held(member)[-newest:] else "Clean"


def file_rows(chain: Chain, world: World, revision: str) -> list[Json]:
    """The files of one backup: one for each restore point of each member."""
    return [
        _file(chain, member, point, world, revision)
        for point in chain.points
        for member in range(len(chain.members))
        if chain.holds(member, point)
    ]


def _file(chain: Chain, member: int, point: Point, world: World, revision: str) -> Json:
    each = chain.members[member]
    data = data_size(each, point, world.end)
    row: Json = {
        "id": point.file_id(member),
        "name": f"{each.name}D{stamp(point.created)[:10]}T{stamp(point.created)[11:19].replace(':', '')}"
        f".{'vbk' if point.full else 'vib'}",
        "backupId": chain.id,
        "objectId": each.id,
        "restorePointIds": [point.point_id(member)],
        "dataSize": data,
        "backupSize": stored_size(data),
        "dedupRatio": DEDUPED,
        "compressRatio": COMPRESSED,
        "creationTime": local_stamp(point.created),
        "gfsPeriods": list(point.periods) or ["None"],
    }
    if at_least(revision, "1.3-rev2"):
        row["objectIds"] = [row.pop("objectId")]
    return row
