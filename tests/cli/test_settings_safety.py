"""A settings file that nobody named may have been laid there by anybody: it sends no password away and runs nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import invoke, write

import vbr_audit as va
from vbr_audit.config.settings import FILE_KEYS, GUARDED, load_settings, settings_in_force, user_file
from vbr_audit.errors import ConfigurationError
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, ServerUrl

StartServer = Callable[..., ServerUrl]
FILE = "vbr_audit.toml"
TRUST = ("ca_file", "fingerprint", "insecure")
LINES = {
    "url": "url = 'https://elsewhere.example'",
    "servers": "servers = 'servers.toml'",
    "ca_file": "ca_file = 'ca.pem'",
    "fingerprint": f"fingerprint = '{'ab' * 32}'",
    "insecure": "insecure = true",
    "proxy": "proxy = 'http://elsewhere.example:3128'",
    "checks": "checks = 'own'",
    "sign_pdf": "sign_pdf = 'signer.toml'",
    "templates": "templates = 'mine'",
    "history": "history = 'kept'",
    "sign": "sign = 'key.pem'",
    "timestamp": "timestamp = 'https://stamps.example'",
    "timestamp_ca": "timestamp_ca = 'tsa.pem'",
    "deliver": "deliver = 'deliver.toml'",
}


@pytest.fixture(autouse=True)
def folder(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder that somebody else may have filled, and an empty home."""
    monkeypatch.setenv("VBR_AUDIT_PASSWORD", DEMO_PASSWORD)
    return empty_folder


def test_every_setting_is_guarded_or_harmless() -> None:
    """A new key of the file must be put in one of these two on purpose."""
    harmless = {
        "username",
        "revision",
        "timeout",
        "deadline",
        "dataset_deadline",
        "timezone",
        "mask_accounts",
        "policy",
        "waivers",
        "site",
        "fail_on",
        "fail_on_new",
    }
    assert harmless | {"format", "classification", "brand"} == set(FILE_KEYS) - set(GUARDED)
    assert set(GUARDED) == set(LINES) <= set(FILE_KEYS)


@pytest.mark.parametrize("name", GUARDED)
def test_what_is_guarded_is_told_with_file_and_line_and_nothing_is_done(
    folder: Path, server: StartServer, name: str
) -> None:
    url = server()
    write(folder / FILE, f"username = '{DEMO_USERNAME}'\n{LINES[name]}\n")
    words = ["audit", "--out", "run", *(() if name in ("url", "servers") else (url,))]
    done = invoke(*(["deliver", "run"] if name == "deliver" else words))
    assert done.exit_code == 2
    assert done.stderr.startswith(f"vbr-audit: {FILE}:2: {name}: not taken from a file that nobody named: it ")
    assert (
        f"Next: If the file is yours, name it: --config {FILE}, or VBR_AUDIT_CONFIG={folder / FILE} in" in done.stderr
    )
    assert not (folder / "run").exists()
    assert sum(url.simulator.counts.requests.values()) == 0


def test_all_of_it_is_told_at_once(folder: Path) -> None:
    write(folder / FILE, "\n".join(LINES.values()))
    with pytest.raises(ConfigurationError) as caught:
        load_settings(**dict.fromkeys(LINES))
    told = [line.split(": ")[:2] for line in caught.value.message.splitlines()]
    assert told == [[f"{FILE}:{number}", name] for number, name in enumerate(LINES, 1)]


def test_code_that_lies_in_the_folder_is_not_run(folder: Path) -> None:
    write(folder / "own" / "mine.py", "from pathlib import Path\nPath('was-here').touch()\n")
    write(folder / FILE, "checks = 'own'\n")
    for words in (("checks",), ("doctor", "https://127.0.0.1:9"), ("collect", "https://127.0.0.1:9", "--out", "run")):
        done = invoke(*words)
        assert (done.exit_code, f"{FILE}:1: checks: not taken" in done.stderr) == (2, True), words
        assert not (folder / "was-here").exists()
    assert invoke("checks", "--config", FILE).exit_code == 0
    assert (folder / "was-here").exists()


@pytest.mark.parametrize("how", ["option", "variable", "own file"])
def test_a_file_that_is_named_may_say_it(
    folder: Path, server: StartServer, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    url = server()
    place = user_file() if how == "own file" else folder / FILE
    write(place, f"url = '{url}'\nusername = '{DEMO_USERNAME}'\npolicy = 'minimal'\n")
    if how == "variable":
        monkeypatch.setenv("VBR_AUDIT_CONFIG", str(place))
    named = ("--config", FILE) if how == "option" else ()
    assert invoke("collect", *named, "--out", "run").exit_code == 0
    assert settings_in_force().refused.keys() == ({"url"} if how == "option" else set())


def test_a_relative_path_in_the_environment_names_no_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be another file in each folder that the user enters."""
    monkeypatch.setenv("VBR_AUDIT_CONFIG", "theirs.toml")
    write(folder / "theirs.toml", f"timeout = 5\n{LINES['url']}\n")
    found = settings_in_force()
    assert (found.settings.timeout, found.settings.url, dict(found.refused)) == (5, None, {"url": "theirs.toml:2"})
    assert f"name it: --config theirs.toml, or VBR_AUDIT_CONFIG={folder / 'theirs.toml'} in" in invoke("doctor").stderr


def test_the_command_line_may_say_it_instead(folder: Path, server: StartServer) -> None:
    url = server(tls=True)
    write(folder / FILE, f"{LINES['url']}\n{LINES['insecure']}\nusername = '{DEMO_USERNAME}'\npolicy = 'minimal'\n")
    assert f"{FILE}:2: insecure: not taken" in invoke("collect", url, "--out", "run").stderr
    done = invoke("collect", url, "--fingerprint", url.fingerprint, "--out", "run")
    assert done.exit_code == 0, done.output


def test_what_a_command_does_not_use_does_not_stop_it(folder: Path) -> None:
    write(folder / FILE, f"{LINES['url']}\n{LINES['insecure']}\n")
    assert invoke("checks", "JOB-003").exit_code == 0
    assert load_settings(timezone=None).model_fields_set == {"password"}


def test_an_unnamed_file_does_not_turn_off_what_the_users_own_says(folder: Path) -> None:
    write(user_file(), f"{LINES['ca_file']}\n{LINES['url']}\n")
    write(folder / FILE, "insecure = false\nservers = 'theirs.toml'\n")
    found = settings_in_force()
    assert found.refused == {"insecure": f"{FILE}:1", "servers": f"{FILE}:2"}
    assert (
        set(found.places) == found.settings.model_fields_set == {"password"}
    )  # theirs is not; nor, unsaid, the user's
    with pytest.raises(ConfigurationError, match="insecure: not taken"):
        load_settings(**dict.fromkeys(TRUST))


def test_python_is_held_to_it_too(folder: Path, server: StartServer, monkeypatch: pytest.MonkeyPatch) -> None:
    url = server(tls=True)
    write(folder / FILE, f"username = '{DEMO_USERNAME}'\ninsecure = true\n")
    with pytest.raises(ConfigurationError, match=rf"{FILE}:2: insecure: not taken .* to whom your password is sent"):
        va.connect(url)
    assert va.connect(url, fingerprint=url.fingerprint).tls.startswith("pinned")
    monkeypatch.setenv("VBR_AUDIT_CONFIG", str(folder / FILE))
    assert va.connect(url).tls.startswith("NOT VERIFIED")
    assert sum(url.simulator.counts.requests.values()) == 0


def test_show_tells_what_is_not_taken(folder: Path) -> None:
    write(folder / FILE, f"timeout = 5\n{LINES['proxy']}\n")
    row = next(line for line in invoke("config", "show").stdout.splitlines() if line.startswith("proxy"))
    assert row.split(None, 2)[1:] == ["-", f"not taken from {FILE}:2: give the file with --config"]
    row = next(line for line in invoke("config", "show", "--config", FILE).stdout.splitlines() if "proxy" in line)
    assert row.split(None, 2)[1:] == ["http://elsewhere.example:3128", f"{FILE}:2"]
