"""Protected objects: which rows are one object, which restore points are its own, and what its copies are worth."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vbr_audit.checks import derived, load_policy
from vbr_audit.checks.derived.protection import DIGITS, SHOWN, SPEC, TABLE
from vbr_audit.checks.derived.protection_gaps import gaps_of
from vbr_audit.checks.engine.views import Reading, ServerView
from vbr_audit.checks.run import judge_with
from vbr_audit.checks.site import Site, load_site
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.datasets import DATASETS, SPECS
from vbr_audit.tables.build.schema import conform, empty

NOW = dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC)
SINCE = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
CREATED = "2025-01-01T00:00:00+00:00"
SOURCES = (*TABLE.sources, *TABLE.also, "scale_out_extents")
SITE = load_site("version: 1\nrepositories: [{match: Cellar, tags: [onsite]}]\n")

Rows = Sequence[Mapping[str, Any]]
Tables = Mapping[str, Rows]


def ago(hours: float) -> str:
    return (NOW - dt.timedelta(hours=hours)).isoformat()


def job(job_id: str, **settings: Any) -> dict[str, Any]:
    return {
        "job_id": job_id,
        "name": f"Job {job_id}",
        "type": "VSphereBackup",
        "settings_profile": "1.3-rev2/VSphereBackup",
        "start_interval_h": 24,
        "health_check_enabled": True,
        "health_check_scheduled": True,
        "retention_type": "Days",
        "retention_quantity": 40,
        "gfs_enabled": False,
        "gfs_weekly_enabled": False,
        "gfs_monthly_enabled": False,
        "gfs_yearly_enabled": False,
        **settings,
    }


def backup(backup_id: str, job_id: str, repository_id: str, kind: str = "VSphereBackup") -> dict[str, Any]:
    return {
        "backup_id": backup_id,
        "job_id": job_id,
        "job_type": kind,
        "repository_id": repository_id,
        "created": CREATED,
    }


def held(object_id: str, backup_id: str, count: int, name: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "backup_object_id": object_id,
        "backup_id": backup_id,
        "name": name or object_id,
        "platform": "VMware",
        "object_id": f"vm-{object_id}",
        "restore_points_count": count,
        "last_run_failed": False,
        **more,
    }


def points(name: str, backup_id: str, hours: Sequence[float], mark: str = "Clean") -> list[dict[str, Any]]:
    return [
        {
            "restore_point_id": f"{backup_id}/{name}/{number}",
            "name": name,
            "backup_id": backup_id,
            "created": ago(hour),
            "type": "Full" if number == 0 else "Increment",
            "malware_status": mark,
            "backup_file_id": f"file/{backup_id}/{name}/{number}",
        }
        for number, hour in enumerate(hours)
    ]


def files(of: Sequence[Mapping[str, Any]], object_id: str) -> list[dict[str, Any]]:
    return [
        {
            "backup_file_id": point["backup_file_id"],
            "backup_id": point["backup_id"],
            "object_ids": object_id,
            "gfs_periods": "None",
        }
        for point in of
    ]


DAILY = [8 + 24 * day for day in range(40)]
HARDENED = {
    "repository_id": "r1",
    "name": "Vault",
    "type": "LinuxHardened",
    "storage_class": "local disk",
    "host_id": "h1",
    "immutability_enabled": True,
    "rotated_drives": False,
}
CLOUD = {
    "repository_id": "r2",
    "name": "Cloud",
    "type": "AmazonS3",
    "storage_class": "object storage",
    "immutability_enabled": False,
}
CELLAR = {
    "repository_id": "r3",
    "name": "Cellar",
    "type": "WinLocal",
    "storage_class": "local disk",
    "host_id": "h1",
    "immutability_enabled": False,
    "rotated_drives": False,
}


def estate() -> dict[str, list[dict[str, Any]]]:
    """`good` meets every digit; `bad` meets none, fails all over, and lies on one repository of the site."""
    good, copied = points("good", "b1", DAILY), points("good", "b2", DAILY)
    bad = points("bad", "b3", [90, 400], "Infected")
    monthly = {"gfs_enabled": True, "gfs_monthly_enabled": True, "gfs_monthly_count": 3}
    bad[1]["gfs_periods"] = "None"
    (flagged,) = points("bad", "b3", [24 * 125], "Infected")
    flagged |= {"restore_point_id": "flagged", "backup_file_id": "flagged", "gfs_periods": "Monthly"}
    bad.append(flagged)
    return {
        "jobs": [
            job("j1"),
            job("j2", type="BackupCopy", settings_profile="1.3-rev2/BackupCopy/Periodic"),
            job("j3", health_check_enabled=False, start_interval_h=168, **monthly),
        ],
        "backups": [backup("b1", "j1", "r1"), backup("b2", "j2", "r2", "BackupCopy"), backup("b3", "j3", "r3")],
        "backup_objects": [
            held("good", "b1", 40),
            held("good", "b2", 40),
            held("bad", "b3", 3, last_run_failed=True),
        ],
        "restore_points": [*good, *copied, *bad],
        "backup_files": [*files(good, "good"), *files(copied, "good"), *files(bad, "bad")],
        "sessions": [
            {
                "session_id": f"s-{one}",
                "job_id": one,
                "session_type": "BackupJob",
                "state": "Stopped",
                "result": "Success",
                "created": ago(9),
                "ended": ago(8),
            }
            for one in ("j1", "j2", "j3")
        ],
        "repositories": [HARDENED, CLOUD, CELLAR],
    }


_SOURCE = "".join(path.read_text(encoding="utf-8") for path in Path(derived.__file__).parent.glob("protection*.py"))
READ = [
    (table, column.name)
    for table in SOURCES
    for column in SPECS[table].columns
    if column.name != "server" and (f'"{column.name}"' in _SOURCE or column.name.startswith("gfs_"))
]
"""The columns that may be read: those whose names the makers spell, and the levels of GFS, which they put together."""


def blank(view: ServerView, table: str, column: str) -> None:
    frame = view.frames[table]
    frame[column] = empty(SPECS[table])[column].reindex(frame.index)


def frame_of(name: str, rows: Rows) -> pd.DataFrame:
    rows = [{"server": "vbr01", **row} for row in rows]
    names = dict.fromkeys(key for row in rows for key in row)
    return conform({key: [row.get(key) for row in rows] for key in names}, SPECS[name])[0]


@cache
def estate_frames() -> dict[str, pd.DataFrame]:
    """The tables of `estate`, made once, to be copied."""
    return {name: frame_of(name, estate().get(name, ())) for name in SOURCES}


@cache
def bad_before() -> pd.Series:
    """What is known of `bad` while no column is gone."""
    return objects(estate()).loc["bad"]


@cache
def no_rows() -> Snapshot:
    """Clock and period of all tests here, and no row."""
    return Snapshot.from_tables({}, now=NOW, since=SINCE, until=NOW)


def view_of(tables: Tables, *, site: Site = SITE, **status: str) -> ServerView:
    made = estate_frames() if tables == estate() else {}
    frames = {name: made[name].copy() if made else frame_of(name, tables.get(name, ())) for name in SOURCES}
    readings = {name: Reading(status.get(name, "complete")) for name in DATASETS}
    return ServerView("vbr01", no_rows(), readings, frozenset(), alone=True, site=site, frames=frames)


def objects(tables: Tables, **options: Any) -> pd.DataFrame:
    frame = view_of(tables, **options).frame("all_protected_objects")
    return frame.set_index(frame["name"].fillna("?"))


def changed(**tables: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    return estate() | tables


def test_the_good_and_the_bad() -> None:
    found = objects(estate())
    good, bad = found.loc["good"], found.loc["bad"]

    assert good[list(DIGITS)].tolist() == [True] * 5
    assert good["score"] == 5
    assert good["repositories"] == "Vault, Cloud"
    assert good["media"] == "local disk, object storage"
    assert good["offsite_repositories"] == "Cloud"
    assert good["protected_repositories"] == "Vault"
    assert good["backups_count"] == 2
    assert good["primary_jobs_count"] == 1
    assert good["jobs"] == "Job j1"
    assert good["points_count"] == 80
    assert good["worst_malware"] == "Clean"
    assert good["longest_gap_h"] == 24
    assert good["gfs_missing"] == 0
    assert not good["gfs_promised"]
    assert good["has_separate_hosts"]
    assert bad[list(DIGITS)].tolist() == [False] * 5
    assert bad["score"] == 0
    assert bad["worst_malware"] == "Infected"
    assert bad["latest_point"] == pd.Timestamp(NOW) - pd.Timedelta(hours=90)
    assert bad["longest_gap_h"] == 560, "from the day on from which all points are kept"
    assert bad["gfs_missing"] == 3
    assert bad["kept_percent"] < 50


def test_shown_columns_exist() -> None:
    assert set(SHOWN) <= set(SPEC.names)
    assert objects({}).empty


def test_other_columns_do_not_matter() -> None:
    view = view_of(estate())
    before = view.frame("all_protected_objects")
    for table in SOURCES:
        for column in SPECS[table].columns:
            if column.name != "server" and (table, column.name) not in READ:
                blank(view, table, column.name)
    del view.frames["all_protected_objects"]

    pd.testing.assert_frame_equal(view.frame("all_protected_objects"), before)


@pytest.mark.parametrize(("table", "column"), READ)
def test_nothing_becomes_good_by_a_column_that_is_gone(table: str, column: str) -> None:
    view, before = view_of(estate()), bad_before()
    blank(view, table, column)
    after = view.frame("all_protected_objects")
    after = after[(after["name"].isna() | (after["name"] == "bad")).to_numpy(dtype=bool)]
    after = (
        after[~after["has_protected_copy"].eq(True).to_numpy(dtype=bool, na_value=False)] if column == "name" else after
    )

    assert len(after), "an object must not vanish"
    for _, row in after.iterrows():
        for name in (*DIGITS, "has_separate_hosts", "has_clean_point"):
            assert row[name] is pd.NA or not row[name], name
        for name in ("longest_gap_h", "gfs_missing"):
            assert row[name] is pd.NA or row[name] >= before[name], name
        for name in ("score", "kept_percent", "copies_count"):
            assert row[name] is pd.NA or row[name] <= before[name], name
        assert row["latest_point"] is pd.NaT or row["latest_point"] <= before["latest_point"]
        assert row["worst_malware"] is pd.NA or row["worst_malware"] == "Infected"
        assert row["last_run_failed"] is pd.NA or row["last_run_failed"]
        assert row["gfs_promised"] is pd.NA or row["gfs_promised"]


@pytest.mark.parametrize("table", sorted({*TABLE.sources, *TABLE.also}))
def test_a_partial_table_proves_nothing_that_needs_the_whole(table: str) -> None:
    found = objects(estate(), **{table: "partial"}).loc["bad"]
    unsure = {
        "backups": DIGITS[:4],
        "backup_objects": DIGITS[:4],
        "restore_points": ("latest_point", "longest_gap_h", "latest_clean_point", "gfs_missing"),
        "sessions": (),
    }
    for name in unsure.get(table, ()):
        assert pd.isna(found[name]), name


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [
        ({}, {"backup_object_id": "x2"}, 1),
        ({}, {"backup_object_id": "x2", "name": "TWIN"}, 1),
        ({}, {"backup_object_id": "x2", "name": "renamed"}, 2),
        ({}, {"backup_object_id": "x2", "object_id": "vm-9"}, 2),
        ({}, {"backup_object_id": "x2", "platform": "HyperV"}, 2),
        ({"object_id": None}, {"backup_object_id": "x2", "object_id": None}, 2),
        ({}, {"name": "renamed"}, 1),
        ({"backup_object_id": None}, {"backup_object_id": None, "object_id": None}, 2),
    ],
)
def test_which_rows_are_one_object(one: dict[str, Any], other: dict[str, Any], count: int) -> None:
    rows = [held("x1", "b1", 1, "twin") | one, held("x1", "b2", 1, "twin") | other]

    found = objects(changed(backup_objects=rows, restore_points=[], backup_files=[]))

    assert len(found) == count
    assert found["object_key"].is_unique
    assert found["backups_count"].sum() == 2


def test_a_renamed_machine_keeps_its_points_by_their_files() -> None:
    tables = estate()
    for row in tables["restore_points"]:
        row["name"] = "old name" if row["name"] == "bad" else row["name"]

    alone = objects(tables | {"backup_files": []})
    tables["backup_objects"].append(held("other", "b3", 4))
    together = objects(tables | {"backup_files": []})

    assert objects(tables).loc["bad", "points_known"]
    assert alone["points_known"].all(), "a backup of one object answers for it"
    assert together["points_known"].to_dict() == {"good": True, "bad": False, "other": False}


def test_a_file_of_several_machines_leaves_it_to_the_name() -> None:
    tables = estate()
    for row in tables["backup_files"]:
        row["object_ids"] = "good,bad"

    assert objects(tables)["points_known"].all()


def test_two_machines_of_one_name_without_files_are_not_told_apart() -> None:
    tables = estate()
    tables["backup_objects"].append(held("twin", "b3", 1, "bad"))

    found = objects(tables | {"backup_files": []})

    assert found.loc["bad", "latest_point"].isna().all()
    assert found.loc["good", "latest_point"] == pd.Timestamp(NOW) - pd.Timedelta(hours=8)


@pytest.mark.parametrize(
    "change", [{"created": None}, {"created": ago(-48)}, {"name": "stranger"}, {"backup_id": None}]
)
def test_one_point_that_is_not_clear_leaves_its_object_open(change: dict[str, Any]) -> None:
    tables = estate()
    tables["backup_files"] = []
    tables["restore_points"][-1] |= change

    tables["backup_objects"].append(held("other", "b3", 0))

    found = objects(tables)

    assert not found.loc["bad", "points_known"]
    assert pd.isna(found.loc["bad", "latest_point"]) == ("created" in change), "an older one cannot be the newest"
    assert found.loc["bad", "worst_malware"] == "Infected", "what is surely bad stays told"
    assert found.loc[["good", "other"], "points_known"].all()


@pytest.mark.parametrize(
    ("settings", "digits"),
    [
        ({"capacity_tier_enabled": True, "capacity_copy_enabled": True}, [True, True, True, True]),
        ({"capacity_tier_enabled": True, "capacity_copy_enabled": False}, [False, False, False, False]),
        ({"capacity_tier_enabled": False, "capacity_copy_enabled": True}, [False, False, False, False]),
        ({"capacity_tier_enabled": True, "capacity_copy_enabled": None}, [pd.NA, pd.NA, pd.NA, pd.NA]),
    ],
)
def test_a_tier_counts_only_when_it_gets_copies(settings: dict[str, Any], digits: list[Any]) -> None:
    tables = changed(
        repositories=[CELLAR, {**CLOUD, "immutability_enabled": True}],
        scale_out_repositories=[
            {"scale_out_repository_id": "s1", "name": "Wide", "archive_tier_enabled": False, **settings}
        ],
        scale_out_extents=[
            {"scale_out_repository_id": "s1", "tier": "Performance", "repository_id": "r3"},
            {"scale_out_repository_id": "s1", "tier": "Capacity", "repository_id": "r2"},
        ],
    )
    tables["backups"] = [backup("b3", "j3", "s1")]
    tables["backup_objects"] = [held("bad", "b3", 2)]
    offload = {"session_id": "o", "session_type": "ArchiveBackup", "result": "Success", "created": ago(9)}
    tables["sessions"] = [*tables["sessions"], {**offload, "resource_id": "s1"}]

    assert objects(tables).loc["bad", list(DIGITS[:4])].tolist() == digits


def test_extents_that_differ_prove_nothing() -> None:
    tables = changed(
        repositories=[CELLAR, HARDENED],
        scale_out_repositories=[{"scale_out_repository_id": "s1", "name": "Wide", "capacity_tier_enabled": False}],
        scale_out_extents=[
            {"scale_out_repository_id": "s1", "tier": "Performance", "repository_id": each} for each in ("r1", "r3")
        ],
        backups=[backup("b3", "j3", "s1")],
        backup_objects=[held("bad", "b3", 2)],
    )

    assert objects(tables).loc["bad", "has_protected_copy"] is pd.NA
    assert objects(tables).loc["bad", "has_two_media"] is pd.NA or not objects(tables).loc["bad", "has_two_media"]


@pytest.mark.parametrize(
    ("tags", "digit"),
    [("offsite", "has_offsite"), ("offline", "has_protected_copy"), ("immutable", "has_protected_copy")],
)
def test_tags_of_the_site_file_count(tags: str, digit: str) -> None:
    site = load_site(f"version: 1\nrepositories: [{{match: Cellar, tags: [{tags}]}}]\n")

    untagged = objects(estate(), site=Site())

    assert objects(estate(), site=site).loc["bad", digit]
    assert untagged.loc["bad", "has_offsite"] is pd.NA
    assert untagged.loc["good", "has_offsite"], "a public cloud needs no tag"


def test_s3_compatible_storage_may_stand_in_the_cellar() -> None:
    tables = changed(repositories=[HARDENED, {**CLOUD, "type": "S3Compatible"}, CELLAR])

    assert objects(tables, site=Site()).loc["good", "has_offsite"] is pd.NA


def test_rotated_drives_are_offline() -> None:
    tables = changed(repositories=[HARDENED, CLOUD, {**CELLAR, "rotated_drives": True}])

    assert objects(tables).loc["bad", "has_protected_copy"]


def test_a_backup_without_restore_points_is_no_copy() -> None:
    tables = estate()
    tables["backup_objects"][1]["restore_points_count"] = 0

    assert not objects(tables).loc["good", "has_three_copies"]
    assert objects(tables).loc["good", "copies_count"] == 1


def test_two_backups_on_one_repository_are_one_copy() -> None:
    tables = estate()
    tables["backups"][1]["repository_id"] = "r1"

    assert not objects(tables).loc["good", "has_three_copies"]


def test_an_unread_repository_may_be_a_copy_or_two() -> None:
    found = objects(changed(repositories=[HARDENED, CELLAR])).loc["good"]

    assert found["has_three_copies"], "two repositories are two, whatever they are"
    assert found["has_two_media"] is pd.NA
    assert found["has_protected_copy"]


def test_a_content_scan_verifies_the_jobs_that_it_takes() -> None:
    tables = estate()
    tables["jobs"].append({"job_id": "scan", "type": "SureBackupContentScan", "source_job_ids": "j9,j3"})
    assert not objects(tables).loc["bad", "is_verified"]

    scan = {"session_id": "s9", "job_id": "scan", "session_type": "SureBackup", "result": "Success"}
    tables["sessions"].append({**scan, "state": "Stopped", "created": ago(2), "ended": ago(1)})
    assert objects(tables).loc["bad", "is_verified"]


def test_a_health_check_that_did_not_run_verifies_nothing() -> None:
    tables = changed(sessions=[])

    assert not objects(tables).loc["good", "is_verified"]
    assert objects(tables, sessions="denied").loc["good", "is_verified"] is pd.NA


def test_the_strictest_tier_of_several_jobs_holds_unless_the_name_has_one() -> None:
    tiers = "tiers: [{name: slow, jobs: ['Job j1'], rpo_hours: 48}, {name: fast, jobs: ['Job j5'], rpo_hours: 4}%s]"
    tables = estate()
    tables["jobs"].append(job("j5"))
    tables["backups"].append(backup("b5", "j5", "r1"))
    tables["backup_objects"].append(held("good", "b5", 1))
    by_jobs = objects(tables, site=load_site(f"version: 1\n{tiers % ''}\n")).loc["good"]
    by_name = objects(tables, site=load_site(f"version: 1\n{tiers % ', {name: own, objects: [go*], rpo_hours: 30}'}\n"))

    assert (by_jobs["tier"], by_jobs["rpo_hours"]) == ("fast", 4)
    assert (by_name.loc["good", "tier"], by_name.loc["good", "rpo_hours"]) == ("own", 30)
    assert by_name.loc["bad", "tier"] is pd.NA


def test_sessions_stand_for_points_that_retention_has_removed() -> None:
    tables = estate()
    kept = [hour for hour in DAILY if hour < 7 * 24]
    tables["jobs"][0]["retention_quantity"] = 7
    tables["backups"], tables["backup_objects"] = tables["backups"][:1], [held("good", "b1", len(kept))]
    tables["restore_points"], tables["backup_files"] = points("good", "b1", [*kept, 24 * 200]), []
    run = {"job_id": "j1", "result": "Success", "session_type": "BackupJob", "state": "Stopped"}
    every = [{**run, "session_id": f"{hour}", "created": ago(hour), "ended": ago(hour - 1)} for hour in DAILY]
    tables["sessions"] = every
    assert objects(tables).loc["good", "longest_gap_h"] == 24

    tables["sessions"] = [row for row in every if not 400 < int(row["session_id"]) < 500]
    assert objects(tables).loc["good", "longest_gap_h"] == 120
    assert objects(tables, sessions="partial").loc["good", "longest_gap_h"] is pd.NA


def test_gfs_is_found_by_file_or_point_and_late_points_count() -> None:
    tables = estate()
    late = points("bad", "b3", [24 * 28])
    late[0] |= {"restore_point_id": "gfs", "created": "2026-10-04T22:00:00+00:00", "gfs_periods": "Weekly,Monthly"}
    tables["restore_points"] += late
    tables["jobs"][2]["gfs_monthly_count"] = 1

    assert objects(tables).loc["bad", "gfs_missing"] == 0


def test_gfs_is_owed_from_the_first_point_and_the_first_flag_on() -> None:
    tables = estate()
    tables["restore_points"][-1]["created"] = "2026-09-02T22:00:00+00:00"
    found = objects(tables).loc["bad"]
    assert (found["gfs_owed"], found["gfs_missing"]) == (1, 1), "only October began after it"

    tables["restore_points"][-1]["gfs_periods"] = "None"
    assert objects(tables).loc["bad", "gfs_missing"] is pd.NA, "nothing shows since when they are kept"


@given(
    hours=st.lists(st.integers(0, 24 * 60), min_size=1, max_size=40),
    owners=st.data(),
)
def test_gaps_are_those_of_a_plain_walk(hours: list[int], owners: st.DataObject) -> None:
    who = owners.draw(st.lists(st.integers(0, 3), min_size=len(hours), max_size=len(hours)))
    hour = 3_600_000_000
    since, end = 24 * 20, 24 * 50
    never = np.full(4, np.iinfo(np.int64).min)
    longest, seen, texts, maybe = gaps_of(np.array(hours) * hour, np.array(who), 4, since * hour, end * hour, never)
    assert maybe == [""] * 4

    for owner in range(4):
        mine = sorted(at for at, one in zip(hours, who, strict=True) if one == owner)
        gaps = [
            min(stop, end) - start
            for start, stop in zip(mine, [*mine[1:], end], strict=False)
            if min(stop, end) > since and min(stop, end) > start
        ]
        assert seen[owner] == bool(mine)
        assert longest[owner] == max(gaps, default=0)
        assert texts[owner] == ",".join(f"{gap:.2f}" for gap in sorted(gaps, reverse=True)[:20])


def test_a_part_of_the_backups_does_not_show_that_the_last_run_succeeded() -> None:
    (use,) = [use for use in load_policy().uses if use.check.id == "RPO-005"]
    results = judge_with(use, [view_of(estate(), backup_objects="partial")])
    assert set(results["result"]) == {"UNKNOWN"}


def test_a_weekly_job_keeps_its_promise_with_a_point_a_week() -> None:
    weekly = [24 * day + 8 for day in (3, 10)]
    kept = points("good", "b1", weekly)
    for kind, quantity in (("Days", 14), ("RestorePoints", 7)):
        tables = changed(
            jobs=[job("j1", retention_type=kind, retention_quantity=quantity, start_interval_h=168)],
            backups=[{**backup("b1", "j1", "r1"), "created": ago(24 * 20)}],
            backup_objects=[held("good", "b1", 2)],
            restore_points=kept,
            backup_files=files(kept, "good"),
        )
        found = objects(tables).loc["good"]
        if kind == "Days":
            assert (found["retention_due"], found["kept_percent"]) == (True, 100.0)
        else:
            assert not found["retention_due"]


def test_the_copies_interval_is_that_of_the_most_frequent_copy_job() -> None:
    copy = {"type": "BackupCopy", "settings_profile": "1.3-rev2/BackupCopy/Periodic"}
    for hours, expected in ((168, 168), (0, 0), (None, pd.NA)):
        found = objects(changed(jobs=[job("j1"), job("j2", **copy, start_interval_h=hours), job("j3")]))
        assert found.loc["good", "copy_interval_h"] is expected or found.loc["good", "copy_interval_h"] == expected
        assert found.loc["bad", "copy_interval_h"] is pd.NA


TIERED = load_site("version: 1\ntiers: [{name: gold, jobs: [Job j1], objects: [known], rpo_hours: 4}]\n")


def test_without_the_name_of_a_job_nobody_knows_the_tier() -> None:
    assert objects(estate(), site=TIERED)["tier_known"].all()
    nameless = [{**one, "name": None} for one in estate()["jobs"]]
    found = objects(changed(jobs=nameless), site=TIERED)
    assert not found["tier_known"].any()
    assert objects(changed(jobs=nameless))["tier_known"].all()
    strays = [{**one, "job_id": None} for one in estate()["backups"]]
    assert not objects(changed(backups=strays), site=TIERED)["tier_known"].any()
    assert objects(changed(backups=[*estate()["backups"][:1], *strays[1:]]), site=TIERED).loc["good", "tier_known"]
    assert not objects(changed(jobs=[]), site=TIERED)["tier_known"].any()
    units = [{**one, "name": "known", "backup_object_id": "good"} for one in estate()["backup_objects"][:1]]
    assert objects(changed(jobs=nameless, backup_objects=units), site=TIERED)["tier_known"].all()


def test_what_an_unknown_kind_of_job_makes_may_be_a_copy() -> None:
    backups = [{**one, "job_type": "NovelBackup"} for one in estate()["backups"]]
    good = objects(changed(backups=backups)).loc["good"]
    assert good["has_copies"] is pd.NA
    assert good["primary_jobs_count"] is pd.NA
    tiered = objects(changed(backups=backups), site=TIERED).loc["good"]
    assert (tiered["tier"], tiered["rpo_hours"], tiered["tier_known"]) == ("gold", 4, True)


def test_a_scale_out_repository_without_an_id_breaks_nothing() -> None:
    nameless = {"scale_out_repository_id": None, "name": None, "capacity_tier_enabled": True}
    extent = {"scale_out_repository_id": "pool", "repository_id": "r1", "tier": "Performance"}
    found = objects(changed(scale_out_repositories=[nameless], scale_out_extents=[extent]))
    assert found["copies_count"].tolist() == objects(estate())["copies_count"].tolist()


def gaps_of_tasks(nights: list[tuple[int, str]]) -> tuple[bool, list[float]]:
    """Whether all gaps of a machine are known, and its gaps: it ran so many hours ago, with these results.

    Its job keeps points for three days, so that older ones are stood in for by its tasks.
    """
    runs = [
        {
            "session_id": f"s-{place}",
            "job_id": "j1",
            "session_type": "BackupJob",
            "state": "Stopped",
            "result": result,
            "created": ago(hours),
            "ended": ago(hours - 0.5),
        }
        for place, (hours, result) in enumerate(nights)
    ]
    own = {"name": "good", "type": "Backup"}
    found = objects(
        {
            "jobs": [job("j1", retention_quantity=3)],
            "backups": [{"backup_id": "b1", "job_id": "j1", "job_type": "VSphereBackup", "created": ago(5000)}],
            "backup_objects": [{"backup_id": "b1", "object_id": "o1", "name": "good", "restore_points_count": 3}],
            "restore_points": [
                {"restore_point_id": f"p{day}", "backup_id": "b1", "name": "good", "created": ago(8 + 24 * day)}
                for day in range(3)
            ],
            "sessions": runs,
            "task_sessions": [
                {**own, "session_id": run["session_id"], "created": run["created"], "result": run["result"]}
                for run in runs
            ],
        }
    ).loc["good"]
    return bool(found["gaps_known"]), [float(text) for text in (found["gaps_h"] or "").split(",") if text]


@settings(max_examples=6)
@given(
    st.lists(st.tuples(st.integers(100, 740), st.sampled_from(["Success", "Warning", "Failed"])), max_size=10),
    st.integers(100, 740),
)
def test_a_run_more_that_went_well_never_lowers_the_covered_share(nights: list[tuple[int, str]], more: int) -> None:
    known, before = gaps_of_tasks([*nights, (755, "Success")])
    still, after = gaps_of_tasks([*nights, (755, "Success"), (more, "Success")])
    assert known
    assert still
    assert max(after) <= max(before)
    for limit in (24, 26, 168):
        late = [sum(hours - limit for hours in each if hours > limit) for each in (before, after)]
        assert late[1] <= late[0] + 0.1
