"""The table `capacity` of a run: which rows, which space, which kind."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pytest

import vbr_audit as va
from vbr_audit.collection.manifest import DatasetRecord, DatasetStatus, Manifest, RunRecord, ServerRecord
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.datasets import SPECS
from vbr_audit.histories.capacities import CAPACITY, OUTLOOK, capacity_of
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, serve
from vbr_audit.tables.build.schema import DTYPES, TableSpec, conform

NOW = dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC)
GIB = 2**30


def server(name: str, vbr_id: str | None = None, clock: dt.datetime | None = None) -> ServerRecord:
    return ServerRecord(
        name=name,
        url=f"https://{name}:9419",
        revision="1.3-rev1",
        revision_newest="1.3-rev1",
        account="auditor",
        tls="verified",
        verified=True,
        vbr_id=vbr_id,
        server_time=clock,
    )


def snapshot(status: str | None = "complete", servers: tuple[ServerRecord, ...] = (), **tables: Any) -> Snapshot:
    run = RunRecord(now=NOW, since=NOW, until=NOW, timezone="UTC", timezone_source="given", tool_version="0")
    record = DatasetRecord(
        server="vbr01",
        name="scale_out_repositories",
        path="/",
        revision="1.3-rev1",
        status=DatasetStatus(status or "failed"),
        started=NOW,
        ended=NOW,
    )
    frames = {}
    for name, rows in tables.items():
        columns = dict.fromkeys(key for row in rows for key in row)
        frames[name] = conform({key: [row.get(key) for row in rows] for key in columns}, SPECS[name])[0]
    manifest = Manifest(run=run, servers=list(servers), datasets=[record] if status else [])
    return Snapshot.from_tables(frames, now=NOW, since=NOW, until=NOW, manifest=manifest)


def state(repository_id: str = "r1", server: str = "vbr01", **values: Any) -> dict[str, Any]:
    space = {"capacity_gb": 100.0, "free_gb": 25.0, "used_gb": 90.0, "is_without_limit": False, "is_online": True}
    return {"server": server, "repository_id": repository_id, "name": repository_id} | space | values


@pytest.mark.parametrize("spec", [CAPACITY, OUTLOOK], ids=lambda spec: spec.name)
def test_the_tables_are_declared_as_all_others(spec: TableSpec) -> None:
    assert set(spec.key) <= set(spec.names)
    assert all(column.help.endswith(".") for column in spec.columns)
    assert all((column.holds is not None) == (column.dtype == "string") for column in spec.columns)


def test_used_is_what_is_not_free_and_not_the_size_of_the_backups() -> None:
    table = capacity_of(snapshot(repository_states=[state()], servers=(server("vbr01", "install-1"),)))
    assert table.dtypes.to_dict() == {column.name: DTYPES[column.dtype] for column in CAPACITY.columns}
    assert table.to_dict("records") == [
        {
            "server_id": "install-1",
            "server": "vbr01",
            "repository_id": "r1",
            "repository": "r1",
            "kind": "repository",
            "taken_at": pd.Timestamp(NOW),
            "capacity_bytes": 100 * GIB,
            "free_bytes": 25 * GIB,
            "used_bytes": 75 * GIB,
            "is_online": True,
        }
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"capacity_gb": None, "free_gb": None, "is_without_limit": True}, (None, None, 90)),
        ({"capacity_gb": None, "free_gb": None, "is_without_limit": True, "used_gb": -1.0}, (None, None, None)),
        ({"capacity_gb": None, "free_gb": None, "is_without_limit": None}, (None, None, None)),
        ({"free_gb": None}, (100, None, None)),
        ({"free_gb": 0.0}, (100, 0, 100)),
        ({"free_gb": 101.0}, (100, 101, None)),
        ({"capacity_gb": 1e300, "free_gb": 1.0}, (None, None, None)),
        ({"used_gb": None}, (100, 25, 75)),
    ],
)
def test_what_is_not_known_is_na(values: dict[str, Any], expected: tuple[int | None, ...]) -> None:
    row = capacity_of(snapshot(repository_states=[state(**values)])).iloc[0]
    found = [row[name] for name in ("capacity_bytes", "free_bytes", "used_bytes")]
    assert found == [pd.NA if value is None else value * GIB for value in expected]


def test_an_extent_is_one_where_the_extents_or_the_state_say_so() -> None:
    states = [state("a"), state("b", extent_type="Capacity"), state("c"), state("d", server="vbr02")]
    extents = [
        {"server": "vbr01", "repository_id": "a", "tier": "Performance", "name": "a"},
        {"server": "vbr01", "repository_id": "z", "tier": "Archive", "name": "glacier"},
        {"server": "vbr02", "repository_id": "c", "tier": "Archive", "name": "c"},
    ]
    table = capacity_of(snapshot(repository_states=states, scale_out_extents=extents))
    kinds = dict(zip(table["server"] + "/" + table["repository_id"], table["kind"], strict=True))
    assert kinds == {
        "vbr01/a": "performance extent",
        "vbr01/b": "capacity extent",
        "vbr01/c": "repository",
        "vbr02/d": pd.NA,
        "vbr01/z": "archive extent",
        "vbr02/c": "archive extent",
    }
    unread = capacity_of(snapshot("denied", repository_states=states))
    assert unread.loc[unread["repository_id"] == "c", "kind"].isna().all()


def test_a_repository_without_a_state_is_a_row_without_space() -> None:
    settings = [{"server": "vbr01", "repository_id": name, "name": name} for name in ("r1", "r2")]
    table = capacity_of(snapshot(repository_states=[state("r1")], repositories=settings))
    assert table["repository"].tolist() == ["r1", "r2"]
    assert table.loc[1, ["capacity_bytes", "free_bytes", "used_bytes"]].isna().all()
    assert len(capacity_of(snapshot(None))) == 0


def test_each_server_has_its_own_clock_and_id() -> None:
    clock = dt.datetime(2026, 11, 1, 9, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    servers = (server("vbr01", "install-1", clock), server("vbr02"))
    table = capacity_of(snapshot(repository_states=[state(), state(server="vbr02")], servers=servers))
    assert table["server_id"].tolist() == ["install-1", "vbr02"]
    assert table["taken_at"].tolist() == [pd.Timestamp(clock), pd.Timestamp(NOW)]


@pytest.mark.parametrize("revision", ["1.1-rev0", "1.3-rev1"])
def test_the_space_of_a_simulated_server(revision: str) -> None:
    with (
        serve(now=NOW) as url,
        va.connect(url, username=DEMO_USERNAME, password=DEMO_PASSWORD, revision=revision) as client,
    ):
        read = va.collect(
            client, datasets=["server_info", "repositories", "repository_states", "scale_out_repositories"]
        )
    table, states = capacity_of(read), read.repository_states
    assert table["repository_id"].tolist() == states["repository_id"].tolist()
    assert table["server_id"].tolist() == [read.manifest.servers[0].vbr_id or read.manifest.servers[0].name] * len(
        table
    )
    assert set(table["kind"]) == {"repository", "performance extent", "capacity extent", "archive extent"}
    free = table["free_bytes"] / table["capacity_bytes"] * 100
    pd.testing.assert_series_equal(free, states["free_percent"], check_names=False, rtol=1e-6)
