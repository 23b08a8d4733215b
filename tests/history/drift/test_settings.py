"""The settings of a run, made of its snapshot."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from small_server import SmallServer, audited

from vbr_audit.checks.drift.directions import rule_of
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.datasets import SPECS
from vbr_audit.histories.drift.settings import settings_of, settings_of_run, settings_read_of
from vbr_audit.tables.build.schema import conform


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    vbr = SmallServer("1.3-rev1", now="2026-11-01T06:00:00+01:00")
    vbr.add_job("Nightly")
    return audited(vbr, month="2026-10", timezone="Europe/Berlin").snapshot


def _with(snapshot: Snapshot, **tables: list[dict[str, Any]]) -> Snapshot:
    frames = {
        name: conform(
            {key: [row.get(key) for row in rows] for key in dict.fromkeys(k for r in rows for k in r)}, SPECS[name]
        )[0]
        for name, rows in tables.items()
    }
    server = snapshot.manifest.servers[0].name
    given = {
        name: frame.assign(server=conform({"server": [server] * len(frame)}, SPECS[name])[0]["server"])
        for name, frame in frames.items()
    }
    return Snapshot(snapshot.manifest, {**snapshot.tables, **given})


def _values(snapshot: Snapshot, kind: str) -> dict[tuple[Any, str], Any]:
    frame = settings_of(snapshot)
    frame = frame[(frame["object_type"] == kind) & frame["value"].notna()]
    return {(row.object_name, row.control): orjson.loads(row.value) for row in frame.itertuples()}


def test_every_job_has_every_setting(snapshot: Snapshot) -> None:
    frame = settings_of(snapshot)
    jobs = frame[frame["object_type"] == "job"]
    assert set(jobs["object_name"]) == {"Nightly"}
    assert set(snapshot.job_settings["control"]) < set(jobs["control"])
    assert set(jobs["server_id"]) == {snapshot.manifest.servers[0].vbr_id or snapshot.manifest.servers[0].name}
    assert set(jobs["revision"]) == {"1.3-rev1"}
    assert not jobs["control"].duplicated().any()


def test_every_setting_is_known(snapshot: Snapshot) -> None:
    frame = settings_of(snapshot)
    assert [pair for pair in zip(frame["object_type"], frame["control"], strict=True) if rule_of(*pair) is None] == []


def test_how_far_each_kind_was_read_is_kept(snapshot: Snapshot) -> None:
    read = settings_read_of(snapshot).set_index("object_type")["status"]
    assert read["job"] == "complete"
    assert read["malware detection"] == "absent"
    assert set(settings_of(snapshot)["object_type"]) <= set(read.index)


def test_a_run_of_some_jobs_is_narrowed(snapshot: Snapshot) -> None:
    manifest = snapshot.manifest.model_copy(deep=True)
    manifest.run.jobs_pattern = "Night*"
    read = settings_read_of(Snapshot(manifest, snapshot.tables)).set_index("object_type")["status"]
    assert read["job"] == "narrowed"


def test_a_zero_id_is_none(snapshot: Snapshot) -> None:
    settings = snapshot.job_settings
    zero = settings.assign(
        value=settings["value"].mask(settings["control"] == "kms_server_id", '"00000000-0000-0000-0000-000000000000"')
    )
    tables = {**snapshot.tables, "job_settings": zero}
    assert _values(Snapshot(snapshot.manifest, tables), "job")["Nightly", "kms_server_id"] is None


def test_older_revisions_keep_mail_elsewhere(snapshot: Snapshot) -> None:
    mixed = _with(
        snapshot,
        general_options=[
            {"email_enabled": True, "email_on_failure": True, "smtp_server": "old", "syslog_server": "siem"}
        ],
        email_settings=[{"is_enabled": False, "recipients": "b@x; a@x"}],
        event_forwarding=[],
    )
    values = _values(mixed, "email settings")
    assert values["email settings", "is_enabled"] is False
    assert values["email settings", "email_on_failure"] is True
    assert values["email settings", "recipients"] == ["a@x", "b@x"]
    assert _values(mixed, "event forwarding")["event forwarding", "syslog_server"] == "siem"


def test_no_syslog_server_is_none_where_all_was_read(snapshot: Snapshot) -> None:
    bare = _with(snapshot, general_options=[{"snmp_events_enabled": True}], event_forwarding=[{"snmp_servers": 1}])
    key = ("event forwarding", "syslog_server")
    manifest = snapshot.manifest.model_copy(deep=True)
    for status in ("complete", "partial"):
        for name in ("event_forwarding", "general_options"):
            record = manifest.dataset(manifest.servers[0].name, name)
            assert record is not None
            record.status = type(record.status)(status)
        assert (key in _values(Snapshot(manifest, bare.tables), "event forwarding")) == (status == "complete")


def test_roles_are_items_of_their_accounts(snapshot: Snapshot) -> None:
    roles = [{"user_id": "u1", "name": "x", "roles": "Viewer,Operator"}, {"user_id": "u2", "name": "y", "roles": ""}]
    listed = _values(_with(snapshot, users=roles), "users")["users", "roles_of_accounts"]
    assert listed == ["x: Operator", "x: Viewer", "y: "]
    unknown = [*roles, {"user_id": "u3", "name": "z", "roles": None}]
    assert _values(_with(snapshot, users=unknown), "users") == {}


def test_a_list_that_was_not_read_whole_is_not_known(snapshot: Snapshot) -> None:
    manifest = snapshot.manifest.model_copy(deep=True)
    record = manifest.dataset(manifest.servers[0].name, "global_exclusions")
    assert record is not None
    excluded = _with(snapshot, global_exclusions=[{"exclusion_id": "e1", "name": "vm1"}])
    assert _values(excluded, "global exclusions")["global exclusions", "excluded_machines"] == ["vm1"]
    record.status = type(record.status)("partial")
    assert _values(Snapshot(manifest, excluded.tables), "global exclusions") == {}


_IMMUTABLE = {"immutability_enabled": True, "immutability_days": 14}


def test_what_immutability_a_repository_has(snapshot: Snapshot) -> None:
    rows = [
        {"repository_id": "r1", "name": "hard", **_IMMUTABLE, "immutability_supported": True},
        {"repository_id": "r2", "name": "share", "immutability_enabled": False, "immutability_supported": False},
        {"repository_id": "r3", "name": "vague"},
    ]  # fmt: skip
    frame = settings_of(_with(snapshot, repositories=rows))
    frame = frame[
        (frame["object_type"] == "repository") & frame["control"].isin(["immutability_enabled", "immutability_days"])
    ]
    shown = frame[["object_name", "control", "value", "supported"]].astype(object)
    assert shown.where(shown.notna(), None).to_numpy().tolist() == [
        ["hard", "immutability_enabled", "true", True],
        ["hard", "immutability_days", "14", True],
        ["share", "immutability_enabled", "false", True],
        ["share", "immutability_days", None, False],
        ["vague", "immutability_enabled", None, None],
        ["vague", "immutability_days", None, None],
    ]


def test_the_extents_of_a_scale_out_repository_are_a_list(snapshot: Snapshot) -> None:
    named = _with(
        snapshot,
        scale_out_repositories=[{"scale_out_repository_id": "s1", "name": "pool"}],
        scale_out_extents=[
            {"scale_out_repository_id": "s1", "tier": "Performance", "repository_id": each} for each in ("r2", "r1")
        ],
    )
    values = _values(named, "scale-out repository")
    assert values["pool", "performance_extents"] == ["r1", "r2"]
    assert values["pool", "capacity_extents"] == []


def test_a_run_with_masked_accounts_says_so(snapshot: Snapshot) -> None:
    assert not settings_of_run(snapshot).hides_accounts
    assert settings_of_run(snapshot).now == snapshot.now
