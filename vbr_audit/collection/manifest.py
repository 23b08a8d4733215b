"""The manifest of a run: what was asked of which server, what came, and what did not."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator


class DatasetStatus(StrEnum):
    """How far one dataset of one server could be read."""

    COMPLETE = "complete"
    """Every row that the server counted was read."""
    PARTIAL = "partial"
    """Some rows were read; `reason` says why not all."""
    DENIED = "denied"
    """The account's role may not read it."""
    ABSENT = "absent"
    """The server does not offer it in this revision."""
    FAILED = "failed"
    """It could not be read at all."""


UNREAD_BELOW = "unread_below"
"""The note of a dataset that was read below each row of another: the ids below which not everything came.

It stands only where nothing else is missing.
"""

FILTER_UNHEARD = "type_filter_unheard"
"""The note of a dataset that is asked for by kind: the server's filter matched nothing that it should have matched."""

OTHER_KINDS = "rows_of_other_kinds"
"""The note of a dataset that is asked for by kind: so many rows of other kinds came, and are not in its table."""

PAGES_UNCOUNTED = "pages_without_total"
"""The note of a dataset some of whose pages did not report how many rows there are: how many such pages came."""


DEADLINE_PASSED = "deadline_passed"
"""The note of a dataset that the time ran out for: `server` or `dataset`, whose time it was."""


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class OwnChecksRecord(_Record):
    """One source of checks that the package does not ship: a file, an installed package, or a notebook.

    `sha256` is over the file, None where there is none; `checks` are the ids that it declared. `fault` says why it
    could not be used. It is not `used` where the run was judged anew without it. `tables` are those that each of its
    checks asked for.
    """

    name: str
    kind: Literal["python", "rules", "package", "notebook"]
    sha256: str | None = None
    checks: list[str] = Field(default_factory=list)
    fault: str | None = None
    used: bool = True
    tables: dict[str, list[str]] = Field(default_factory=dict)


class FrameworkRecord(_Record):
    """One framework file that the package does not ship, with the SHA-256 of its text."""

    name: str
    sha256: str


class RunRecord(_Record):
    """The terms of one run: its clock, its period, its scope.

    `scrub_key_id` tells which key made the pseudonyms of a run without names; None for a run with its names.
    """

    now: AwareDatetime
    since: AwareDatetime
    until: AwareDatetime
    timezone: str
    timezone_source: str
    jobs_pattern: str | None = None
    accounts_masked: bool = False
    policy_name: str | None = None
    policy_sha256: str | None = None
    waivers_sha256: str | None = None
    site_sha256: str | None = None
    events_sha256: str | None = None
    change_register_sha256: str | None = None
    own_checks: list[OwnChecksRecord] = Field(default_factory=list)
    frameworks: list[FrameworkRecord] = Field(default_factory=list)
    review_sha256: str | None = None
    sample_size: Annotated[int, Field(ge=1)] = 25
    sample_seed: str | None = None
    scrub_key_id: str | None = None
    tool_version: str
    command: str | None = None
    note: str | None = None


class ServerRecord(_Record):
    """One backup server as it was found."""

    name: str
    url: str
    revision: str
    revision_newest: str
    build: str | None = None
    vbr_id: str | None = None
    account: str
    role: str | None = None
    clock_skew_s: float | None = None
    server_time: AwareDatetime | None = None
    time_zone: str | None = None
    zone: str | None = None
    zone_source: str | None = None
    tls: str
    verified: bool

    @model_validator(mode="before")
    @classmethod
    def _of_an_older_run(cls, record: Any) -> Any:
        """A manifest that was written before `verified` was there tells it in the words of `tls` alone."""
        if isinstance(record, dict) and "verified" not in record:
            return record | {"verified": not str(record.get("tls")).startswith("NOT VERIFIED")}
        return record


class DatasetRecord(_Record):
    """One dataset of one server: the question, the count, the outcome and the hash of the answers."""

    server: str
    name: str
    path: str
    query: dict[str, str] = Field(default_factory=dict)
    revision: str
    pages: int = 0
    api_total: int | None = None
    rows_received: int = 0
    rows_duplicate: int = 0
    rows_outside_period: int = 0
    rows_out_of_scope: int = 0
    rows_kept: int = 0
    status: DatasetStatus
    reason: str | None = None
    started: AwareDatetime
    ended: AwareDatetime
    bytes: int = 0
    sha256: str | None = None
    redacted: list[str] = Field(default_factory=list)
    notes: dict[str, Any] = Field(default_factory=dict)


class Manifest(_Record):
    """Everything that a reader needs to judge a run; written as `manifest.json`.

    `unwritten` are the formats of reports that an audit was to write and had not written by then: a run that was killed
    in between does not look like one that was only to be collected.
    """

    version: Annotated[int, Field(alias="schema", ge=1, le=1)] = 1
    run: RunRecord
    servers: list[ServerRecord] = Field(default_factory=list)
    datasets: list[DatasetRecord] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)
    interrupted: bool = False
    unwritten: list[str] = Field(default_factory=list)

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, populate_by_name=True)

    def dataset(self, server: str, name: str) -> DatasetRecord | None:
        """The record of dataset `name` of `server`, or None when it was not asked for."""
        return next((d for d in self.datasets if d.server == server and d.name == name), None)

    @property
    def server_ids(self) -> dict[str, str]:
        """What identifies each server over time, by its name in the run: the id that it reports, else its name.

        Two servers that report the same id, which are one server under two names or clones, keep their names.
        """
        reported = [server.vbr_id for server in self.servers]
        return {
            server.name: server.vbr_id if server.vbr_id and reported.count(server.vbr_id) == 1 else server.name
            for server in self.servers
        }

    @property
    def is_scrubbed(self) -> bool:
        """Whether names were replaced by pseudonyms, and the evidence was left out."""
        return self.run.scrub_key_id is not None

    @property
    def run_id(self) -> str:
        """What names this run: 16 hex digits of a hash over its clock, period, scope, and every answer that was read.

        It stays the same when the run is judged anew.
        """
        run = self.run
        facts = [run.now.isoformat(), run.since.isoformat(), run.until.isoformat(), run.jobs_pattern or ""]
        facts += [f"{record.server}\0{record.name}\0{record.sha256 or ''}" for record in self.datasets]
        return hashlib.sha256("\n".join(facts).encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def to_json(self) -> bytes:
        """The manifest as indented UTF-8 JSON, times in UTC."""
        return self.model_dump_json(by_alias=True, indent=2).encode() + b"\n"


_standing: list[dt.datetime] = []


def utc_now() -> dt.datetime:
    """The collector's clock, in UTC."""
    return _standing[-1] if _standing else dt.datetime.now(dt.UTC)


@contextmanager
def standing_clock(moment: dt.datetime | None) -> Iterator[None]:
    """Let the collector's clock stand still at `moment`, in every thread, as that of a demonstration's server does."""
    if moment is None:
        yield
        return
    _standing.append(moment.astimezone(dt.UTC))
    try:
        yield
    finally:
        _standing.pop()
