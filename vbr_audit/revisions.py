"""The revisions of the VBR REST API, oldest first, and how two of them compare."""

from __future__ import annotations

import re
from collections.abc import Iterable

KNOWN = ("1.1-rev0", "1.1-rev1", "1.1-rev2", "1.2-rev0", "1.2-rev1", "1.3-rev0", "1.3-rev1", "1.3-rev2")
"""The revisions whose job settings this package maps; the newest is asked for first."""

NEWEST = KNOWN[-1]

_REVISION = re.compile(r"v?(\d+)\.(\d+)-rev(\d+)", re.IGNORECASE)


def order(revision: str) -> tuple[int, int, int]:
    """The sort key of `revision`; raises `ValueError` for text that is no revision."""
    match = _REVISION.fullmatch(revision.strip())
    if match is None:
        raise ValueError(f"not a REST revision: {revision!r} (expected e.g. {NEWEST})")
    major, minor, rev = match.groups()
    return int(major), int(minor), int(rev)


def find_all(text: str) -> tuple[str, ...]:
    """All revisions named in `text` (an error message of a server), oldest first, without a leading `v`."""
    found = {f"{a}.{b}-rev{c}" for a, b, c in _REVISION.findall(text)}
    return tuple(sorted(found, key=order))


def newest_common(offered: Iterable[str]) -> str | None:
    """The newest revision that is both offered and known here, or None."""
    common = set(offered) & set(KNOWN)
    return max(common, key=order) if common else None


def is_at_least(revision: str, other: str) -> bool:
    """Whether `revision` is `other` or newer."""
    return order(revision) >= order(other)
