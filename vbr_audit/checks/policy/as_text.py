"""A policy in words: what one changes, and a commented one to start from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from vbr_audit.checks.policy.policy import Policy
from vbr_audit.checks.policy.use import DEFAULT, CheckUse


def policy_changes(policy: Policy) -> list[str]:
    """One line for each thing that `policy` makes different from what the checks say themselves, with its place."""
    found = []
    for use in policy.uses:
        name = use.check.id
        if not use.enabled:
            found.append(f"{name}: disabled: {use.reason} ({use.enabled_source})")
            continue
        if use.severity != use.check.severity:
            found.append(f"{name}: severity {use.check.severity} > {use.severity} ({use.severity_source})")
        for parameter in use.check.parameters:
            value, source = use.params[parameter.name], use.params_source[parameter.name]
            if source != DEFAULT and value != parameter.default:
                found.append(f"{name}: {parameter.name} {_plain(parameter.default)} > {_plain(value)} ({source})")
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
                said[name] = f"{name} {_plain(value)} ({places[f'params.{name}']})"
        yield from (f"for {override.match}: {words}" for words in said.values())


def starting_policy(policy: Policy, profile: str) -> str:
    """A policy that changes nothing in the shipped `profile`, with every check and its parameters as comments.

    `policy` is that profile, loaded.
    """
    lines = [
        "# A policy for vbr-audit: name it with --policy, look at it with `vbr-audit policy validate FILE`.",
        "# It stands on a profile (default, strict, minimal), or on another policy file beside it. What is said here",
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
    yield f"  # {use.check.id}:   # {_told(use.check.title)}"
    if not use.enabled:
        yield f"  #   enabled: true   # disabled by {use.enabled_source}: {_told(use.reason or '')}"
    yield f"  #   severity: {use.severity}"
    if use.check.parameters:
        yield "  #   params:"
    for parameter in use.check.parameters:
        facts = (parameter.help.rstrip("."), parameter.unit or "", parameter.bounds)
        told = _told("; ".join(fact for fact in facts if fact))
        yield f"  #     {parameter.name}: {_plain(use.params[parameter.name])}" + (f"   # {told}" if told else "")


def _told(text: str) -> str:
    """`text` on one line."""
    return " ".join(text.split())


def _plain(value: Any) -> str:
    """A value as it stands in a policy file."""
    listed = list(value) if isinstance(value, (tuple, set, frozenset)) else value
    return orjson.dumps(listed, default=str).decode()
