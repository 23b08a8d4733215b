"""The file of servers: strict, with file and line, never with a password; and what the commands make of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from vbr_audit.config.secret_sources import SecretSource
from vbr_audit.config.toml_file import positions
from vbr_audit.errors import ConfigurationError
from vbr_audit.fleets.servers_file import check_names, load_servers
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME

SECRET = "hunter2-Canary"


@pytest.fixture
def file(tmp_path: Path) -> Any:
    """A function that writes a file of servers and gives its path."""

    def write(text: str) -> Path:
        path = tmp_path / "servers.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def problems_of(path: Path, **options: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load_servers(path, **{"environ": {}, **options})
    assert SECRET not in str(caught.value)
    assert caught.value.hint
    return caught.value.message.splitlines()


def test_every_key_is_taken_and_paths_are_relative_to_the_file(file, ca_file: Path, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(ca_file.read_bytes())
    path = file(
        '[[server]]\nurl = "https://vbr01.example:9420"\nname = "Hamburg"\nusername = "auditor"\nca_file = "ca.pem"\n'
        'revision = "1.3-rev1"\ntimeout = 5\nproxy = "http://proxy.example:3128"\npassword_env = "HAMBURG"\n'
        f'\n[[server]]\nurl = "vbr02.example"\nfingerprint = "{"ab" * 32}"\ninsecure = false\n'
    )
    first, second = load_servers(path, environ={"HAMBURG": SECRET})
    assert (first.url, first.shown_name, first.username) == ("https://vbr01.example:9420", "Hamburg", "auditor")
    assert (first.ca_file, first.revision, first.timeout) == (tmp_path / "ca.pem", "1.3-rev1", 5.0)
    assert first.secret == SecretSource("environment", ("HAMBURG",))
    assert first.secret.resolve("auditor", "https://vbr01.example", environ={"HAMBURG": SECRET}) == SecretStr(SECRET)
    assert SECRET not in repr(first)
    assert (second.shown_name, second.password, second.insecure) == ("vbr02.example", None, False)
    assert (first.place, second.place) == ("servers.toml:3", "servers.toml:12")


@pytest.fixture
def ca_file(server, tmp_path: Path) -> Path:
    """A certificate in PEM form."""
    import ssl

    url = server(tls=True)
    host, port = url.removeprefix("https://").split(":")
    path = tmp_path / "made.pem"
    path.write_text(ssl.get_server_certificate((host, int(port))))
    return path


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '[[server]]\nurl = "a.example"\n\nnam = "x"\n',
            "servers.toml:4: server[0].nam: unknown key; did you mean 'nam",
        ),
        ('[[server]]\nurl = "a.example"\ntimeout = "5"\n', "servers.toml:3: server[0].timeout: expected a number"),
        ('[[server]]\nurl = "a.example"\ntimeout = 0\n', "servers.toml:3: server[0].timeout: must be above 0"),
        ('[[server]]\nurl = "a.example"\ninsecure = "yes"\n', "servers.toml:3: server[0].insecure: expected true or"),
        ('[[server]]\nurl = "a.example"\nname = ""\n', "servers.toml:3: server[0].name: must not be empty"),
        ('# first\n\n[[server]]\nname = "x"\n', "servers.toml:3: server[0].url: is required"),
        ('[[server]]\nurl = "http://a.example"\n', "servers.toml:2: server[0].url: 'http://a.example' would send"),
        ('[[server]]\nurl = "ftp://a.example"\n', "servers.toml:2: server[0].url: not the address of a VBR server"),
        ('[[server]]\nurl = "a.example"\nrevision = "9.9"\n', "servers.toml:3: server[0].revision: unknown REST"),
        ('[[server]]\nurl = "a.example"\nfingerprint = "zz"\n', "servers.toml:3: server[0].fingerprint: not a SHA-256"),
        ('[[server]]\nurl = "a.example"\nca_file = "none.pem"\n', "servers.toml:3: server[0].ca_file: cannot read"),
        ('[[server]]\nurl = "a.example"\nproxy = "x y"\n', "servers.toml:3: server[0].proxy: not the address of an"),
        ('[server]\nurl = "a.example"\n', "servers.toml:1: server: write [[server]], in double brackets"),
        ('[[servers]]\nurl = "a.example"\n', "servers.toml:1: servers: unknown key; did you mean 'server'?"),
        ("", "servers.toml:1: contains no server"),
        ('[[server]]\nurl = "a.example"\nurl = "b.example"\n', "servers.toml:3: not valid TOML: Cannot overwrite"),
        ("[[server]]\nurl = a.example\n", "servers.toml:2: not valid TOML: Invalid value"),
    ],
)
def test_what_is_wrong_is_told_with_file_line_and_key(file, text: str, told: str) -> None:
    assert any(line.startswith(told) for line in problems_of(file(text)))


def test_everything_that_is_wrong_is_told_at_once(file) -> None:
    text = '[[server]]\nurl = "a.example"\nusernam = "x"\n[[server]]\nurl = "b.example"\ntimeout = -1\nverify = false\n'
    assert [line.split(": ")[0] for line in problems_of(file(text))] == [f"servers.toml:{n}" for n in (3, 6, 7)]


@pytest.mark.parametrize("key", ["password", "passwd", "Password", "token", "secret"])
def test_a_password_is_refused_with_an_explanation(file, key: str) -> None:
    lines = problems_of(file(f'[[server]]\nurl = "a.example"\n{key} = "{SECRET}"\n'))
    assert lines == [
        f"servers.toml:3: server[0].{key}: a password does not belong in this file; give the name of its variable "
        '(password_env = "NAME"), store it in the keyring, or use --password-stdin'
    ]


@pytest.mark.parametrize(
    "line",
    [
        f'url = "https://auditor:{SECRET}@a.example"',
        f'url = "a.example"\nproxy = "http://u:{SECRET}@proxy.example:3128"',
        f'url = "a.example"\npassword_env = "{SECRET}"',
        f'url = "a.example"\npassword_env = "{SECRET.replace("-", "_")}"',
        f'url = "a.example"\npassword_env = ["{SECRET}"]',
        f'url = "a.example"\npassword = "{SECRET}',
        f'url = "a.example"\npassword = "{SECRET}" "{SECRET}"',
    ],
)
def test_no_message_repeats_what_may_be_a_password(file, line: str) -> None:
    told = "\n".join(problems_of(file(f"[[server]]\n{line}\n")))
    assert SECRET.replace("-", "_") not in told


def test_a_variable_that_is_not_set_is_an_error_unless_one_password_is_for_all(file) -> None:
    path = file('[[server]]\nurl = "a.example"\npassword_env = "NOT_SET"\n')
    assert problems_of(path) == [
        "servers.toml:3: server[0].password_env: this environment variable is not set or is empty"
    ]
    (server,) = load_servers(path, environ={}, password_given=True)
    assert server.password is None


def test_ways_to_trust_exclude_each_other(file) -> None:
    text = f'[[server]]\nurl = "a.example"\nfingerprint = "{"ab" * 32}"\ninsecure = true\n'
    assert problems_of(file(text)) == [
        "servers.toml:4: server[0].insecure: fingerprint and insecure exclude each other"
    ]


@pytest.mark.parametrize(("one", "other"), [("Ulm", "Ulm"), ("ULM", "ulm")])
def test_one_name_is_for_one_server(file, one: str, other: str) -> None:
    path = file(f'[[server]]\nurl = "a"\nname = "{one}"\n[[server]]\nurl = "b"\nname = "{other}"\n')
    (line,) = problems_of(path)
    assert line.startswith("servers.toml:6: ")
    assert line.endswith("(the other: servers.toml:3)")


def test_names_that_only_look_alike_are_two(file) -> None:
    check_names(load_servers(file('[[server]]\nurl = "ulm-1"\n[[server]]\nurl = "ulm-2"\n'), environ={}))


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    assert "cannot be read" in problems_of(tmp_path / "none.toml")[0]
    (tmp_path / "latin.toml").write_bytes(b'name = "M\xfcnchen"')
    assert "not UTF-8" in problems_of(tmp_path / "latin.toml")[0]


KEYS = st.sampled_from(["url", "name", '"quoted key"', "timeout", "a.b"])
VALUES = st.sampled_from(['"text"', '"""\nmany\n[[server]]\nlines"""', "5", "[\n  1,\n  # note\n  2,\n]", "{ x = 1 }"])


@given(st.lists(st.lists(st.tuples(KEYS, VALUES, st.booleans()), unique_by=lambda pair: pair[0]), max_size=4))
def test_the_line_of_a_key_is_where_it_stands(tables: list[list[tuple[str, str, bool]]]) -> None:
    lines, expected = ["# head", ""], {}
    for at, pairs in enumerate(tables):
        lines.append("[[server]]")
        expected["server", at] = len(lines)
        for key, value, blank in pairs:
            lines += ["# url = 1", ""] if blank else []
            expected["server", at, *key.replace('"', "").split(".")] = len(lines) + 1
            lines += f"{key} = {value}".split("\n")
    found = positions("\n".join(lines))
    assert {path: found[path] for path in expected} == expected


@pytest.mark.usefixtures("account")
def test_two_servers_of_a_file_are_collected_into_one_run(run, server, file, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("SECOND", SECRET)
    one, two = server(seed=1), server(seed=2, password=SECRET)
    path = file(
        f'[[server]]\nurl = "{one}"\nname = "Hamburg"\n'
        f'[[server]]\nurl = "{two}"\nname = "Ulm"\npassword_env = "SECOND"\nrevision = "1.2-rev1"\n'
    )
    result = run("collect", "--servers", path, "--out", tmp_path / "run", "--revision", "1.3-rev1")
    assert result.exit_code == 0, result.output
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_bytes())
    assert [(s["name"], s["revision"]) for s in manifest["servers"]] == [("Hamburg", "1.3-rev1"), ("Ulm", "1.2-rev1")]
    assert {d["server"] for d in manifest["datasets"]} == {"Hamburg", "Ulm"}
    assert SECRET not in result.output


@pytest.mark.usefixtures("account")
def test_addresses_of_the_command_line_come_first(run, server, file, tmp_path: Path) -> None:
    path = file(f'[[server]]\nurl = "{server(seed=2)}"\nname = "Ulm"\n')
    words = ("--servers", path, "--out", tmp_path / "run", "--fail-on", "never", "--format", "json")
    result = run("audit", server(), *words)
    assert result.exit_code == 0, result.output
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_bytes())
    assert [found["name"] for found in manifest["servers"]] == ["127.0.0.1", "Ulm"]


def test_one_password_from_standard_input_is_for_all(run, server, file, tmp_path: Path) -> None:
    one, two = (f'[[server]]\nurl = "{server()}"\nname = "{name}"\n' for name in ("A", "B"))
    path = file(one + two + 'password_env = "NONE"\n')
    words = ("collect", "--servers", path, "--out", tmp_path / "run", "--username", DEMO_USERNAME, "--password-stdin")
    result = run(*words, input=f"{DEMO_PASSWORD}\n")
    assert result.exit_code == 0, result.output


@pytest.mark.usefixtures("account")
def test_how_one_server_is_trusted_is_its_own_affair(run, server, file, tmp_path: Path, monkeypatch) -> None:
    url = server(tls=True)
    monkeypatch.setenv("VBR_AUDIT_FINGERPRINT", "ab" * 32)
    path = file(f'[[server]]\nurl = "{url}"\nfingerprint = "{url.fingerprint}"\n')
    result = run("collect", "--servers", path, "--out", tmp_path / "run", "--ca-file", "not-for-this-one.pem")
    assert result.exit_code == 0, result.output


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("command", ["audit", "collect", "doctor"])
def test_a_wrong_file_ends_in_2_before_anything_is_asked(run, server, file, tmp_path: Path, command: str) -> None:
    url = server()
    path = file(f'[[server]]\nurl = "{url}"\nnam = "x"\n')
    out = () if command == "doctor" else ("--out", tmp_path / "run")
    result = run(command, "--servers", path, *out)
    assert result.exit_code == 2
    assert "servers.toml:3: server[0].nam: unknown key; did you mean 'name'?" in result.stderr
    assert not url.simulator.counts.log


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("command", ["audit", "collect", "doctor"])
def test_no_server_at_all_ends_in_2_with_a_hint(run, tmp_path: Path, command: str) -> None:
    out = () if command == "doctor" else ("--out", tmp_path / "run")
    result = run(command, *out)
    assert result.exit_code == 2
    assert "no server is given" in result.stderr
    assert "--servers" in result.stderr


@pytest.mark.parametrize("other", ["https://VBR01.example:9419/", "vbr01.example.", "https://vbr01.example"])
def test_one_address_under_two_names_is_refused_before_a_password_is_asked(run, file, tmp_path, other: str) -> None:
    path = file(f'[[server]]\nurl = "vbr01.example"\nname = "Hamburg"\n[[server]]\nurl = "{other}"\nname = "Ulm"\n')
    result = run("collect", "--servers", path, "--out", tmp_path / "run", "--username", "auditor")
    assert result.exit_code == 2
    assert "servers.toml:6: 'Ulm' has the address of 'Hamburg' (servers.toml:3)" in result.stderr
    assert "no password" not in result.stderr


@pytest.mark.usefixtures("account")
def test_one_server_under_two_names_ends_in_2(run, server, file, tmp_path: Path) -> None:
    url = server(role="Administrator")
    other = url.replace("127.0.0.1", "localhost")
    path = file(f'[[server]]\nurl = "{url}"\nname = "Hamburg"\n[[server]]\nurl = "{other}"\nname = "Ulm"\n')
    result = run("audit", "--servers", path, "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert "Hamburg and Ulm are the same server" in result.stderr
    assert not (tmp_path / "run" / "manifest.json").exists()


@pytest.mark.usefixtures("account")
def test_a_name_of_the_command_line_and_of_the_file_clash(run, file, tmp_path: Path) -> None:
    path = file('[[server]]\nurl = "vbr01.example"\n')
    result = run("collect", "https://VBR01.example", "--servers", path, "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert "servers.toml:2: two servers are called 'vbr01.example' (the other: the command line)" in result.stderr


def test_a_server_without_a_user_name_is_told_with_its_place(run, file, tmp_path: Path) -> None:
    result = run("collect", "--servers", file('[[server]]\nurl = "vbr01.example"\n'), "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert "servers.toml:2: no user name for https://vbr01.example:9419" in result.stderr


@pytest.mark.usefixtures("account")
def test_an_unknown_dataset_ends_in_2_with_a_suggestion(run, server, tmp_path: Path) -> None:
    url = server()
    result = run("audit", url, "--out", tmp_path / "run", "--datasets", "jobs,repositoris")
    assert result.exit_code == 2
    assert "unknown dataset 'repositoris'; did you mean 'repositories'?" in result.stderr
    assert not url.simulator.counts.log


@pytest.mark.usefixtures("account")
def test_datasets_are_chosen_by_name(run, server, tmp_path: Path) -> None:
    result = run("collect", server(), "--out", tmp_path / "run", "--datasets", "job_states", "--allow-incomplete")
    assert result.exit_code == 0, result.output
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_bytes())
    assert {found["name"] for found in manifest["datasets"]} == {"server_time", "server_info", "job_states"}
