"""Job documents as older revisions write them: the newest tree, renamed and thinned out step by step."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from vbr_audit.simulator.documents.timing import WEEK
from vbr_audit.simulator.revisions import at_least, job_type_name

Json = dict[str, object]

_LOWER = {day: day.lower() for day in WEEK}
_CAMEL = {
    "RequireSuccess": "requireSuccess",
    "IgnoreFailures": "ignoreFailures",
    "Disabled": "disabled",
    "Process": "process",
    "CopyOnly": "copyOnly",
    "Truncate": "truncate",
}
_BLOCKS = {"256KB": "WANTarget", "512KB": "LANTarget", "1MB": "LocalTarget", "4MB": "LocalTargetLarge"}
_TENDED = {"syntheticFulls", "activeFulls", "backupHealth", "defragmentAndCompact"}


@dataclass(slots=True)
class _Change:
    """Everything that one revision spells differently from the newest."""

    renamed: dict[str, str] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)
    values: dict[str, Mapping[str, str]] = field(default_factory=dict)
    tended_renamed: dict[str, str] = field(default_factory=dict)
    tended_dropped: set[str] = field(default_factory=set)
    parts: dict[str, Callable[[object], object]] = field(default_factory=dict)


def as_written_in(document: Json, revision: str) -> Json:
    """Write a document as `revision` does."""
    shaped = _walk(document, _change(revision), tended=False)
    if not isinstance(shaped, dict):
        raise TypeError("a job document is a JSON object")
    job_type = str(document.get("type"))
    shaped["type"] = job_type_name(revision, job_type)
    if at_least(revision, "1.3-rev2"):
        if job_type == "WindowsAgentBackupWorkstationPolicy":
            shaped.pop("guestProcessing", None)
    else:
        for holder in (shaped, shaped.get("backupRepository")):
            if isinstance(holder, dict) and job_type in {
                "FileBackup",
                "ObjectStorageBackup",
                "FileBackupCopy",
            }:
                holder.pop("gfsPolicy", None)
    return shaped


@lru_cache
def _change(revision: str) -> _Change:
    change = _Change()
    if not at_least(revision, "1.3-rev2"):
        change.renamed |= {"syntheticFulls": "synthenticFulls", "removeData": "RemoveData"}
        change.dropped |= {"secondaryTargets", "unstructuredLinkedJobs", "backupMonitoring"}
    if not at_least(revision, "1.3-rev1"):
        change.values |= dict.fromkeys(("day", "days", "dayOfWeek", "desiredTime"), _LOWER)
        change.values |= dict.fromkeys(("vss", "transactionLogs", "logsProcessing"), _CAMEL)
    if not at_least(revision, "1.3-rev0"):
        change.values |= {"storageOptimization": _BLOCKS, "platform": {"VSphere": "VMware"}}
        change.tended_renamed = {"dayOfMonth": "dayOfMonths"}
        change.tended_dropped = {"localTime", "isLastDayOfMonth"}
        change.dropped |= {"isLastDayOfMonth"}
        change.parts["guestCredentials"] = _flat_credentials
    if not at_least(revision, "1.1-rev2"):
        change.dropped |= {"encryptionType", "kmsServerId", "platform", "urn"}
        change.parts |= {"includes": _wrapped_objects, "vmObject": _without_size}
        if revision == "1.1-rev1":
            change.parts["syntheticFulls"] = _flat_days
    if not at_least(revision, "1.1-rev1"):
        change.renamed |= {
            "encryptionPasswordId": "encryptionPasswordIdOrNull",
            "encryptionPasswordUniqueId": "encryptionPasswordTag",
            "autoSelectEnabled": "autoSelection",
            "inlineDataDedupEnabled": "enableInlineDataDedup",
            "processedVmsLimitEnabled": "limitProcessedVm",
            "processedVmsCount": "limitProcessedVmCount",
            "appendToExistingValue": "appendToExisitingValue",
            "credentialsId": "credsId",
            "credentialsType": "credsType",
        }
    return change


def _walk(value: object, change: _Change, *, tended: bool) -> object:
    if isinstance(value, list):
        return [_walk(item, change, tended=tended) for item in value]
    if not isinstance(value, dict):
        return value
    shaped: Json = {}
    for key, inner in value.items():
        if key in change.dropped or (tended and key in change.tended_dropped):
            continue
        renamed = change.tended_renamed if tended and key in change.tended_renamed else change.renamed
        name = renamed.get(str(key), str(key))
        part = change.parts.get(key)
        walked = _walk(part(inner) if part else inner, change, tended=tended or key in _TENDED)
        spelling = change.values.get(key)
        shaped[name] = _respelt(walked, spelling) if spelling else walked
    return shaped


def _respelt(value: object, spelling: Mapping[str, str]) -> object:
    if isinstance(value, list):
        return [_respelt(item, spelling) for item in value]
    return spelling.get(value, value) if isinstance(value, str) else value


def _flat_credentials(part: object) -> object:
    if not isinstance(part, dict) or not isinstance(part.get("credentials"), dict):
        return part
    return part["credentials"] | {"credentialsPerMachine": part.get("credentialsPerMachine", [])}


def _wrapped_objects(part: object) -> object:
    if not isinstance(part, list):
        return part
    return [{"inventoryObject": _without_size(item), "size": item.get("size")} for item in part]


def _without_size(part: object) -> object:
    return {key: value for key, value in part.items() if key != "size"} if isinstance(part, dict) else part


def _flat_days(part: object) -> object:
    if not isinstance(part, dict):
        return part
    return {"isEnabled": part.get("isEnabled"), "days": part.get("weekly", {}).get("days", [])}
