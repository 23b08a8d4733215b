"""Protected objects and names beside ids: what is there, and what is not known where something was not read."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Callable
from functools import cache

import httpx
import pandas as pd
import pytest
from pydantic import SecretStr

import vbr_audit as va
from vbr_audit.api.client import Client
from vbr_audit.checks.derived import protection
from vbr_audit.checks.site import load_site
from vbr_audit.errors import ConfigurationError
from vbr_audit.simulator import DEMO_ASSETS, DEMO_PASSWORD, DEMO_SITE, DEMO_USERNAME, create_app
from vbr_audit.tables.build.schema import DTYPES

NOW = dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC)
READ = (
    *("jobs", "job_states", "sessions", "backups", "backup_objects", "backup_files", "restore_points"),
    *("repositories", "scale_out_repositories"),
)
ADDED = ("object_key", "object_name", "backup_name", "job_id", "repository_id", "job_name", "repository_name")
Read = Callable[..., va.Snapshot]


@cache
def snapshot_of(*faults: str, datasets: tuple[str, ...] = READ) -> va.Snapshot:
    app = create_app(faults=faults, jobs=6, sessions=40, now=NOW, role="Administrator")
    transport, password = httpx.WSGITransport(app=app), SecretStr(DEMO_PASSWORD)
    with Client("http://127.0.0.1", name="vbr01", username=DEMO_USERNAME, password=password, transport=transport) as c:
        return va.collect(c, datasets=datasets, month="2026-10", progress=False)


def test_protected_is_the_table_of_the_checks_with_the_age_in_hours() -> None:
    snapshot = snapshot_of()
    frame = va.protected(snapshot)
    assert set(frame) == {*protection.SPEC.names, "age_h"}
    assert frame.columns[:6].tolist() == ["server", "name", "type", "platform", "latest_point", "age_h"]
    assert str(frame["age_h"].dtype) == "Float64"
    clock = snapshot.manifest.servers[0].server_time
    assert (frame["latest_point"] + pd.to_timedelta(frame["age_h"], unit="h")).dt.round("s").eq(clock).all()
    judged = va.audit(snapshot).results.protected
    pd.testing.assert_frame_equal(frame[list(judged)], judged)
    assert len(frame)


def test_protected_is_a_copy_that_belongs_to_the_reader() -> None:
    snapshot = snapshot_of()
    mine = va.protected(snapshot)
    mine["name"] = "x"
    assert "x" not in set(va.protected(snapshot)["name"])


def test_a_site_file_gives_the_tiers() -> None:
    snapshot = snapshot_of()
    assert va.protected(snapshot)["tier"].isna().all()
    assert va.protected(snapshot, site=load_site(DEMO_SITE, assets=DEMO_ASSETS))["tier"].notna().any()
    assert va.protected(snapshot)["tier"].isna().all()


def test_protected_says_what_was_not_read() -> None:
    snapshot = snapshot_of("denied=backup_objects")
    for _ in range(2):
        with pytest.warns(UserWarning, match="vbr01: protected objects may be missing: backup_objects: denied"):
            frame = va.protected(snapshot)
    assert len(frame) == 0
    assert frame.dtypes.to_dict() == va.protected(snapshot_of()).dtypes.to_dict()


def test_protected_of_no_server_at_all() -> None:
    nothing = va.Snapshot.from_tables({}, now=NOW, since=NOW - dt.timedelta(days=30), until=NOW)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frame = va.protected(nothing)
    assert frame.dtypes.to_dict() == va.protected(snapshot_of()).dtypes.to_dict()


def test_names_beside_the_ids_of_restore_points() -> None:
    snapshot = snapshot_of()
    named = va.with_names(snapshot.restore_points, snapshot)
    assert tuple(name for name in named if name not in snapshot.restore_points)[:7] == ADDED
    pd.testing.assert_frame_equal(named[list(snapshot.restore_points)], snapshot.restore_points)
    machines = va.protected(snapshot).set_index("object_key")
    assert named["object_key"].isin(machines.index).any()
    counted = named.groupby("object_key").size()
    shared = counted.index.intersection(machines.index)
    assert counted[shared].to_dict() == machines.loc[shared, "points_count"].to_dict()
    backups = snapshot.backups.set_index("backup_id")
    assert (named["job_id"].fillna("") == named["backup_id"].map(backups["job_id"]).fillna("")).all()


@pytest.mark.parametrize("table", ["jobs", "job_runs", "sessions", "backups", "repositories", "job_settings"])
def test_names_of_any_table_keep_rows_index_and_dtypes(table: str) -> None:
    snapshot = snapshot_of()
    frame = getattr(snapshot, table).iloc[::-2]
    named = va.with_names(frame, snapshot)
    pd.testing.assert_frame_equal(named[list(frame)], frame)
    added = named.drop(columns=list(frame))
    assert added.notna().any().all()
    assert added.shape[1] >= 1
    texts = added.drop(columns="repository_is_immutable", errors="ignore")
    assert set(texts.dtypes) <= {DTYPES["string"]}


def test_the_immutability_of_a_job_is_that_of_its_repository() -> None:
    snapshot = snapshot_of()
    jobs = va.with_names(snapshot.jobs, snapshot)
    single = snapshot.repositories.set_index("repository_id")["immutability_enabled"]
    plain = jobs[jobs["repository_id"].isin(single.index)]
    pd.testing.assert_series_equal(
        plain["repository_is_immutable"], plain["repository_id"].map(single).astype("boolean"), check_names=False
    )
    assert plain["repository_is_immutable"].any()


def _scale_out(*locked: bool | None) -> va.Snapshot:
    """A snapshot of one scale-out repository whose extents are immutable or not; of None, nothing was read."""
    base = snapshot_of()
    ids = [f"e{at}" for at in range(len(locked))]

    def table(name: str, columns: dict[str, object], rows: int) -> pd.DataFrame:
        frame = base.tables[name].iloc[:0].reindex(range(rows))
        given = {key: pd.array(value, dtype=frame[key].dtype) for key, value in columns.items()}  # type: ignore[call-overload]
        return frame.assign(server="vbr01", **given)

    known = [at for at, each in enumerate(locked) if each is not None]
    single = {"repository_id": [ids[at] for at in known], "immutability_enabled": [locked[at] for at in known]}
    count = len(ids)
    extents = {"scale_out_repository_id": ["s"] * count, "tier": ["Performance"] * count, "repository_id": ids}
    tables = {
        "jobs": table("jobs", {"job_id": ["j"], "repository_id": ["s"]}, 1),
        "scale_out_repositories": table("scale_out_repositories", {"scale_out_repository_id": ["s"], "name": ["S"]}, 1),
        "repositories": table("repositories", single, len(known)),
        "scale_out_extents": table("scale_out_extents", extents, count),
    }
    return va.Snapshot.from_tables(tables, now=NOW, since=NOW, until=NOW)


@pytest.mark.parametrize(
    ("extents", "expected"),
    [((True, True), True), ((True, False), False), ((True, None), None), ((False, None), False), ((), None)],
)
def test_a_scale_out_repository_is_immutable_if_all_its_extents_are(
    extents: tuple[bool | None, ...], expected: bool | None
) -> None:
    snapshot = _scale_out(*extents)
    (row,) = va.with_names(snapshot.jobs, snapshot)[["repository_name", "repository_is_immutable"]].values.tolist()
    assert row[0] == "S"
    assert (None if row[1] is pd.NA else row[1]) is expected


def test_what_was_not_read_is_not_known() -> None:
    snapshot = snapshot_of("denied=repositories", "denied=backup_objects")
    jobs = va.with_names(snapshot.jobs, snapshot)
    assert jobs["job_name"].notna().all()
    only_scale_out = snapshot.scale_out_repositories["scale_out_repository_id"]
    assert jobs.loc[~jobs["repository_id"].isin(only_scale_out), "repository_name"].isna().all()
    assert jobs["repository_is_immutable"].isna().all()
    points = va.with_names(snapshot.restore_points, snapshot)
    assert points["object_key"].isna().all()
    assert len(points)


def test_an_id_belongs_to_its_server() -> None:
    snapshot = snapshot_of()
    other = snapshot.sessions.assign(server="vbr02")
    assert va.with_names(other, snapshot)["job_name"].isna().all()
    with pytest.raises(ConfigurationError, match="no column server"):
        va.with_names(snapshot.sessions.drop(columns="server"), snapshot)


def test_a_column_of_that_name_is_kept() -> None:
    snapshot = snapshot_of()
    mine = snapshot.jobs.assign(repository_name="mine")
    assert set(va.with_names(mine, snapshot)["repository_name"]) == {"mine"}
