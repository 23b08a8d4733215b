"""Behaviour of the checks of users, approvals, credentials and events beyond their examples."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import pytest

from vbr_audit.checks import REGISTRY
from vbr_audit.checks.catalogue.security.approvals import account_changes_approved, requests_decided
from vbr_audit.checks.catalogue.security.credentials import credentials_fresh, linux_by_key
from vbr_audit.checks.catalogue.security.identity import built_in_groups_without_role, service_accounts_limited
from vbr_audit.checks.engine.assessment import Assessment
from vbr_audit.checks.engine.examples import run_example
from vbr_audit.checks.engine.outcome import EXAMPLE_NOW, Example, Outcome, explained, hours_ago
from vbr_audit.datasets import SPECS
from vbr_audit.tables.build.naming import marked, told, told_cells
from vbr_audit.tables.build.schema import conform

Rows = Sequence[Mapping[str, Any]]


def table(name: str, rows: Rows) -> pd.DataFrame:
    names = dict.fromkeys(key for row in rows for key in row)
    columns = {
        key: [v.isoformat() if isinstance(v := row.get(key), dt.datetime) else v for row in rows] for key in names
    }
    return conform(columns, SPECS[name])[0]


def ask(check_id: str, row: Mapping[str, Any], others: Mapping[str, Rows], **more: Any) -> Assessment:
    return run_example(REGISTRY.get(check_id), Example("PASS", row, others, **more))


def test_users_without_second_factor_are_named() -> None:
    users = [{"name": f"u{n}", "mfa_enabled": n == 0, "is_service_account": False} for n in range(7)]
    found = ask("SEC-001", {"revision": "1.3-rev2"}, {"security_settings": [{"mfa_enabled": True}], "users": users})

    assert found.result.tolist() == ["FAIL"]
    assert "u1, u2, u3, u4, u5 and 1 more" in told(found.observed[0])
    assert pd.isna(found.reason[0])


@pytest.mark.parametrize("status", ["partial", "denied", "failed"])
def test_users_that_were_not_read_leave_the_switch_open(status: str) -> None:
    tables = {"security_settings": [{"mfa_enabled": True}], "users": [{"mfa_enabled": True}]}
    found = ask("SEC-001", {"revision": "1.3-rev2"}, tables, datasets={"users": status})

    assert found.result.tolist() == ["UNKNOWN"]


def test_users_that_older_revisions_lack_leave_the_switch_to_decide() -> None:
    found = ask(
        "SEC-001",
        {"revision": "1.3-rev1"},
        {"security_settings": [{"mfa_enabled": True}]},
        datasets={"users": "denied"},
    )

    assert found.result.tolist() == ["PASS"]
    assert "does not report" in found.observed[0]


def test_switch_that_is_off_fails_whatever_the_users_say() -> None:
    tables = {"security_settings": [{"mfa_enabled": False}], "users": [{"mfa_enabled": True}]}
    for revision in ("1.3-rev1", "1.3-rev2", None, "2.0-rev0"):
        assert ask("SEC-001", {"revision": revision}, tables).result.tolist() == ["FAIL"]


def test_four_eyes_is_never_failed_for_silence() -> None:
    for events in ([], [{"state": "Info", "name": "Add user"}], [{"state": "CockpitMessage"}], [{"state": None}]):
        assert ask("SEC-002", {}, {"authorization_events": events}).result.tolist() == ["UNKNOWN"]


def test_undated_change_of_four_eyes_takes_the_proof_away() -> None:
    events = [{"state": "Pending", "created": hours_ago(3)}, {"state": "Info", "name": "Four-Eyes settings"}]
    assert ask("SEC-002", {}, {"authorization_events": events}).result.tolist() == ["UNKNOWN"]


def test_each_request_is_judged_by_its_own_state() -> None:
    events = table(
        "authorization_events",
        [
            {"state": "Approved"},
            {"state": "Pending", "created": hours_ago(24 * 8)},
            {"state": "Pending", "created": hours_ago(-72)},
            {"state": "CockpitMessage"},
            {"state": None},
        ],
    )
    outcome = requests_decided(events, now=EXAMPLE_NOW)

    assert outcome.ok.tolist()[:3] == [True, False, pd.NA]
    assert outcome.applies is not None
    assert outcome.applies.tolist() == [True, True, True, False, True]
    assert outcome.ok.isna().tolist()[4]


def test_change_by_the_same_account_in_other_spelling_is_alone() -> None:
    events = table(
        "authorization_events",
        [{"name": "Update ROLE", "state": "Approved", "created_by": r"DOM\A", "processed_by": r"dom\a"}],
    )
    assert account_changes_approved(events).ok.tolist() == [False]


@pytest.mark.parametrize(
    ("roles", "ok"),
    [
        ("", True),
        ("Veeam Tape Operator,Incident API Operator", True),
        ("Veeam Backup Administrator,Night shift", False),
        ("Night shift,Veeam Backup Viewer", pd.NA),
        (None, pd.NA),
    ],
)
def test_roles_of_service_accounts(roles: str | None, ok: Any) -> None:
    users = table("users", [{"is_service_account": True, "roles": roles}, {"roles": "Veeam Backup Viewer"}])

    assert service_accounts_limited(users).ok.tolist() == [ok, True]


@pytest.mark.parametrize("name", [r"BUILTIN\Anything", "Everyone", r"DOM\DOMAIN ADMINS", r"DOM\Domänen-Admins"])
def test_built_in_groups_fail_whatever_their_type(name: str) -> None:
    users = table("users", [{"name": name, "type": kind} for kind in ("ExternalGroup", "ExternalUser", None, "New")])

    outcome = built_in_groups_without_role(users)

    assert outcome.ok.tolist() == [False] * 4
    assert outcome.applies is not None
    assert outcome.applies.all()


def test_old_record_says_that_its_password_may_be_newer() -> None:
    rows = [{"type": "Standard", "created": hours_ago(24 * 400)}, {"type": "Standard", "created": hours_ago(1)}]
    outcome = credentials_fresh(table("credentials", rows), now=EXAMPLE_NOW)

    assert isinstance(outcome.observed, pd.Series)
    assert outcome.observed[0].endswith("; when the password was last changed is not reported")
    assert "not reported" not in outcome.observed[1]


def test_authentication_of_an_old_revision_is_not_known() -> None:
    outcome = linux_by_key(table("credentials", [{"type": "Linux"}, {"type": "Standard"}]))

    assert outcome.ok.isna().all()
    assert outcome.applies is not None
    assert outcome.applies.tolist() == [True, False]


def test_newer_answer_wins_over_the_older_one() -> None:
    options = [{"syslog_events_enabled": True, "syslog_server": "old", "syslog_protocol": "Udp"}]
    forwarding = [{"syslog_server": "new", "syslog_protocol": "Tls"}]
    tables = {"general_options": options, "event_forwarding": forwarding}

    assert ask("SEC-015", {}, tables).observed.tolist() == [f"on, to {marked('host', 'new')}"]
    assert ask("SEC-016", {}, tables).result.tolist() == ["PASS"]
    older = ask("SEC-016", {}, tables, datasets={"event_forwarding": "absent"})
    assert older.result.tolist() == ["FAIL"]


def test_rules_without_encryption_are_named() -> None:
    rules = [{"name": "LAN", "encryption_enabled": False}, {"name": "WAN", "encryption_enabled": True}]
    found = ask("SEC-014", {}, {"traffic_rules": rules})

    assert told_cells(found.observed).tolist() == ["1 of 2 rules encrypt; without encryption: LAN"]
    assert ask("SEC-014", {}, {}).observed.tolist() == ["the server has no traffic rule"]


@pytest.mark.parametrize("failure", [True, False])
@pytest.mark.parametrize("success", [True, False])
def test_mail_words(failure: bool, success: bool) -> None:
    mail = {"is_enabled": True, "email_on_failure": failure, "email_on_success": success}
    found = ask("SEC-018", {}, {"email_settings": [mail]})
    both = run_example(
        REGISTRY.get("SEC-018"), Example("PASS", {}, {"email_settings": [mail]}, params={"demand_success": True})
    )

    assert found.result.tolist() == ["PASS" if failure else "FAIL"]
    assert both.result.tolist() == ["PASS" if failure and success else "FAIL"]
    assert ("not" in both.observed[0]) == (not (failure and success))


def test_reason_stands_only_where_nothing_was_decided() -> None:
    ok = pd.Series([True, False, pd.NA, True], dtype="boolean")
    applies = pd.Series([True, True, True, False], dtype="boolean")

    outcome = explained(Outcome(ok, reason="why", applies=applies))

    assert isinstance(outcome.reason, pd.Series)
    assert outcome.reason.isna().tolist() == [True, True, False, False]


@pytest.mark.parametrize("check_id", [check.id for check in REGISTRY if check.id[:3] in ("SEC", "SCA", "MAL", "TST")])
def test_check_bears_an_empty_population(check_id: str) -> None:
    check = REGISTRY.get(check_id)
    found = run_example(check, Example("UNKNOWN", {}))

    assert "ERROR" not in found.result.tolist(), found.reason.tolist()
    assert "PASS" not in found.result.tolist()
