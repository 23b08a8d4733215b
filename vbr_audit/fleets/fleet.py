"""A fleet: many servers audited as one task each, and the picture of what came of them."""

from __future__ import annotations

import contextlib
import datetime as dt
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Unpack

import orjson
import pandas as pd
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from vbr_audit.collection.files import make_folder, write_bytes
from vbr_audit.collection.period import PeriodRequest
from vbr_audit.config.given_file import MOST_KEPT, read_given
from vbr_audit.config.time_spans import Duration, seconds_of
from vbr_audit.display import count, plain
from vbr_audit.errors import ConfigurationError, EvidenceError
from vbr_audit.fleets.dask_cluster import SchedulerTls, demand_dask, run_tasks
from vbr_audit.fleets.scrubbing import FleetScrubber, KeyPlace, scrubbed_summaries
from vbr_audit.fleets.servers_file import Server, check_names, load_servers
from vbr_audit.fleets.shards import Shard
from vbr_audit.fleets.summaries import FORMAT as SUMMARY_FORMAT
from vbr_audit.fleets.summaries import Outcome, ServerSummary, not_audited
from vbr_audit.fleets.tasks import ServerTask, batch_folder, held_batch
from vbr_audit.fleets.travelling_rules import packed_rules
from vbr_audit.notebook import Grid, Headline, Line, fragment
from vbr_audit.reports.formats import checked_formats
from vbr_audit.rules import RuleOptions, Rules, shows_rule_options
from vbr_audit.scrub.pseudonyms import ScrubKey, load_key
from vbr_audit.tables.build.arrays import STRING

FORMAT: Final = 1
"""The version of `fleet.json`."""
FLEET_JSON: Final = "fleet.json"
_NO_BASELINE: Final = ("baseline", "review", "events", "change_register", "sample", "sample_seed")
"""Rules that are about one run of one server; in a fleet each is compared with what the history has of it."""


class _Document(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True, populate_by_name=True)

    format: Annotated[int, Field(alias="schema", ge=1)] = FORMAT
    batch: str
    now: AwareDatetime
    servers: tuple[ServerSummary, ...]


@dataclass(frozen=True, eq=False)
class Fleet:
    """What came of the audits of many servers: one summary for each that was asked for, audited or not.

    `now` is when the audits began, `batch` names them together.
    """

    summaries: tuple[ServerSummary, ...]
    now: dt.datetime
    batch: str

    @property
    def counts(self) -> dict[Outcome, int]:
        """How many servers were audited, audited with open questions, and not audited."""
        found = Counter(summary.outcome for summary in self.summaries)
        return {outcome: found.get(outcome, 0) for outcome in Outcome}

    @property
    def coverage(self) -> float | None:
        """The share of the servers that were audited, those with open questions among them; None of no server."""
        judged = sum(summary.is_audited for summary in self.summaries)
        return judged / len(self.summaries) if self.summaries else None

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per server: `server`, `tenant`, `outcome`, `rating`, `reason`, counts and shares; NA is not known.

        Text columns are strings, counts Int64, shares Float64 (fractions), `now` an instant in UTC.
        """
        return pd.DataFrame([_row(summary) for summary in self.summaries], columns=list(_COLUMNS)).astype(_COLUMNS)

    @cached_property
    def matrix(self) -> pd.DataFrame:
        """One row per server, one column per check: the worst status that the check has there, as text.

        UNKNOWN for a server that was not audited, or whose summary has not all checks; an empty text where a server was
        not asked the check.
        """
        names = checks_of(self.summaries)
        rows = [cells_of(summary, names) for summary in self.summaries]
        index = pd.Index([summary.server for summary in self.summaries], name="server", dtype=STRING)
        return pd.DataFrame(rows, index=index, columns=list(names), dtype=STRING)

    @property
    def scrub_key_ids(self) -> frozenset[str]:
        """The keys by which names in it were replaced, by their ids; none where they were not."""
        return frozenset(each.scrub_key_id for each in self.summaries if each.scrub_key_id is not None)

    def scrub(self, key: str | Path | ScrubKey | None = None) -> Fleet:
        """This fleet without names: the same numbers, with pseudonyms for servers, tenants and objects.

        `key` is a key file, else the user's own; the same key gives the pseudonyms of scrubbed runs. Of texts, only
        words of the tool's own stay. Raises `ConfigurationError`, also where names were replaced with another key.
        """
        made = scrubbed_summaries(key if isinstance(key, ScrubKey) else load_key(key), self.summaries)
        return Fleet(made, self.now, self.batch)

    def write(
        self,
        folder: str | Path,
        *,
        title: str = "Backup servers",
        population: str | Path | None = None,
        scrub_key: str | Path | ScrubKey | None = None,
    ) -> Path:
        """Write the page, the workbook, `fleet.json` and a page for each tenant to `folder`; return it.

        `population` is a CSV file of the servers that ought to be audited. With a `scrub_key`, nothing that is written
        has a name. Raises `ConfigurationError`, `OutputError`.
        """
        from vbr_audit.fleets.population import load_population
        from vbr_audit.fleets.reporting import write_fleet

        fleet, listed = self, None if population is None else load_population(population)
        if scrub_key is not None:
            key = scrub_key if isinstance(scrub_key, ScrubKey) else load_key(scrub_key)
            scrubber = FleetScrubber.of_summaries(key, self.summaries)
            fleet, title = self.scrub(key), scrubber.text(title)
            listed = None if listed is None else scrubber.population(listed)
        write_fleet(fleet, folder, population=listed, title=title)
        return Path(folder)

    def to_json(self) -> bytes:
        """The fleet as UTF-8 JSON: `schema`, `batch`, `now`, and `servers` with every summary."""
        document = _Document(batch=self.batch, now=self.now, servers=self.summaries)
        return document.model_dump_json(by_alias=True, exclude_none=True).encode() + b"\n"

    def save(self, folder: str | Path) -> Path:
        """Write `fleet.json` to `folder`, which is made; return its path. Raises `OutputError`."""
        path = Path(folder) / FLEET_JSON
        make_folder(path.parent)
        write_bytes(path, self.to_json())
        return path

    def __repr__(self) -> str:
        parts = ", ".join(f"{number} {outcome}" for outcome, number in self.counts.items() if number)
        return f"<Fleet of {count(len(self.summaries), 'server')}: {parts or 'nothing asked for'}>"

    def _repr_html_(self) -> str:
        missing = [summary for summary in self.summaries if not summary.is_audited]
        told = f"{len(missing):,} of {count(len(self.summaries), 'server')} not audited"
        headline = Headline(repr(self)[1:-1], told if missing else "", "fail" if missing else "pass")
        lines = [Line(f"{summary.server}: {summary.reasons[0]}", "loud") for summary in missing[:_SHOWN]]
        worst = self.table[self.table["causes"].notna()].sort_values(_WORST, ascending=False).head(_SHOWN)
        rows = worst[["server", "rating", *_WORST]].to_numpy(dtype=object).tolist()
        return fragment([headline, *lines, Grid(("Server", "Rating", "Critical", "High", "Causes"), rows)])


def checks_of(summaries: Iterable[ServerSummary]) -> tuple[str, ...]:
    """The ids of the checks that any of the servers was asked, in order."""
    return tuple(sorted({check.check_id for summary in summaries for check in summary.checks}))


def cells_of(summary: ServerSummary, check_ids: Sequence[str]) -> tuple[str, ...]:
    """The status of each of these checks on a server, as `Fleet.matrix` has them."""
    if not summary.is_audited:
        return ("UNKNOWN",) * len(check_ids)
    own = {check.check_id: check.status for check in summary.checks}
    other = "UNKNOWN" if summary.checks_cut else ""
    return tuple(own.get(check_id, other) for check_id in check_ids)


_SHOWN: Final = 10
_WORST: Final = ["causes_critical", "causes_high", "causes"]
_COLUMNS: Final[dict[str, Any]] = {
    **dict.fromkeys(
        ("server", "tenant", "outcome", "rating", "reason", "build", "revision", "level", "run_id", "folder"), STRING
    ),
    **dict.fromkeys(("causes", "failing", "gaps"), "Int64"),
    **dict.fromkeys(("causes_critical", "causes_high", "causes_medium", "causes_low", "causes_info"), "Int64"),
    **dict.fromkeys(("compliance", "assessed", "success_rate", "protected_share", "used_share", "seconds"), "Float64"),
    "now": "datetime64[us, UTC]",
}


def _row(summary: ServerSummary) -> dict[str, Any]:
    point = summary.point
    row: dict[str, Any] = {
        **{name: getattr(summary, name) for name in ("server", "tenant", "build", "revision", "run_id", "folder")},
        "outcome": str(summary.outcome),
        "rating": None if summary.rating is None else summary.rating.told,
        "reason": summary.reasons[0] if summary.reasons else None,
        "seconds": summary.seconds,
        "now": summary.now,
    }
    if point is None:
        return row
    shares = ("compliance", "assessed", "success_rate", "protected_share", "used_share")
    return row | {
        "level": point.level,
        "causes": summary.causes_total,
        "failing": sum(point.failing.values()),
        "gaps": point.incomplete,
        **{f"causes_{severity}": number for severity, number in point.causes.items()},
        **{name: getattr(point, name) for name in shares},
    }


def load_fleet(*paths: str | Path) -> Fleet:
    """The fleet of `fleet.json`, or of several about different servers (shards), which become one.

    Raises `ConfigurationError` where nothing is there or a server is in two of them, `EvidenceError` for a file that
    is none.
    """
    documents = [_read(Path(path)) for path in paths]
    if not documents:
        raise ConfigurationError("no fleet is given", hint=f"Give a folder with {FLEET_JSON}.")
    summaries = tuple(summary for document in documents for summary in document.servers)
    _refuse_twice(summaries)
    return Fleet(summaries, min(document.now for document in documents), documents[0].batch)


def _refuse_twice(summaries: Sequence[ServerSummary]) -> None:
    """A server that is counted twice would make every number of the fleet wrong, whatever it is called."""
    for kind, keys in (
        ("the name", [summary.server.casefold() for summary in summaries]),
        ("the id", [summary.server_id for summary in summaries]),
    ):
        seen: dict[str, str] = {}
        for key, summary in zip(keys, summaries, strict=True):
            if key is not None and key in seen:
                raise ConfigurationError(
                    f"{plain(summary.server)} and {plain(seen[key])} have {kind} in common",
                    hint="Name each server once: one server under two names is counted twice.",
                )
            if key is not None:
                seen[key] = summary.server


def _read(path: Path) -> _Document:
    path = path / FLEET_JSON if path.is_dir() else path
    try:
        content = read_given(path, most=MOST_KEPT)
        if _is_newer(content):
            raise EvidenceError(f"{path} was written by a newer version of vbr-audit", hint="Install that version.")
        return _Document.model_validate_json(content)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror or error}", hint="`vbr-audit fleet audit` writes it."
        ) from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise EvidenceError(f"{path}: {where}: {first['msg']}", hint="Audit the fleet again.") from None


def _is_newer(content: bytes) -> bool:
    """Whether a document, or a summary in it, says that it is of a later format, whatever else that may hold."""
    try:
        document = orjson.loads(content)
    except ValueError:
        return False
    if not isinstance(document, dict):
        return False
    servers = document.get("servers")
    summaries = servers if isinstance(servers, list) else []
    return _is_later(document, FORMAT) or any(_is_later(each, SUMMARY_FORMAT) for each in summaries)


def _is_later(document: object, known: int) -> bool:
    found = document.get("schema") if isinstance(document, dict) else None
    return isinstance(found, int) and found > known


@shows_rule_options
def audit_fleet(
    servers: str | Path | Iterable[Server],
    *,
    history: str | Path,
    cluster: Any = None,
    workers: int | None = None,
    tls: SchedulerTls | None = None,
    month: str | None = None,
    since: dt.date | dt.datetime | str | None = None,
    until: dt.date | dt.datetime | str | None = None,
    timezone: str | None = None,
    jobs: str | None = None,
    deadline: Duration | None = None,
    dataset_deadline: Duration | None = None,
    shard: Shard | None = None,
    mask_accounts: bool = False,
    scrub_key: str | Path | None = None,
    formats: Iterable[str] = ("json",),
    on_done: Callable[[ServerSummary], None] = lambda summary: None,
    **given: Unpack[RuleOptions],
) -> Fleet:
    """Audit many servers, one task each, and keep every run in `history`; only small summaries come back.

    `servers` is a file of servers. `cluster` is None for processes of this machine (`workers` of them), the address of
    a Dask scheduler (`tls://…`, with `tls`), or a cluster or client of Dask. Passwords are looked for where a server
    is audited, never sent there. A server that cannot be audited does not end the others: its summary says why.

    `deadline` and `dataset_deadline` bound the reading of a server and of one dataset, as in `vbr_audit.collect`; a
    server's own deadline counts before. With a `shard`, only its servers are audited. A server that turns out to be in
    the file under two names counts as audited under the first, and as not audited under the other. With a `scrub_key`,
    a file that every worker finds under the same path, names are replaced before anything is kept.

    Raises what `collect` and `audit_snapshot` raise for wrong options, `ConfigurationError` for rules of a single run
    (`baseline`, `review`, `events`, `change_register`, `sample`), a password at hand, or workers of another version,
    `OutputError` for a history that cannot be written to, and `ConnectError` for a scheduler that does not answer.
    """
    demand_dask()
    _refuse_rules_of_one(given)
    chosen = _chosen(servers, shard)
    PeriodRequest.of(month=month, since=since, until=until, timezone=timezone)
    terms: dict[str, Any] = {"month": month, "since": since, "until": until, "timezone": timezone, "jobs": jobs}
    spans = {"deadline": deadline, "dataset_deadline": dataset_deadline}
    terms |= {"mask_accounts": mask_accounts}
    terms |= {name: seconds_of(span) for name, span in spans.items() if span is not None}
    kept = tuple(checked_formats(formats))
    rules = packed_rules(Rules.load(**given))
    now, batch = dt.datetime.now(dt.UTC), secrets.token_hex(8)
    place = str(Path(history).absolute())
    key = None if scrub_key is None else KeyPlace.of(scrub_key)
    clean = _without_names(key, chosen)
    tasks = [ServerTask(server, rules, place, batch, terms, kept, scrub=key) for server in chosen]
    # A scheduler elsewhere may have workers that see a folder which is not here.
    is_here = not isinstance(cluster, str) or Path(place).is_dir()
    how: dict[str, Any] = {"cluster": cluster, "workers": workers, "tls": tls}
    try:
        with held_batch(place, batch) if is_here else contextlib.nullcontext():
            summaries = run_tasks(tasks, **how, on_done=lambda summary: on_done(clean(summary)))
    finally:
        shutil.rmtree(batch_folder(place, batch), ignore_errors=True)
    return Fleet(_each_once([clean(summary) for summary in summaries]), now, batch)


def _refuse_rules_of_one(given: RuleOptions) -> None:
    if of_one := [name for name in _NO_BASELINE if given.get(name) is not None]:
        raise ConfigurationError(
            f"{of_one[0]} is about a run of one server", hint="Judge a single run with it: vbr-audit check."
        )


def _without_names(key: KeyPlace | None, servers: Sequence[Server]) -> Callable[[ServerSummary], ServerSummary]:
    """What replaces the names in a summary that no worker scrubbed, as its server was not audited."""
    return (lambda summary: summary) if key is None else FleetScrubber.of_servers(key.key(), servers).summary


def _each_once(summaries: Sequence[ServerSummary]) -> tuple[ServerSummary, ...]:
    """`summaries`, where a server under a second name is not audited: counted once, and its double name is told.

    It costs the other servers nothing; of a server of another tenant, the name is not told.
    """
    first: dict[str, ServerSummary] = {}
    kept = []
    for summary in summaries:
        twin = summary if summary.server_id is None else first.setdefault(summary.server_id, summary)
        if twin is not summary:
            other = twin.server if twin.tenant == summary.tenant else "another name"
            reason = f"the same server is in the file as {plain(other)}, by the id that it reports: keep one of the two"
            twice = not_audited(summary.server, reason, tenant=summary.tenant, seconds=summary.seconds)
            summary = twice.model_copy(update={"scrub_key_id": summary.scrub_key_id})
        kept.append(summary)
    return tuple(kept)


def _chosen(servers: str | Path | Iterable[Server], shard: Shard | None) -> tuple[Server, ...]:
    """The servers of a fleet, each once; their passwords are looked for where they are audited."""
    if isinstance(servers, str | Path):
        return load_servers(servers, environ={}, password_given=True, shard=shard)
    chosen = tuple(server for server in servers if shard is None or shard.holds(server.shown_name))
    check_names(chosen)
    return chosen
