"""Which datasets the checks need: today's behaviour for the checks of today, and the rule for any other."""

from __future__ import annotations

import pytest
from core_checks import core_policy

from vbr_audit.checks import load_policy
from vbr_audit.checks.catalogue import REGISTRY
from vbr_audit.checks.engine.registry import Check
from vbr_audit.checks.policy.needs import (
    checks_by_dataset,
    datasets_behind,
    datasets_to_read,
    needed_datasets,
    prospects,
)
from vbr_audit.collection.survey import Probe, Reach, Survey
from vbr_audit.datasets import BASIC, DATASETS

ONLY = "version: 1\nchecks:\n  '*': {{enabled: false, reason: not asked}}\n  {check}: {{enabled: true}}\n"


def survey_of(**reaches: Reach) -> Survey:
    """A survey in which every dataset is readable but for `reaches`."""
    probes = tuple(
        Probe(name, dataset.title, dataset.path, "1.1-rev0", reaches.get(name, Reach.READABLE))
        for name, dataset in DATASETS.items()
    )
    return Survey(
        server="vbr01",
        url="https://vbr01:9419",
        host="vbr01",
        port=9419,
        tls="system certificate store",
        certificate=None,
        account="auditor",
        revision="1.3-rev1",
        revision_newest="1.3-rev1",
        revisions_offered=("1.3-rev1",),
        build=None,
        build_reason=None,
        clock_skew_s=None,
        probes=probes,
    )


@pytest.mark.parametrize("check", REGISTRY.all(), ids=lambda check: check.id)
def test_a_check_has_all_datasets_that_it_declares(check: Check) -> None:
    behind = datasets_behind(check)
    assert set(behind) >= check.datasets
    assert set(behind) - check.datasets <= {"job_states"}
    assert list(behind) == [name for name in DATASETS if name in behind]


def test_a_policy_needs_what_its_enabled_checks_need() -> None:
    def needs(check: str) -> frozenset[str]:
        return needed_datasets(load_policy(ONLY.format(check=check)).uses)

    assert needs("EVD-003") == {"session_history"}
    assert needs("JOB-003") == {"jobs", "job_states"}
    assert needs("EVD-001") == frozenset()


def test_what_every_report_shows_is_read_whatever_the_checks_need() -> None:
    assert datasets_to_read(load_policy(ONLY.format(check="EVD-001"))) == BASIC
    assert set(datasets_to_read(core_policy())) >= {*BASIC, *needed_datasets(core_policy().uses)}


def test_every_dataset_is_told_with_its_checks() -> None:
    found = checks_by_dataset(core_policy().uses)
    assert list(found) == list(DATASETS)
    assert "JOB-003" in found["jobs"]
    assert "EVD-003" in found["session_history"]
    assert checks_by_dataset(load_policy(ONLY.format(check="EVD-003")).uses)["jobs"] == ()


def test_a_check_without_its_dataset_cannot_be_answered() -> None:
    policy = core_policy()
    assert {found.answer for found in prospects(policy, survey_of())} == {"yes"}
    by_id = {found.check_id: found for found in prospects(policy, survey_of(session_history=Reach.DENIED))}
    assert (by_id["EVD-003"].answer, by_id["EVD-003"].missing) == ("no", ("session_history",))
    assert by_id["JOB-003"].answer == "yes"


def test_jobs_without_their_states_are_answered_in_part() -> None:
    told = {found.check_id: found for found in prospects(core_policy(), survey_of(job_states=Reach.FAILED))}
    assert (told["JOB-003"].answer, told["JOB-003"].missing) == ("in part", ("job_states",))
    lost = {found.check_id: found.answer for found in prospects(core_policy(), survey_of(jobs=Reach.FAILED))}
    assert lost["JOB-003"] == "no"


def test_a_disabled_check_has_no_prospect() -> None:
    told = prospects(load_policy(ONLY.format(check="JOB-003")), survey_of())
    assert [found.check_id for found in told] == ["JOB-003"]
