"""Settings files: which place counts, what is refused and where, and what `config show` reports it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import keyring
import pytest
from command_line import invoke, write
from core_checks import CORE_TEXT
from keyring.backend import KeyringBackend

from vbr_audit.config.settings import (
    FILE_KEYS,
    Settings,
    SettingsFile,
    load_settings,
    reading_settings_from,
    settings_files,
    settings_in_force,
    user_file,
)
from vbr_audit.errors import ConfigurationError
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, ServerUrl
from vbr_audit.vocabulary import SEVERITIES

StartServer = Callable[..., ServerUrl]


@pytest.fixture(autouse=True)
def folder(empty_folder: Path) -> Path:
    """An empty current folder, and an empty home."""
    return empty_folder


def show(*words: object) -> dict[str, tuple[str, str]]:
    """What `config show` says: value and place by name."""
    done = invoke("config", "show", *words)
    assert done.exit_code == 0, done.output
    rows = (line.split(None, 2) for line in done.stdout.splitlines()[1:])
    return {name: (value, place) for name, value, place in rows}


def test_the_stronger_place_counts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().timeout == 60
    own = write(user_file(), 'timeout = 1\nrevision = "1.1-rev1"\nusername = "own"\n')
    assert (load_settings().timeout, load_settings().username) == (1, "own")
    write(folder / "vbr_audit.toml", 'timeout = 2\nusername = "here"\n')
    assert (load_settings().timeout, load_settings().revision) == (2, "1.1-rev1")
    monkeypatch.setenv("VBR_AUDIT_CONFIG", str(write(folder / "named.toml", "timeout = 3\n")))
    assert (load_settings().timeout, load_settings().username) == (3, "own")
    with reading_settings_from(settings_files(write(folder / "other.toml", "timeout = 4\n"))):
        assert load_settings().timeout == 4
        monkeypatch.setenv("VBR_AUDIT_TIMEOUT", "5")
        assert load_settings().timeout == 5
        found = settings_in_force(timeout=6.0)
    assert found.settings.timeout == 6
    assert found.places["timeout"] == "--timeout"
    assert found.places["revision"] == f"{own}:2"
    assert found.files == (folder / "other.toml", own)


def test_an_empty_variable_says_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder / "vbr_audit.toml", 'username = "here"\n')
    monkeypatch.setenv("VBR_AUDIT_USERNAME", "")
    monkeypatch.setenv("VBR_AUDIT_CONFIG", "")
    assert load_settings().username == "here"


def test_how_a_certificate_is_trusted_is_one_question(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder / "own.toml", 'insecure = true\nfingerprint = "ab"\nservers = "servers.toml"\n')
    monkeypatch.setenv("VBR_AUDIT_CONFIG", str(folder / "own.toml"))
    assert load_settings().insecure
    monkeypatch.setenv("VBR_AUDIT_CA_FILE", "ca.pem")
    monkeypatch.setenv("VBR_AUDIT_URL", "https://vbr01.example")
    found = load_settings()
    assert (found.insecure, found.fingerprint, found.ca_file) == (False, None, Path("ca.pem"))
    assert (found.url, found.servers) == ("https://vbr01.example", None)
    found = load_settings(fingerprint="cd")
    assert (found.insecure, found.fingerprint, found.ca_file) == (False, "cd", None)


def test_paths_begin_at_the_folder_of_the_file(tmp_path: Path) -> None:
    there = tmp_path / "there"
    text = 'policy = "mine.yaml"\nsite = "site.yaml"\nchecks = "../own"\nbrand = "/etc/brand.yaml"\nhistory = "kept"\n'
    with reading_settings_from([SettingsFile(write(there / "x.toml", text))]):
        found = load_settings()
    assert (found.policy, found.site) == (str(there / "mine.yaml"), there / "site.yaml")
    assert (found.checks, found.brand) == (there / "../own", Path("/etc/brand.yaml"))
    assert found.history == there / "kept"
    with reading_settings_from([SettingsFile(write(there / "x.toml", 'policy = "strict"\n'))]):
        assert load_settings().policy == "strict"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('usrname = "x"', r"usrname: unknown key; did you mean 'username'\?"),
        ("zzz = 1", "zzz: unknown key; known: url, servers, username"),
        ("[profile.prod]", "profile: unknown key"),
        ('timeout = "hunter2"', "timeout: input should be a valid number"),
        ("timeout = 0", "timeout: must be above 0, got 0"),
        ("username = 5", r"username: expected text \(in quotes\), got 5"),
        ("username = ' '", "username: must not be empty"),
        ("insecure = 'hunter2'", "insecure: input should be a valid boolean"),
        ("fail_on = 'hihg'", r"fail_on: expected 'critical', .* got the text 'hihg'; did you mean 'high'\?"),
        ("format = ['html', 5]", r"format: expected text \(in quotes\), got a list"),
        ("password = 'hunter2'", "password: a password does not belong in this file; set VBR_AUDIT_PASSWORD"),
        ("Token = 'hunter2'", "Token: a password does not belong"),
        ("url = 'https://me:hunter2@vbr01.example'", "url: user name and password do not belong"),
        ("proxy = 'http://me:hunter2@proxy.example'", "proxy: user name and password do not belong"),
        ("username = hunter2", "not valid TOML"),
        ("brand_name = 'x'", r"brand_name: unknown key; did you mean 'brand'\?"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line(folder: Path, line: str, told: str) -> None:
    write(folder / "vbr_audit.toml", f"# mine\n\n{line}\n")
    with pytest.raises(ConfigurationError, match=rf"^vbr_audit\.toml:3: {told}") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)
    done = invoke("audit", "https://127.0.0.1:1", "-u", "x", "--out", "run")
    assert (done.exit_code, "vbr_audit.toml:3: " in done.stderr, (folder / "run").exists()) == (2, True, False)
    assert "hunter2" not in done.output


def test_everything_wrong_is_told_at_once(folder: Path) -> None:
    write(folder / "vbr_audit.toml", 'timeout = -1\nurl = ""\nname = "x"\n')
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert [line.split(": ")[0] for line in caught.value.message.splitlines()] == [
        f"vbr_audit.toml:{number}" for number in (1, 2, 3)
    ]


def test_a_file_that_is_named_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    done = invoke("config", "show", "--config", "nowhere.toml")
    assert (done.exit_code, "nowhere.toml: cannot be read" in done.stderr) == (2, True)
    monkeypatch.setenv("VBR_AUDIT_CONFIG", "gone.toml")
    assert "gone.toml: cannot be read" in invoke("audit", "https://vbr01.example", "--out", "run").stderr


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("url = 'ftp://x'", "not the address of a VBR server"),
        ("revision = 'new'", "revision"),
        ("fingerprint = 'ab'", "SHA-256"),
        ("format = 'html,word'", "unknown format word"),
    ],
)
def test_what_only_the_program_knows_to_be_wrong_names_its_place(folder: Path, line: str, told: str) -> None:
    write(folder / "vbr_audit.toml", f"username = 'x'\n{line}\n")
    words = ["audit", "--out", "run", *(() if "url" in line else ("https://127.0.0.1:1",))]
    done = invoke(*words, "--config", "vbr_audit.toml", env={"VBR_AUDIT_PASSWORD": "x"})
    assert done.exit_code == 2
    assert done.stderr.startswith("vbr-audit: vbr_audit.toml:2: ")
    assert told in done.stderr


def test_wrong_variables_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VBR_AUDIT_TIMEOUT", "soon")
    monkeypatch.setenv("VBR_AUDIT_INSECURE", "1")
    with pytest.raises(ConfigurationError, match="setting timeout: input should be a valid number") as caught:
        load_settings()
    assert caught.value.hint == "Correct VBR_AUDIT_TIMEOUT."


def test_an_audit_takes_its_standing_choices_from_the_file(folder: Path, server: StartServer) -> None:
    write(folder / "core.yaml", CORE_TEXT)
    text = f"url = '{server()}'\nusername = '{DEMO_USERNAME}'\npolicy = 'core.yaml'\nformat = ['json']\n"
    write(folder / "vbr_audit.toml", text + "timezone = 'Europe/Berlin'\nfail_on = 'never'\n")
    named = ("--config", "vbr_audit.toml")
    done = invoke("audit", *named, "--out", "run", env={"VBR_AUDIT_PASSWORD": DEMO_PASSWORD})
    assert done.exit_code == 0, done.output
    assert not (folder / "run" / "report.html").exists()
    run = json.loads((folder / "run" / "findings.json").read_text("utf-8"))["run"]
    assert (run["policy_name"], run["timezone"]) == ("core.yaml", "Europe/Berlin")
    done = invoke("audit", *named, "--out", "run2", "--fail-on", "info", env={"VBR_AUDIT_PASSWORD": DEMO_PASSWORD})
    assert done.exit_code == 1
    write(folder / "vbr_audit.toml", "policy = 'strict'\nfail_on = 'info'\n")
    done = invoke("check", "run")
    assert done.exit_code == 1
    run = json.loads((folder / "run" / "findings.json").read_text("utf-8"))["run"]
    assert run["policy_name"] == "core.yaml"  # the one kept with it
    assert invoke("verify", "run").exit_code == 0


def test_servers_of_the_command_line_silence_those_of_the_file(folder: Path, server: StartServer) -> None:
    write(folder / "core.yaml", CORE_TEXT)
    write(folder / "vbr_audit.toml", f"servers = 'gone.toml'\npolicy = 'core.yaml'\nusername = '{DEMO_USERNAME}'\n")
    access = {"VBR_AUDIT_PASSWORD": DEMO_PASSWORD}
    words = ("collect", "--config", "vbr_audit.toml", "--out", "run")
    assert "gone.toml: cannot be read" in invoke(*words, env=access).stderr
    assert invoke("collect", server(), "--out", "run", env=access).exit_code == 0


def test_the_demonstration_is_the_same_for_everybody(folder: Path) -> None:
    write(folder / "vbr_audit.toml", "policy = 'gone.yaml'\nrevision = 'none'\nnonsense = 1\n")
    assert invoke("demo", "--policy", "minimal", "--jobs", 2, "--sessions", 20, "--format", "json").exit_code == 0


def test_show_tells_each_value_and_its_place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No settings file" in invoke("config", "show").stdout
    write(folder / "vbr_audit.toml", "url = 'vbr01.example'\nusername = 'x'\n\nmask_accounts = true\n")
    monkeypatch.setenv("VBR_AUDIT_PROXY", "http://me:hunter2@proxy.example")
    monkeypatch.setenv("VBR_AUDIT_PASSWORD", "hunter2")
    told = show()
    assert told["mask_accounts"] == ("true", "vbr_audit.toml:4")
    assert told["timeout"] == ("60", "default")
    assert told["policy"] == ("-", "not set")
    assert told["proxy"] == ("http://***@proxy.example", "VBR_AUDIT_PROXY")
    assert told["password"] == ("**********", "VBR_AUDIT_PASSWORD")
    assert told.keys() == set(Settings.model_fields)
    monkeypatch.setenv("VBR_AUDIT_PASSWORD", "h")
    assert show()["password"] == told["password"]
    assert "hunter2" not in invoke("config", "show").output


def test_show_tells_whence_the_password_would_come(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Store(KeyringBackend):
        priority = 1  # type: ignore[assignment]

        def get_password(self, service: str, username: str) -> str | None:
            return "hunter2" if (service, username) == ("vbr_audit", "x@https://vbr01.example:9419") else None

        def set_password(self, service: str, username: str, password: str) -> None:
            raise NotImplementedError

    earlier = keyring.get_keyring()
    keyring.set_keyring(Store())  # type: ignore[no-untyped-call]
    try:
        monkeypatch.delenv("VBR_AUDIT_KEYRING")
        write(folder / "vbr_audit.toml", "url = 'vbr01.example'\nusername = 'y'\n")
        assert show()["password"] == ("-", "the keyring, else --password-stdin")
        write(folder / "vbr_audit.toml", "url = 'vbr01.example'\nusername = 'x'\n")
        assert show("--config", "vbr_audit.toml")["password"] == ("**********", "the keyring")
        write(folder / "vbr_audit.toml", "url = 'ftp://x'\nusername = 'x'\n")
        shown = invoke("config", "show", "--config", "vbr_audit.toml")
        assert "vbr_audit.toml:1: not the address" in shown.stderr
    finally:
        keyring.set_keyring(earlier)


def test_show_names_variables_that_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VBR_AUDIT_USERNMAE", "\x1b[31mhunter2")
    done = invoke("config", "show")
    assert "VBR_AUDIT_USERNMAE is not a setting of vbr-audit; did you mean 'VBR_AUDIT_USERNAME'?" in done.stderr
    assert "hunter2" not in done.output


def test_show_can_be_printed_whatever_a_value_holds(folder: Path) -> None:
    write(folder / "vbr_audit.toml", 'username = "a\\u001b[31m\\u202e"\n')
    assert "\x1b" not in invoke("config", "show").stdout


def test_the_severities_are_those_of_the_command_line() -> None:
    with pytest.raises(ConfigurationError, match=f"expected {', '.join(map(repr, SEVERITIES))} or 'never'"):
        load_settings(fail_on="x")
    assert "password" not in FILE_KEYS
