"""Gaps and limits are facts: what is made of them does not hang on how a sentence begins."""

from __future__ import annotations

from collections.abc import Callable

from core_checks import core_policy

from vbr_audit.checks.policy.policy import load_policy
from vbr_audit.checks.run import run_checks
from vbr_audit.collection.manifest import ServerRecord
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.findings import evaluate
from vbr_audit.findings.gaps import Gap, GapKind, Limit, LimitKind

Estate = Callable[..., Snapshot]


def test_a_gap_is_one_sentence() -> None:
    assert str(Gap(GapKind.NOT_COLLECTED, "vbr01", "jobs")) == "jobs of vbr01 was not collected."
    assert str(Gap(GapKind.NOT_WHOLE, "vbr01", "jobs", "denied", "403")) == "jobs of vbr01: denied (403)."
    assert str(Gap(GapKind.BROKEN, reason="ACME-001 broke on vbr01: KeyError")) == "ACME-001 broke on vbr01: KeyError."
    assert str(Gap(GapKind.EMPTY_SCOPE, reason="Pay*")) == "No job has a name that fits 'Pay*': the scope is empty."


def test_a_limit_is_one_sentence() -> None:
    assert str(Limit(LimitKind.DISABLED, subject="JOB-001", reason="not ours")) == (
        "JOB-001 is disabled by the policy: not ours"
    )
    assert str(Limit(LimitKind.NOT_WHOLE, "vbr01", "users", "absent")) == "users of vbr01: absent."


def test_a_gap_of_a_dataset_names_server_dataset_and_status(estate: Estate) -> None:
    (gap,) = evaluate(estate(status={"sessions": "denied"}), core_policy()).gaps
    assert (gap.kind, gap.server, gap.dataset, gap.status) == (GapKind.NOT_WHOLE, "vbr01", "sessions", "denied")


def test_objects_for_which_the_policy_disables_a_check_are_counted_by_it(estate: Estate) -> None:
    snapshot = estate()
    name = snapshot.jobs["name"].iloc[0]
    text = (
        "version: 1\noverrides:\n"
        f'  - {{match: {{object_name: "{name}"}}, checks: {{JOB-001: {{enabled: false, reason: "a lab"}}}}}}\n'
    )
    run = run_checks(snapshot, load_policy(text))
    assert {check: number for check, number in run.set_aside.items() if number} == {"JOB-001": 1}


def test_a_manifest_of_an_older_run_tells_an_unverified_certificate() -> None:
    old = {
        "name": "vbr01",
        "url": "https://vbr01.example:9419",
        "revision": "1.3-rev1",
        "revision_newest": "1.3-rev1",
        "account": "auditor",
    }
    assert not ServerRecord.model_validate(old | {"tls": "NOT VERIFIED (--insecure)"}).verified
    assert ServerRecord.model_validate(old | {"tls": "system certificate store"}).verified
    assert not ServerRecord.model_validate(old | {"tls": "in other words", "verified": False}).verified
