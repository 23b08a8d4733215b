"""Samples between the runs: the space of the repositories, in so few requests that it can be read every hour.

A sample is one small file, `samples/SERVER/INSTANT.json` in the folder of a history. It is no run: nothing is checked,
and no evidence is kept.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import pandas as pd
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from vbr_audit.api.client import Answer, Client
from vbr_audit.api.paging import KeyFilter, envelope
from vbr_audit.collection.files import make_folder, slug, write_with
from vbr_audit.collection.manifest import Manifest, RunRecord, ServerRecord, utc_now
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.datasets import BUILDERS, DATASETS
from vbr_audit.display import count, plain, shorten
from vbr_audit.errors import AbsentError, ApiError, DeniedError, OutputError
from vbr_audit.histories.capacities import CAPACITY, capacity_of
from vbr_audit.tables import server_info, server_time
from vbr_audit.tables.build.schema import conform

MOST_REQUESTS: Final = 6
"""So many requests a sample takes at most, signing in and out among them."""
MOST_BYTES: Final = 50_000
"""So many bytes the answers have at most, as far as the server keeps to the size of a page that it is asked for."""
_TOKENS: Final = 6_000
"""What of them is left for signing in and out."""
_FIRST_PAGE: Final = 60
_LARGEST_FILE: Final = 10_000_000
_STATES: Final = DATASETS["repository_states"]
_LOG = logging.getLogger(__name__)
Bytes = Annotated[int, Field(ge=0, lt=2**62)] | None


class _Row(BaseModel):
    """One repository of a sample: a row of the table `capacity` without what is the same in all of them."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    repository_id: str | None
    repository: str | None
    kind: str | None
    capacity_bytes: Bytes
    free_bytes: Bytes
    used_bytes: Bytes
    is_online: bool | None


class CapacitySample(BaseModel):
    """One sample of one server, as its file holds it."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, populate_by_name=True)

    version: Annotated[int, Field(alias="schema", ge=1, le=1)] = 1
    server_id: str
    server: str
    taken_at: AwareDatetime
    status: Literal["complete", "partial"]
    reason: str | None = None
    requests: int
    bytes: int
    tool_version: str
    capacity: list[_Row]


def take_sample(client: Client, *, tool_version: str) -> CapacitySample:
    """Read the space of the repositories of one server with GET only; the client is still to be closed.

    Where that would take more than `MOST_REQUESTS` or `MOST_BYTES`, the sample is partial. Nothing is asked for twice.
    Raises `ConnectError` kinds when the server cannot be used, `ApiError` kinds when it does not give the space.
    """
    reading = _Reading(client)
    clock = reading.clock()
    vbr_id = reading.installation()
    reason = reading.read_states()
    server = ServerRecord(
        name=client.name,
        url=client.url,
        revision=client.revision,
        revision_newest=client.revision,
        vbr_id=vbr_id,
        account=client.username,
        server_time=clock,
        tls=client.tls,
        verified=client.verified,
    )
    terms = {"now": clock, "since": clock, "until": clock}
    run = RunRecord(**terms, timezone="UTC", timezone_source="the server's clock", tool_version=tool_version)
    manifest = Manifest(run=run, servers=[server])
    builder = BUILDERS[_STATES.name](client.name, None)
    builder.add(reading.rows)
    snapshot = Snapshot.from_tables({_STATES.name: builder.finish().frame}, **terms, manifest=manifest)
    return CapacitySample(
        server_id=manifest.server_ids[server.name],
        server=server.name,
        taken_at=clock,
        status="partial" if reason else "complete",
        reason=reason,
        requests=client.requests + 1,
        bytes=reading.size,
        tool_version=tool_version,
        capacity=[_Row.model_validate(row) for row in _records(capacity_of(snapshot))],
    )


class _Reading:
    """What was asked of one server so far; the sign-out is still to come."""

    def __init__(self, client: Client) -> None:
        self.rows: list[Any] = []
        self.size = 0
        self._client = client

    def clock(self) -> dt.datetime:
        """The server's clock, in UTC; the clock of this computer where the server does not report its own."""
        try:
            document = self._ask("server_time").document
        except ApiError as error:
            _LOG.warning("%s: the clock of this computer is used: %s", plain(self._client.name), plain(error.message))
            document = None
        return (server_time.parse(document).server_time or utc_now()).astimezone(dt.UTC)

    def installation(self) -> str | None:
        """The id of the installation; None where the account may not read it, or there is none."""
        try:
            return server_info.parse(self._ask("server_info").document).vbr_id
        except (DeniedError, AbsentError):
            return None

    def read_states(self) -> str | None:
        """Read the states of the repositories page by page, as far as the bounds allow; why not all came, or None."""
        keys, skip, limit = KeyFilter(("id",)), 0, _FIRST_PAGE
        total: int | None = None
        while limit > 0 and self._client.requests + 2 <= MOST_REQUESTS:
            before = self.size
            answer = self._ask(_STATES.name, {"skip": str(skip), "limit": str(limit)})
            rows, total = envelope(answer, _STATES.path)
            self.rows += keys.fresh(rows)
            skip += len(rows)
            if not rows or (total is not None and skip >= total):
                break
            each = (self.size - before) / len(rows)
            limit = int((MOST_BYTES - _TOKENS - self.size) / each)
        if total is not None and len(self.rows) >= total:
            return None
        of = "an unknown number" if total is None else f"{total:,}"
        return (
            f"{count(len(self.rows), 'repository', 'repositories')} of {of}: "
            f"a sample takes {MOST_REQUESTS} requests and {MOST_BYTES:,} bytes at most"
        )

    def _ask(self, dataset: str, query: dict[str, str] | None = None) -> Answer:
        answer = self._client.get_once(DATASETS[dataset].at(self._client.revision).path, query)
        self.size += len(answer.body)
        return answer


def write_sample(history: Path, sample: CapacitySample) -> Path:
    """Write `sample` as a file of its own below `history`, for its owner only; raises `OutputError`."""
    folder = history / "samples" / slug(sample.server_id)
    stamp = sample.taken_at.astimezone(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    path = folder / f"{stamp}-{secrets.token_hex(4)}.json"
    body = sample.model_dump_json(by_alias=True, indent=1).encode() + b"\n"

    def write(temporary: Path) -> None:
        with temporary.open("wb") as stream:
            stream.write(body)
            stream.flush()
            os.fsync(stream.fileno())

    try:
        for each in (history, folder.parent, folder):
            make_folder(each)
    except OSError as error:
        raise OutputError(
            f"cannot write to {folder}: {error.strerror or error}", hint="Check its permissions and free space."
        ) from error
    write_with(path, write)
    return path


@dataclass(frozen=True)
class Samples:
    """The samples of a history: their rows as one table `capacity`, and why files were left out, a sentence each."""

    capacity: pd.DataFrame
    skipped: tuple[str, ...] = ()


def read_samples(history: Path) -> Samples:
    """Every sample below `history`, by server and time; a file that is broken, or of a newer version, is left out."""
    rows: list[dict[str, Any]] = []
    skipped = []
    for path in sorted((history / "samples").glob("*/*.json")):
        try:
            sample = _load(path)
        except (OSError, ValueError) as error:
            skipped.append(f"{plain(path.relative_to(history).as_posix())}: {shorten(_problem(error), 120)}")
            continue
        facts = {"server_id": sample.server_id, "server": sample.server, "taken_at": sample.taken_at}
        rows += [row.model_dump() | facts for row in sample.capacity]
    return Samples(conform({name: [row[name] for row in rows] for name in CAPACITY.names}, CAPACITY)[0], tuple(skipped))


def samples_in(history: Path) -> pd.DataFrame:
    """The table `capacity` of all samples below `history`; a file that is left out is named in the log."""
    samples = read_samples(history)
    for reason in samples.skipped:
        _LOG.warning("sample left out: %s", reason)
    return samples.capacity


def _load(path: Path) -> CapacitySample:
    if path.stat().st_size > _LARGEST_FILE:
        raise ValueError("it is larger than any sample")
    return CapacitySample.model_validate_json(path.read_bytes())


def _problem(error: Exception) -> str:
    """What is wrong with a file, without quoting it."""
    if not isinstance(error, ValidationError):
        return error.strerror or "cannot be read" if isinstance(error, OSError) else str(error)
    first = error.errors(include_input=False, include_url=False)[0]
    if first["loc"] == ("schema",) and first["type"] == "less_than_equal":
        return "a newer version of vbr-audit wrote it"
    place = ".".join(map(str, first["loc"]))
    return f"not a sample: {place + ': ' if place else ''}{first['msg']}"


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of `frame` by name, None for what is not known, without what stands once in the sample."""
    plain_values = frame.drop(columns=["server_id", "server", "taken_at"]).astype(object)
    rows = plain_values.where(plain_values.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]
