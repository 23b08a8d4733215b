"""One check as a policy has it, for all objects and for single ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from vbr_audit.checks.outcome import Severity
from vbr_audit.checks.policy_model import CheckRule, Match
from vbr_audit.checks.registry import Check

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
    """One check as a policy has it for all objects that no override names.

    `params` holds every parameter with its value in force, `params_source` where each comes from: `default`, or
    `policy.yaml:12`. `reason` says why a check is disabled. `overrides` are for single objects; of
    several, the later one counts more.
    """

    check: Check
    enabled: bool
    reason: str | None
    severity: Severity
    severity_from_policy: bool
    params: Mapping[str, Any]
    params_source: Mapping[str, str]
    enabled_source: str = DEFAULT
    severity_source: str = DEFAULT
    overrides: tuple[ObjectRule, ...] = field(default=())

    def for_object(
        self, server: str | None, object_type: str | None, object_id: str | None, object_name: str | None
    ) -> ObjectUse:
        """What holds for one object, as a finding names it."""
        known = (server, object_type, object_id, object_name)
        return self.under([rule for rule in self.overrides if rule.match.fits(*known)])

    def under(self, overrides: Iterable[ObjectRule]) -> ObjectUse:
        """What holds for the objects that just these `overrides` fit."""
        found = ObjectUse(
            enabled=self.enabled,
            reason=self.reason,
            enabled_source=self.enabled_source,
            severity=self.severity,
            severity_from_policy=self.severity_from_policy,
            severity_source=self.severity_source,
            params=self.params,
            sources=self.params_source,
        )
        for override in overrides if self.enabled else ():
            for rule, places in override.rules:
                found = laid_over(self.check, found, rule, places)
        return found


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
