"""Audits in which every text is hostile: what the servers tell, run by run, and all that their user gives."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import datetime as dt
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from compared_runs import compared
from hostile_answers import CORE, LEADS, MARK, SERVERS, HostileTransport, Place
from pydantic import SecretStr

import vbr_audit as va
from vbr_audit.api.client import Client
from vbr_audit.pipeline import Audit
from vbr_audit.reports.review import Remark, Review
from vbr_audit.simulator import DEMO_PASSWORD, create_app

NOW = dt.datetime(2026, 11, 1, 6, 0, tzinfo=dt.UTC)
RUNS = {"one server": ("ids",), "two servers": ("words", "everything")}
"""The servers of each run: what is written of several looks in part otherwise than what is written of one."""
FAULTS = ("denied=credentials", "denied=proxies", "broken=users")
"""What the server of everything adds, so that errors are hostile too."""
SURROGATE = "\ud800"
"""Half a character: neither a server nor a file can hand it in, but a program that calls the library can."""

SHORT = f"={MARK}\"'></title><script>alert(1)</script>{{{{7*7}}}}]]>|`\u202e\x1b[31m\x00\x9b"
"""For the titles of checks and requirements and the name of a brand, which are never long."""


def quoted(text: str) -> str:
    """`text` as YAML, whatever it holds."""
    return f'"{"".join(char if _is_plain(char) else f"{chr(92)}U{ord(char):08X}" for char in text)}"'


def _is_plain(char: str) -> bool:
    return char.isprintable() and char not in '"\\'


def given(number: int) -> str:
    """The hostile text at the `number`-th place that a user fills."""
    return f"{LEADS[number % len(LEADS)]}{CORE} given {number}"


def told(number: int) -> str:
    """What a program gives there, which can even be no text at all."""
    return given(number) + SURROGATE


POLICY = """\
version: 1
checks:
  JOB-003: {{enabled: false, reason: {0}}}
  "ACME-*": {{enabled: true}}
overrides:
  - match: {{object_name: {1}, server: "*"}}
    checks: {{JOB-004: {{enabled: false, reason: {2}}}}}
  - match: {{object_name: "*"}}
    checks: {{JOB-005: {{enabled: false, reason: {3}}}}}
"""
WAIVERS = """\
version: 1
waivers:
  - {{id: {4}, check: JOB-008, object_name: "*", owner: {5}, approved_by: {6}, reason: {7}, ticket: {8},
     covers: [FAIL, UNKNOWN], expires: 2027-01-31}}
  - {{id: {9}, check: JOB-004, object_name: {10}, server: {11}, owner: {12}, reason: {13}, expires: 2026-10-31}}
  - {{id: {14}, check: JOB-004, object_id: {15}, owner: {16}, reason: {17}, expires: 2027-01-31}}
"""
SITE = """\
version: 1
repositories:
  - {{match: {18}, tags: [offsite]}}
  - {{match: "*", tags: [onsite]}}
tiers:
  - {{name: {19}, jobs: ["*", {20}], objects: ["*", {21}], rpo_hours: 24, retention_days: 30, gfs: {{weekly: 4}}}}
assets: assets.csv
"""
RULES = """\
version: 1
rules:
  - {{id: ACME-001, title: {22}, severity: high, table: jobs, column: name, op: eq, value: {23}, rationale: {24},
     remediation: {25}, expected: {26}}}
"""
FRAMEWORK = """\
version: 1
id: house
title: {27}
edition: {28}
source: {29}
requirements:
  - {{id: {30}, title: {31}, checks: [JOB-008, ACME-001], judgement: own}}
"""
BRAND = """\
version: 1
name: {32}
"""
FILES = {
    "policy": POLICY,
    "waivers": WAIVERS,
    "site": SITE,
    "framework": FRAMEWORK,
    "brand": BRAND,
    "rules": RULES,
}
FILE_NAME = "=1+1'\"><svg onload=alert(1)>\u202e\x1b[31m{} {{{{7*7}}}}.yaml"


def write_files(folder: Path) -> dict[str, Path]:
    """Files of a user in which every text is hostile, and so are their names; by what they are for."""
    texts = [quoted(given(number)) for number in range(33)]
    texts[22] = texts[31] = texts[32] = quoted(SHORT)
    texts[26] = re.sub("[{}]", "", texts[26])  # the only text that may hold {value} and nothing else in braces
    paths = {kind: folder / FILE_NAME.format(kind) for kind in FILES if kind != "rules"}
    paths["rules"] = folder / "own" / FILE_NAME.format("rules")
    paths["rules"].parent.mkdir()
    for kind, path in paths.items():
        path.write_text(FILES[kind].format(*texts), encoding="utf-8")
    with (folder / "assets.csv").open("w", encoding="utf-8", newline="") as stream:
        rows = [[given(at).replace("\x00", "") for at in range(40 + row, 44 + row)] for row in (0, 9)]
        csv.writer(stream).writerows([["name", "platform", "owner", "exempt"], *rows, ["bare", "", "", ""]])
    return paths


@dataclass(frozen=True, eq=False)
class HostileRun:
    """One run: its audit, where texts stood in the answers of its servers, and where they were hostile."""

    audit: Audit
    seen: frozenset[Place]
    changed: frozenset[Place]


def client_of(transport: httpx.BaseTransport, name: str, username: str) -> Client:
    """A client that asks `transport`."""
    return Client(
        "http://127.0.0.1", name=name, username=username, password=SecretStr(DEMO_PASSWORD), transport=transport
    )


def transport_of(kinds: tuple[str, ...], kept: frozenset[str], *faults: str, **options: Any) -> HostileTransport:
    """A transport to a simulated estate."""
    app = create_app(**{"now": NOW, "role": "Administrator", "jobs": 4, "sessions": 60, "faults": faults} | options)
    return HostileTransport(httpx.WSGITransport(app=app), kinds, kept)


@lru_cache
def plain_answers() -> HostileTransport:
    """The transport behind which every dataset was read as it is."""
    transport = transport_of((), frozenset())
    with client_of(transport, "vbr01", "auditor") as client:
        va.collect(client, datasets="all", progress=False)
    return transport


def kept_by(server: str) -> frozenset[str]:
    """What a server of `SERVERS` leaves as it is, so that what stands below it can be read."""
    if server == "everything":
        return frozenset()
    # A job whose type is not known has no settings that can be read.
    truth = create_app(now=NOW, jobs=4, sessions=60).config["simulator"].truth()
    types = {job["type"] for job in truth.jobs} if server == "words" else set()
    return frozenset(plain_answers().asked_for | types)


@lru_cache
def hostile_run(name: str) -> HostileRun:
    """The run `name` of `RUNS`."""
    username = given(50).replace("\x00", "")
    transports = {
        server: transport_of(
            SERVERS[server], kept_by(server), *(FAULTS if server == "everything" else ()), username=username
        )
        for server in RUNS[name]
    }
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(client_of(transport, told(51) + f" {server}" * (len(transports) > 1), username))
            for server, transport in transports.items()
        ]
        snapshot = va.collect(clients, datasets="all", progress=False, note=told(52), command=told(53))
        files = write_files(Path(stack.enter_context(TemporaryDirectory())))
        judged: dict[str, Any] = {kind: files[kind] for kind in ("policy", "waivers", "site", "brand")}
        judged |= {"checks": files["rules"].parent, "frameworks": [files["framework"]], "sample_seed": told(54)}
        plain = va.audit(snapshot, **judged)
    ids = plain.findings["finding_id"].head(3)
    remarks = {found: Remark(finding_id=found, status="Open", note=given(60 + at)) for at, found in enumerate(ids)}
    audit = compared(
        dataclasses.replace(plain, rules=dataclasses.replace(plain.rules, review=Review(remarks, given(55))))
    )
    seen, changed = (
        frozenset[Place]().union(*(getattr(each, what) for each in transports.values())) for what in ("seen", "changed")
    )
    return HostileRun(audit, seen, changed)


@lru_cache
def plain_snapshot() -> va.Snapshot:
    """A small estate as it is."""
    with client_of(transport_of((), frozenset()), "vbr01", "auditor") as client:
        return va.collect(client, datasets=["jobs", "job_states"], progress=False)
