"""Keys below the top level that no revision lists are counted, in every table; those of the simulator are all known."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest
from specification_facts import REVISIONS, schemas_of

from vbr_audit.datasets import BUILDERS
from vbr_audit.tables.build.notes import Notes
from vbr_audit.tables.build.paged import count_unknown_below, nested_keys
from vbr_audit.tables.jobs import table as jobs


def unknown_of(table: str, *rows: dict[str, Any]) -> dict[str, int]:
    builder = BUILDERS[table]("vbr01", None)
    builder.add(list(rows))
    return dict(builder.finish().notes.unknown_fields)


def test_a_new_key_below_the_top_level_is_counted_with_its_path() -> None:
    new = {"id": "1", "result": {"result": "Success", "newWord": 1}, "progress": {"readSize": 1}}
    assert unknown_of("sessions", new, new | {"id": "2"}, {"id": "3", "result": None}) == {"result.newWord": 2}
    point = {"id": "1", "repository": {"advancedSettings": {"perVmBackup": True, "news": {"deeper": 1}}}}
    assert unknown_of("repositories", point) == {"repository.advancedSettings.news": 1}


def test_a_new_key_in_the_entries_of_a_list_is_counted() -> None:
    row = {"id": "1", "performanceTier": {"performanceExtents": [{"id": "2", "news": 1}, {"id": "3"}]}}
    assert unknown_of("scale_out_repositories", row) == {"performanceTier.performanceExtents[].news": 1}


def test_a_new_key_in_a_job_is_counted() -> None:
    job = {"id": "1", "name": "A", "type": "VSphereBackup", "storage": {"gfsPolicy": {"isEnabled": False, "news": 1}}}
    notes = jobs.build_jobs([job], None, server="vbr01", revision="1.3-rev1", server_revision="1.3-rev1").notes
    assert dict(notes.unknown_fields) == {"storage.gfsPolicy.news": 1}


def test_depth_and_number_of_unknown_keys_are_bounded() -> None:
    deep: Any = {"a": 1}
    for _ in range(500):
        deep = {"schedule": deep}
    many = {f"k{number}": number for number in range(5000)}
    notes = Notes()
    count_unknown_below({"schedule": [deep, many]}, notes)
    assert len(notes.unknown_fields) <= 201
    assert sum(notes.unknown_fields.values()) == 5000


def test_the_look_below_is_cheap() -> None:
    row = {"result": {"result": "Success", "message": "", "isCanceled": False}, "progress": {"readSize": 1}}
    columns = {key: [row[key]] * 180_000 for key in row}
    begun = time.process_time()
    count_unknown_below(columns, Notes())
    assert time.process_time() - begun < 1


@pytest.mark.parametrize("revision", REVISIONS)
def test_the_keys_of_the_settings_of_jobs_are_known(revision: str) -> None:
    schemas = schemas_of(revision)
    holders, known = nested_keys()
    for name in ("BackupScheduleModel", "ScheduleDailyModel", "ScheduleRetryModel", "SessionResultModel"):
        properties = schemas[name].get("properties", {})
        assert set(properties) <= known, name
        nested = {key for key, told in properties.items() if "$ref" in told and "properties" in _of(told, schemas)}
        assert nested <= holders, name


def _of(told: dict[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = schemas[told["$ref"]]
    return found


def test_the_older_spellings_of_the_first_revision_are_read() -> None:
    """1.1-rev0 writes `policyTag` and `tag` where later revisions write `policyUniqueId` and `uniqueId`."""
    for table, key, column in (("backups", "policyTag", "policy_unique_id"), ("credentials", "tag", "unique_id")):
        builder = BUILDERS[table]("vbr01", None)
        builder.add([{"id": "1", key: "p"}])
        made = builder.finish()
        assert made.frame[column].tolist() == ["p"]
        assert not made.notes.unknown_fields
    assert unknown_of("repositories", {"id": "1", "tag": "r"}) == {}
