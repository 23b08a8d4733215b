"""One check as a policy has it, for all objects and for single ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from vbr_audit.checks.engine.registry import Check
from vbr_audit.checks.policy.model import CheckRule, Match
from vbr_audit.vocabulary import Severity

DEFAULT: Final = "default"
"""The source of what the check itself says."""

ByPolicy = tuple[CheckRule, Mapping[str, str]]
"""A rule, and the `file:line` of its keys: `enabled`, `severity` and `params.NAME`."""


@dataclass(frozen=True, eq=False)
class ObjectRule:
    """What an override says about one check: for which objects, and where that stands.

    `rules` are those of the override that fit the check, the one that counts most last; `place` is the override's own
    `file:line`.
    """

    match: Match
    rules: tuple[ByPolicy, ...]
    place: str


@dataclass(frozen=True, eq=False)
class ObjectUse:
    """One check as a policy has it for one object.

    `params` holds every parameter with its value in force, `sources` where each comes from: `default`, or
    `policy.yaml:12`; `enabled_source` and `severity_source` tell the same. `reason` says why it is disabled.
    """

    enabled: bool
    reason: str | None
    enabled_source: str
    severity: Severity
    severity_from_policy: bool
    severity_source: str
    params: Mapping[str, Any]
    sources: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class CheckUse:
    """One check as a policy has it: `general` for all objects that no override names.

    `overrides` are for single objects; of several, the later one counts more.
    """

    check: Check
    general: ObjectUse
    overrides: tuple[ObjectRule, ...] = ()

    @property
    def enabled(self) -> bool:
        """Whether the check runs at all."""
        return self.general.enabled

    @property
    def reason(self) -> str | None:
        """Why the check is disabled."""
        return self.general.reason

    @property
    def enabled_source(self) -> str:
        """Where it stands whether the check runs: `default`, or `policy.yaml:12`."""
        return self.general.enabled_source

    @property
    def severity(self) -> Severity:
        """The severity in force."""
        return self.general.severity

    @property
    def severity_from_policy(self) -> bool:
        """Whether the policy gives another severity than the check's own."""
        return self.general.severity_from_policy

    @property
    def severity_source(self) -> str:
        """Where the severity stands."""
        return self.general.severity_source

    @property
    def params(self) -> Mapping[str, Any]:
        """Every parameter with its value in force."""
        return self.general.params

    @property
    def params_source(self) -> Mapping[str, str]:
        """Where each parameter stands."""
        return self.general.sources

    def for_object(
        self, server: str | None, object_type: str | None, object_id: str | None, object_name: str | None
    ) -> ObjectUse:
        """What holds for one object, as a finding names it."""
        known = (server, object_type, object_id, object_name)
        return self.under([rule for rule in self.overrides if rule.match.fits(*known)])

    def under(self, overrides: Iterable[ObjectRule]) -> ObjectUse:
        """What holds for the objects that just these `overrides` fit."""
        setting = self.general
        for override in overrides if self.enabled else ():
            for rule, places in override.rules:
                setting = laid_over(self.check, setting, rule, places)
        return setting


def as_declared(check: Check) -> ObjectUse:
    """A check as it is without any policy."""
    params = check.model.model_validate({}).model_dump()
    return ObjectUse(True, None, DEFAULT, check.severity, False, DEFAULT, params, dict.fromkeys(params, DEFAULT))


def laid_over(check: Check, use: ObjectUse, rule: CheckRule, places: Mapping[str, str]) -> ObjectUse:
    """`use` after one more rule, which counts more than what was there."""
    if rule.enabled is not None:
        use = replace(use, enabled=rule.enabled, reason=rule.reason, enabled_source=places["enabled"])
    if rule.severity is not None:
        use = replace(
            use,
            severity=rule.severity,
            severity_from_policy=rule.severity != check.severity,
            severity_source=places["severity"],
        )
    if rule.params:
        params = check.model.model_validate({**use.params, **rule.params}).model_dump()
        sources = {name: places[f"params.{name}"] for name in rule.params}
        use = replace(use, params=params, sources={**use.sources, **sources})
    return use


# What a policy makes different from what the checks say themselves, one line each.


def policy_changes(uses: Iterable[CheckUse]) -> list[str]:
    """One line for each thing that a policy makes different from what the checks say themselves, with its place."""
    changes = []
    for use in uses:
        name = use.check.id
        if not use.enabled:
            changes.append(f"{name}: disabled: {use.reason} ({use.enabled_source})")
            continue
        if use.severity != use.check.severity:
            changes.append(f"{name}: severity {use.check.severity} > {use.severity} ({use.severity_source})")
        for parameter in use.check.parameters:
            value, source = use.params[parameter.name], use.params_source[parameter.name]
            if source != DEFAULT and value != parameter.default:
                changes.append(f"{name}: {parameter.name} {in_file(parameter.default)} > {in_file(value)} ({source})")
        changes += [f"{name}: {words}" for words in _overridden(use)]
    return changes


def _overridden(use: CheckUse) -> Iterator[str]:
    """What each override says of one check."""
    for override in use.overrides:
        reasons: dict[str, str] = {}
        for rule, places in override.rules:
            if rule.enabled is not None:
                state = "enabled" if rule.enabled else f"disabled: {rule.reason}"
                reasons["enabled"] = f"{state} ({places['enabled']})"
            if rule.severity is not None:
                reasons["severity"] = f"severity {rule.severity} ({places['severity']})"
            for name, value in rule.params.items():
                reasons[name] = f"{name} {in_file(value)} ({places[f'params.{name}']})"
        yield from (f"for {override.match}: {words}" for words in reasons.values())


def in_file(value: Any) -> str:
    """A value as it stands in a policy file."""
    listed = list(value) if isinstance(value, (tuple, set, frozenset)) else value
    return orjson.dumps(listed, default=str).decode()
