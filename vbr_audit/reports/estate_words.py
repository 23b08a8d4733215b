"""What is known of objects and repositories in words: the same on the page and in the workbook."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vbr_audit.display import NOT_KNOWN, count, is_known, number, percent, plain, size
from vbr_audit.reports.figures.repository_list import OF_EXTENTS, SCALE_OUT
from vbr_audit.reports.record import NO_NAME, cell_text, clock_text

if TYPE_CHECKING:
    from vbr_audit.reports.figures.protected_objects import Copy


def copy_text(copy: Copy, zone: dt.tzinfo) -> str:
    """Where a copy lies, and what it is worth: its lock, whether it is off-site, whether it is of today's data."""
    facts = [_lock_of_copy(copy, zone)]
    facts.append("off-site" if copy.is_offsite else "off-site: not known" if copy.is_offsite is None else "on-site")
    if copy.is_current is not True:
        facts.insert(0, "too old to count" if copy.is_current is False else "perhaps too old")
    return f"{plain(copy.repository) if copy.repository else NO_NAME}: {', '.join(facts)}"


def _lock_of_copy(copy: Copy, zone: dt.tzinfo) -> str:
    if copy.is_locked:
        return f"immutable until {clock_text(copy.locked_until, zone)[:10]}" if copy.locked_until else "locked"
    if copy.lock_is_over:
        return "lock has expired"
    return "lock: not known" if copy.is_locked is None else "not immutable"


def covered_text(record: Mapping[Any, Any]) -> str:
    """The share of the period in which an object had a restore point that was recent enough."""
    if is_known(record["covered_share"]) or not is_known(record["covered_at_least"]):
        return percent(record["covered_share"])
    return f"at least {percent(record['covered_at_least'])}"


def point_text(record: Mapping[Any, Any], zone: dt.tzinfo) -> str:
    """The newest restore point of an object."""
    if is_known(record["points_count"]) and record["points_count"] == 0:
        return "no restore point"
    if is_known(record["latest_point"]) or not is_known(record["newest_point"]):
        return clock_text(record["latest_point"], zone)
    return f"{clock_text(record['newest_point'], zone)}, or newer"


def lock_text(record: Mapping[Any, Any]) -> str:
    """Whether a repository makes backups immutable, and for how long."""
    if record["kind"] == SCALE_OUT:
        return OF_EXTENTS
    if not is_known(record["immutability_enabled"]):
        return NOT_KNOWN
    if not record["immutability_enabled"]:
        return "no"
    days = record["immutability_days"]
    return f"immutable for {count(days, 'day')}" if is_known(days) else "immutable, days as the retention"


def space_text(record: Mapping[Any, Any]) -> str:
    """How much of a repository is used."""
    if record["kind"] == SCALE_OUT:
        return OF_EXTENTS
    if not is_known(record["capacity_bytes"]):
        return f"{size(record['used_bytes'])} used, capacity {NOT_KNOWN}"
    free = percent(record["free_share"])
    return f"{size(record['used_bytes'])} of {size(record['capacity_bytes'])}, {free} free"


def growth_text(record: Mapping[Any, Any]) -> str:
    """By how much a repository grows per day."""
    growth = record["growth_bytes"]
    return f"{'−' if growth < 0 else '+'}{size(abs(growth))} a day" if is_known(growth) else NOT_KNOWN


def full_text(record: Mapping[Any, Any]) -> str:
    """In how many days a repository is full."""
    verdict, days = cell_text(record["outlook"]), record["days_to_full"]
    if verdict == "filling" and is_known(days):
        return f"in {count(int(days), 'day')}"
    if verdict == "range":
        least, most = int(record["days_low"]), record["days_high"]
        if not is_known(most):
            return f"not before {count(least, 'day')}"
        return f"in {number(least)} to {count(int(most), 'day')}"
    return "does not fill up" if verdict == "not filling" else NOT_KNOWN


def kind_text(record: Mapping[Any, Any]) -> str:
    """What a repository is, and of which scale-out repository it is an extent."""
    words = [cell_text(record["kind"]), cell_text(record["type"]), cell_text(record["storage_class"])]
    own = f"part of {cell_text(record['part_of'])}" if is_known(record["part_of"]) else ""
    return ", ".join(word for word in (*words, own) if word)
