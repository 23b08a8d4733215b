"""`history sample`: what it asks, what it writes, and what becomes of files that are no samples."""

from __future__ import annotations

import datetime as dt
import json
import logging
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pytest
from command_line import invoke

import vbr_audit as va
from vbr_audit.histories.capacities import CAPACITY, capacity_of
from vbr_audit.histories.sampling import MOST_BYTES, MOST_REQUESTS, read_samples, samples_in, take_sample, write_sample
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, ServerUrl, serve
from vbr_audit.tables.build.schema import DTYPES

NOW = dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC)
StartServer = Callable[..., ServerUrl]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StartServer]:
    """A function that starts a small simulator whose account is in the environment, and gives its address."""
    monkeypatch.setenv("VBR_AUDIT_USERNAME", DEMO_USERNAME)
    monkeypatch.setenv("VBR_AUDIT_PASSWORD", DEMO_PASSWORD)
    with ExitStack() as servers:
        yield lambda **options: servers.enter_context(serve(**{"jobs": 8, "sessions": 60, "now": NOW, **options}))


def sample(*words: object) -> Any:
    return invoke("history", "sample", *words)


def files(history: Path) -> list[Path]:
    return sorted(path for path in history.rglob("*") if path.is_file())


@pytest.mark.parametrize("role", ["Viewer", "Administrator"])
@pytest.mark.parametrize("revision", ["1.1-rev0", "1.2-rev1", "1.3-rev2"])
def test_a_sample_takes_few_requests_and_only_reads(
    server: StartServer, tmp_path: Path, revision: str, role: str
) -> None:
    url = server(revision=revision, role=role)
    result = sample(url, "--history", tmp_path / "history")
    assert result.exit_code == 0, result.output
    log = url.simulator.counts.log
    assert len(log) <= MOST_REQUESTS
    assert {(method, path) for method, path, _ in log if method != "GET"} == {
        ("POST", "/api/oauth2/token"),
        ("POST", "/api/oauth2/logout"),
    }
    assert not any(path.endswith(("/jobs", "/sessions")) for _, path, _ in log)
    document = json.loads(files(tmp_path / "history")[0].read_text("utf-8"))
    assert document["requests"] == len(log)
    assert document["bytes"] <= MOST_BYTES
    assert (document["schema"], document["status"], document["reason"]) == (1, "complete", None)


def test_a_sample_has_the_rows_that_a_run_has(server: StartServer, tmp_path: Path) -> None:
    url = server(role="Administrator")
    assert sample(url, "--history", tmp_path).exit_code == 0
    with va.connect(url) as client:
        run = va.collect(client, datasets=["server_info", "repository_states"])
    table = samples_in(tmp_path)
    assert table.dtypes.to_dict() == {column.name: DTYPES[column.dtype] for column in CAPACITY.columns}
    expected = capacity_of(run).sort_values("repository_id", ignore_index=True)
    pd.testing.assert_frame_equal(table.sort_values("repository_id", ignore_index=True), expected)
    assert table["server_id"].tolist() == [run.manifest.servers[0].vbr_id] * len(table)
    assert table["taken_at"].unique().tolist() == [pd.Timestamp(NOW)]


def test_files_and_folders_are_for_their_owner_and_hold_no_secret(server: StartServer, tmp_path: Path) -> None:
    history = tmp_path / "new" / "history"
    assert sample(server(), "--history", history).exit_code == 0
    (path,) = files(history)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [stat.S_IMODE(each.stat().st_mode) for each in (history, path.parent.parent, path.parent)] == [0o700] * 3
    assert path.name.startswith("20261101T060000Z-")
    assert path.parent.parent == history / "samples"
    text = path.read_text("utf-8")
    assert DEMO_PASSWORD not in text
    assert DEMO_USERNAME not in text
    assert "token" not in text.lower()


def test_two_at_once_are_two_files(server: StartServer, tmp_path: Path) -> None:
    url = server()
    with va.connect(url) as client:
        taken = take_sample(client, tool_version="0")
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: write_sample(tmp_path, taken), range(8)))
    assert len(set(paths)) == len(files(tmp_path)) == 8
    assert len(samples_in(tmp_path)) == 8 * len(taken.capacity)


def test_more_repositories_than_fit_give_a_partial_sample(
    server: StartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vbr_audit.histories.sampling._FIRST_PAGE", 3)
    monkeypatch.setattr("vbr_audit.histories.sampling.MOST_BYTES", 8_000)
    url = server()
    result = sample(url, "--history", tmp_path)
    assert result.exit_code == 4
    assert "the sample is partial" in result.stderr
    (path,) = files(tmp_path)
    document = json.loads(path.read_text("utf-8"))
    assert document["status"] == "partial"
    assert "repositories of" in document["reason"]
    assert len(url.simulator.counts.log) <= MOST_REQUESTS
    assert 0 < len(samples_in(tmp_path)) < len(url.simulator.truth("1.3-rev2").rows("repository_states"))


def test_a_second_page_is_read_while_it_fits(
    server: StartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vbr_audit.histories.sampling._FIRST_PAGE", 3)
    url = server(revision="1.3-rev2")
    assert sample(url, "--history", tmp_path).exit_code == 0
    assert len(url.simulator.counts.log) == MOST_REQUESTS
    table = samples_in(tmp_path)
    assert not table["repository_id"].duplicated().any()


@pytest.mark.parametrize("fault", ["denied=repository_states", "cut-json-forever=repository_states"])
def test_a_server_that_does_not_give_the_space_leaves_no_file(server: StartServer, tmp_path: Path, fault: str) -> None:
    broken, whole = server(faults=(fault,)), server()
    result = sample(broken, "--history", tmp_path)
    assert result.exit_code == 3
    assert files(tmp_path) == []
    assert len(broken.simulator.counts.log) <= MOST_REQUESTS
    servers = tmp_path / "servers.toml"
    servers.write_text(f"[[server]]\nurl = '{broken}'\nname = 'a'\n[[server]]\nurl = '{whole}'\nname = 'b'\n", "utf-8")
    result = sample("--servers", servers, "--history", tmp_path / "history")
    assert result.exit_code == 4
    assert set(samples_in(tmp_path / "history")["server"]) == {"b"}


def test_a_wrong_password_is_tried_once_and_ends_in_3(
    server: StartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server()
    monkeypatch.setenv("VBR_AUDIT_PASSWORD", "wrong")
    assert sample(url, "--history", tmp_path).exit_code == 3
    assert url.simulator.counts.failed_sign_ins == 1
    assert files(tmp_path) == []


def test_a_folder_that_cannot_be_written_ends_in_5(server: StartServer, tmp_path: Path) -> None:
    (tmp_path / "history").write_text("a file", "utf-8")
    assert sample(server(), "--history", tmp_path / "history").exit_code == 5


def test_a_broken_or_newer_file_is_named_and_left_out(
    server: StartServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with va.connect(server()) as client:
        path = write_sample(tmp_path, take_sample(client, tool_version="0"))
    whole = samples_in(tmp_path)
    body = path.read_bytes()
    document = orjson.loads(body)
    negative = document | {"capacity": [document["capacity"][0] | {"used_bytes": -1}]}
    odd = {
        "cut": body[: len(body) // 2],
        "empty": b"",
        "binary": bytes(range(256)),
        "list": b"[]",
        "newer": orjson.dumps(document | {"schema": 2}),
        "another": orjson.dumps(document | {"surprise": "\x1b[31m"}),
        "negative": orjson.dumps(negative),
        "naive": orjson.dumps(document | {"taken_at": "2026-11-01T06:00:00"}),
    }
    for name, content in odd.items():
        (path.parent / f"{name}.json").write_bytes(content)
    (path.parent / "folder.json").mkdir()
    (path.parent / ".part.json.1234.part").write_bytes(b"{")
    samples = read_samples(tmp_path)
    pd.testing.assert_frame_equal(samples.capacity, whole)
    assert len(samples.skipped) == len(odd) + 1
    place = f"samples/{path.parent.name}"
    assert f"{place}/newer.json: a newer version of vbr-audit wrote it" in samples.skipped
    assert "\x1b" not in "".join(samples.skipped)
    with caplog.at_level(logging.WARNING):
        samples_in(tmp_path)
    assert "negative.json" in caplog.text


def test_no_samples_are_an_empty_table(tmp_path: Path) -> None:
    table = samples_in(tmp_path / "nowhere")
    assert table.dtypes.to_dict() == {column.name: DTYPES[column.dtype] for column in CAPACITY.columns}
