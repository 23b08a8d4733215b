"""The deadline of the command line, the settings and the file of servers: what it ends, and what is said of that."""

from __future__ import annotations

import datetime as dt
import socket
from pathlib import Path

import pytest
from command_line import write
from raw_server import Asked, raw_server
from small_server import SmallServer

from vbr_audit.config.time_spans import duration_text, seconds_of
from vbr_audit.errors import ConfigurationError
from vbr_audit.fleets.servers_file import load_servers
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME


def hang(stream: socket.socket) -> None:
    stream.settimeout(20)
    stream.recv(1)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("90s", 90), ("30m", 1800), ("30 min", 1800), ("2h", 7200), ("1h30m", 5400), ("1h 30m 5s", 5405), ("1.5h", 5400),
     (45, 45), (0.5 * 60, 30), (dt.timedelta(minutes=2), 120), ("168h", 604800)],
)  # fmt: skip
def test_spans_of_time(given: str | float | dt.timedelta, seconds: float) -> None:
    assert seconds_of(given) == seconds


@pytest.mark.parametrize("given", ["", "30", "m", "30x", "-5m", "1m30", "0s", "0.5s", "169h", float("nan"), "5m 1h"])
def test_what_is_no_span_is_refused(given: str | float) -> None:
    with pytest.raises(ConfigurationError) as caught:
        seconds_of(given)
    assert caught.value.hint


def test_spans_are_shown_in_their_largest_unit() -> None:
    assert [duration_text(s) for s in (90, 1800, 7200, 5400, 0.75)] == ["90 s", "30 min", "2 h", "90 min", "0.75 s"]


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("option", ["--deadline", "--dataset-deadline"])
def test_a_wrong_deadline_ends_in_2_before_anything_is_asked(run, server, tmp_path: Path, option: str) -> None:
    url = server()
    for command in ("audit", "collect"):
        done = run(command, url, "--out", tmp_path / "run", option, "30")
        assert done.exit_code == 2
        assert f"{option}: not a span of time: '30'" in done.stderr or "not a span of time" in done.stderr
    assert not url.simulator.counts.log


def test_the_settings_and_the_file_of_servers_take_it(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "servers.toml", '[[server]]\nurl = "a.example"\ndeadline = "90s"\ntenant = "Hansa"\n')
    (named,) = load_servers(file, environ={})
    assert (named.deadline, named.tenant) == ("90s", "Hansa")
    wrong = write(tmp_path / "wrong.toml", '[[server]]\nurl = "a.example"\ndeadline = "soon"\n')
    with pytest.raises(ConfigurationError, match=r"wrong\.toml:3: server\[0\]\.deadline: not a span of time: 'soon'"):
        load_servers(wrong, environ={})
    monkeypatch.setenv("VBR_AUDIT_DEADLINE", "soon")
    done = run("audit", "https://a.example", "--out", tmp_path / "run")
    assert done.exit_code == 2
    assert "setting deadline: " in done.stderr
    assert "not a span of time" in done.stderr


@pytest.mark.usefixtures("account")
def test_a_server_that_hangs_leaves_the_run_incomplete_with_a_remedy(run, server, tmp_path: Path) -> None:
    def hangs_midway(asked: Asked) -> object:
        return hang if asked.path.endswith("/jobs") else None

    words = ("--out", tmp_path / "run", "--format", "json,md", "--fail-on", "never", "--month", "2026-10")
    with raw_server(hangs_midway, honest=SmallServer(name="hung")) as url:
        listed = f'[[server]]\nurl = "{url}"\nname = "hung"\ndeadline = "1s"\n'
        file = write(tmp_path / "servers.toml", listed + f'[[server]]\nurl = "{server()}"\nname = "well"\n')
        done = run("audit", "--servers", file, *words)
    assert done.exit_code == 4, done.output
    assert "Deadline of 0.5 s for one dataset passed." in done.stdout
    assert "collect again with a longer --deadline or --dataset-deadline" in (
        tmp_path / "run" / "summary.md"
    ).read_text("utf-8")
    assert DEMO_PASSWORD not in done.output


@pytest.mark.usefixtures("account")
def test_the_only_server_that_hangs_ends_in_3(run, tmp_path: Path) -> None:
    with raw_server(lambda asked: hang) as url:
        done = run("collect", url, "--username", DEMO_USERNAME, "--deadline", "1s", "--out", tmp_path / "run")
    assert done.exit_code == 3
    assert "cannot sign in: no answer before the deadline of 0.5 s for one dataset passed" in done.stderr
