"""The revisions of the VBR REST API, oldest first, and how two of them compare."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

KNOWN = ("1.1-rev0", "1.1-rev1", "1.1-rev2", "1.2-rev0", "1.2-rev1", "1.3-rev0", "1.3-rev1", "1.3-rev2")
"""The revisions whose job settings this package maps; the newest is asked for first."""

OLDEST, NEWEST = KNOWN[0], KNOWN[-1]

UNSPECIFIED = ("1.1-rev1", "1.1-rev2", "1.2-rev0")
"""Revisions without a specification at hand: asked for all that 1.2-rev1 offers, some of it may be absent."""

BUILDS = {
    "1.1-rev0": "12.0.0.1420",
    "1.1-rev1": "12.1.0.2131",
    "1.1-rev2": "12.2.0.334",
    "1.2-rev0": "12.3.0.310",
    "1.2-rev1": "12.3.1.1139",
    "1.3-rev0": "13.0.0.4967",
    "1.3-rev1": "13.0.1.180",
    "1.3-rev2": "13.1.0.411",
}
"""The build of Veeam Backup & Replication that brought each revision."""

_REVISION = re.compile(r"v?(\d+)\.(\d+)-rev(\d+)", re.IGNORECASE)


@lru_cache(maxsize=256)
def order(revision: str) -> tuple[int, int, int]:
    """The sort key of `revision`; raises `ValueError` for text that is no revision."""
    match = _REVISION.fullmatch(revision.strip())
    if match is None:
        raise ValueError(f"not a REST revision: {revision!r} (expected e.g. {NEWEST})")
    major, minor, rev = match.groups()
    return int(major), int(minor), int(rev)


def find_all(text: str) -> tuple[str, ...]:
    """All revisions named in `text` (an error message of a server), oldest first, without a leading `v`."""
    names = {f"{a}.{b}-rev{c}" for a, b, c in _REVISION.findall(text)}
    return tuple(sorted(names, key=order))


def newest_common(offered: Iterable[str]) -> str | None:
    """The newest revision that is both offered and known here, or None."""
    common = set(offered) & set(KNOWN)
    return max(common, key=order) if common else None


def is_at_least(revision: str, other: str) -> bool:
    """Whether `revision` is `other` or newer."""
    return order(revision) >= order(other)


def is_offered(first: str, revision: str) -> bool:
    """Whether a part of the API that is known since `first` can be asked for at `revision`."""
    return is_at_least(revision, first) or (first == "1.2-rev1" and revision in UNSPECIFIED)


def job_type_name(job_type: str, revision: str) -> str:
    """`job_type` as `revision` writes it: `Backup` before 1.3-rev0 for `VSphereBackup`; unknown types as they are.

    1.1-rev1 spells the replication job with a small first letter.
    """
    folded = canonical_job_type(job_type)
    if folded == "VSphereBackup" and not is_at_least(revision, "1.3-rev0"):
        return "Backup"
    return "vSphereReplica" if folded == "VSphereReplica" and revision == "1.1-rev1" else folded


def canonical_job_type(name: str) -> str:
    """The newest spelling of a documented job type, in whichever revision `name` is written; others as they are."""
    return _JOB_TYPES.get(name.lower(), name)


_JOB_TYPES = {
    "backup": "VSphereBackup",
    "vspherebackup": "VSphereBackup",
    "vspherereplica": "VSphereReplica",
    "clouddirectorbackup": "CloudDirectorBackup",
}


def state_word(word: str, revision: str) -> str:
    """A status or workload of a job as `revision` writes it: a small first letter before 1.3-rev1."""
    return word[:1].upper() + word[1:] if is_at_least(revision, "1.3-rev1") else word[:1].lower() + word[1:]


def stop_key(revision: str) -> str:
    """The key in the body of a stop request; 1.1-rev2 and 1.2-rev0 are taken as 1.2-rev1, which spells it right."""
    return "gracefulStop" if is_at_least(revision, "1.1-rev2") else "gracefullStop"


_RENAMED_KEYS = {
    "syntheticFulls": ("1.3-rev2", "synthenticFulls"),
    "removeData": ("1.3-rev2", "RemoveData"),
    "dayOfMonth": ("1.3-rev0", "dayOfMonths"),
    "autoSelectEnabled": ("1.1-rev1", "autoSelection"),
    "inlineDataDedupEnabled": ("1.1-rev1", "enableInlineDataDedup"),
    "encryptionPasswordId": ("1.1-rev1", "encryptionPasswordIdOrNull"),
    "encryptionPasswordUniqueId": ("1.1-rev1", "encryptionPasswordTag"),
}


def key_name(key: str, revision: str) -> str:
    """A renamed key of a job's settings as `revision` spells it; `dayOfMonth` only in work on backup files."""
    since, older = _RENAMED_KEYS.get(key, (OLDEST, key))
    return key if is_at_least(revision, since) else older
