"""The policy: which checks run, how severe they are, with which parameters, for all objects and for single ones."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, NoReturn

from vbr_audit.checks.catalogue import REGISTRY
from vbr_audit.checks.engine.objects import OBJECTS
from vbr_audit.checks.engine.registry import Check, Registry
from vbr_audit.checks.policy.model import LONGEST_WAIVER, CheckRule, Override, PolicyDocument
from vbr_audit.checks.policy.use import (
    ByPolicy,
    CheckUse,
    ObjectRule,
    ObjectUse,
    as_declared,
    in_file,
    laid_over,
    policy_changes,
)
from vbr_audit.config.yaml_file import KeyPath, Problem, YamlFile, load_yaml, model_problems, raise_problems, suggestion
from vbr_audit.display import count, shorten
from vbr_audit.errors import PolicyError
from vbr_audit.notebook import Headline, Items, Line, Part, fragment

__all__ = ["PROFILES", "CheckRule", "CheckUse", "ObjectUse", "Policy", "PolicyDocument", "load_policy"]

DEFAULT_NAME = "default profile"


@dataclass(frozen=True, eq=False)
class Policy:
    """A policy in force: its document, what it means for every check, and the `text` and hash of what was read.

    `chain` names the files and profiles that it is made of, the one that all others stand on first. `text` is all that
    `load_policy` needs to give the same policy again.
    """

    document: PolicyDocument
    uses: tuple[CheckUse, ...]
    name: str
    text: str
    sha256: str
    fail_on: str
    waiver_horizon_days: int
    chain: tuple[str, ...]

    @property
    def version(self) -> int:
        """The version of the file format."""
        return self.document.version

    @property
    def checks(self) -> Mapping[str, CheckRule]:
        """The rules of the file itself, by id or glob."""
        return self.document.checks

    def use(self, check_id: str) -> CheckUse:
        """What the policy means for one check; raises `KeyError`."""
        for use in self.uses:
            if use.check.id == check_id:
                return use
        raise KeyError(check_id)

    def __getitem__(self, check_id: str) -> CheckUse:
        """What the policy means for one check, as `use` gives it; a notebook completes the ids."""
        return self.use(check_id)

    def _ipython_key_completions_(self) -> list[str]:
        return [use.check.id for use in self.uses]

    def _repr_html_(self) -> str:
        return policy_html(self._line, self.uses, self.chain[:-1])

    def __repr__(self) -> str:
        return f"<Policy {self._line}>"

    @property
    def _line(self) -> str:
        return policy_line(self.name, self.uses, self.fail_on)


def load_policy(source: str | Path | None = None, *, name: str | None = None, registry: Registry = REGISTRY) -> Policy:
    """The policy at `source`: `default` (also for None), `strict`, `minimal`, or a file.

    A `str` with a line break is the text itself; `name` is what the policy is called, if not by its file. A policy
    stands on the one that it extends, or on `default`, and each says more than the one below it. Of several rules of
    one file that fit a check, an exact id counts more than a glob, and a later glob more than an earlier one. What an
    override says of an object counts more than what is said of all; of several, the later one. Raises `PolicyError`,
    whose message names file, line and key of everything that is wrong.
    """

    def parse(file: YamlFile, is_profile: bool) -> PolicyDocument:
        # A registry of one's own need not hold the checks that a shipped profile names.
        return load_yaml(
            file,
            PolicyDocument,
            error=PolicyError,
            hint=HINT,
            inspect=lambda content: _inspect(content, registry, is_profile),
        )

    layers, text = read_layers(source, name, parse)
    _refuse_moot(layers, registry)
    last = layers[-1]
    return Policy(
        document=last.document,
        uses=tuple(_use_of(check, layers) for check in registry.all()),
        name=last.file.name,
        text=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        fail_on=_last(layer.document.fail_on for layer in layers) or "high",
        waiver_horizon_days=_last(layer.document.waiver_horizon_days for layer in layers) or LONGEST_WAIVER,
        chain=tuple(layer.file.name for layer in layers),
    )


def _last(values: Iterable[Any]) -> Any:
    """The last value that is given."""
    return next((value for value in reversed(list(values)) if value is not None), None)


def _inspect(content: Any, registry: Registry, is_profile: bool) -> Iterator[Problem]:
    """Checks that do not exist, parameters that a check does not take, kinds of objects that nothing judges."""
    if not isinstance(content, dict):
        return
    yield from _rule_problems(content.get("checks"), ("checks",), registry, is_profile)
    overrides = content.get("overrides")
    for number, override in enumerate(overrides if isinstance(overrides, list) else []):
        if not isinstance(override, dict):
            continue
        at = ("overrides", number)
        yield from _rule_problems(override.get("checks"), (*at, "checks"), registry, is_profile)
        match = override.get("match")
        kind = match.get("object_type") if isinstance(match, dict) else None
        kinds = sorted({known.kind for known in OBJECTS.values()})
        if isinstance(kind, str) and not any(fnmatchcase(known, kind.strip()) for known in kinds):
            near = suggestion(kind, kinds) or f"; known: {', '.join(kinds)}"
            yield Problem((*at, "match", "object_type"), f"no kind of object fits {kind}{near}")


def _rule_problems(rules: Any, at: KeyPath, registry: Registry, is_profile: bool) -> Iterator[Problem]:
    by_id = {check.id: check for check in registry.all()}
    for key, rule in rules.items() if isinstance(rules, dict) else ():
        named = [by_id[str(key)]] if str(key) in by_id else []
        fitting = (
            [check for check in registry.all() if fnmatchcase(check.id, str(key))] if _is_glob(str(key)) else named
        )
        if not fitting and not is_profile:
            word = "no check fits" if _is_glob(str(key)) else "no such check:"
            yield Problem((*at, str(key)), f"{word} {key}" + suggestion(str(key), by_id))
        params = rule.get("params") if isinstance(rule, dict) else None
        if isinstance(params, dict):
            yield from _param_problems(str(key), params, fitting, (*at, str(key), "params"))


def _is_glob(key: str) -> bool:
    """Whether a key may fit another id than itself."""
    return "*" in key or "?" in key or "[" in key


def _param_problems(key: str, params: Mapping[Any, Any], fitting: Sequence[Check], at: KeyPath) -> Iterator[Problem]:
    """Parameters that not every check takes which `key` fits, and values that are wrong for one that does."""
    for name, value in params.items():
        takers = [check for check in fitting if name in check.model.model_fields]
        if len(fitting) > 1 and len(takers) < len(fitting):
            lacking = f"{len(fitting) - len(takers)} of the {len(fitting)} checks that fit {key} have no such parameter"
            ids = ", ".join(check.id for check in takers[:5])
            known = {each for check in fitting for each in check.model.model_fields}
            none = f"none of the {len(fitting)} checks that fit {key} has such a parameter"
            message = f"{lacking}; name those that have it: {ids}" if takers else none + suggestion(str(name), known)
            yield Problem((*at, str(name)), message)
        for check in takers if len(fitting) > 1 else fitting:
            for problem in model_problems(check.model, {name: value}, at=at, key_word="parameter"):
                of_check = f" ({check.id})" if check.id != key else ""
                yield Problem(problem.path, problem.message + of_check)


def _refuse_moot(layers: Sequence[Layer], registry: Registry) -> None:
    """Raise `PolicyError` for overrides that would enable what their own policy disables for all objects."""
    for number, layer in enumerate(layers):
        problems = [] if layer.is_profile else list(_moot(layer, layers[: number + 1], registry))
        if problems:
            raise_problems(layer.file, problems, error=PolicyError, hint=HINT)


def _moot(layer: Layer, layers: Sequence[Layer], registry: Registry) -> Iterator[Problem]:
    for number, override in enumerate(layer.document.overrides):
        for key in (key for key, rule in override.checks.items() if rule.enabled):
            uses = [_use_of(check, layers) for check in registry.all() if fnmatchcase(check.id, key)]
            if uses and not any(use.enabled for use in uses):
                yield Problem(
                    ("overrides", number, "checks", key, "enabled"),
                    f"{key} is disabled for all objects ({uses[0].enabled_source}); enable it, and disable it by an "
                    "override where it is not wanted",
                )


def _use_of(check: Check, layers: Sequence[Layer]) -> CheckUse:
    """All rules that fit `check`, laid over each other: the weakest first."""
    use = as_declared(check)
    overrides: list[ObjectRule] = []
    for layer in layers:
        for rule, places in _fitting(check, layer.document.checks, layer.file, ("checks",)):
            use = laid_over(check, use, rule, places)
        overrides += _overrides_of(check, layer.document.overrides, layer.file)
    return CheckUse(check, use, tuple(overrides))


def _overrides_of(check: Check, overrides: Sequence[Override], file: YamlFile) -> Iterator[ObjectRule]:
    for number, override in enumerate(overrides):
        at = ("overrides", number)
        if rules := tuple(_fitting(check, override.checks, file, (*at, "checks"))):
            yield ObjectRule(override.match, rules, f"{file.name}:{file.line_of(at)}")


def _fitting(check: Check, rules: Mapping[str, CheckRule], file: YamlFile, at: KeyPath) -> list[ByPolicy]:
    """The rules that fit `check`, the one that counts most last, with the places of their keys."""
    fitting = [(key, rule) for key, rule in rules.items() if _is_glob(key) and fnmatchcase(check.id, key)]
    if check.id in rules:
        fitting.append((check.id, rules[check.id]))
    matching: list[ByPolicy] = []
    for key, rule in fitting:
        paths: dict[str, KeyPath] = {name: (*at, key, name) for name in ("enabled", "severity")}
        paths |= {f"params.{name}": (*at, key, "params", name) for name in rule.params}
        matching.append((rule, {name: f"{file.name}:{file.line_of(path)}" for name, path in paths.items()}))
    return matching


# The files of a policy: the chain of what it extends, and one text that holds them all.
#
# A policy stands on the profile or file that it `extends`, and without that on the profile `default`. What is kept of
# a chain of files is each of them as it was read, one after the other, so that it can be read again alone and every
# line keeps its number.

PROFILES: Final = ("default", "strict", "minimal")
"""The policies that the package ships, by name."""

HINT: Final = "Correct the policy file; `vbr-audit checks` lists the checks and `vbr-audit checks ID` its parameters."
_PART = re.compile(r"^--- # policy file: (.+?)\r?$", re.MULTILINE)

Parse = Callable[[YamlFile, bool], PolicyDocument]


@dataclass(frozen=True, eq=False)
class Layer:
    """One file of a chain; `is_profile` says that the package ships it."""

    file: YamlFile
    document: PolicyDocument
    is_profile: bool


def profile_file(name: str) -> YamlFile:
    """The text of a shipped profile, called `strict profile`."""
    return YamlFile(f"{name} profile", _profile_text(name))


@cache
def _profile_text(name: str) -> str:
    return resources.files("vbr_audit.checks.policy").joinpath("profiles", f"{name}.yaml").read_text(encoding="utf-8")


def read_layers(source: str | Path | None, name: str | None, parse: Parse) -> tuple[list[Layer], str]:
    """The files of the policy at `source`, the one that all others stand on first, and the text that holds them.

    `name` is what the last one is called; `parse` makes a document of a file, told whether it is a shipped profile.
    Raises `PolicyError`.
    """
    given = "default" if source is None else source
    if isinstance(given, str) and given in PROFILES:
        file = profile_file(given)
        return _profiles(given, parse, called=name or file.name), file.text
    files, path = _opened(given, name)
    layers = [Layer(file, parse(file, False), False) for file in files]
    seen = [] if path is None else [path]
    while (target := layers[0].document.extends) is not None and target not in PROFILES:
        if path is None:
            _refuse(layers[0].file, f"a policy given as text cannot extend the file {target}")
        path = (path.parent / target).resolve()
        if path in seen:
            chain = " > ".join([*(layer.file.name for layer in reversed(layers)), target])
            _refuse(layers[0].file, f"the policy extends itself: {chain}")
        seen.append(path)
        layers[:0] = [Layer(file, parse(file, False), False) for file in _extended(layers[0].file, target, path)]
    text = layers[0].file.text if len(layers) == 1 else _joined([layer.file for layer in layers])
    return [*_profiles(layers[0].document.extends or "default", parse), *layers], text


def _profiles(name: str, parse: Parse, *, called: str | None = None) -> list[Layer]:
    """A shipped profile and those that it stands on; `called` is another name for it."""
    layers: list[Layer] = []
    target: str | None = name
    while target is not None:
        file = profile_file(target)
        file = YamlFile(called, file.text) if called is not None and not layers else file
        document = parse(file, True)
        layers.insert(0, Layer(file, document, True))
        target = document.extends or ("default" if target != "default" else None)
    return layers


def _opened(source: str | Path, name: str | None) -> tuple[list[YamlFile], Path | None]:
    """The files in what was given, the last one called `name`, and its path, None for a text."""
    is_text = isinstance(source, str) and "\n" in source
    if isinstance(source, str) and not is_text and not Path(source).exists() and re.fullmatch(r"[\w-]+", source):
        raise PolicyError(
            f"no policy is called {source!r}{suggestion(source, PROFILES)}",
            hint=f"Give one of {', '.join(PROFILES)}, or the path of a policy file.",
        )
    file = YamlFile.read(source, error=PolicyError, default_name="policy.yaml")
    files = _parts(YamlFile(name, file.text) if name is not None else file)
    return files, None if is_text else Path(source).resolve()


def _extended(below: YamlFile, target: str, path: Path) -> list[YamlFile]:
    """The file that `below` extends, called as it is called there."""
    try:
        file = YamlFile.read(path, error=PolicyError, default_name=target)
    except PolicyError as error:
        near = suggestion(target, PROFILES)
        _refuse(below, error.message.replace(str(path), target, 1) + near)
    return _parts(YamlFile(target, file.text))


def _parts(file: YamlFile) -> list[YamlFile]:
    """The files that a kept chain is made of, or the one that `file` is."""
    marks = list(_PART.finditer(file.text))
    if not marks or marks[0].start():
        return [file]
    ends = [*(mark.start() for mark in marks[1:]), len(file.text)]
    return [YamlFile(mark[1], file.text[mark.end() + 1 : end]) for mark, end in zip(marks, ends, strict=True)]


def _joined(files: Sequence[YamlFile]) -> str:
    """The chain as one text, each file after its name."""
    texts = [file.text if file.text.endswith("\n") else file.text + "\n" for file in files]
    return "".join(f"--- # policy file: {file.name}\n{text}" for file, text in zip(files, texts, strict=True))


def _refuse(file: YamlFile, message: str) -> NoReturn:
    raise_problems(file, [Problem(("extends",), message)], error=PolicyError, hint=HINT)


# How a policy shows itself in a notebook: how many checks run, and what it makes different from their defaults.

_MOST_CHANGES = 40
"""Maximum number of changes that are shown."""


def policy_line(name: str, uses: Sequence[CheckUse], fail_on: str) -> str:
    """A policy in a line of plain text."""
    enabled = sum(use.enabled for use in uses)
    overridden = sum(bool(use.overrides) for use in uses)
    parts = [f"{count(enabled, 'check')} run", f"{len(uses) - enabled} disabled"]
    parts += [f"{overridden} with overrides"] if overridden else []
    return f"{shorten(name, 60)}: {', '.join(parts)}; a run fails from {fail_on}"


def policy_html(line: str, uses: Sequence[CheckUse], below: Sequence[str]) -> str:
    """A policy as a fragment in the colours of the notebook: escaped, without script, at most 20 kB.

    `line` is the policy in a line, `below` names what it stands on.
    """
    changes = policy_changes(uses)
    parts: list[Part] = [Headline(line)]
    below = [shorten(name, 60) for name in below]
    parts += [Line(f"It extends: {', '.join(below[:10])}")] if below else []
    parts += [Items([shorten(change, 160) for change in changes[:_MOST_CHANGES]])] if changes else []
    hidden = len(changes) - _MOST_CHANGES
    parts += [Line(f"and {count(hidden, 'more change')}")] if hidden > 0 else []
    return fragment(parts)


# A commented policy to start from.


def starting_policy(policy: Policy, profile: str) -> str:
    """A policy that changes nothing in the shipped `profile`, with every check and its parameters as comments.

    `policy` is that profile, loaded.
    """
    lines = [
        "# A policy for vbr-audit: name it with --policy, look at it with `vbr-audit policy validate FILE`.",
        "# It extends a profile (default, strict, minimal), or another policy file beside it. What is written here",
        "# counts more. Take the # away from the lines that you want to change; the values are those in force.",
        "version: 1",
        f"extends: {profile}",
        "",
        "# From this severity on a failing finding ends in exit code 1: critical, high, medium, low, info, or never.",
        f"fail_on: {policy.fail_on}",
        "",
        "# The most days for which a finding may be accepted by a waiver.",
        f"waiver_horizon_days: {policy.waiver_horizon_days}",
        "",
        "# A check is named by its id or by a glob such as JOB-*. Switching one off needs a reason:",
        "#   TST-*: {enabled: false, reason: restore tests are kept in another register}",
        "checks:",
    ]
    area = ""
    for use in policy.uses:
        if use.check.area != area:
            area = use.check.area
            lines += ["", f"  # ---- {area} " + "-" * max(4, 60 - len(area))]
        lines += ["", *_check_lines(use)]
    lines += [
        "",
        "# Other rules for single objects. All globs of a match must fit; the later override counts more.",
        "overrides:",
        "  # - match: {object_type: job, object_name: 'LAB-*'}   # also server, object_id",
        "  #   checks:",
        "  #     JOB-*: {enabled: false, reason: a laboratory without data of value}",
        "",
    ]
    return "\n".join(lines)


def _check_lines(use: CheckUse) -> Iterator[str]:
    """One check as comments; with the first # of each line taken away they are its rule."""
    yield f"  # {use.check.id}:   # {_one_line(use.check.title)}"
    if not use.enabled:
        yield f"  #   enabled: true   # disabled by {use.enabled_source}: {_one_line(use.reason or '')}"
    yield f"  #   severity: {use.severity}"
    if use.check.parameters:
        yield "  #   params:"
    for parameter in use.check.parameters:
        facts = (parameter.help.rstrip("."), parameter.unit or "", parameter.bounds)
        comment = _one_line("; ".join(fact for fact in facts if fact))
        yield f"  #     {parameter.name}: {in_file(use.params[parameter.name])}" + (
            f"   # {comment}" if comment else ""
        )


def _one_line(text: str) -> str:
    """`text` on one line."""
    return " ".join(text.split())
