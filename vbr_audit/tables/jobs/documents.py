"""Reads job documents (`/jobs`) through the map of controls: which kind each is, and every setting as received.

Documents of one profile are read together, one path at a time over all of them, so that ten thousand jobs with
forty settings cost a few hundred list passes and no dict per job.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from vbr_audit.tables.build.enums import fold_job_types, listed
from vbr_audit.tables.build.notes import Notes
from vbr_audit.tables.build.paged import count_unknown_below
from vbr_audit.tables.jobs.control_list import CONTROLS
from vbr_audit.tables.jobs.controls import ControlsMap, Path, Place, get_map, known_revision, newest_known

Documents = list[dict[str, Any]]

KNOWN_KEYS: Final = frozenset(
    listed(
        """
        id name type isDisabled description isHighPriority schedule storage guestProcessing virtualMachines
        destination network reIp jobSettings dataTransfer seeding tenant secondaryTargets primaryJobId
        backupRepositoryId useCustomRetention retentionPolicy gfsPolicy useCustomEncryption encryption mode
        sourceObjects target agentType computers backupMode includeUsbDrives useSnapshotlessFileLevelBackup volumes
        files objects backupRepository archiveRepository linkedJobs unstructuredLinkedJobs verificationOptions sources
        """
    )
)
"""The top-level keys of a job document, of all types and known revisions."""

READ_CONTROLS: Final = tuple(name for name, control in CONTROLS.items() if not control.computed_from)
"""The controls that have a path."""


MISFIT: Final = object()
"""Stands for a value that cannot be read: something else is where an object or a flag should be."""


@dataclass
class JobDocuments:
    """What was read, each list with one entry per document.

    `profiles` holds profile keys (None: not known). `values` holds per control the value as received: None where
    there is none, `MISFIT` where it cannot be read, a tuple where several places or entries decide together.
    """

    documents: Documents
    types: list[str | None]
    profiles: list[str | None]
    values: dict[str, list[Any]]
    inherited: dict[str, set[int]] = field(default_factory=dict)


def read_documents(
    documents: list[Any], *, revision: str | None, server_revision: str | None, notes: Notes
) -> JobDocuments:
    """Read `documents` as asked at `revision` of a server that speaks up to `server_revision`.

    What is no JSON object is left out. Counts go to `notes`.
    """
    objects = [document for document in documents if type(document) is dict]
    notes.not_objects += len(documents) - len(objects)
    for keys, times in Counter(map(tuple, objects)).items():
        for key in keys:
            if key not in KNOWN_KEYS:
                notes.count_unknown_field(key, times)
    count_unknown_below({key: [document.get(key) for document in objects] for key in sorted(KNOWN_KEYS)}, notes)
    if not objects:  # a collection without jobs need not wait until the map is read
        return JobDocuments([], [], [], {name: [] for name in READ_CONTROLS})
    controls = get_map()
    types = _fold_types(objects, notes)
    profiles = _profiles(objects, types, controls, known_revision(revision), newest_known(server_revision))
    read = JobDocuments(objects, types, profiles, {name: [None] * len(objects) for name in READ_CONTROLS})
    for name, places in controls.base.items():
        read.values[name] = _read_places(objects, name, places, {})
    for key, positions in _groups(profiles).items():
        _read_group(read, key, positions, controls)
    _follow_primaries(read)
    return read


def _fold_types(documents: Documents, notes: Notes) -> list[str | None]:
    folding = fold_job_types()
    reported = [document.get("type") for document in documents]
    types = [folding[word] if isinstance(word, str) else None for word in reported]
    for word in reported:
        if isinstance(word, str) and word in folding.unknown:
            notes.count_unknown_value("type", word)
    return types


def _profiles(
    documents: Documents,
    types: list[str | None],
    controls: ControlsMap,
    revision: str | None,
    server_revision: str | None,
) -> list[str | None]:
    keys: dict[tuple[str, str | None], str] = {}
    profiles: list[str | None] = []
    for document, job_type in zip(documents, types, strict=True):
        if job_type is None or revision is None or not controls.has_type(revision, job_type):
            profiles.append(None)
            continue
        paths = controls.variant_paths(job_type)
        words = tuple(_value_at(document, path) for path in paths)
        variant = controls.variant_of(job_type, words) if paths else None
        if (job_type, variant) not in keys:
            keys[job_type, variant] = controls.key(revision, server_revision, job_type, variant)
        profiles.append(keys[job_type, variant])
    return profiles


def _value_at(document: Any, path: Path) -> Any:
    for key in path:
        if type(document) is not dict:
            return None
        document = document.get(key)
    return document


def _groups(profiles: list[str | None]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for position, key in enumerate(profiles):
        if key is not None:
            groups.setdefault(key, []).append(position)
    return groups


def _read_group(target: JobDocuments, key: str, positions: list[int], controls: ControlsMap) -> None:
    profile = controls.profile(key)
    settings = {} if profile is None else profile.settings
    documents = [target.documents[position] for position in positions]
    read: dict[Path, list[Any]] = {(): documents}
    for name, places in settings.items():
        if name in controls.base:
            continue
        values = _read_places(documents, name, places, read)
        column = target.values[name]
        for position, value in zip(positions, values, strict=True):
            column[position] = value
        gate = places[0].gate
        if gate is not None:
            _close_gate(target, name, positions, _read_path((gate,), read))


def _read_places(
    documents: Documents, control: str, places: tuple[Place, ...], read: dict[Path, list[Any]]
) -> list[Any]:
    """The values of one control: of its place, of both in a tuple (yes/no), or of the first that has one."""
    read.setdefault((), documents)
    columns = [_read_spellings(place.paths, read) for place in places]
    if len(columns) == 1:
        return columns[0]
    if CONTROLS[control].dtype == "boolean":
        return list(zip(*columns, strict=True))
    return [next((value for value in row if value is not None), None) for row in zip(*columns, strict=True)]


def _read_spellings(paths: tuple[Path, ...], read: dict[Path, list[Any]]) -> list[Any]:
    values = _read_path(paths[0], read)
    for path in paths[1:]:
        if None in values:
            other = _read_path(path, read)
            values = [second if first is None else first for first, second in zip(values, other, strict=True)]
    return values


def _read_path(path: Path, read: dict[Path, list[Any]]) -> list[Any]:
    """The values at `path` of all documents; the values above it are read once and kept in `read`.

    Below a list, whose key ends with `[]`, each is a tuple with one value per entry.
    """
    if path not in read:
        key, listed_here = path[-1].removesuffix("[]"), path[-1].endswith("[]")
        above = _read_path(path[:-1], read)
        values = [_value_of(value, key) for value in above]
        read[path] = [_entries(value) for value in values] if listed_here else values
    return read[path]


def _value_of(value: Any, key: str) -> Any:
    if type(value) is dict:
        return value.get(key)
    if type(value) is tuple:
        return tuple(_value_of(entry, key) for entry in value)
    return None if value is None else MISFIT


def _entries(value: Any) -> Any:
    return tuple(value) if type(value) is list else None if value is None else MISFIT


def _close_gate(read: JobDocuments, control: str, positions: list[int], flags: list[Any]) -> None:
    """Drop the values that are not the job's own, because the gate is not true; note which are inherited."""
    column = read.values[control]
    inherited = read.inherited.setdefault(control, set())
    for position, flag in zip(positions, flags, strict=True):
        if flag is not True:
            column[position] = None if flag is None or flag is False else MISFIT
            if flag is False:
                inherited.add(position)


def _follow_primaries(read: JobDocuments) -> None:
    """Give an inherited setting the value of the primary job, where that job is here and has its own."""
    if not any(read.inherited.values()):
        return
    by_id: dict[str, int] = {}
    for position, document in enumerate(read.documents):
        if isinstance(document.get("id"), str):
            by_id.setdefault(document["id"], position)
    for control, positions in read.inherited.items():
        column = read.values[control]
        own = {position: column[position] for position in positions}
        for position in own:
            primary = read.values["primary_job_id"][position]
            source = by_id.get(primary) if isinstance(primary, str) else None
            if source is not None and source not in own:
                column[position] = column[source]
