"""Every recipe of the cookbook is run on two saved runs of three servers, and its answer is worked out a second way."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import datetime as dt
import io
import re
import statistics
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import numpy as np
import pandas as pd
import pytest
from capacity_series import CAPACITY_BYTES
from openpyxl import load_workbook
from pages import DOCS, blocks_of
from pydantic import SecretStr
from shared import once

import vbr_audit as va
from vbr_audit.api.client import Client
from vbr_audit.findings import load_waivers
from vbr_audit.histories.sampling import CapacitySample, write_sample
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, create_app

PAGE = "cookbook.md"
ZONE = ZoneInfo("Europe/Berlin")
MACHINES = (
    *("jobs", "job_states", "sessions", "backups", "backup_objects", "backup_files", "restore_points"),
    *("repositories", "scale_out_repositories"),
)
SERVERS = ("hamburg", "munich", "vienna")
RECIPES = {title: block.code for title, block in zip(
    re.findall(r"^## (.+)$", (DOCS / PAGE).read_text("utf-8"), re.MULTILINE), blocks_of(PAGE)[1:], strict=True
)}  # fmt: skip


def _client(name: str, now: dt.datetime) -> Client:
    app = create_app(seed=SERVERS.index(name), jobs=6, sessions=80, now=now, role="Administrator")
    transport, password = httpx.WSGITransport(app=app), SecretStr(DEMO_PASSWORD)
    return Client(
        f"http://127.0.0.{SERVERS.index(name) + 1}",
        name=name,
        username=DEMO_USERNAME,
        password=password,
        transport=transport,
    )


def _save_runs(folder: Path) -> None:
    for month, name in ((10, "september"), (11, "october")):
        now = dt.datetime(2026, month, 1, 6, tzinfo=dt.UTC)
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(_client(server, now)) for server in SERVERS[: 1 if month == 10 else 3]]
            period = {"month": f"2026-{month - 1:02d}", "timezone": str(ZONE)}
            va.collect(clients, datasets=MACHINES, progress=False, **period).save(folder / "runs" / name)


def _sample(day: int) -> CapacitySample:
    """A repository that has been filled by 1 % of its capacity on each day."""
    used = CAPACITY_BYTES * (20 + day) // 100
    row = {"repository_id": "r1", "repository": "main", "kind": "repository", "is_online": True}
    row |= {"capacity_bytes": CAPACITY_BYTES, "free_bytes": CAPACITY_BYTES - used, "used_bytes": used}
    taken_at = dt.datetime.now(dt.UTC) - dt.timedelta(days=59 - day)
    return CapacitySample.model_validate(
        {"server_id": "id-1", "server": "hamburg", "taken_at": taken_at, "status": "complete", "requests": 6}
        | {"bytes": 1, "tool_version": "0", "capacity": [row]}
    )


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs, the earlier one of one server only, and a history of samples."""

    def make(folder: Path) -> None:
        _save_runs(folder)
        for day in range(60):
            write_sample(folder / "history", _sample(day))

    return once(tmp_path_factory, "cookbook", make)


@pytest.fixture(scope="session")
def runs(place: Path) -> dict[str, Any]:
    """The names that the first block of the page gives."""
    names: dict[str, Any] = {}
    with contextlib.chdir(place):
        exec(compile(blocks_of(PAGE)[0].code, PAGE, "exec"), names)
    return names


@pytest.fixture(scope="session")
def october(runs: dict[str, Any]) -> va.Snapshot:
    snapshot: va.Snapshot = runs["october"]
    return snapshot


def answer(title: str, names: dict[str, Any], folder: Path) -> Any:
    """What a notebook would show below the recipe: the value of its last line, else what it prints."""
    *lines, last = ast.parse(RECIPES[title]).body
    assert isinstance(last, ast.Expr)
    own, printed = dict(names), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(printed):
        exec(compile(ast.Module(lines, []), PAGE, "exec"), own)
        value = eval(compile(ast.Expression(last.value), PAGE, "eval"), own)
    return printed.getvalue() if value is None else value


def rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Plain Python values, None for NA."""
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def median_days(snapshot: va.Snapshot) -> dict[tuple[str, str], float]:
    """The median duration of the runs of each job."""
    seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
    for run in rows(snapshot.job_runs):
        if run["duration_s"] is not None:
            seconds[run["server"], run["job_id"]].append(run["duration_s"])
    names = {(job["server"], job["job_id"]): job["name"] for job in rows(snapshot.jobs)}
    return {(key[0], names[key]): statistics.median(values) for key, values in seconds.items()}


def pairs(frame: pd.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    return list(frame[list(columns or ("server", "name"))].itertuples(index=False, name=None))


def immutable_targets(snapshot: va.Snapshot) -> set[str]:
    locked = {each["repository_id"] for each in rows(snapshot.repositories) if each["immutability_enabled"]}
    extents: dict[str, list[str]] = defaultdict(list)
    for extent in rows(snapshot.scale_out_extents):
        if extent["tier"] == "Performance":
            extents[extent["scale_out_repository_id"]].append(extent["repository_id"])
    return locked | {outer for outer, inner in extents.items() if locked.issuperset(inner)}


def ages(snapshot: va.Snapshot) -> Iterable[tuple[str, float | None]]:
    clocks = {record.name: record.server_time for record in snapshot.manifest.servers}
    for machine in rows(va.protected(snapshot)):
        latest = machine["latest_point"]
        yield machine["server"], None if latest is None else (clocks[machine["server"]] - latest).total_seconds() / 3600


def test_the_recipes_are_twelve_and_short() -> None:
    assert len(RECIPES) == 12 + 1  # the last one accepts what the others found
    assert {title: len(code.split("\n")) - 1 for title, code in RECIPES.items() if code.count("\n") > 6} == {}
    twelve = list(RECIPES.values())[:-1]
    assert max(code.count("\n") for code in twelve) <= 5
    assert max(len(line) for code in RECIPES.values() for line in code.splitlines()) <= 130


def test_success_per_job_and_weekday(runs: dict[str, Any], october: va.Snapshot, tmp_path: Path) -> None:
    sessions = october.sessions
    third = pd.Series(np.arange(len(sessions)) % 3 == 0) & sessions["state"].eq("Stopped")
    failing = sessions.assign(result=sessions["result"].mask(third.to_numpy(dtype=bool, na_value=False), "Failed"))
    october = dataclasses.replace(october, tables={**october.tables, "sessions": failing})
    table = answer("Success per job and weekday", runs | {"october": october}, tmp_path)
    names = {(job["server"], job["job_id"]): job["name"] for job in rows(october.jobs)}
    told: dict[tuple[str, int], list[bool]] = defaultdict(list)
    for run in rows(october.job_runs):
        if not run["is_open"]:
            day = run["started"].astimezone(ZONE).weekday()
            told[names[run["server"], run["job_id"]], day].append(run["result"] in ("Success", "Warning"))
    assert table.stack().to_dict() == pytest.approx({key: statistics.mean(each) for key, each in told.items()})
    assert 0 < table.mean().mean() < 1


def test_the_longest_runs(runs: dict[str, Any], october: va.Snapshot, tmp_path: Path) -> None:
    longest = answer("The longest runs", runs, tmp_path)
    expected = sorted(october.job_runs["duration_s"].dropna().tolist(), reverse=True)[:10]
    assert longest["duration_s"].tolist() == expected
    assert longest["job_name"].notna().all()


def test_grown_durations(runs: dict[str, Any], october: va.Snapshot, tmp_path: Path) -> None:
    grown = answer("Durations that have grown", runs, tmp_path)
    before, now = median_days(runs["september"]), median_days(october)
    expected = {key: now[key] / before[key] for key in now if key in before}
    assert grown.to_dict() == pytest.approx(dict(sorted(expected.items(), key=lambda item: -item[1])[:10]))
    assert len(grown)


def test_nothing_for_48_hours(runs: dict[str, Any], october: va.Snapshot, tmp_path: Path) -> None:
    points = october.restore_points
    old = (points["server"] != "vienna") | (points["created"] < pd.Timestamp(october.now) - pd.Timedelta(days=3))
    stale = dataclasses.replace(october, tables={**october.tables, "restore_points": points[old]})
    late = answer("Nothing for 48 hours", runs | {"october": stale}, tmp_path)
    known = list(ages(stale))
    assert len(late) == sum(age is None or age > 48 for _, age in known)
    assert set(late["server"]) == {"vienna"}
    assert len(late) < len(known)


def test_days_until_a_repository_is_full(runs: dict[str, Any], place: Path) -> None:
    (row,) = rows(answer("Days until a repository is full", runs, place))
    assert (row["repository"], row["verdict"]) == ("main", "filling")
    # 79 % are used on the last of 60 days, and 1 % more on each
    assert 10 < row["days_to_full"] < 22


def test_jobs_without_an_immutable_target(runs: dict[str, Any], october: va.Snapshot, tmp_path: Path) -> None:
    jobs = answer("Jobs without an immutable target", runs, tmp_path)
    locked = immutable_targets(october)
    expected = {(job["server"], job["name"]) for job in rows(october.jobs) if job["repository_id"] not in locked}
    assert set(pairs(jobs)) == expected
    assert 0 < len(jobs) < len(october.jobs)


def test_no_yearly_restore_points_as_a_workbook(runs: dict[str, Any], october: va.Snapshot, tmp_path: Path) -> None:
    path = answer("No yearly restore points, as a workbook", runs, tmp_path)
    header, *lines = load_workbook(tmp_path / path).active.values
    assert header == ("server", "name", "type", "repository_name", "gfs_enabled", "gfs_yearly_enabled")
    off = [job for job in rows(october.jobs) if not (job["gfs_enabled"] and job["gfs_yearly_enabled"])]
    assert [line[:3] for line in lines] == [(job["server"], job["name"], job["type"]) for job in off]
    assert {type(line[5]) for line in lines} <= {bool, type(None)}


def test_the_last_good_restore_point(runs: dict[str, Any], october: va.Snapshot, tmp_path: Path) -> None:
    machines = answer("The last good restore point of each machine", runs, tmp_path)
    points = va.with_names(october.restore_points, october)
    clean = points[points["malware_status"].eq("Clean").fillna(False)]
    newest = clean.groupby(["server", "object_name"])["created"].max().to_dict()
    assert len(machines) == len(va.protected(october))
    told = {(each["server"], each["name"]): each["latest_clean_point"] for each in rows(machines)}
    assert {key: moment for key, moment in told.items() if moment is not None} == {
        key: moment for key, moment in newest.items() if key in told
    }
    assert newest


def test_runs_outside_the_window(runs: dict[str, Any], october: va.Snapshot, tmp_path: Path) -> None:
    outside = answer("Runs outside the window", runs, tmp_path)
    told = [
        run["started"]
        for run in rows(october.job_runs)
        if any(6 <= run[end].astimezone(ZONE).hour < 22 for end in ("started", "ended") if run[end] is not None)
    ]
    assert outside["started"].tolist() == told
    assert 0 < len(told) < len(october.job_runs)


def test_the_largest_machines(runs: dict[str, Any], october: va.Snapshot, tmp_path: Path) -> None:
    largest = answer("The largest machines", runs, tmp_path)
    sizes = va.protected(october)["backup_bytes"].dropna().tolist()
    assert largest["backup_bytes"].tolist() == sorted(sizes, reverse=True)[:10]


def test_what_grew_between_two_months(runs: dict[str, Any], tmp_path: Path) -> None:
    grown = answer("What grew between two months", runs, tmp_path)
    sizes = [
        {(each["server"], each["object_key"]): each["backup_bytes"] for each in rows(va.protected(runs[month]))}
        for month in ("september", "october")
    ]
    assert len(grown)
    for key, grown_bytes in grown["grown_bytes"].dropna().items():
        assert grown_bytes == sizes[1][key] - sizes[0][key]
    assert set(grown.index.get_level_values("server")) == {"hamburg"}  # of the others, September knows nothing


def test_several_servers(runs: dict[str, Any], october: va.Snapshot, tmp_path: Path) -> None:
    table = answer("Several servers side by side", runs, tmp_path)
    known = list(ages(october))
    assert sorted(table.index) == sorted(SERVERS)
    for server, row in table.iterrows():
        own = [age for name, age in known if name == server]
        late = sum(age is not None and age > 48 for age in own)
        assert row[["machines", "late", "unknown"]].tolist() == [len(own), late, own.count(None)]
        assert row["jobs"] == np.count_nonzero(october.job_states["server"] == server)


def test_what_accepts_findings_is_a_waiver_file(runs: dict[str, Any], october: va.Snapshot, tmp_path: Path) -> None:
    text = answer("And then: accept a finding", runs, tmp_path)
    made = load_waivers(text).waivers
    assert {waiver.check for waiver in made} == {"JOB-008"}
    assert {waiver.server for waiver in made} <= set(SERVERS)
