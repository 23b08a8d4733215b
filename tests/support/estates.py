"""Audits of simulated servers, each made once, and everything that a reader could find in the files made of them."""

from __future__ import annotations

import base64
import datetime as dt
import html
import io
import json
import re
import subprocess
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from ahocorasick_rs import BytesAhoCorasick
from core_checks import core_policy
from pydantic import SecretStr

import vbr_audit as va
from vbr_audit.api.client import Client
from vbr_audit.checks.site import load_site
from vbr_audit.collection import collector, reading, survey
from vbr_audit.pipeline import Audit
from vbr_audit.reports.formats import FORMATS
from vbr_audit.reports.interface import ReportOptions
from vbr_audit.simulator import DEMO_ASSETS, DEMO_PASSWORD, DEMO_SITE, create_app

NOW = dt.datetime(2026, 11, 1, 6, 0, tzinfo=dt.UTC)
USERNAME = "svc-vbr-report"
SERVER = "vbr01.hansa.example"
POLICY = """\
version: 1
checks:
  JOB-003: {enabled: false, reason: "Petra Meier of HANSA wants no retries at night"}
overrides:
  - match: {object_name: "ERP application*"}
    checks: {JOB-008: {enabled: false, reason: "ERP application servers have no guests, says HANSA\\\\s.meier"}}
"""
WAIVERS = """\
version: 1
waivers:
  - {id: W-HANSA-1, check: JOB-004, object_name: "ERP application servers", owner: Petra Meier, approved_by: K. Wolff,
     reason: "Petra Meier moves ERP application servers, ask p.meier@hansa.example", ticket: CHG-HANSA-77,
     expires: 2027-01-31}
  - {id: W-HANSA-2, check: CPY-*, object_name: "exchange*", owner: Mail team, reason: "tape", expires: 2027-01-31}
"""


@lru_cache
def snapshot_of(*faults: str, **options: Any) -> va.Snapshot:
    """Everything that can be read of a simulated server."""
    app = create_app(**{"faults": faults, "now": NOW, "role": "Administrator", "username": USERNAME} | options)
    client = Client(
        "http://127.0.0.1",
        name=SERVER,
        username=USERNAME,
        password=SecretStr(DEMO_PASSWORD),
        transport=httpx.WSGITransport(app=app),
    )
    # Each worker of the tests has a snapshot of its own: in all of them the same was read at the same time.
    with client, pytest.MonkeyPatch.context() as patch:
        for module in (collector, reading, survey):
            patch.setattr(module, "utc_now", lambda: NOW)
        command = f"vbr-audit audit https://{SERVER} --out /r/HANSA"
        return va.collect(client, datasets="all", progress=False, command=command)


@lru_cache
def audit_of(*faults: str, judged: bool = False, **options: Any) -> Audit:
    """The audit of a simulated server; `judged` with a policy, waivers and a site file that are full of names."""
    snapshot = snapshot_of(*faults, **options)
    if not judged:
        return va.audit(snapshot)
    return va.audit(snapshot, policy=POLICY, waivers=WAIVERS, site=load_site(DEMO_SITE, assets=DEMO_ASSETS))


@lru_cache
def small() -> Audit:
    """A few jobs, judged by the core checks: as quick to judge again."""
    return va.audit(snapshot_of(jobs=3, sessions=20), policy=core_policy())


def demo() -> Audit:
    """A whole estate, judged by files that are full of names."""
    return audit_of(judged=True, jobs=11, sessions=90)


def incomplete() -> Audit:
    """An estate of which repositories and credentials could not be read."""
    return audit_of("denied=repositories", "denied=credentials", jobs=4, sessions=60)


def nothing() -> Audit:
    """A server on which nothing is."""
    return audit_of(empty=True)


@lru_cache
def in_short(audit: Audit) -> Audit:
    """The same snapshot judged by the core checks: paper on which every check is described takes half a minute."""
    return va.audit(audit.snapshot, policy=core_policy())


def hostile() -> Audit:
    """An estate whose names try to run, to break out or to reorder the line."""
    return audit_of(hostile=True, jobs=4, sessions=60)


def write_all(audit: Audit, folder: Path, formats: tuple[str, ...] = tuple(FORMATS)) -> dict[str, Path]:
    """The artefacts of an audit by format, the workbook with every table."""
    paths = {}
    for name in formats:
        report = FORMATS[name]
        paths[name] = folder / report.file_name
        report.write(audit.context, paths[name], ReportOptions(sheets="all"))
    return paths


def texts_of(path: Path) -> str:
    """Everything in a file that a reader, or a program, can take for text: decoded, unpacked and unescaped."""
    return "\n".join(dict.fromkeys(_texts(path.name, path.read_bytes())))


def attachments_of(pdf: bytes) -> dict[str, bytes]:
    """The files attached to a PDF, by name."""
    with tempfile.TemporaryDirectory() as place:
        paper, files = Path(place, "paper.pdf"), Path(place, "files")
        paper.write_bytes(pdf)
        files.mkdir()
        subprocess.run(["pdfdetach", "-saveall", "-o", str(files), str(paper)], capture_output=True, check=True)
        return {path.name: path.read_bytes() for path in sorted(files.iterdir())}


_DATA = re.compile(rb"data:([a-z/+.-]+)(?:;charset=[\w-]+)?;base64,([A-Za-z0-9+/=]+)")


def _texts(name: str, data: bytes) -> Iterator[str]:
    yield name
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.namelist():
                yield from _texts(member, archive.read(member))
        return
    if data.startswith(b"\x89PNG"):
        yield from _png_texts(data)
        return
    if data.startswith(b"%PDF"):
        for command in (["pdftotext", "-", "-"], ["pdfinfo", "-meta", "-"], ["pdfinfo", "-"]):
            yield subprocess.run(command, input=data, capture_output=True, check=True).stdout.decode()
        for member, content in attachments_of(data).items():
            yield from _texts(member, content)
        return
    for match in _DATA.finditer(data):
        yield from _texts(match[1].decode(), base64.b64decode(match[2]))
    text = _DATA.sub(b"", data).decode()
    if name.endswith(".json"):
        yield from _leaves(json.loads(text))
    elif name.endswith(".jsonl"):
        yield from (leaf for line in text.splitlines() for leaf in _leaves(json.loads(line)))
    elif name.endswith((".xml", ".html", ".rels", ".vml")):
        yield from (html.unescape(piece) for piece in dict.fromkeys(re.split(r"[<>\"]", text)))
    else:
        yield from dict.fromkeys(text.splitlines())
        yield html.unescape(text)


def found_in(text: str, names: Iterable[str]) -> list[str]:
    """Which of `names` stand in `text`, in whatever case."""
    wanted = list(dict.fromkeys(names))
    there = {at for at, _, _ in _search(tuple(wanted)).find_matches_as_indexes(_low_bytes(text), overlapping=True)}
    return [name for at, name in enumerate(wanted) if at in there]


@lru_cache(maxsize=8)
def _search(names: tuple[str, ...]) -> BytesAhoCorasick:
    """All names at once in one pass over a text: the texts of a run are megabytes, its names thousands."""
    return BytesAhoCorasick([_low_bytes(name) for name in names])


def _low_bytes(text: str) -> bytes:
    return text.lower().encode("utf-8", "surrogatepass")


def _png_texts(data: bytes) -> Iterator[str]:
    at = 8
    while at < len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + size]
        if kind in (b"tEXt", b"iTXt"):
            yield body.decode("utf-8", "replace")
        elif kind == b"zTXt":
            yield zlib.decompress(body.split(b"\0", 1)[1][1:]).decode("utf-8", "replace")
        at += 12 + size


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
