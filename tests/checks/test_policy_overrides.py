"""What a policy says of single objects."""

# ruff: noqa: E501 - a case and its message on one line

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import pytest

from vbr_audit.checks import Outcome, Registry, load_policy, param, run_checks
from vbr_audit.checks.engine.registry import check
from vbr_audit.errors import PolicyError

Make = Callable[..., Any]


def answers(run: Any, check_id: str) -> dict[str, tuple[str, str, Any]]:
    rows = run.results[run.results["check_id"].eq(check_id).to_numpy(dtype=bool)]
    columns = [rows[name].tolist() for name in ("object_name", "result", "severity", "reason")]
    return {name: (result, severity, reason) for name, result, severity, reason in zip(*columns, strict=True)}


def jobs_of(job: Make, **retries: int) -> list[dict[str, Any]]:
    return [job(name, retry_enabled=True, retry_count=count) for name, count in retries.items()]


def policy_of(overrides: str, checks: str = "{}") -> Any:
    return load_policy(f"version: 1\nchecks: {checks}\noverrides:\n{overrides}\n")


def test_parameters_and_severity_hold_for_the_objects_that_fit(snapshot_of: Make, job: Make) -> None:
    policy = policy_of(
        "  - match: {object_name: DEV*}\n    checks: {JOB-003: {severity: info, params: {min_retries: 1}}}\n",
        "{JOB-003: {params: {min_retries: 3}}}",
    )
    run = run_checks(snapshot_of(jobs=jobs_of(job, DEV1=2, DEV2=0, Prod=2, Big=3)), policy)
    found = {name: row[:2] for name, row in answers(run, "JOB-003").items()}
    assert found == {
        "DEV1": ("PASS", "info"),
        "DEV2": ("FAIL", "info"),
        "Prod": ("FAIL", "low"),
        "Big": ("PASS", "low"),
    }
    use = policy.use("JOB-003").for_object("vbr01", "job", "x", "DEV1")
    assert (use.params, use.sources) == ({"min_retries": 1}, {"min_retries": "policy.yaml:5"})
    assert (use.severity, use.severity_source) == ("info", "policy.yaml:5")
    general = policy.use("JOB-003").for_object("vbr01", "job", "x", None)
    assert (general.params, general.sources) == ({"min_retries": 3}, {"min_retries": "policy.yaml:2"})


def test_a_disabled_object_does_not_apply_and_says_why(snapshot_of: Make, job: Make) -> None:
    policy = policy_of(
        "  - match: {object_name: 'LAB*', object_type: job}\n    checks: {JOB-*: {enabled: false, reason: a laboratory}}\n"
        "  - match: {object_name: LAB-9}\n    checks: {JOB-003: {enabled: true}}"
    )
    run = run_checks(snapshot_of(jobs=[*jobs_of(job, LAB1=0, Prod=0), job("LAB-9", retry_enabled=False)]), policy)
    found = answers(run, "JOB-003")
    assert found["LAB1"] == ("NOT_APPLICABLE", "low", "disabled by the policy (policy.yaml:5): a laboratory")
    assert found["Prod"][0] == found["LAB-9"][0] == "FAIL"
    assert answers(run, "JOB-008")["LAB-9"][0] == "NOT_APPLICABLE"
    lab = run.results[run.results["object_name"].eq("LAB1").to_numpy(dtype=bool)]
    assert lab["observed"].isna().all()


def test_what_was_not_read_stays_unknown_under_an_override(snapshot_of: Make, job: Make) -> None:
    policy = policy_of("  - match: {object_name: '*b*'}\n    checks: {JOB-008: {params: {}, severity: info}}")
    run = run_checks(snapshot_of(status={("vbr01", "jobs"): "denied", ("vbr01", "job_states"): "denied"}), policy)
    assert [row[0] for row in answers(run, "JOB-008").values()] == ["UNKNOWN"]


def test_counting_checks_see_the_whole_population_for_each_set_of_parameters(snapshot_of: Make, job: Make) -> None:
    registry, seen = Registry(), []

    @check(
        *("ACME-001", "The job is among the largest"),
        severity="high",
        table="jobs",
        reads=("retry_count",),
        remediation="> size",
    )
    def largest(jobs: pd.DataFrame, *, most: Annotated[int, param("Rank", ge=1)] = 1) -> Outcome:
        """It counts over all jobs."""
        seen.append((most, len(jobs)))
        rank = jobs["retry_count"].rank(ascending=False, method="min")
        return Outcome((rank <= most).astype(pd.BooleanDtype()))

    registry.add(largest)
    text = """version: 1
overrides:
  - match: {object_name: b}
    checks: {ACME-001: {params: {most: 2}}}
  - match: {object_name: "[cd]"}
    checks: {ACME-001: {params: {most: 2}}}
  - match: {object_name: d}
    checks: {ACME-001: {params: {most: 9}, severity: low}}
"""
    run = run_checks(snapshot_of(jobs=jobs_of(job, a=4, b=3, c=2, d=1)), load_policy(text, registry=registry))
    assert {name: row[:2] for name, row in answers(run, "ACME-001").items()} == {
        "a": ("PASS", "high"),
        "b": ("PASS", "high"),
        "c": ("FAIL", "high"),
        "d": ("PASS", "low"),
    }
    assert seen == [(1, 4), (2, 4), (9, 4)]


def test_the_severity_of_an_override_is_a_ceiling(snapshot_of: Make, job: Make) -> None:
    registry = Registry()

    @check(
        *("ACME-001", "It is well"),
        severity="medium",
        table="jobs",
        reads=("name",),
        remediation="> it",
    )
    def never(jobs: pd.DataFrame) -> Outcome:
        """It always fails, and calls it critical."""
        return Outcome(pd.Series(False, index=jobs.index, dtype=pd.BooleanDtype()), severity="critical")

    registry.add(never)
    text = "version: 1\noverrides: [{match: {object_name: a}, checks: {ACME-001: {severity: low}}}]\n"
    run = run_checks(snapshot_of(jobs=[job("a"), job("b")]), load_policy(text, registry=registry))
    assert {name: row[1] for name, row in answers(run, "ACME-001").items()} == {"a": "low", "b": "critical"}


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        ("{object_name: Nightly}", True),
        ("{object_name: nightly}", False),
        ("{object_name: 'N*', server: vbr0?}", True),
        ("{object_name: 'N*', server: vbr02}", False),
        ("{object_id: ID-OF-*}", True),
        ("{object_id: of}", False),
        ("{object_type: job}", True),
        ("{object_type: repo*}", False),
    ],
)
def test_what_an_override_fits(snapshot_of: Make, job: Make, match: str, fits: bool) -> None:
    policy = policy_of(f"  - match: {match}\n    checks: {{JOB-008: {{enabled: false, reason: x}}}}")
    run = run_checks(snapshot_of(jobs=[job(encryption_enabled=True)]), policy)
    assert answers(run, "JOB-008")["Nightly"][0] == ("NOT_APPLICABLE" if fits else "PASS")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("{match: {}, checks: {JOB-003: {severity: low}}}", "4: overrides[0].match: needs at least one of server, object_type"),
        ("{checks: {JOB-003: {severity: low}}}", "4: overrides[0].match: is required"),
        ("{match: {object_name: a}}", "4: overrides[0].checks: is required"),
        ("{match: {name: a}, checks: {JOB-003: {}}}", "4: overrides[0].match.name: unknown key"),
        ("{match: {object_type: jobb}, checks: {JOB-003: {}}}", "4: overrides[0].match.object_type: no kind of object fits jobb; did you mean 'job'?"),
        ("{match: {object_name: 3}, checks: {JOB-003: {}}}", "4: overrides[0].match.object_name: expected text (in quotes), got 3"),
        ("{match: {object_name: a}, checks: {JBO-003: {}}}", "4: overrides[0].checks.JBO-003: no such check: JBO-003; did you mean 'JOB-003'?"),
        ("{match: {object_name: a}, checks: {JOB-003: {params: {min_retries: x}}}}", "4: overrides[0].checks.JOB-003.params.min_retries: expected a whole number, got the text 'x'"),
        ("{match: {object_name: a}, checks: {JOB-003: {enabled: false}}}", "4: overrides[0].checks.JOB-003: a check that is disabled needs a reason"),
        ("{match: {object_name: a}, checks: {JOB-001: {enabled: true}}}", "4: overrides[0].checks.JOB-001.enabled: JOB-001 is disabled for all objects (policy.yaml:2);"),
    ],
)  # fmt: skip
def test_wrong_overrides_are_refused_with_their_line(override: str, message: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load_policy(f"version: 1\nchecks: {{JOB-001: {{enabled: false, reason: x}}}}\noverrides:\n  - {override}\n")
    assert any(line.startswith(f"policy.yaml:{message}") for line in caught.value.message.splitlines())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("checks: {JOB-*: {enabled: false, reason: x}}", "5: overrides[0].checks.JOB-003.enabled: JOB-003 is disabled for all objects (policy.yaml:2);"),
        ("extends: minimal", "5: overrides[0].checks.RPO-00[456].enabled: RPO-00[456] is disabled for all objects (minimal profile:5);"),
    ],
)  # fmt: skip
def test_an_override_cannot_enable_what_the_policy_disables_for_all(text: str, message: str) -> None:
    key = "JOB-003" if "JOB" in text else "'RPO-00[456]'"
    with pytest.raises(PolicyError) as caught:
        load_policy(
            f"version: 1\n{text}\noverrides:\n  - match: {{object_name: a}}\n    checks: {{{key}: {{enabled: true}}}}\n"
        )
    assert caught.value.message.startswith(f"policy.yaml:{message}")


def test_an_override_may_enable_what_another_one_or_a_later_file_disables(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(
        "version: 1\noverrides:\n  - match: {object_name: L*}\n    checks: {JOB-*: {enabled: false, reason: x}}\n"
        "  - match: {object_name: L9}\n    checks: {JOB-*: {enabled: true}}\n"
    )
    (tmp_path / "top.yaml").write_text("version: 1\nextends: base.yaml\nchecks: {JOB-*: {enabled: false, reason: y}}\n")
    assert not load_policy(tmp_path / "top.yaml").use("JOB-003").enabled
