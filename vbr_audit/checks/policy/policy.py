"""The policy: which checks run, how severe they are, with which parameters, for all objects and for single ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from vbr_audit.checks.engine.objects import OBJECTS
from vbr_audit.checks.engine.registry import REGISTRY, Check, Registry
from vbr_audit.checks.policy.files import HINT, PROFILES, Layer, read_layers
from vbr_audit.checks.policy.model import LONGEST_WAIVER, CheckRule, Override, PolicyDocument
from vbr_audit.checks.policy.use import ByPolicy, CheckUse, ObjectRule, ObjectUse, as_declared, laid_over
from vbr_audit.config.yaml_file import KeyPath, Problem, YamlFile, load_yaml, model_problems, raise_problems, suggestion
from vbr_audit.errors import PolicyError

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
        from vbr_audit.checks.policy.fragment import policy_html

        return policy_html(self._line, self.uses, self.chain[:-1])

    def __repr__(self) -> str:
        return f"<Policy {self._line}>"

    @property
    def _line(self) -> str:
        from vbr_audit.checks.policy.fragment import policy_line

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
    known = [check.id for check in registry.all()]
    for key, rule in rules.items() if isinstance(rules, dict) else ():
        fitting = [check for check in registry.all() if fnmatchcase(check.id, str(key))]
        if not fitting and not is_profile:
            word = "no check fits" if any(sign in str(key) for sign in "*?[") else "no such check:"
            yield Problem((*at, str(key)), f"{word} {key}" + suggestion(str(key), known))
        params = rule.get("params") if isinstance(rule, dict) else None
        if isinstance(params, dict):
            yield from _param_problems(str(key), params, fitting, (*at, str(key), "params"))


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
    found = as_declared(check)
    overrides: list[ObjectRule] = []
    for layer in layers:
        for rule, places in _fitting(check, layer.document.checks, layer.file, ("checks",)):
            found = laid_over(check, found, rule, places)
        overrides += _overrides_of(check, layer.document.overrides, layer.file)
    return CheckUse(check, found, tuple(overrides))


def _overrides_of(check: Check, overrides: Sequence[Override], file: YamlFile) -> Iterator[ObjectRule]:
    for number, override in enumerate(overrides):
        at = ("overrides", number)
        if rules := tuple(_fitting(check, override.checks, file, (*at, "checks"))):
            yield ObjectRule(override.match, rules, f"{file.name}:{file.line_of(at)}")


def _fitting(check: Check, rules: Mapping[str, CheckRule], file: YamlFile, at: KeyPath) -> list[ByPolicy]:
    """The rules that fit `check`, the one that counts most last, with the places of their keys."""
    fitting = [(key, rule) for key, rule in rules.items() if fnmatchcase(check.id, key)]
    fitting.sort(key=lambda pair: pair[0] == check.id)
    found: list[ByPolicy] = []
    for key, rule in fitting:
        paths: dict[str, KeyPath] = {name: (*at, key, name) for name in ("enabled", "severity")}
        paths |= {f"params.{name}": (*at, key, "params", name) for name in rule.params}
        found.append((rule, {name: f"{file.name}:{file.line_of(path)}" for name, path in paths.items()}))
    return found
