"""The column `credentials_ids` of `jobs`: every id that a document names, wherever its type and revision keep it."""

# ruff: noqa: E501 - a case on one line

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from vbr_audit.tables.build.schema import ZERO_GUID
from vbr_audit.tables.jobs import table as jobs

APPS = {"appAwareProcessing": {"isEnabled": True, "appSettings": []}}
CASES = [
    ("1.3-rev1", "VSphereBackup", {**APPS, "guestCredentials": {"credentials": {"credentialsId": "a"}, "credentialsPerMachine": [{"credentialsId": "b"}, {"credentialsId": "a"}]}}, {"a", "b"}),
    ("1.2-rev1", "VSphereBackup", {**APPS, "guestCredentials": {"credentialsId": "a", "credentialsPerMachine": []}}, {"a"}),
    ("1.1-rev1", "Backup", {**APPS, "guestCredentials": {"credsId": "a", "credsType": "Standard"}}, {"a"}),
    ("1.3-rev1", "LinuxAgentBackup", {**APPS, "guestCredentials": {"useProtectionGroupCredentials": True, "credentialsId": ZERO_GUID}}, set()),
    ("1.3-rev1", "VSphereBackup", {"appAwareProcessing": {"isEnabled": True, "appSettings": [{"oracle": {"credentialsId": "o"}, "postgreSQL": {"credentialsId": "p"}}]}}, {"o", "p"}),
]  # fmt: skip


def told(revision: str, **document: Any) -> Any:
    made = jobs.build_jobs([{"id": "j", "name": "J", **document}], None, server="s", revision=revision)
    assert made.notes.to_dict().get("unknown_fields") is None
    return made.jobs["credentials_ids"][0]


@pytest.mark.parametrize(("revision", "kind", "guests", "expected"), CASES)
def test_each_id_is_found_once(revision: str, kind: str, guests: dict[str, Any], expected: set[str]) -> None:
    text = told(revision, type=kind, guestProcessing=guests)
    assert sorted(text.split(",") if text else []) == sorted(expected)


def test_the_share_of_an_agent_policy_counts_too() -> None:
    storage = {"destination": {"type": "SharedFolder", "networkCredentialsId": "n"}}
    assert told("1.3-rev1", type="WindowsAgentBackupServerPolicy", guestProcessing=APPS, storage=storage) == "n"


def test_a_kind_without_guests_names_none_and_a_silent_one_is_not_known() -> None:
    assert told("1.3-rev1", type="SureBackupContentScan") == ""
    assert told("1.3-rev1", type="VSphereBackup") is pd.NA
    assert told("1.3-rev1", type="Unknown") is pd.NA
