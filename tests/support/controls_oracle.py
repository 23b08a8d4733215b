"""What the map of settings says of one raw job document, read apart from the product: slow, plain and short."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

import vbr_audit

Json = dict[str, Any]
REVISIONS = ("1.1-rev0", "1.1-rev1", "1.1-rev2", "1.2-rev0", "1.2-rev1", "1.3-rev0", "1.3-rev1", "1.3-rev2")
ALIASES = {"Backup": "VSphereBackup", "vSphereReplica": "VSphereReplica"}
GFS_LEVELS = ("gfs_weekly_enabled", "gfs_monthly_enabled", "gfs_yearly_enabled")
YES, NO, MAYBE = True, False, None


@dataclass(frozen=True)
class Leaf:
    control: str
    path: tuple[str, ...]
    conditions: tuple[str, ...]

    def said(self, word: str) -> list[str]:
        return [text.removeprefix(f"{word} ") for text in self.conditions if text.startswith(f"{word} ")]

    def in_force(self, revision: str) -> bool:
        at = REVISIONS.index(revision)
        begun = all(at >= REVISIONS.index(text) for text in self.said("since"))
        return begun and all(at <= REVISIONS.index(text) for text in self.said("until"))

    def fits(self, variant: str | None) -> bool | None:
        """Whether it holds in a variant; not known where the variant is not."""
        wanted = self.said("if")
        if not wanted:
            return YES
        return MAYBE if variant is None else all(variant in text.split(" or ") for text in wanted)


@cache
def the_map() -> Json:
    path = Path(vbr_audit.__file__).parent / "tables" / "controls.yaml"
    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


@cache
def leaves_of(job_type: str) -> tuple[Leaf, ...]:
    return tuple(_leaves(the_map()["types"][job_type]["settings"], (), ()))


def _leaves(tree: Any, path: tuple[str, ...], conditions: tuple[str, ...]) -> Iterator[Leaf]:
    if isinstance(tree, str):
        yield Leaf(tree, path, conditions)
        return
    for key, below in tree.items():
        name, _, rest = key.partition(" [")
        more = tuple(re.split(", ", rest.removesuffix("]"))) if rest else ()
        yield from _leaves(below, (*path, name), (*conditions, *more))


def value_at(document: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        document = document.get(key) if isinstance(document, dict) else None
    return document


class Job:
    """One document among `others`, asked at `revision` of a server that speaks up to `newest`."""

    def __init__(self, document: Json, others: list[Json], revision: str, newest: str) -> None:
        self.document, self.others, self.revision, self.newest = document, others, revision, newest
        reported = document.get("type")
        name = ALIASES.get(reported, reported) if isinstance(reported, str) else None
        entry = the_map()["types"].get(name)
        known = entry is not None and REVISIONS.index(revision) >= REVISIONS.index(entry["since"])
        self.type: str | None = name if known else None
        self.variant = self._variant(entry) if known else None

    def _variant(self, entry: Json) -> str | None:
        if "variant" not in entry:
            return None
        words = [value_at(self.document, tuple(path.split("."))) for path in entry["variant"]["by"]]
        known = {value.casefold(): value for value in entry["variant"]["values"]}
        named = {known.get(str(word).casefold()) for word in words if word is not None}
        return named.pop() if len(named) == 1 else None

    def leaf(self, control: str) -> Leaf | None:
        """Where the control surely is."""
        found = [leaf for leaf in self._of(control, self.revision) if leaf.fits(self.variant)]
        assert len(found) <= 1, "this oracle knows one place for each control"
        return found[0] if found else None

    def _of(self, control: str, revision: str) -> list[Leaf]:
        assert self.type is not None
        return [leaf for leaf in leaves_of(self.type) if leaf.control == control and leaf.in_force(revision)]

    def has(self, control: str) -> bool | None:
        if self.leaf(control):
            return YES
        later = REVISIONS[REVISIONS.index(self.revision) : REVISIONS.index(self.newest) + 1]
        possible = any(leaf.fits(self.variant) is not False for at in later for leaf in self._of(control, at))
        return MAYBE if possible else NO

    def value(self, control: str) -> Any:
        leaf = self.leaf(control) if self.type else None
        if leaf is None:
            return None
        for gate in leaf.said("own"):
            if self.document.get(gate) is not True:
                return self._inherited(control) if self.document.get(gate) is False else None
        return value_at(self.document, leaf.path)

    def _inherited(self, control: str) -> Any:
        wanted = self.value("primary_job_id")
        same = [other for other in self.others if isinstance(wanted, str) and other.get("id") == wanted]
        if not same:
            return None
        primary = Job(same[0], self.others, self.revision, self.newest)
        leaf = primary.leaf(control) if primary.type else None
        if leaf is None or any(primary.document.get(gate) is False for gate in leaf.said("own")):
            return None
        return primary.value(control)


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def both(*parts: bool | None) -> str:
    """Good if all parts are, bad as soon as one is bad, else not known."""
    return "FAIL" if NO in parts else "UNKNOWN" if MAYBE in parts else "PASS"


def answer(job: Job, check_id: str, min_retries: int) -> str:
    """What `check_id` must find."""
    if check_id == "JOB-001":
        disabled = _truth(job.document.get("isDisabled"))
        return both(None if disabled is None else not disabled)
    if job.type is None:
        return "UNKNOWN"
    asked = {
        "JOB-003": ("retry_enabled", "retry_count"),
        "JOB-004": ("gfs_enabled", *GFS_LEVELS),
        "JOB-008": ("encryption_enabled",),
    }[check_id]
    if all(job.has(control) is NO for control in asked):
        return "NOT_APPLICABLE"
    switch = _truth(job.value(asked[0]))
    if check_id == "JOB-003":
        count = job.value("retry_count")
        number = count if isinstance(count, int) and not isinstance(count, bool) else None
        return both(switch, None if number is None else number >= min_retries)
    if check_id == "JOB-004":
        levels = [_truth(job.value(name)) for name in GFS_LEVELS if job.has(name) is not NO]
        any_level = YES if YES in levels else MAYBE if MAYBE in levels or not levels else NO
        if not any(job.has(name) for name in GFS_LEVELS):
            any_level = MAYBE
        return both(switch, any_level)
    return both(switch)
