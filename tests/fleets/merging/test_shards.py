"""Parts of a file of servers: every server in one, none moved by another, and words for what cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import invoke, write
from fleet_runs import NAMES, PASSWORD, Estate
from hypothesis import given, settings
from hypothesis import strategies as st

from vbr_audit.errors import ConfigurationError
from vbr_audit.fleets.servers_file import load_servers
from vbr_audit.fleets.shards import Shard


@settings(max_examples=20)
@given(st.text(min_size=1), st.integers(1, 40))
def test_every_name_is_in_exactly_one_shard(name: str, parts: int) -> None:
    assert sum(Shard(number, parts).holds(name) for number in range(1, parts + 1)) == 1


def test_hundreds_of_servers_are_spread_and_the_place_of_each_is_for_good() -> None:
    names = [f"vbr{number:03d}" for number in range(400)]
    sizes = [sum(Shard(number, 4).holds(name) for name in names) for number in (1, 2, 3, 4)]
    assert min(sizes) > 70
    # what is stored or scheduled by shard relies on these: another hash would move every server
    assert [next(k for k in (1, 2, 3) if Shard(k, 3).holds(name)) for name in NAMES] == [2, 1, 3, 2]
    assert Shard(2, 3).holds("HAMBURG")


@pytest.mark.parametrize("text", ["", "1", "0/3", "4/3", "1/0", "-1/3", "1/3/3", "a/b", "1.0/3", "1/1001", "٣/٣"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="not a part of a whole") as caught:
        Shard.of(text)
    assert "1/3" in str(caught.value.hint)
    assert str(Shard.of(" 2 / 3 ")) == "2/3"


@pytest.mark.parametrize("command", ["audit", "collect"])
def test_an_empty_shard_ends_well_and_writes_nothing(estate: Estate, tmp_path: Path, command: str) -> None:
    empty = next(k for k in range(1, 51) if not any(Shard(k, 50).holds(name) for name in NAMES))
    words = (command, "--servers", estate.file, "--shard", f"{empty}/50", "--out", tmp_path / "run")
    done = invoke(*words)
    assert done.exit_code == 0
    told = f"No server of servers.toml is in shard {empty}/50: nothing was read, and no run was written.\n"
    assert done.stdout == told
    assert not (tmp_path / "run").exists()
    assert invoke(*words, "--quiet").output == ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--shard", "4/3"), "--shard: not a part of a whole: '4/3'"),
        (("https://vbr01.example", "--shard", "1/3"), "--shard divides the servers of a file, and no address"),
    ],
)
def test_a_wrong_shard_ends_in_2(estate: Estate, tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    done = invoke("collect", "--servers", estate.file, *words, "--out", tmp_path / "run")
    assert done.exit_code == 2
    assert told in done.stderr
    done = invoke("collect", "https://vbr01.example", "--shard", "1/3", "--out", tmp_path / "run")
    assert "--shard divides the servers of a file" in done.stderr


def test_a_period_that_moves_is_told(estate: Estate, tmp_path: Path) -> None:
    words = ("--servers", estate.file, "--shard", "1/3", "--datasets", "server_time", "--allow-incomplete")
    done = invoke(
        "collect", *words, "--username", "nobody", "--password-stdin", "--out", tmp_path / "run", input=PASSWORD
    )
    assert "so the runs of the shards cannot be merged" in done.stderr


def test_only_the_passwords_of_the_shard_are_looked_for(tmp_path: Path) -> None:
    named = "".join(f'[[server]]\nname = "{n}"\nurl = "{n}.example"\npassword_env = "P_{n}"\n' for n in NAMES)
    file = write(tmp_path / "servers.toml", named)
    (server,) = load_servers(file, environ={"P_ulm": "canary"}, shard=Shard(1, 3))
    assert server.shown_name == "ulm"
    with pytest.raises(ConfigurationError, match="this environment variable is not set"):
        load_servers(file, environ={"P_ulm": "canary"}, shard=Shard(2, 3))
    wrong = write(tmp_path / "wrong.toml", named + 'nam = "x"\n')
    with pytest.raises(ConfigurationError, match="unknown key"):
        load_servers(wrong, environ={"P_ulm": "canary"}, shard=Shard(1, 3))
