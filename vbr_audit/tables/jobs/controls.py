"""Which settings a job has, and where: answers from the map `controls.yaml`.

What a job has depends on its revision, its type, for some types on a variant, and on whether an older
revision was pinned than the server speaks. Together they are its *profile*, a short readable text such as
`1.3-rev1/BackupCopy/Periodic`, `1.3-rev1/BackupCopy/?` (variant not known) or `1.3-rev1<1.3-rev2/FileBackup`
(asked at 1.3-rev1, but the server speaks 1.3-rev2). Everything below is answered from the profile alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import Any, Final, TypeAlias

import numpy as np
import pandas as pd

from vbr_audit.revisions import KNOWN, order
from vbr_audit.tables.build.arrays import strings_of
from vbr_audit.tables.jobs.control_list import CONTROLS, Control

__all__ = [
    "CONTROLS",
    "UNKNOWN_VARIANT",
    "Control",
    "ControlsMap",
    "Place",
    "Profile",
    "get_map",
    "json_path",
    "known_revision",
    "newest_known",
    "paths_and_support",
    "support",
]

Answers: TypeAlias = np.ndarray[Any, np.dtype[np.object_]]
Truths: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]
UNKNOWN_VARIANT: Final = "?"


@dataclass(frozen=True)
class Place:
    """Where one value is: `paths` are the spellings to try, this revision's first; `gate` as in `Rule`."""

    paths: tuple[Path, ...]
    gate: str | None = None


@dataclass(frozen=True)
class Profile:
    """What holds for one kind of job.

    `settings` maps each control that the kind has to its places; `unsure` names the controls of which nobody
    can say here whether the kind has them, with the places where they would be (none if only a newer revision
    has them).
    """

    key: str
    type: str
    settings: dict[str, tuple[Place, ...]] = field(default_factory=dict)
    unsure: dict[str, tuple[Place, ...]] = field(default_factory=dict)

    def supports(self, control: str) -> bool | None:
        """True: the kind has it; False: it is absent; None: not known."""
        inputs = CONTROLS[control].computed_from
        needs = CONTROLS[control].needs
        if needs is not None:
            return self.supports(needs)
        if inputs:
            answers = {self.supports(name) for name in inputs}
            return True if True in answers else None if None in answers else False
        if control in self.settings:
            return True
        return None if control in self.unsure else False

    def path_of(self, control: str) -> str | None:
        """The JSON path as text, or None where there is none to show.

        Several are joined by ` + `: of a computed control, and of one that two places decide together.
        """
        places: list[Place] = []
        for name in CONTROLS[control].computed_from or (control,):
            known_places = self.settings.get(name, self.unsure.get(name, ()))
            places += known_places if CONTROLS[name].dtype == "boolean" else known_places[:1]
        return " + ".join(".".join(place.paths[0]) for place in places) or None


class ControlsMap:
    """The map in force; profiles are compiled once and kept."""

    def __init__(self, source: ControlsFile) -> None:
        self._source = source
        self._profiles: dict[str, Profile | None] = {}
        self.base = _settings(source.base, source, KNOWN[-1])

    @property
    def types(self) -> tuple[str, ...]:
        """The canonical names of all mapped types."""
        return tuple(self._source.types)

    def has_type(self, revision: str | None, job_type: str) -> bool:
        """Whether `job_type` (canonical) has settings at `revision`."""
        rules = self._source.types.get(job_type)
        return rules is not None and revision is not None and order(revision) >= order(rules.since)

    def variant_paths(self, job_type: str) -> tuple[Path, ...]:
        """The paths that tell the variants of `job_type` apart; none if it has no variants."""
        return self._source.types[job_type].variant_by

    def variant_of(self, job_type: str, words: tuple[Any, ...]) -> str:
        """The variant that `words` (the values at `variant_paths`) name, all that are there agreeing."""
        known = {value.casefold(): value for value in self._source.types[job_type].variant_values}
        given = [word for word in words if word is not None]
        named = {known.get(word.casefold()) if isinstance(word, str) else None for word in given}
        return (named.pop() if len(named) == 1 else None) or UNKNOWN_VARIANT

    def profile(self, key: str) -> Profile | None:
        """The profile that `key` names, or None for a key that the map does not know."""
        if key not in self._profiles:
            self._profiles[key] = self._compile(key)
        return self._profiles[key]

    def key(self, revision: str, server_revision: str | None, job_type: str, variant: str | None) -> str:
        """The profile key; the server's revision is named only where it is newer and makes a difference."""
        tail = f"/{job_type}" + (f"/{variant}" if variant is not None else "")
        if server_revision is not None and order(server_revision) > order(revision):
            key = f"{revision}<{server_revision}{tail}"
            plain, newer = self.profile(revision + tail), self.profile(key)
            if plain is not None and newer is not None and plain.unsure.keys() != newer.unsure.keys():
                return key
        return revision + tail

    def _compile(self, key: str) -> Profile | None:
        head, _, tail = key.partition("/")
        job_type, _, variant = tail.partition("/")
        revision, _, newest = head.partition("<")
        rules = self._source.types.get(job_type)
        if rules is None or revision not in KNOWN or not self.has_type(revision, job_type):
            return None
        if bool(variant) != bool(rules.variant_values) or newest not in ("", *KNOWN):
            return None
        if variant not in ("", UNKNOWN_VARIANT, *rules.variant_values):
            return None
        settings, unsure = self._at(rules, revision, variant)
        for later in KNOWN[KNOWN.index(revision) + 1 : KNOWN.index(newest or revision) + 1]:
            have, may_have = self._at(rules, later, variant)
            unsure |= {name: () for name in (*have, *may_have) if name not in settings and name not in unsure}
        return Profile(key, job_type, dict(self.base) | settings, unsure)

    def _at(
        self, rules: TypeRules, revision: str, variant: str
    ) -> tuple[dict[str, tuple[Place, ...]], dict[str, tuple[Place, ...]]]:
        """The settings at `revision` for `variant`, and those that depend on a variant that is not known."""
        now = [rule for rule in rules.rules if rule.holds_at(revision)]
        sure = [rule for rule in now if not rule.variants or variant in rule.variants]
        other = [rule for rule in now if rule.variants and variant == UNKNOWN_VARIANT]
        return _settings(sure, self._source, revision), _settings(other, self._source, revision)


def _settings(
    rules: list[Rule] | tuple[Rule, ...], source: ControlsFile, revision: str
) -> dict[str, tuple[Place, ...]]:
    settings: dict[str, tuple[Place, ...]] = {}
    for rule in rules:
        place = Place(_spellings(rule.path, source, revision), rule.gate)
        settings[rule.control] = (*settings.get(rule.control, ()), place)
    return settings


def _spellings(path: Path, source: ControlsFile, revision: str) -> tuple[Path, ...]:
    """`path` as spelt at `revision`, then with the other spelling of its renamed keys."""
    old = {r.new: r.old for r in source.renames}
    then = {r.new: r.old for r in source.renames if order(revision) < order(r.since)}
    first = tuple(then.get(key, key) for key in path)
    second = tuple(old.get(key, key) if then.get(key, key) == key else key for key in path)
    return (first,) if first == second else (first, second)


@lru_cache(maxsize=1)
def get_map() -> ControlsMap:
    """The map that ships with the package."""
    return ControlsMap(read_controls_file())


def known_revision(revision: str | None) -> str | None:
    """`revision` in the spelling of the map, or None if the map does not have it."""
    word = (revision or "").strip().lower().removeprefix("v")
    return word if word in KNOWN else None


def newest_known(revision: str | None) -> str | None:
    """The newest revision of the map that is not newer than `revision`; None for None or for no revision."""
    try:
        limit = order(revision) if revision is not None else None
    except ValueError:
        limit = None
    known = [known for known in KNOWN if limit is not None and order(known) <= limit]
    return known[-1] if known else None


@lru_cache(maxsize=16384)
def has_control(profile: str, control: str) -> bool | None:
    """Whether a job of this settings profile has `control`: as `support`, None for NA."""
    known = get_map().profile(profile)
    return _base_support(control) if known is None else known.supports(control)


@lru_cache(maxsize=16384)
def path_of_control(profile: str | None, control: str) -> str | None:
    """The JSON path of `control` in a job of this settings profile, None where it has none; that of no profile too."""
    known = None if profile is None else get_map().profile(profile)
    return _base_path(control) if known is None else known.path_of(control)


def support(profiles: pd.Series, control: str) -> pd.Series:
    """Per job (the column `settings_profile`) whether it has `control`: True, False (absent), or NA.

    The answer is nullable boolean on the index of `profiles`. NA stands for an unknown type or revision, a
    variant that is not known, and a control that only a newer revision of the same server shows. A base
    property is supported whatever the profile.
    """
    answer = pd.arrays.BooleanArray(*has_and_unknown(profiles, control))
    return pd.Series(answer, index=profiles.index, name=control)


def has_and_unknown(profiles: pd.Series, control: str) -> tuple[Truths, Truths]:
    """What `support` answers as two plain boolean arrays: where it is yes, and where it is NA."""
    answers, codes = _per_profile(profiles, lambda profile: has_control(profile, control), _base_support(control))
    has = np.array([answer is True for answer in answers], dtype=bool)[codes]
    return has, np.array([answer is None for answer in answers], dtype=bool)[codes]


def json_path(profiles: pd.Series, control: str) -> pd.Series:
    """Per job the JSON path of `control` as text, NA where it has none; on the index of `profiles`."""
    answers, codes = _per_profile(profiles, lambda profile: path_of_control(profile, control), _base_path(control))
    paths = [pd.NA if answers[code] is None else answers[code] for code in codes]
    return pd.Series(strings_of(paths), index=profiles.index, name=control)


def paths_and_support(profiles: pd.Series, controls: Sequence[str]) -> tuple[Answers, Answers]:
    """What `json_path` and `support` answer for each of `controls`: a row per job, a column per control."""
    otherwise = [(_base_path(control), _base_support(control)) for control in controls]
    answers, codes = _per_profile(
        profiles,
        lambda profile: [(path_of_control(profile, control), has_control(profile, control)) for control in controls],
        otherwise,
    )
    cells = np.empty((len(answers), len(controls), 2), dtype=object)
    for at, answer in enumerate(answers):
        cells[at] = [(pd.NA if path is None else path, pd.NA if has is None else has) for path, has in answer]
    return cells[codes, :, 0], cells[codes, :, 1]


def _base_path(control: str) -> str | None:
    """Where a job of an unknown profile keeps `control`."""
    return ".".join(get_map().base[control][0].paths[0]) if control in get_map().base else None


def _base_support(control: str) -> bool | None:
    """Whether a job of an unknown profile has `control`."""
    return True if control in get_map().base else None


def _per_profile(
    profiles: pd.Series, ask: Callable[[str], Any], otherwise: Any
) -> tuple[list[Any], np.ndarray[Any, np.dtype[np.int64]]]:
    """One answer per different profile, `otherwise` last (for NA), and for each job which one is its own."""
    numbers: dict[str, int] = {}
    keys = profiles.array.tolist()
    codes = [numbers.setdefault(key, len(numbers)) if isinstance(key, str) else -1 for key in keys]
    return [*map(ask, numbers), otherwise], np.array(codes, dtype=np.int64)


# `controls.yaml` as plain rules, which the map turns into answers.

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
    """What the map says of one job type: its first revision, its rules, and how its variants are distinguished.

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
