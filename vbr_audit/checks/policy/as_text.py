"""A commented policy to start from."""

from __future__ import annotations

from collections.abc import Iterator

from vbr_audit.checks.policy.changes import in_file
from vbr_audit.checks.policy.policy import Policy
from vbr_audit.checks.policy.use import CheckUse


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
        yield f"  #     {parameter.name}: {in_file(use.params[parameter.name])}" + (f"   # {told}" if told else "")


def _told(text: str) -> str:
    """`text` on one line."""
    return " ".join(text.split())
