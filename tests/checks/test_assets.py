"""The list of assets against the backups of one or several servers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pandas as pd
import pytest

from vbr_audit.checks.engine.views import Reading, ServerView
from vbr_audit.checks.site import Asset, Site
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.datasets import DATASETS, SPECS
from vbr_audit.tables.build.schema import conform

NOW = dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC)


def views(assets: Sequence[str], *servers: dict[str, int | None], unread: Sequence[int] = ()) -> list[ServerView]:
    snapshot = Snapshot.from_tables({}, now=NOW, since=NOW - dt.timedelta(days=31), until=NOW)
    site = Site(assets=tuple(Asset(name) for name in assets), text="version: 1\n")
    made = []
    for number, held in enumerate(servers):
        readings = {name: Reading("complete") for name in DATASETS}
        if number in unread:
            readings["backup_objects"] = Reading("denied")
        rows: dict[str, Any] = {
            "server": [f"s{number}"] * len(held),
            "name": list(held),
            "restore_points_count": list(held.values()),
        }
        frames = {
            "servers": conform({"server": [f"s{number}"]}, SPECS["servers"])[0],
            "backup_objects": conform(rows, SPECS["backup_objects"])[0],
        }
        view = ServerView(f"s{number}", snapshot, readings, frozenset(), alone=False, site=site, frames=frames)
        made.append(view)
    for view in made:
        view.peers = tuple(made)
    return made


def told(view: ServerView) -> dict[str, Any]:
    frame: pd.DataFrame = view.frame("assets")
    return dict(zip(frame["name"], frame["is_protected"], strict=True))


@pytest.mark.parametrize(
    ("asset", "held", "answer"),
    [
        ("srv", {"srv": 1}, True),
        ("SRV", {"srv": 1}, True),
        ("srv.example", {"srv": 1}, True),
        ("srv", {"srv.example": 1}, True),
        ("srv.example", {"srv.other": 1}, False),
        ("10.1.2.3", {"10.9.9.9": 1}, False),
        ("srv", {"srv": 0}, False),
        ("srv", {"srv": None}, pd.NA),
        ("srv", {"srv.example": 0, "srv": 2}, True),
        ("srv", {"server": 1}, False),
    ],
)
def test_a_machine_is_found_by_its_name(asset: str, held: dict[str, int | None], answer: Any) -> None:
    found = told(views([asset], held)[0])[asset]
    assert found is answer or bool(found) is answer


def test_held_anywhere_is_held_and_nowhere_is_judged_once() -> None:
    first, second = views(["a", "b", "c"], {"a": 1}, {"b": 1})

    assert told(first) == {"a": True, "c": False}
    assert told(second) == {"b": True}


def test_an_unread_server_leaves_it_open() -> None:
    first, second = views(["a", "c"], {"a": 1}, {}, unread=[1])

    assert told(first)["a"]
    assert told(first)["c"] is pd.NA
    assert told(second) == {}


def test_an_unread_first_server_leaves_it_open() -> None:
    first, second = views(["a", "c"], {}, {"a": 1}, unread=[0])

    assert told(first) == {"c": pd.NA} or told(first)["c"] is pd.NA
    assert told(second) == {"a": True}
