"""Runs to deliver, made once, and receivers on real sockets."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import estates
import pytest
from command_line import write
from compared_runs import compared
from delivery_files import ACCOUNT, CANARY
from hostile_answers import hostile as hostile_text
from receivers import PostOffice, Receiver, https_receiver, post_office
from shared import once

from vbr_audit.collection.run_folder import seal
from vbr_audit.delivering.channels_file import Channels, load_channels
from vbr_audit.delivering.message import Message, read_message
from vbr_audit.scrub.pseudonyms import ScrubKey
from vbr_audit.simulator.certificate import Certificate, make_certificate

KEPT = ("finding_id", "cause", "status", "change", "severity", "state", "due", "level", "schema", "now", "run_id")
"""What has a meaning of its own in `findings.json`, and is no text from a server."""


def make_hostile(run: Path) -> None:
    """Make every text in the findings of a run, and the names of its servers, hostile."""

    def changed(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: changed(one, name) for name, one in value.items()}
        if isinstance(value, list):
            return [changed(one, key) for one in value]
        return hostile_text(value) if isinstance(value, str) and key not in KEPT else value

    found, manifest = (json.loads((run / name).read_bytes()) for name in ("findings.json", "manifest.json"))
    for name in ("findings", "causes"):
        found[name] = changed(found[name])
    found["run"]["incomplete"] = changed(found["run"]["incomplete"])
    found["summary"]["verdict"] = changed(found["summary"]["verdict"])
    for server in manifest["servers"]:
        server["name"] = hostile_text(server["name"])
    for name, document in (("findings.json", found), ("manifest.json", manifest)):
        (run / name).write_text(json.dumps(document), "utf-8")
    seal(run)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with run folders: `first`, `later` (compared with an earlier run), `hostile`, `scrubbed`."""

    def make(folder: Path) -> None:
        audit = estates.incomplete()
        audit.save(folder / "first", formats=["json", "md"])
        compared(audit).save(folder / "later", formats=["json"])
        make_hostile(Path(shutil.copytree(folder / "later", folder / "hostile")))
        audit.scrub(ScrubKey(b"k" * 32)).save(folder / "scrubbed", formats=["json"])

    return once(tmp_path_factory, "runs-to-deliver", make)


@pytest.fixture(scope="session")
def first(runs: Path) -> Message:
    return read_message(runs / "first")


@pytest.fixture(scope="session")
def later(runs: Path) -> Message:
    return read_message(runs / "later")


@pytest.fixture(scope="session")
def hostile(runs: Path) -> Message:
    return read_message(runs / "hostile")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="session")
def _receiver(certificate: Certificate) -> Iterator[Receiver]:
    with https_receiver(certificate) as receiver:
        yield receiver


@pytest.fixture
def receiver(_receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """A receiver over TLS whose address, with a token in it, is in the variable HOOK."""
    _receiver.reset()
    monkeypatch.setenv("HOOK", f"{_receiver.url}/hooks/{CANARY}?sig={CANARY}")
    return _receiver


@pytest.fixture(scope="session")
def _office(certificate: Certificate) -> Iterator[PostOffice]:
    with post_office(certificate, {ACCOUNT: CANARY}) as office:
        yield office


@pytest.fixture
def office(_office: PostOffice, monkeypatch: pytest.MonkeyPatch) -> PostOffice:
    """A mail server; the password of its account is in the variable MAIL_PASSWORD."""
    _office.reset()
    monkeypatch.setenv("MAIL_PASSWORD", CANARY)
    return _office


Plan = Callable[..., Channels]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A function that writes a file with these tables, each as the text of its keys, and loads it."""

    def make(*tables: str, head: str = "timeout = 5\n") -> Channels:
        text = head + "".join(f"[[channel]]\n{table}\n" for table in tables)
        return load_channels(write(tmp_path / "deliver.toml", text))

    return make
