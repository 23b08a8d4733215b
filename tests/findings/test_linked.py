"""Items of Veeam's analyzer that a check answers too: evidence of their own, and one cause with the check."""

from __future__ import annotations

from typing import Any

import pytest
from small_server import SmallServer, audited, finding

from vbr_audit.checks.catalogue import REGISTRY
from vbr_audit.checks.catalogue.analyzer.analyzer import ALSO_ANSWERED
from vbr_audit.findings.evaluation import answered_by

MFA = "MFA for the backup console should be enabled"
RDP = "Remote Desktop Services (TermService) should be disabled"


def judged(items: dict[str, str], *, mfa: bool | None = False, **judged_by: Any) -> Any:
    vbr = SmallServer()
    if mfa is not None:
        vbr.objects["security/settings"] = {"mfaEnabled": mfa}
    for name, status in items.items():
        vbr.add("securityAnalyzer/bestPractices", {"id": name, "bestPractice": name, "status": status, "note": ""})
    return audited(vbr, only="SEC SCA", **judged_by)


def test_an_item_that_a_check_answers_too_shares_its_cause() -> None:
    audit = judged({MFA: "Violation", RDP: "Violation"})

    item, check = finding(audit, "SCA-001", MFA), finding(audit, "SEC-001")
    assert (item["status"], check["status"]) == ("FAIL", "FAIL")
    assert item["cause"] == check["cause"]
    assert item["reason"] == "SEC-001 fails for the same; counted there as one cause"
    causes = audit.causes.set_index("check_id")
    assert causes.loc["SEC-001", ["findings", "severity"]].tolist() == [2, "critical"]
    assert causes.loc["SCA-001", "object_names"] == RDP


@pytest.mark.parametrize("mfa", [True, None])
def test_an_item_whose_check_does_not_fail_stands_alone(mfa: bool | None) -> None:
    audit = judged({MFA: "Violation"}, mfa=mfa)

    item, check = finding(audit, "SCA-001", MFA), finding(audit, "SEC-001")
    assert (item["status"], check["status"]) == ("FAIL", "PASS" if mfa else "UNKNOWN")
    assert item["cause"] != check["cause"]
    assert audit.causes["check_id"].tolist().count("SCA-001") == 1


def test_an_item_stays_where_the_check_is_waived() -> None:
    waiver = "{id: W-1, check: SEC-001, object_name: vbr01, owner: a, reason: b, expires: 2026-12-01}"
    audit = judged({MFA: "Violation"}, waivers=f"version: 1\nwaivers:\n  - {waiver}\n")

    assert finding(audit, "SEC-001")["status"] == "WAIVED"
    assert finding(audit, "SCA-001", MFA)["status"] == "FAIL"
    assert "SCA-001" in audit.causes["check_id"].tolist()


@pytest.mark.parametrize(
    ("item", "checks"),
    [
        ("Immutable or offline (air gapped) media should be used", ("CPY-004",)),
        ("All backups should have at least one copy (the 3-2-1 backup rule)", ("CPY-001",)),
        ("Email notifications should be enabled", ("SEC-018",)),
        ("Reverse incremental backup mode is deprecated and should be avoided", ("JOB-014",)),
        ("Unknown Linux servers should not be trusted automatically", ("SEC-020",)),
        ("The configuration backup must not be stored on the backup server", ("CFG-004",)),
        ("Configuration backup should be enabled and use encryption", ("CFG-001", "CFG-002")),
        ("Host to proxy traffic encryption should be enabled for the Network transport mode", ("PRX-003",)),
        ("Hardened repositories should not be hosted in virtual machines", ("IMM-005",)),
        ("Hardened repositories should have the SSH Server disabled", ("IMM-005",)),
        ("Network traffic encryption should be enabled in the backup network", ("SEC-014",)),
        ("Linux servers should have password-based authentication disabled", ("SEC-011",)),
        ("Credentials and encryption passwords should be rotated at least annually", ("SEC-010", "SEC-009", "SEC-008")),
        ("S3 Object Lock in the Governance mode does not provide true immutability", ("IMM-004",)),
        ("Backup jobs to cloud repositories should use encryption", ("JOB-009",)),
        ("Latest product updates should be installed", ("SRV-003", "SRV-002")),
        ("Password loss protection should be enabled", ()),
        ("Backup server should not be a part of the production domain", ()),
        (RDP, ()),
        ("An item that is new", ()),
    ],
)
def test_items_are_known_by_their_words(item: str, checks: tuple[str, ...]) -> None:
    assert answered_by(item) == checks


def test_the_checks_that_answer_items_exist() -> None:
    known = {check.id for check in REGISTRY.all()}
    assert {check for _, checks in ALSO_ANSWERED for check in checks} <= known
