"""Where passwords are found: the right one is used, and no error says what was found or what a command wrote."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import pytest
from fleet_servers import PASSWORD, TERMS, VARIABLE

from vbr_audit.config import secret_sources
from vbr_audit.config.secret_sources import SecretSource, password_without_asking
from vbr_audit.errors import ConfigurationError
from vbr_audit.fleets.servers_file import load_servers
from vbr_audit.fleets.summaries import Outcome, ServerSummary
from vbr_audit.fleets.tasks import ServerTask, audit_server, held_batch
from vbr_audit.fleets.travelling_rules import packed_rules
from vbr_audit.rules import Rules

CANARY = "canary-Zitrone-4711"


def command(code: str) -> SecretSource:
    """What a Python program prints."""
    return SecretSource("command", (sys.executable, "-S", "-c", code))


def found(source: SecretSource) -> str:
    return source.resolve("auditor", "https://vbr.example").get_secret_value()


def test_each_place_gives_its_first_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, CANARY)
    file = tmp_path / "secret"
    for content in (f"{CANARY}\n", f"{CANARY}\r\nuser: x\n", f"\ufeff{CANARY}", CANARY):
        file.write_text(content, encoding="utf-8", newline="")
        assert found(SecretSource("file", (str(file),))) == CANARY
    assert found(SecretSource("environment", (VARIABLE,))) == CANARY
    assert found(command(f"print('{CANARY}'); print('second line')")) == CANARY
    assert found(command("import os; print(os.environ['FLEET_TEST_PASSWORD'])")) == CANARY
    file.write_text("pass word with spaces \n", encoding="utf-8")
    assert found(SecretSource("file", (str(file),))) == "pass word with spaces "


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (f"import sys; sys.exit('{CANARY}')", "exit code 1"),
        (f"import sys; print('{CANARY}'); sys.stderr.write('{CANARY}'); sys.exit(3)", "exit code 3"),
        (f"import sys; sys.stdout.buffer.write(b'\\xff{CANARY}')", "not UTF-8"),
        (f"import sys; sys.stderr.write('{CANARY}')", "holds no password"),
        (f"print(); print('{CANARY}')", "holds no password"),
        (f"print('{CANARY}', flush=True); import time; time.sleep(30)", "did not end"),
    ],
)
def test_a_command_that_fails_says_nothing_of_what_it_wrote(
    code: str, words: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(secret_sources, "COMMAND_S", 0.5 if "sleep" in code else 20)
    with pytest.raises(ConfigurationError) as caught:
        found(command(code))
    assert words in caught.value.message
    assert CANARY not in f"{caught.value}{caught.value.hint}{caught.value!r}"
    assert caught.value.__cause__ is None
    assert CANARY not in "".join(capfd.readouterr())


def test_a_place_that_is_not_there_is_told_without_its_name(tmp_path: Path) -> None:
    for source in (
        SecretSource("file", (str(tmp_path / CANARY),)),
        SecretSource("command", (f"/nowhere/{CANARY}",)),
        SecretSource("environment", (CANARY,)),
        SecretSource("file", (str(tmp_path),)),
    ):
        with pytest.raises(ConfigurationError) as caught:
            found(source)
        assert CANARY not in f"{caught.value}{caught.value.hint}{source!r}{source}"


def test_without_a_place_the_variable_then_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VBR_AUDIT_PASSWORD", CANARY)
    assert password_without_asking(None, "auditor", "https://vbr.example").get_secret_value() == CANARY
    monkeypatch.delenv("VBR_AUDIT_PASSWORD")
    with pytest.raises(ConfigurationError, match="no password for 'auditor'"):
        password_without_asking(None, "auditor", "https://vbr.example")


@pytest.mark.parametrize(
    "key",
    [
        'password_file = "secret"',
        "password_command = {command}",
        f'password_env = "{VARIABLE}"',
        "password_keyring = true",
    ],
)
def test_a_task_holds_the_place_and_its_failure_is_the_reason_of_a_summary(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The place holds nothing: whatever it is, the server is not asked, and the audit of the others goes on."""
    words = [sys.executable, "-S", "-c", f"import sys; sys.exit('{PASSWORD}')"]
    line = key.replace("{command}", str(words).replace("'", '"').replace(f'"{PASSWORD}"', f"'{PASSWORD}'"))
    (tmp_path / "secret").write_text("")
    monkeypatch.delenv(VARIABLE, raising=False)
    file = tmp_path / "servers.toml"
    file.write_text(f'[[server]]\nurl = "http://127.0.0.1:1"\nusername = "auditor"\n{line}\n', encoding="utf-8")
    (server,) = load_servers(file, environ={}, password_given=True)
    terms = {name: TERMS[name] for name in ("month", "timezone")}
    task = ServerTask(server, packed_rules(Rules.load(policy="minimal")), str(tmp_path / "h"), "ab", terms)
    assert pickle.loads(pickle.dumps(task)) == task
    with held_batch(tmp_path / "h", "ab"):
        content = audit_server(task)
    summary = ServerSummary.model_validate_json(content)
    assert summary.outcome is Outcome.NOT_AUDITED
    assert PASSWORD.encode() not in content
    assert str(tmp_path) not in summary.reasons[0]
