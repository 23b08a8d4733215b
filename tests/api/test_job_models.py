"""The models of the documented job types: readable names, and nothing lost of what was received."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from specification_facts import job_answers

from vbr_audit.api.job_operations import models as job_models
from vbr_audit.api.job_operations.models import MODELS, BackupJob, CloudDirectorBackupJob, Job, ReplicaJob, as_model
from vbr_audit.errors import ConfigurationError
from vbr_audit.revisions import KNOWN, canonical_job_type, job_type_name, key_name, state_word, stop_key
from vbr_audit.simulator import create_app

SMALL: dict[str, Any] = {
    "type": "Backup",
    "name": "a",
    "description": "",
    "virtualMachines": {"includes": []},
}


def documents(revision: str) -> list[dict[str, Any]]:
    app = create_app(jobs=45, sessions=5, revision=revision)
    return app.config["simulator"].truth(revision).jobs


@pytest.mark.parametrize("revision", KNOWN)
def test_a_document_comes_back_as_it_was_received(revision: str) -> None:
    kinds = set()
    for document in documents(revision):
        model = as_model(document)
        if isinstance(model, Job):
            kinds.add(type(model))
            assert json.dumps(model.document()) == json.dumps(document)
            assert model.id == document["id"]
            assert model.is_disabled is document["isDisabled"]
        else:
            assert model == document
            assert canonical_job_type(document["type"]) not in MODELS
    assert kinds == ({BackupJob} if revision == "1.1-rev0" else {BackupJob, CloudDirectorBackupJob, ReplicaJob})


def test_the_samples_of_the_reference_text() -> None:
    answers = [each["data"] if isinstance(each.get("data"), list) else [each] for each in job_answers()]
    rows = [row for page in answers for row in page if "virtualMachines" in row]
    assert len(rows) >= 5
    for row in rows:
        model = as_model(row)
        assert isinstance(model, BackupJob)
        assert json.dumps(model.document()) == json.dumps(row)
        assert model.storage is not None
        assert model.storage.retention_policy is not None
        assert model.storage.retention_policy.quantity == row["storage"]["retentionPolicy"]["quantity"]
        advanced = model.storage.advanced_settings
        assert advanced is not None
        assert advanced.synthetic_fulls is not None
        assert advanced.synthetic_fulls.is_enabled is row["storage"]["advancedSettings"]["synthenticFulls"]["isEnabled"]


@pytest.mark.parametrize("revision", KNOWN)
def test_settings_are_read_by_one_name_whatever_their_spelling(revision: str) -> None:
    document = next(row for row in documents(revision) if row["name"] == "Exchange DAG")
    model = as_model(document)
    assert isinstance(model, BackupJob)
    assert model.storage is not None
    advanced = model.storage.advanced_settings
    assert advanced is not None
    assert advanced.synthetic_fulls is not None
    assert advanced.synthetic_fulls.is_enabled is True
    assert advanced.full_backup_maintenance is not None
    assert advanced.full_backup_maintenance.remove_data is not None
    assert advanced.full_backup_maintenance.remove_data.after_days == 30
    assert advanced.active_fulls is not None
    assert advanced.active_fulls.monthly is not None
    assert advanced.active_fulls.monthly.day_of_month == 1
    assert advanced.storage_data is not None
    assert advanced.storage_data.inline_data_dedup_enabled is True
    assert advanced.storage_data.encryption is not None
    assert advanced.storage_data.encryption.encryption_password_id
    assert model.storage.backup_proxies is not None
    assert model.storage.backup_proxies.auto_select_enabled is True


def test_a_changed_setting_keeps_spelling_order_and_neighbours() -> None:
    document = SMALL | {
        "storage": {
            "backupRepositoryId": "x",
            "future": [1],
            "advancedSettings": {"synthenticFulls": {"days": ["monday"], "isEnabled": True, "odd": {"b": 1, "a": 2}}},
        }
    }
    model = as_model(document)
    assert isinstance(model, BackupJob)
    assert model.storage is not None
    assert model.storage.advanced_settings is not None
    assert model.storage.advanced_settings.synthetic_fulls is not None
    model.storage.advanced_settings.synthetic_fulls.is_enabled = False
    expected = json.loads(json.dumps(document))
    expected["storage"]["advancedSettings"]["synthenticFulls"]["isEnabled"] = False
    assert json.dumps(model.document()) == json.dumps(expected)


@pytest.mark.parametrize(
    ("revision", "key", "day"),
    [
        ("1.2-rev1", "synthenticFulls", "dayOfMonths"),
        ("1.3-rev1", "synthenticFulls", "dayOfMonth"),
        ("1.3-rev2", "syntheticFulls", "dayOfMonth"),
    ],
)
def test_what_was_made_by_name_is_spelt_as_the_revision_does(revision: str, key: str, day: str) -> None:
    fulls = job_models.Tending(is_enabled=True, monthly=job_models.TendingMonth(day_of_month=1))
    part = job_models.AdvancedSettings(synthetic_fulls=fulls)
    assert part.document(revision) == {key: {"isEnabled": True, "monthly": {day: 1}}}
    assert job_models.MonthlyTime(day_of_month=1).document(revision) == {"dayOfMonth": 1}


def test_both_spellings_at_once_are_kept() -> None:
    received = {"autoSelection": True, "autoSelectEnabled": False, "proxyIds": []}
    proxies = job_models.Proxies.model_validate(received)
    assert proxies.auto_select_enabled is False
    assert json.dumps(proxies.document()) == json.dumps(received)


unknown = st.dictionaries(
    st.text("abcXYZ_-.$ é", max_size=6).map("x{}".format), st.none() | st.integers() | st.lists(st.text()), max_size=4
)


@given(top=unknown, deep=unknown)
def test_unknown_keys_survive(top: dict[str, Any], deep: dict[str, Any]) -> None:
    document = top | SMALL | {"schedule": deep | {"retry": {"retryCount": 3} | deep}}
    model = as_model(document)
    assert isinstance(model, Job)
    assert json.dumps(model.document()) == json.dumps(document)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"type": None}, "has no type"),
        ({"type": 7}, "has no type"),
        ({"isDisabled": "no"}, "isDisabled: input should be a valid boolean"),
        ({"virtualMachines": None}, "virtualMachines: must be a JSON object"),
        ({"schedule": {"retry": {"retryCount": "3"}}}, r"schedule\.retry\.retryCount: input should be a valid integer"),
    ],
)
def test_what_is_no_job_is_named_without_its_content(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        as_model(SMALL | change)


def test_a_model_shows_nothing_of_its_content() -> None:
    model = as_model(SMALL | {"name": "canary", "future": "canary"})
    assert "canary" not in f"{model!r} {model}"


def test_every_model_is_reached_by_the_name_of_its_type() -> None:
    for name, model in MODELS.items():
        for revision in KNOWN:
            assert canonical_job_type(job_type_name(name, revision)) == name
        assert issubclass(model, job_models.Job)
    assert job_type_name("VSphereReplica", "1.1-rev1") == "vSphereReplica"
    assert job_type_name("vSphereReplica", "1.1-rev2") == "VSphereReplica"
    assert job_type_name("Backup", "1.3-rev0") == "VSphereBackup"
    assert job_type_name("VSphereBackup", "1.2-rev1") == "Backup"
    assert job_type_name("HyperVBackup", "1.1-rev1") == "HyperVBackup"


def test_what_revisions_call_the_same_thing() -> None:
    assert [stop_key(revision) for revision in KNOWN].index("gracefulStop") == KNOWN.index("1.1-rev2")
    assert [state_word("cloudVm", each) for each in ("1.3-rev0", "1.3-rev1")] == ["cloudVm", "CloudVm"]
    assert key_name("notRenamed", "1.1-rev0") == "notRenamed"
    assert key_name("encryptionPasswordId", "1.1-rev0") == "encryptionPasswordIdOrNull"
