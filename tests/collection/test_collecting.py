"""What a collection holds when the server behaves, and what it says when the server does not."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

from vbr_audit.collection.manifest import DatasetRecord
from vbr_audit.collection.run_folder import differences, load
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.datasets import BASIC, SPECS

ALL = set(BASIC)


def record(snapshot: Snapshot, name: str) -> DatasetRecord:
    found = snapshot.manifest.dataset("vbr01", name)
    assert found is not None
    return found


def accounted(snapshot: Snapshot, name: str) -> None:
    """Every row that came is in the table, or counted as why it is not."""
    row = record(snapshot, name)
    unread = row.notes.get("not_objects", 0)
    explained = row.rows_kept + row.rows_duplicate + row.rows_outside_period + row.rows_out_of_scope + unread
    assert row.rows_received == explained, row


@pytest.mark.parametrize("revision", ["1.1-rev1", "1.2-rev1", "1.3-rev1", "1.3-rev2"])
@pytest.mark.parametrize("workers", [1, 4])
def test_a_quiet_server_is_read_whole(collect, revision: str, workers: int) -> None:
    snapshot, simulator = collect("limit-cap=40", revision=revision, workers=workers, role="Administrator")
    truth = simulator.truth(revision)
    assert {d.name: d.status for d in snapshot.manifest.datasets} == dict.fromkeys(ALL, "complete")
    only_backups = snapshot.jobs["seen_in"] == "backups"
    assert set(snapshot.jobs.loc[~only_backups, "job_id"]) == truth.job_ids | truth.state_ids
    assert set(snapshot.jobs.loc[only_backups, "job_id"]) <= {row["jobId"] for row in truth.rows("backups")}
    assert set(snapshot.job_states["job_id"]) == truth.state_ids
    oldest = min(row["creationTime"] for row in truth.sessions)
    assert snapshot.session_history["oldest_session"][0] == dt.datetime.fromisoformat(str(oldest))
    since = snapshot.since
    inside = {row["id"] for row in truth.sessions if since <= dt.datetime.fromisoformat(str(row["creationTime"]))}
    assert set(snapshot.sessions["session_id"]) == inside
    assert len(snapshot.sessions) == len(inside)
    assert snapshot.servers["revision"][0] == revision
    assert snapshot.servers["build"].notna().all()
    for name in ALL - {"server_time", "server_info"}:
        accounted(snapshot, name)
    assert not snapshot.manifest.interrupted


def test_tables_keep_their_dtypes_full_and_empty(collect) -> None:
    full, _ = collect()
    hollow, _ = collect(empty=True)
    for name, spec in SPECS.items():
        assert list(full.tables[name].columns) == [column.name for column in spec.columns], name
        pd.testing.assert_series_equal(full.tables[name].dtypes, hollow.tables[name].dtypes)


@pytest.mark.parametrize(
    "faults",
    [
        ("limit-cap=7",),
        ("limit-cap=50", "token-calls=3"),
        ("limit-cap=50", "token-calls=3", "refuse-refresh"),
        ("limit-cap=50", "unavailable=3"),
        ("limit-cap=50", "throttle=3"),
        ("limit-cap=50", "cut-body=3"),
        ("limit-cap=50", "cut-json=3"),
        ("limit-cap=50", "reset=3"),
        ("limit-cap=50", "duplicates"),
        ("limit-cap=50", "ignored-filter"),
        ("limit-cap=50", "growing=5"),
        ("limit-cap=50", "total-low=10"),
    ],
    ids="+".join,
)
def test_a_fault_that_can_be_overcome_loses_and_doubles_nothing(
    collect, collected_once, faults: tuple[str, ...]
) -> None:
    calm, _ = collected_once()
    snapshot, _ = collect(*faults)
    for name in ("jobs", "job_states"):
        pd.testing.assert_frame_equal(snapshot.tables[name], calm.tables[name])
    assert set(calm.sessions["session_id"]) <= set(snapshot.sessions["session_id"])
    assert not snapshot.sessions["session_id"].duplicated().any()
    for name in ("jobs", "job_states", "sessions"):
        if "duplicates" not in faults:
            assert record(snapshot, name).status == "complete", record(snapshot, name).reason
        accounted(snapshot, name)


@pytest.mark.parametrize("workers", [1, 4])
def test_rows_deleted_while_reading_lose_no_row_that_stays(collect, workers: int) -> None:
    snapshot, simulator = collect("limit-cap=20", "shrinking=3", workers=workers)
    left = {row["id"] for row in simulator.truth().sessions}
    read = set(snapshot.sessions["session_id"])
    since = snapshot.since
    inside = {
        row["id"]
        for row in simulator.truth().sessions
        if since <= dt.datetime.fromisoformat(str(row["creationTime"])) and row["id"] in left
    }
    assert inside <= read
    accounted(snapshot, "sessions")


@pytest.mark.parametrize(
    ("faults", "name", "status", "reason"),
    [
        (("denied=jobs",), "jobs", "denied", "denied to this account"),
        (("missing=job_states",), "job_states", "absent", "does not exist"),
        (("broken=sessions",), "sessions", "failed", "HTTP 500"),
        (("html=jobs",), "jobs", "failed", "expected JSON, got '<"),
        (("cut-json-forever=sessions",), "sessions", "failed", "breaks off"),
        (("ignored-skip=sessions", "limit-cap=20"), "sessions", "partial", "brought no new row"),
        (("total-high=10",), "jobs", "partial", "different rows of"),
        (("null-rows",), "jobs", "partial", "no JSON objects"),
        (("denied=server_time",), "server_time", "denied", "denied"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else None,
)
def test_what_cannot_be_read_is_recorded_and_the_rest_is_whole(
    collect, faults: tuple[str, ...], name: str, status: str, reason: str
) -> None:
    snapshot, _ = collect(*faults)
    row = record(snapshot, name)
    assert row.status == status
    assert reason in (row.reason or "")
    if status in ("denied", "absent", "failed"):
        assert row.rows_kept == 0
        assert row.sha256 is None
    others = {d.name: d.status for d in snapshot.manifest.datasets if d.name not in (name, "server_info")}
    if faults[0] not in ("total-high=10", "null-rows"):
        shared = {"sessions", "session_history", "restore_sessions"} if name == "sessions" else set()
        assert {key: value for key, value in others.items() if key not in shared and value != "complete"} == {}


def test_a_viewer_gets_all_but_the_administrators_data(collect) -> None:
    snapshot, _ = collect(role="Viewer")
    assert record(snapshot, "server_info").status == "denied"
    assert snapshot.servers["role"][0] == "may not read administrator data"
    assert snapshot.servers["build"].isna().all()


def test_the_clock_of_the_run_is_the_servers(collect) -> None:
    snapshot, _ = collect("clock-skew=3600")
    assert snapshot.now == dt.datetime(2026, 11, 1, 7, 0, tzinfo=dt.UTC)
    assert snapshot.until == snapshot.now


def test_sessions_outside_the_period_are_dropped_and_counted(collect) -> None:
    hinted, _ = collect(month="2026-10", timezone="Europe/Berlin")
    ignored, _ = collect("ignored-filter", month="2026-10", timezone="Europe/Berlin")
    pd.testing.assert_frame_equal(hinted.sessions, ignored.sessions)
    assert record(ignored, "sessions").rows_outside_period > record(hinted, "sessions").rows_outside_period
    assert (ignored.sessions["created"] >= ignored.since).all()
    assert (ignored.sessions["created"] < ignored.until).all()


def test_a_pattern_narrows_jobs_states_settings_and_sessions_alike(collect) -> None:
    whole, _ = collect(jobs=40)
    part, _ = collect(jobs=40, jobs_pattern="sql*")
    ids = set(part.jobs["job_id"])
    assert 0 < len(ids) < len(whole.jobs)
    assert part.jobs["name"].str.lower().str.startswith("sql").all()
    for name in ("job_states", "job_settings", "sessions"):
        assert set(part.tables[name]["job_id"]) <= ids, name
    for name in ("jobs", "job_states", "sessions"):
        accounted(part, name)
        assert record(part, name).rows_out_of_scope > 0


def test_hostile_names_and_unknown_words_are_kept_counted_and_crash_nothing(collect) -> None:
    snapshot, _ = collect(hostile=True, jobs=30)
    names = "".join(snapshot.jobs["name"].fillna(""))
    assert "<script>" in names
    assert "=1+1" in names
    notes = record(snapshot, "jobs").notes
    assert "FutureBackup2030" in notes["unknown_values"]["type"]
    unknown = snapshot.jobs[snapshot.jobs["type"] == "FutureBackup2030"]
    assert unknown["settings_profile"].isna().all()
    assert unknown["retry_enabled"].isna().all()
    for name in ("jobs", "job_states"):
        assert record(snapshot, name).status == "complete"


def test_a_pinned_older_revision_is_said(collect) -> None:
    snapshot, _ = collect(pinned="1.2-rev1", revision="1.3-rev1")
    assert snapshot.servers["revision"][0] == "1.2-rev1"
    assert snapshot.servers["revision_newest"][0] == "1.3-rev1"
    assert any("1.2-rev1" in line for line in snapshot.manifest.warnings)


@pytest.mark.parametrize("options", [{}, {"hostile": True}, {"empty": True}, {"jobs_pattern": "f*"}])
def test_a_saved_snapshot_is_the_same_when_it_is_loaded(collect, tmp_path: Path, options: dict[str, object]) -> None:
    snapshot, _ = collect("limit-cap=30", "duplicates", **options)
    folder = snapshot.save(tmp_path / "run")
    assert differences(folder) == []
    again = load(folder)
    assert again.manifest == snapshot.manifest
    for name in SPECS:
        pd.testing.assert_frame_equal(again.tables[name], snapshot.tables[name])
    second = again.save(tmp_path / "copy")
    assert differences(second) == []


def test_a_changed_page_of_evidence_is_found(collect, tmp_path: Path) -> None:
    import zipfile

    from vbr_audit.collection.run_folder import seal

    snapshot, _ = collect()
    folder = snapshot.save(tmp_path / "run")
    (path,) = (folder / "evidence").iterdir()
    with zipfile.ZipFile(path) as archive:
        pages = {name: archive.read(name) for name in archive.namelist()}
    pages["jobs/000000000.json"] = pages["jobs/000000000.json"].replace(b'"isEnabled":false', b'"isEnabled":true')
    with zipfile.ZipFile(path, "w") as archive:
        for name, body in pages.items():
            archive.writestr(name, body)
    assert any("was changed" in line for line in differences(folder))
    seal(folder)
    assert differences(folder) == ["the evidence of jobs of vbr01 is not what was received"]


def test_no_secret_is_in_the_run_folder(collect, tmp_path: Path) -> None:
    import zipfile

    snapshot, simulator = collect()
    folder = snapshot.save(tmp_path / "run")
    blob = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    for path in (folder / "evidence").iterdir():
        with zipfile.ZipFile(path) as archive:
            assert not [name for name in archive.namelist() if "oauth" in name or "token" in name]
            blob += b"".join(archive.read(name) for name in archive.namelist())
    assert simulator.options.password.encode() not in blob
    assert b"access_token" not in blob
    assert b"Bearer" not in blob


def test_a_snapshot_shows_itself_in_a_notebook_safely(collect) -> None:
    snapshot, _ = collect(hostile=True)
    page = snapshot._repr_html_()
    assert len(page) < 20_000
    assert "<script" not in page
    assert "sessions" in page
    assert "denied" in repr(snapshot) or "denied" in page
