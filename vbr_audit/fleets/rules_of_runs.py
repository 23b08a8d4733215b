"""The rules that several runs have in common, by which a run that is merged from them is judged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from vbr_audit.collection import run_folder
from vbr_audit.collection.manifest import Manifest
from vbr_audit.display import plain
from vbr_audit.errors import ConfigurationError
from vbr_audit.histories.baseline import Baseline
from vbr_audit.histories.change_events import GivenEvents
from vbr_audit.reports.review import Review
from vbr_audit.rules import RuleOptions, Rules

_DECIDING: Final[Mapping[str, tuple[str, ...]]] = {
    "policy": (run_folder.POLICY,),
    "waivers": (run_folder.WAIVERS,),
    "site": (run_folder.SITE, run_folder.ASSETS),
    "brand": (run_folder.BRAND,),
    "change_register": (run_folder.CHANGE_REGISTER,),
}
"""The rules that must be the same in all runs, with the files in which a run keeps them."""
_OF_EACH: Final[Mapping[str, tuple[str, str]]] = {
    "baseline": (run_folder.EARLIER, "what the runs were compared with"),
    "events": (run_folder.EVENTS, "the events of the runs"),
    "review": (run_folder.REVIEW, "the remarks of reviewers"),
}
"""What each run has of its own: it is taken over only where all have the same."""
_OPTIONS: Final = {"change_register": "change-register", "frameworks": "framework", "sample_seed": "sample-seed"}
"""The options that are written otherwise on a command line."""
_NONE: Final[Mapping[str, Any]] = {"baseline": Baseline(), "events": GivenEvents(), "review": Review()}


def common_rules(manifests: Mapping[Path, Manifest], given: RuleOptions) -> tuple[Rules, list[str]]:
    """The rules that are `given`, and for the rest those that all runs keep; and what was left out, in sentences.

    Raises `ConfigurationError` where the runs keep different rules, and what `Rules.kept` raises.
    """
    options: dict[str, Any] = {name: value for name, value in given.items() if value not in (None, (), [])}
    (first, one), *others = manifests.items()
    for folder, other in others:
        for name in _differing(first, one, folder, other):
            if name not in options:
                raise ConfigurationError(
                    f"{first} and {folder} were not judged by the same {name.replace('_', ' ')}",
                    hint=f"Give what is to hold for all with --{_OPTIONS.get(name, name)}.",
                )
    left_out = []
    for name, (file, words) in _OF_EACH.items():
        if name not in options and len({run_folder.bytes_of(folder / file) for folder in manifests}) > 1:
            options[name] = _NONE[name]
            left_out.append(f"{words} were not taken over into the merged run; --{name} gives them to it")
    return Rules.kept(first, **options), [plain(text) for text in left_out]


def _differing(first: Path, one: Manifest, folder: Path, other: Manifest) -> list[str]:
    """The rules, by the names of their options, that two runs do not keep alike."""
    names = [
        name
        for name, files in _DECIDING.items()
        if any(run_folder.bytes_of(first / file) != run_folder.bytes_of(folder / file) for file in files)
    ]
    mine, theirs = one.run, other.run
    if mine.policy_sha256 != theirs.policy_sha256 and "policy" not in names:
        names.append("policy")
    alike = {
        "checks": (mine.own_checks, theirs.own_checks),
        "frameworks": (mine.frameworks, theirs.frameworks),
        "sample": (mine.sample_size, theirs.sample_size),
        "sample_seed": (mine.sample_seed, theirs.sample_seed),
    }
    return names + [name for name, (here, there) in alike.items() if here != there]
