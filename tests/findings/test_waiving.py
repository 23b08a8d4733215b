"""`audit.waive`: entries that accept the selected findings and no other, in a file that `va.audit` takes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from core_checks import CORE_TEXT

import vbr_audit as va
from vbr_audit.errors import ConfigurationError, WaiverError
from vbr_audit.findings import load_waivers

Estate = Callable[..., Any]
TODAY = dt.datetime.now(dt.UTC).date()
SOON = TODAY + dt.timedelta(days=90)
OPEN = {"encryption_enabled": False}
WORDS = {"owner": "Backup team", "reason": "moves: to 'new' storage # soon", "expires": SOON}


@pytest.fixture(scope="module")
def audit(estate: Estate) -> va.Audit:
    return va.audit(estate({"Lab [1]": OPEN, "Payroll": OPEN, "Odd": {"encryption_enabled": None}}), policy=CORE_TEXT)


def chosen(audit: va.Audit, name: str = "Lab [1]") -> pd.DataFrame:
    findings = audit.findings
    return findings[findings["check_id"].eq("JOB-008") & findings["object_name"].eq(name)]


def statuses(audit: va.Audit) -> dict[str, str]:
    rows = audit.findings[audit.findings["check_id"].eq("JOB-008")]
    return dict(zip(rows["object_name"], rows["status"], strict=True))


def test_the_entries_accept_what_was_selected_and_nothing_else(audit: va.Audit) -> None:
    text = audit.waive(chosen(audit), **WORDS, ticket="CHG-1", approved_by="K. Wolff")
    again = va.audit(audit.snapshot, policy=CORE_TEXT, waivers=text)
    assert statuses(again) == {"Lab [1]": "WAIVED", "Payroll": "FAIL", "Odd": "UNKNOWN"}
    changed = again.findings["status"].eq("WAIVED").sum()
    assert changed == 1
    (made,) = load_waivers(text).waivers
    assert (made.owner, made.reason, made.expires) == (WORDS["owner"], WORDS["reason"], SOON)
    assert (made.ticket, made.approved_by, made.created) == ("CHG-1", "K. Wolff", TODAY)


def test_what_has_no_answer_is_accepted_as_that(audit: va.Audit) -> None:
    text = audit.waive(chosen(audit, "Odd"), **WORDS)
    (made,) = load_waivers(text).waivers
    assert made.covers == ("UNKNOWN",)
    assert statuses(va.audit(audit.snapshot, policy=CORE_TEXT, waivers=text))["Odd"] == "WAIVED"


def test_an_object_without_an_id_is_named_and_its_name_is_no_pattern(audit: va.Audit) -> None:
    nameless = chosen(audit).assign(object_id=pd.NA)
    (made,) = load_waivers(audit.waive(nameless, **WORDS)).waivers
    assert made.object_id is None
    assert made.fits(made.server, "JOB-008", None, "Lab [1]")
    assert not made.fits(made.server, "JOB-008", None, "Lab 1")


def test_ids_are_not_those_of_waivers_in_force(audit: va.Audit) -> None:
    first = audit.waive(chosen(audit), **WORDS)
    over = first.replace(str(SOON), "2026-01-31").replace(f"created: {TODAY}", "created: 2026-01-01")
    again = va.audit(audit.snapshot, policy=CORE_TEXT, waivers=over)
    second = again.waive(chosen(again), **WORDS)
    ids = [load_waivers(text).waivers[0].id for text in (first, second)]
    assert ids[1] == f"{ids[0]}-2"


def test_a_file_that_exists_is_never_written_over(audit: va.Audit, tmp_path: Path) -> None:
    path = tmp_path / "new.yaml"
    text = audit.waive(chosen(audit), **WORDS, path=path)
    assert path.read_text("utf-8") == text
    path.write_text("my own words", "utf-8")
    with pytest.raises(ConfigurationError, match="the file exists"):
        audit.waive(chosen(audit), **WORDS, path=path)
    assert path.read_text("utf-8") == "my own words"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"owner": " "}, "owner"),
        ({"reason": ""}, "reason"),
        ({"expires": "31.01.2027"}, "expires: expected a date such as"),
        ({"expires": TODAY - dt.timedelta(days=1)}, "before it was created"),
        ({"expires": TODAY + dt.timedelta(days=367)}, "more than 366 days"),
    ],
)
def test_words_that_a_waiver_file_refuses_are_refused_here(
    audit: va.Audit, words: dict[str, Any], message: str
) -> None:
    with pytest.raises(WaiverError, match=message):
        audit.waive(chosen(audit), **WORDS | words)


def test_a_waiver_beyond_the_horizon_of_the_policy_is_refused(audit: va.Audit) -> None:
    strict = va.audit(audit.snapshot, policy=CORE_TEXT + "waiver_horizon_days: 30\n")
    with pytest.raises(WaiverError, match="more than 30 days away"):
        strict.waive(chosen(strict), **WORDS)


def test_only_what_is_open_can_be_waived(audit: va.Audit) -> None:
    findings = audit.findings
    with pytest.raises(WaiverError, match="a finding that is PASS cannot be waived"):
        audit.waive(findings[findings["status"].eq("PASS")].head(1), **WORDS)
    with pytest.raises(WaiverError, match="no finding to waive"):
        audit.waive(findings.head(0), **WORDS)
    with pytest.raises(ConfigurationError, match="no column finding_id"):
        audit.waive(audit.causes, **WORDS)
