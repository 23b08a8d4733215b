"""What a policy makes different from what the checks say themselves, one line each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from vbr_audit.checks.policy.use import DEFAULT, CheckUse


def policy_changes(uses: Iterable[CheckUse]) -> list[str]:
    """One line for each thing that a policy makes different from what the checks say themselves, with its place."""
    found = []
    for use in uses:
        name = use.check.id
        if not use.enabled:
            found.append(f"{name}: disabled: {use.reason} ({use.enabled_source})")
            continue
        if use.severity != use.check.severity:
            found.append(f"{name}: severity {use.check.severity} > {use.severity} ({use.severity_source})")
        for parameter in use.check.parameters:
            value, source = use.params[parameter.name], use.params_source[parameter.name]
            if source != DEFAULT and value != parameter.default:
                found.append(f"{name}: {parameter.name} {in_file(parameter.default)} > {in_file(value)} ({source})")
        found += [f"{name}: {words}" for words in _overridden(use)]
    return found


def _overridden(use: CheckUse) -> Iterator[str]:
    """What each override says of one check."""
    for override in use.overrides:
        said: dict[str, str] = {}
        for rule, places in override.rules:
            if rule.enabled is not None:
                state = "enabled" if rule.enabled else f"disabled: {rule.reason}"
                said["enabled"] = f"{state} ({places['enabled']})"
            if rule.severity is not None:
                said["severity"] = f"severity {rule.severity} ({places['severity']})"
            for name, value in rule.params.items():
                said[name] = f"{name} {in_file(value)} ({places[f'params.{name}']})"
        yield from (f"for {override.match}: {words}" for words in said.values())


def in_file(value: Any) -> str:
    """A value as it stands in a policy file."""
    listed = list(value) if isinstance(value, (tuple, set, frozenset)) else value
    return orjson.dumps(listed, default=str).decode()
