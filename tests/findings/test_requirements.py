"""What a run has to say to the requirements of frameworks, and what a framework file may not say."""

# ruff: noqa: E501 - a case and its message on one line

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from core_checks import CORE_TEXT

from vbr_audit.checks import load_policy
from vbr_audit.config.yaml_file import YamlFile
from vbr_audit.errors import FrameworkError
from vbr_audit.findings import evaluate, load_waivers
from vbr_audit.findings.requirements import REQUIREMENT_COLUMNS, load_frameworks, read_framework, shipped_files
from vbr_audit.pipeline import audit_snapshot
from vbr_audit.reports.exports.json import findings_json

Estate = Callable[..., Any]
ALL_GOOD = {"Payroll": {}, "Lab 1": {}}
ONE_BAD = {"Payroll": {}, "Lab 1": {"encryption_enabled": False}}
ONE_OPEN = {"Payroll": {}, "Lab 1": {"encryption_enabled": None}}
WAIVER = "version: 1\nwaivers:\n  - {id: W-1, check: JOB-008, object_name: Lab*, owner: a, reason: b, expires: 2026-12-01, covers: [FAIL, UNKNOWN]}\n"


def framework(row: str) -> Any:
    text = f"version: 1\nid: own\ntitle: Own rules\nedition: '1'\nsource: us\nrequirements:\n  - {row}\n"
    return read_framework(YamlFile("own.yaml", text))


def asked(
    estate: Estate, jobs: Any, *, row: str = "", policy: str = "", waivers: str | None = None, **given: Any
) -> dict[str, Any]:
    one = framework(row or "{id: R-1, title: It is kept safe, checks: [JOB-003, JOB-008], judgement: own}")
    results = evaluate(estate(jobs, **given), load_policy(CORE_TEXT + policy), load_waivers(waivers), frameworks=[one])
    assert list(results.requirements.columns) == list(REQUIREMENT_COLUMNS)
    assert len(results.requirements) == 1
    return dict(results.requirements.iloc[0])


def test_all_that_passes_supports_it(estate: Estate) -> None:
    found = asked(estate, ALL_GOOD)
    assert found["answer"] == "supports"
    assert (found["framework"], found["edition"], found["requirement"]) == ("Own rules", "1", "R-1")
    assert (found["checks"], found["population"], found["pass"]) == ("JOB-003, JOB-008", 4, 4)
    assert found["why"] == "4 findings pass, and all that was asked was read"


@pytest.mark.parametrize(
    ("jobs", "given", "answer", "why"),
    [
        (ONE_BAD, {}, "exception", "1 finding fails"),
        (ONE_BAD, {"waivers": WAIVER}, "exception, accepted", "1 finding fails and is accepted"),
        (ONE_OPEN, {}, "insufficient evidence", "JOB-008 could not be answered for 1"),
        (ONE_OPEN, {"waivers": WAIVER}, "insufficient evidence", "JOB-008 could not be answered for 1, which is accepted"),
        ({}, {}, "insufficient evidence", "nothing was there to judge"),
        (ALL_GOOD, {"status": {"jobs": "partial"}}, "insufficient evidence", "did not see its whole population"),
        (ALL_GOOD, {"status": {"jobs": "denied"}}, "insufficient evidence", "could not be answered"),
        (ALL_GOOD, {"row": "{id: R, title: t, checks: [JOB-008, SEC-001], judgement: own}"}, "insufficient evidence", "SEC-001 is disabled by the policy"),
        ({**ONE_BAD, "Z": {"encryption_enabled": None}}, {}, "exception", "1 finding fails; JOB-008 could not be answered for 1"),
        ({**ONE_BAD, "Z": {"encryption_enabled": False}}, {"waivers": WAIVER}, "exception", "1 finding fails; 1 finding is accepted"),
    ],
)  # fmt: skip
def test_what_keeps_a_run_from_supporting_it(
    estate: Estate, jobs: Any, given: dict[str, Any], answer: str, why: str
) -> None:
    found = asked(estate, jobs, **given)
    assert found["answer"] == answer
    assert why in found["why"]


def test_objects_that_the_policy_sets_aside_leave_it_open(estate: Estate) -> None:
    override = "overrides: [{match: {object_name: Lab*}, checks: {JOB-008: {enabled: false, reason: lab}}}]\n"
    found = asked(estate, ONE_BAD, policy=override)
    assert (found["answer"], found["why"]) == ("insufficient evidence", "JOB-008 is disabled by the policy for 1")


@pytest.mark.parametrize(
    ("value", "policy", "answer"),
    [
        (1, "", "supports"),
        (2, "", "exception"),
        (1, "overrides: [{match: {object_name: x}, checks: {JOB-003: {params: {min_retries: 2}}}}]\n", "supports"),
    ],
)
def test_a_policy_may_not_be_looser_than_a_guardrail(estate: Estate, value: int, policy: str, answer: str) -> None:
    row = (
        "{id: R, title: t, checks: [JOB-003], judgement: read, "
        f"guardrails: [{{check: JOB-003, param: min_retries, op: ge, value: {value}}}]}}"
    )
    found = asked(estate, ALL_GOOD, row=row, policy=policy)
    assert found["answer"] == answer
    if answer == "exception":
        assert found["why"] == (
            "policy looser than the requirement: JOB-003 min_retries is 1 (default), must be at least 2"
        )


def test_an_override_may_not_be_looser_than_a_guardrail(estate: Estate) -> None:
    row = "{id: R, title: t, checks: [JOB-003], judgement: read, guardrails: [{check: JOB-003, param: min_retries, op: le, value: 3}]}"
    policy = "overrides: [{match: {object_name: x}, checks: {JOB-003: {params: {min_retries: 4}}}}]\n"
    found = asked(estate, ALL_GOOD, row=row, policy=policy)
    assert found["answer"] == "exception"
    assert "min_retries is 4 (policy.yaml:" in found["why"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{id: R, title: t, checks: [JBO-008], judgement: own}", "own.yaml:7: requirements[0].checks[0]: no such check: JBO-008; did you mean 'JOB-008'?"),
        ("{id: R, title: t, checks: [JOB-008, JOB-008], judgement: own}", "own.yaml:7: requirements[0].checks[1]: the check JOB-008 appears twice"),
        ("{id: R, title: t, checks: [], judgement: own}", "own.yaml:7: requirements[0].checks: must not be empty"),
        ("{id: 1.1, title: t, checks: [JOB-008], judgement: own}", "own.yaml:7: requirements[0].id: expected text (in quotes), got 1.1"),
        ("{id: R, title: t, checks: [JOB-008], judgement: guess}", "own.yaml:7: requirements[0].judgement: expected 'own' or 'read'"),
        ("{id: R, title: t, checks: [JOB-003], judgement: own, guardrails: [{check: JOB-003, param: min_retrys, op: ge, value: 1}]}", "own.yaml:7: requirements[0].guardrails[0].param: JOB-003 has no parameter min_retrys; did you mean 'min_retries'?"),
        ("{id: R, title: t, checks: [JOB-003], judgement: own, guardrails: [{check: JOB-003, param: min_retries, op: gt, value: 1}]}", "own.yaml:7: requirements[0].guardrails[0].op: expected 'ge' or 'le'"),
        ("{id: R, title: t, checks: [JOB-003], judgement: own, guardrails: [{check: JOB-008, param: x, op: ge, value: 1}]}", "own.yaml:7: requirements[0].guardrails[0].check: the text 'JOB-008' is none of the checks"),
        ("{id: R, title: t, checks: [JOB-003], judgement: own}\n  - {id: R, title: t, checks: [JOB-003], judgement: own}", "own.yaml:8: requirements[1].id: the requirement R appears twice"),
    ],
)  # fmt: skip
def test_wrong_frameworks_are_refused_with_their_line(row: str, message: str) -> None:
    with pytest.raises(FrameworkError) as caught:
        framework(row)
    assert caught.value.message.startswith(message)


def test_own_frameworks_come_after_the_shipped_ones() -> None:
    text = "version: 1\nid: {0}\ntitle: t\nedition: '1'\nsource: s\nrequirements: [{{id: R, title: t, checks: [JOB-003], judgement: own}}]\n"
    found = load_frameworks([text.format("own")])
    assert [one.id for one in found] == [*(one.id for one in load_frameworks()), "own"]
    with pytest.raises(FrameworkError, match="another framework is called cis-v8"):
        load_frameworks([text.format("cis-v8")])


@pytest.mark.parametrize("file", shipped_files(), ids=lambda file: file.name)
def test_every_shipped_framework_names_checks_and_parameters_that_exist(file: YamlFile) -> None:
    found = read_framework(file)
    assert f"{found.id}.yaml" == file.name
    assert "complian" not in file.text.lower()


def test_the_answers_are_in_the_findings_for_machines(estate: Estate) -> None:
    audit = audit_snapshot(estate(ALL_GOOD), policy=CORE_TEXT)
    document = json.loads(findings_json(audit.context))
    assert document["schema"] == 1
    rows = document["requirements"]
    assert [list(row) == list(REQUIREMENT_COLUMNS) for row in rows] == [True] * len(audit.results.requirements)
    assert {row["answer"] for row in rows} <= {"supports", "exception", "exception, accepted", "insufficient evidence"}


def test_the_points_of_nis2_are_those_of_the_adopted_regulation() -> None:
    nis2 = next(one for one in load_frameworks() if one.id == "nis2-2024-2690")
    assert "2024/2690" in nis2.title
    assert "draft" not in f"{nis2.edition} {nis2.source}"
    points = {one.id: one for one in nis2.requirements}
    assert {"4.2.1", "4.2.2(c)", "4.2.3", "4.2.6", "6.9.1", "9.1", "11.7.1"} <= set(points)
    assert points["4.2.3"].checks[0] == "JOB-012"
    read = {one.id for one in nis2.requirements if one.judgement == "read"}
    assert read == {name for name in points if name.startswith("4.2.")}
