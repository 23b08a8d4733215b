"""The policy: what it changes, where it says so, and what it may not say."""

# ruff: noqa: E501 - a case and its message on one line

from __future__ import annotations

from pathlib import Path

import pytest

from vbr_audit.checks import REGISTRY, load_policy
from vbr_audit.errors import PolicyError


def test_the_default_profile_takes_each_check_as_it_is_declared() -> None:
    policy = load_policy()
    assert (policy.name, policy.fail_on, policy.waiver_horizon_days) == ("default profile", "high", 366)
    assert policy.chain == ("default profile",)
    named = policy.checks
    for use in policy.uses:
        if use.check.id not in named:
            assert use.enabled
            assert use.severity == use.check.severity
            assert use.params == {parameter.name: parameter.default for parameter in use.check.parameters}
            assert set(use.params_source.values()) <= {"default"}


def test_what_a_policy_does_not_name_stays(tmp_path: Path) -> None:
    path = tmp_path / "monthly.yaml"
    path.write_text(
        "version: 1\nfail_on: never\nchecks:\n  JOB-007:\n    params:\n      min_days: 30\n", encoding="utf-8"
    )
    policy = load_policy(path)
    use = policy.use("JOB-007")
    assert (policy.version, policy.fail_on, policy.name) == (1, "never", "monthly.yaml")
    assert use.params == {"min_days": 30, "min_points": 7}
    assert use.params_source == {"min_days": "monthly.yaml:6", "min_points": "default"}
    assert policy.use("JOB-008").enabled
    assert len(policy.uses) == len(REGISTRY)
    assert load_policy(str(path)).sha256 == policy.sha256
    assert load_policy("version: 1\n").sha256 != policy.sha256
    assert load_policy("version: 1\n", name="kept policy").name == "kept policy"
    with pytest.raises(KeyError):
        policy.use("JOB-999")


def test_an_exact_id_counts_more_than_a_glob_wherever_it_stands() -> None:
    text = """version: 1
checks:
  JOB-003: {enabled: true, severity: medium, params: {min_retries: 3}}
  JOB-00*: {enabled: false, reason: other team}
  JOB-01*: {severity: info}
"""
    policy = load_policy(text)
    assert (policy.use("JOB-003").enabled, policy.use("JOB-003").severity) == (True, "medium")
    assert (policy.use("JOB-001").enabled, policy.use("JOB-001").reason) == (False, "other team")
    assert policy.use("JOB-012").severity == "info"
    assert policy.use("JOB-012").severity_from_policy


@pytest.mark.parametrize(
    ("checks", "message"),
    [
        ("JBO-003: {}", "policy.yaml:3: checks.JBO-003: no such check: JBO-003; did you mean 'JOB-003'?"),
        ("TAPE-*: {enabled: false, reason: no tape}", "policy.yaml:3: checks.TAPE-*: no check fits TAPE-*"),
        ("JOB-003: {enabled: false}", "policy.yaml:3: checks.JOB-003: a check that is disabled needs a reason"),
        ("JOB-003: {enabled: no}", "policy.yaml:3: checks.JOB-003.enabled: expected true or false, got the text 'no'"),
        ("JOB-003: {enabled: false, reason: ' '}", "policy.yaml:3: checks.JOB-003.reason: must not be empty"),
        ("JOB-003: {sevrity: low}", "policy.yaml:3: checks.JOB-003.sevrity: unknown key; did you mean 'severity'?"),
        ("JOB-003: {severity: hihg}", "policy.yaml:3: checks.JOB-003.severity: expected 'critical', 'high', 'medium', 'low' or 'info', got the text 'hihg'; did you mean 'high'?"),
        ("JOB-003: {params: {min_retrys: 3}}", "policy.yaml:3: checks.JOB-003.params.min_retrys: unknown parameter; did you mean 'min_retries'?"),
        ("JOB-003: {params: {min_retries: '3'}}", "policy.yaml:3: checks.JOB-003.params.min_retries: expected a whole number, got the text '3'"),
        ("JOB-003: {params: {min_retries: 3.0}}", "policy.yaml:3: checks.JOB-003.params.min_retries: expected a whole number, got 3.0"),
        ("JOB-003: {params: {min_retries: true}}", "policy.yaml:3: checks.JOB-003.params.min_retries: expected a whole number, got true"),
        ("JOB-003: {params: {min_retries: 0}}", "policy.yaml:3: checks.JOB-003.params.min_retries: must be at least 1, got 0"),
        ("RUN-005: {params: {min_rate: 1.5}}", "policy.yaml:3: checks.RUN-005.params.min_rate: must be at most 1, got 1.5"),
        ("RUN-005: {params: {min_rate: .nan}}", "policy.yaml:3: checks.RUN-005.params.min_rate: expected a finite number, got nan"),
        ("JOB-008: {params: {strength: 1}}", "policy.yaml:3: checks.JOB-008.params.strength: unknown parameter; it takes no parameters"),
        ("JOB-008: {params: 3}", "policy.yaml:3: checks.JOB-008.params: expected a mapping of keys, got 3"),
        ("RUN-00*: {params: {max_age_hours: 24}}", "policy.yaml:3: checks.RUN-00*.params.max_age_hours: 8 of the 9 checks that fit RUN-00* have no such parameter; name those that have it: RUN-004"),
        ("RUN-00*: {params: {max_age_hour: 24}}", "policy.yaml:3: checks.RUN-00*.params.max_age_hour: none of the 9 checks that fit RUN-00* has such a parameter; did you mean 'max_age_hours'?"),
        ("JOB-00[3]: {params: {min_retries: x}}", "policy.yaml:3: checks.JOB-00[3].params.min_retries: expected a whole number, got the text 'x' (JOB-003)"),
        ("SEC-008: {params: {max_age_days: 36501}}", "policy.yaml:3: checks.SEC-008.params.max_age_days: must be at most 36500, got 36501"),
        ("RUN-004: {params: {max_age_hours: 999999999999}}", "policy.yaml:3: checks.RUN-004.params.max_age_hours: must be at most 876000, got 999999999999"),
        ("JOB-003: {params: {min_retries: 99999999999999999999}}", "policy.yaml:3: checks.JOB-003.params.min_retries: 99999999999999999999 is larger than any number that this tool counts"),
        ("JOB-003: {}\n  JOB-003: {}", "policy.yaml:4: checks.JOB-003: this key appears twice"),
    ],
)  # fmt: skip
def test_wrong_policies_are_refused_with_their_line(checks: str, message: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load_policy(f"version: 1\nchecks:\n  {checks}\n")
    assert caught.value.message.startswith(message)
    assert caught.value.hint is not None
    assert "vbr-audit checks" in caught.value.hint


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(PolicyError, match=r"^policy.yaml:2: rules: unknown key; known: version, extends"):
        load_policy("version: 1\nrules: []\n")


def test_the_backup_window_is_asked_for_by_the_strict_profile_only() -> None:
    assert not load_policy().use("JOB-027").enabled
    assert load_policy().use("JOB-027").reason
    assert load_policy("strict").use("JOB-027").enabled
    assert not load_policy("minimal").use("JOB-027").enabled
