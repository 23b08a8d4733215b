"""The columns of `jobs` that say what a job takes in, leaves out and copies from, of the documents that tell it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import pandas as pd

from vbr_audit.tables.build.arrays import strings_of
from vbr_audit.tables.build.fields import SEPARATOR, Field, Table, counted, ident, joined
from vbr_audit.tables.build.notes import Notes
from vbr_audit.tables.build.schema import ZERO_GUID, Column
from vbr_audit.tables.jobs.controls import get_map
from vbr_audit.tables.jobs.documents import JobDocuments

FIELDS: Final[tuple[Field, ...]] = (
    counted(
        "included_count",
        "Number of entries of its scope: machines, containers, computers or shares. NA for other kinds of jobs.",
        "virtualMachines.includes",
        "computers",
        "objects",
        unit="entries",
    ),
    counted(
        "excluded_count",
        "Number of entries that say which machines it leaves out; of a copy, without jobs.",
        "virtualMachines.excludes.vms",
        "sourceObjects.excludes.objects",
        "linkedJobs.excludes",
        unit="entries",
    ),
    counted("excluded_jobs_count", "Of a copy: so many jobs are left out.", "sourceObjects.excludes.jobs", unit="jobs"),
    joined(
        "disks_to_process",
        "For each machine with a choice of disks: AllDisks, SystemOnly or SelectedDisks, joined by commas.",
        "virtualMachines.excludes.disks[].disksToProcess",
        known=("AllDisks", "SystemOnly", "SelectedDisks"),
    ),
    joined(
        "source_job_ids",
        "Of a copy or a content scan: the jobs whose backups it takes, joined by commas.",
        "sourceObjects.includes.jobs[].id",
        "linkedJobs.includes[].id",
    ),
    joined(
        "source_repository_ids",
        "Of a copy: the repositories whose backups it takes, joined by commas.",
        "sourceObjects.includes.repositories[].id",
    ),
    joined(
        "source_backup_ids",
        "Of a copy: the backups that it takes, joined by commas. From 1.3-rev1 on.",
        "sourceObjects.includes.backups[].id",
    ),
    ident(
        "archive_repository_id",
        "Of a backup of files: the repository of its archive. From 1.3-rev1 on.",
        "archiveRepository.archiveRepositoryId",
    ),
    counted(
        "secondary_targets_count",
        "Number of further targets that take copies of its backups. From 1.3-rev2 on.",
        "secondaryTargets",
        unit="targets",
    ),
    counted(
        "app_settings_count",
        "Number of its machines or containers with settings for applications.",
        "guestProcessing.appAwareProcessing.appSettings",
        unit="entries",
    ),
)

CREDENTIALS: Final = Column(
    "credentials_ids",
    "string",
    "The credentials that its guest processing and its destination name, joined by commas; empty text for none.",
)

_TABLE: Final = Table("jobs", "What jobs take in.", FIELDS)
_PARTS_WITH_CREDENTIALS: Final = ("guestProcessing", "storage")
_NAMES_CREDENTIALS: Final = re.compile(r"cred(ential)?s_?id$", re.IGNORECASE)


def read_scope(read: JobDocuments, rows: int, notes: Notes) -> dict[str, Any]:
    """The columns of `FIELDS`: of the documents whose settings are known, then NA up to `rows`; counts in `notes`."""
    builder = _TABLE.builder("")
    known = zip(read.documents, read.profiles, strict=True)
    builder.add([{} if profile is None else document for document, profile in known])
    result = builder.finish()
    result.notes.unknown_fields.clear()
    result.notes.missing_keys = 0
    notes.merge(result.notes)
    frame = result.frame.reindex(pd.RangeIndex(rows))
    scope = {column.name: frame[column.name].array for field in FIELDS for column in field.columns}
    told = [_credentials_told(*each) for each in zip(read.documents, read.profiles, strict=True)]
    return scope | {CREDENTIALS.name: strings_of([*told, *[pd.NA] * (rows - len(told))])}


def _credentials_told(document: dict[str, Any], profile: str | None) -> Any:
    """The credentials that a job names as one text; NA where its kind works inside guests and it does not say how."""
    known = None if profile is None else get_map().profile(profile)
    if known is None or (known.supports("app_aware_enabled") is not False and not document.get("guestProcessing")):
        return pd.NA
    return SEPARATOR.join(dict.fromkeys(_credentials_in(document)))


def _credentials_in(document: dict[str, Any]) -> Iterator[str]:
    """The ids of all credentials that a job's document names, wherever its type and revision keep them."""
    waiting: list[Any] = [document.get(part) for part in _PARTS_WITH_CREDENTIALS]
    while waiting:
        value = waiting.pop()
        if type(value) is list:
            waiting += value
        elif type(value) is dict:
            waiting += value.values()
            for key, found in value.items():
                if isinstance(found, str) and found != ZERO_GUID and _NAMES_CREDENTIALS.search(key):
                    yield found
