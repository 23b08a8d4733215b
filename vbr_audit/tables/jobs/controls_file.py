"""Reads `controls.yaml` into plain rules; `controls` turns them into answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, Final

from vbr_audit.revisions import KNOWN, order
from vbr_audit.tables.jobs.control_list import CONTROLS

Path = tuple[str, ...]

_KEY: Final = re.compile(r"(?P<key>\w+(?:\[\])?)(?: \[(?P<conditions>[^\]]+)\])?", re.ASCII)


@dataclass(frozen=True)
class Rule:
    """One leaf of a type's tree: `control` is at `path` under these conditions.

    `since` and `until` are revisions (inclusive) or None, `variants` the variants in which it holds (empty:
    in all), `gate` the flag at the root that must be true for the setting to be the job's own.
    """

    control: str
    path: Path
    since: str | None = None
    until: str | None = None
    variants: frozenset[str] = frozenset()
    gate: str | None = None

    def holds_at(self, revision: str) -> bool:
        """Whether the rule is in force at `revision`."""
        after = self.since is None or order(revision) >= order(self.since)
        return after and (self.until is None or order(revision) <= order(self.until))


@dataclass(frozen=True)
class TypeRules:
    """What the map says of one job type: its first revision, its rules, and how its variants are told apart.

    `variant_by` are the paths that name the variant, `variant_values` the variants that exist; both are empty
    for a type without variants.
    """

    since: str
    rules: tuple[Rule, ...]
    variant_by: tuple[Path, ...] = ()
    variant_values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Renamed:
    """A JSON key that is spelt `new` from the revision `since` on, and `old` before."""

    new: str
    old: str
    since: str


@dataclass(frozen=True)
class ControlsFile:
    """The whole map as written: `base` rules for every document, `types` by canonical name, `renames`."""

    base: tuple[Rule, ...]
    types: Mapping[str, TypeRules]
    renames: tuple[Renamed, ...]


@lru_cache(maxsize=1)
def read_controls_file() -> ControlsFile:
    """Read the map that ships with the package; raises `ValueError` where it is not well formed."""
    from ruamel.yaml import YAML

    text = resources.files("vbr_audit.tables").joinpath("controls.yaml").read_text(encoding="utf-8")
    data = YAML(typ="safe", pure=True).load(text)
    return parse_controls(data)


def parse_controls(data: Mapping[str, Any]) -> ControlsFile:
    """Turn the decoded YAML into rules; raises `ValueError` for an unknown control, revision or condition."""
    types = {name: _parse_type(name, entry) for name, entry in data["types"].items()}
    renames = tuple(Renamed(**entry) for entry in data["renames"])
    for renamed in renames:
        _check_revision(renamed.since, renamed.new)
    return ControlsFile(base=tuple(_walk(data["base"], Rule("", ()))), types=types, renames=renames)


def _parse_type(name: str, entry: Mapping[str, Any]) -> TypeRules:
    _check_revision(entry["since"], name)
    variant = entry.get("variant", {"by": [], "values": []})
    rules = tuple(_walk(entry["settings"], Rule("", ())))
    named = {value for rule in rules for value in rule.variants}
    if not named <= set(variant["values"]):
        raise ValueError(f"{name}: no such variant: {sorted(named - set(variant['values']))}")
    return TypeRules(
        since=entry["since"],
        rules=rules,
        variant_by=tuple(tuple(path.split(".")) for path in variant["by"]),
        variant_values=tuple(variant["values"]),
    )


def _walk(tree: Mapping[str, Any], above: Rule) -> Iterator[Rule]:
    for text, below in tree.items():
        here = _descend(above, text)
        if isinstance(below, str):
            if below not in CONTROLS or CONTROLS[below].computed_from:
                raise ValueError(f"{'.'.join(here.path)}: {below!r} is no control that is read")
            yield Rule(below, here.path, here.since, here.until, here.variants, here.gate)
        else:
            yield from _walk(below, here)


def _descend(above: Rule, text: str) -> Rule:
    match = _KEY.fullmatch(text)
    if match is None:
        raise ValueError(f"{'.'.join(above.path)}: not a key with conditions: {text!r}")
    since, until, variants, gate = above.since, above.until, above.variants, above.gate
    for condition in filter(None, (match["conditions"] or "").split(", ")):
        word, _, rest = condition.partition(" ")
        if word == "since":
            since = _check_revision(rest, text)
        elif word == "until":
            until = _check_revision(rest, text)
        elif word == "if":
            variants = frozenset(rest.split(" or "))
        elif word == "own":
            gate = rest
        else:
            raise ValueError(f"{'.'.join(above.path)}: unknown condition {condition!r}")
    return Rule("", (*above.path, match["key"]), since, until, variants, gate)


def _check_revision(revision: str, where: str) -> str:
    if revision not in KNOWN:
        raise ValueError(f"{where}: no such revision: {revision!r}")
    return revision
