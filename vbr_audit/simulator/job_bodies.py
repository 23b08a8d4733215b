"""The bodies of requests that write jobs: what each must hold, and what is wrong when it does not."""

from collections.abc import Iterable

import orjson

from vbr_audit.simulator.documents import document_of
from vbr_audit.simulator.plans import Plan
from vbr_audit.simulator.revisions import JOB_TYPES, at_least, has_job_type, job_type_name

Json = dict[str, object]

_KINDS: dict[str, type] = {
    "id": str,
    "name": str,
    "type": str,
    "description": str,
    "isDisabled": bool,
    "isHighPriority": bool,
}
_SPECIFICATION = {
    "VSphereBackup": ("description", "virtualMachines"),
    "CloudDirectorBackup": ("description", "virtualMachines"),
    "VSphereReplica": ("description", "virtualMachines", "destination"),
}
_DOCUMENT = _SPECIFICATION | {
    "VSphereBackup": ("description", "virtualMachines", "storage", "guestProcessing", "schedule", "isHighPriority"),
}


class BadBodyError(ValueError):
    """A request body is malformed, incomplete or otherwise wrong."""


def read_object(data: bytes) -> Json:
    """Read a body that must be one JSON object."""
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise BadBodyError("The request body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise BadBodyError("The request body must be a JSON object.")
    return body


def check_specification(body: Json, revision: str) -> str:
    """Check the body of a creation; answer the job type under its newest name."""
    _check_keys(body, ("name", "type"))
    kind = read_type(body, revision)
    _check_keys(body, _SPECIFICATION.get(kind, ()))
    _check_parts(body)
    return kind


def check_document(body: Json, revision: str, *, job_id: str, kind: str) -> None:
    """Check the body of an edit, which must be the whole document of the job."""
    _check_keys(body, ("id", "name", "type", "isDisabled"))
    if str(body["id"]).lower() != job_id:
        raise BadBodyError("The id in the request body is not the id in the path.")
    if read_type(body, revision) != kind:
        raise BadBodyError("The type of a job cannot be changed.")
    _check_keys(body, _DOCUMENT.get(kind, ()))
    _check_parts(body)


def read_type(body: Json, revision: str) -> str:
    """Answer the newest name of the job type that the body names as `revision` spells it."""
    known = {job_type_name(revision, each).lower(): each for each in JOB_TYPES if has_job_type(revision, each)}
    kind = known.get(str(body["type"]).lower())
    if kind is None or document_of(Plan(name="", type=kind), 0) is None:
        raise BadBodyError(f"The value '{body['type']}' is not valid for type.")
    return kind


def read_start(data: bytes) -> bool:
    """Answer whether an active full is asked for; the body may be absent."""
    return _switches(data, "performActiveFull", "startChainedJobs", default=False)


def read_stop(data: bytes, revision: str) -> bool:
    """Answer whether the stop is graceful; the body may be absent, and old revisions misspell its key."""
    key = "gracefulStop" if at_least(revision, "1.1-rev2") else "gracefullStop"
    return _switches(data, key, "cancelChainedJobs", default=True)


def _switches(data: bytes, needed: str, optional: str, *, default: bool) -> bool:
    if not data.strip():
        return default
    body = read_object(data)
    for key in (needed, optional):
        if not isinstance(body.get(key, False), bool):
            raise BadBodyError(f"The value of {key} is neither true nor false.")
    if needed not in body:
        raise BadBodyError(f"The field {needed} is required.")
    return bool(body[needed])


def _check_keys(body: Json, needed: Iterable[str]) -> None:
    for key in needed:
        kind = _KINDS.get(key, dict)
        if key not in body:
            raise BadBodyError(f"The field {key} is required.")
        if not isinstance(body[key], kind) or (key in {"name", "type"} and not body[key]):
            raise BadBodyError(f"The value of {key} is not valid.")


def _check_parts(body: Json) -> None:
    machines, storage = body.get("virtualMachines"), body.get("storage")
    if isinstance(machines, dict) and not isinstance(machines.get("includes"), list):
        raise BadBodyError("The field virtualMachines.includes is required.")
    if isinstance(storage, dict) and not isinstance(storage.get("backupRepositoryId", ""), str):
        raise BadBodyError("The value of storage.backupRepositoryId is not valid.")
    for key in ("isDisabled", "isHighPriority"):
        if not isinstance(body.get(key, False), bool):
            raise BadBodyError(f"The value of {key} is not valid.")
