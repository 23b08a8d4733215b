"""The password and the tokens of a whole run are in no file, no output and no log."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from vbr_audit.simulator import DEMO_USERNAME, ServerUrl
from vbr_audit.simulator.tokens import Grant

CANARY = "canary-Xy7!pass"


def every_byte(folder: Path) -> bytes:
    """All files of a folder, and what is inside those that are archives."""
    found = b""
    for path in folder.rglob("*"):
        if path.is_file():
            body = path.read_bytes()
            found += body
            if zipfile.is_zipfile(io.BytesIO(body)):
                with zipfile.ZipFile(io.BytesIO(body)) as archive:
                    found += b"".join(archive.read(name) for name in archive.namelist())
    return found


def given_out(url: ServerUrl) -> list[str]:
    """A list that fills with every token that the simulator gives out."""
    tokens: list[str] = []
    keeper = url.simulator.tokens

    def watch(name: str) -> None:
        answer = getattr(keeper, name)

        def give(*words: str) -> Grant | None:
            grant: Grant | None = answer(*words)
            if grant is not None:
                tokens.extend((grant.access_token, grant.refresh_token))
            return grant

        setattr(keeper, name, give)

    watch("sign_in")
    watch("renew")
    return tokens


@pytest.mark.parametrize(
    "faults", [(), ("token-calls=2", "cut-json-forever=jobs")], ids=lambda faults: "+".join(faults) or "calm"
)
def test_no_secret_leaves_memory(run, server, tmp_path: Path, faults: tuple[str, ...]) -> None:
    url = server(password=CANARY, faults=faults)
    tokens = given_out(url)
    words = ("audit", url, "--out", tmp_path / "run", "--username", DEMO_USERNAME, "--password-stdin", "--debug")
    result = run(*words, input=f"{CANARY}\n")
    assert result.exit_code in (1, 4)
    assert tokens
    told = result.stdout.encode() + result.stderr.encode() + every_byte(tmp_path / "run")
    assert CANARY.encode() not in told
    for word in (b"access_token", b"refresh_token", b"Authorization: Bearer", *(token.encode() for token in tokens)):
        assert word not in told


def test_a_refused_password_is_in_no_traceback(run, server, tmp_path: Path) -> None:
    words = ("audit", server(), "--out", tmp_path / "run", "--username", DEMO_USERNAME, "--password-stdin", "--debug")
    result = run(*words, input=f"{CANARY}\n")
    assert result.exit_code == 3
    assert "Traceback" in result.stderr
    assert CANARY not in result.output
