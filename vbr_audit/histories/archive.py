"""The folder of a history: immutable run folders, each added in one move, and what can be read of them.

    HISTORY/
      2026-11-01T060000Z-0123456789abcdef/    a run folder, with `history.json` and `tables/` beside what it was
      pins/0123456789abcdef                   a run that is never pruned
      pruned/2026-01-01T…/                    what is left of a pruned run: its record, and the state after it
      samples/                                free space between the runs
      seals/                                  the chain of what was added and pruned, see `seals`

What there is follows from the folders; only the chain of seals has one writer at a time. A run that is being added
stands under a name that begins with a dot, on the same file system, until it is whole and flushed.
"""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final

import orjson
import pandas as pd
from pydantic import ValidationError

from vbr_audit.collection import run_folder
from vbr_audit.collection.files import FOR_OWNER, alone, flush_folder, make_folder, sha256_of
from vbr_audit.config.given_file import MOST_KEPT, is_plain, read_given
from vbr_audit.errors import ConfigurationError, EvidenceError, OutputError
from vbr_audit.findings.compared import ASKED_SPEC, FINDINGS_SPEC, Judged, JudgedServer
from vbr_audit.findings.lifecycle import LIVES_SPEC, Lives, step
from vbr_audit.histories.run_records import FORMAT, HistoryRecord, RunServer, chained
from vbr_audit.histories.seals import PINS, PRUNED, UNSIGNED, KeptSeal, Sealer, root_of, run_folders, sealing
from vbr_audit.histories.stored import decoded, encoded
from vbr_audit.histories.trends import month_of
from vbr_audit.tables.build.schema import TableSpec, empty

RECORD: Final = "history.json"
TABLES: Final = "tables"
ADDING: Final = ".adding-"
_EVIDENCE: Final = f"{run_folder.EVIDENCE}/"


@dataclass(frozen=True)
class Problem:
    """A folder of a history that is left out, and why."""

    folder: str
    reason: str

    def __str__(self) -> str:
        return f"{self.folder}: {self.reason}"


@dataclass(frozen=True, eq=False)
class Entry:
    """One run of a history that is as it was written; of a pruned one only the record is left."""

    path: Path
    record: HistoryRecord
    sums: Mapping[str, str]
    is_pruned: bool = False

    def table(self, spec: TableSpec) -> pd.DataFrame:
        """A table of the run; raises `EvidenceError` where it is not there or not as it was written."""
        name = self.table_file(spec.name)
        if name is None:
            raise EvidenceError(f"{self.path.name} has no table {spec.name}", hint=_OLDER)
        return decoded(f"{self.path.name}/{name}", self.content(name), spec)

    def table_or_empty(self, spec: TableSpec) -> pd.DataFrame:
        """A table of the run; without rows where a run of an older version has none."""
        return empty(spec) if self.table_file(spec.name) is None else self.table(spec)

    def table_file(self, name: str) -> str | None:
        """The file of a table, by its name in the folder of the run."""
        return next((f"{TABLES}/{name}{ending}" for ending in ENDINGS if f"{TABLES}/{name}{ending}" in self.sums), None)

    def content(self, name: str) -> bytes:
        """The bytes of a file, which are those whose hash was written down; raises `EvidenceError`."""
        try:
            data = read_given(self.path / name, most=MOST_KEPT)
        except OSError as error:
            raise EvidenceError(f"cannot read {name} of {self.path.name}: {error.strerror or error}") from None
        if hashlib.sha256(data).hexdigest() != self.sums.get(name):
            raise EvidenceError(f"{name} of {self.path.name} was changed", hint=_CHANGED)
        return data

    def judged(self) -> Judged:
        """What the run says of its findings."""
        record = self.record
        return Judged(
            run_id=record.run_id,
            now=record.now,
            timezone=record.timezone,
            since=record.since,
            until=record.until,
            policy_name=record.policy_name,
            policy=record.policy,
            scope=record.scope,
            tool_version=record.tool_version,
            servers=tuple(JudgedServer(each.server_id, each.name, each.revision) for each in record.servers),
            findings=self.table(FINDINGS_SPEC),
            asked=self.table(ASKED_SPEC),
            known_checks=frozenset(record.known_checks),
        )

    def lives(self) -> Lives:
        """What was known after the run, as it was worked out when it was added."""
        as_of = {server.server_id: self.record.now for server in self.record.servers}
        return Lives(self.table(LIVES_SPEC), self.table(ASKED_AFTER), as_of)

    def server(self, server_id: str) -> RunServer | None:
        """The server with this id, where the run is about it."""
        return next((each for each in self.record.servers if each.server_id == server_id), None)


ENDINGS: Final = (".parquet", ".json.gz")
ASKED_AFTER: Final = TableSpec("asked_after", ASKED_SPEC.key, ASKED_SPEC.columns, "What was last asked of each server.")
_OLDER: Final = "It was added by an older version of vbr-audit: add the run again to a new history."
_CHANGED: Final = "`vbr-audit history verify` names all that was changed; take it from a backup of the history."


@dataclass(frozen=True, eq=False)
class Archive:
    """A history as it stands on disk when it is opened: the runs that are as they were written, and what is left out.

    `runs` and `pruned` are in the order of their clocks.
    """

    folder: Path
    runs: tuple[Entry, ...]
    pruned: tuple[Entry, ...] = ()
    problems: tuple[Problem, ...] = ()

    @cached_property
    def ever(self) -> tuple[Entry, ...]:
        """All runs, those included that were pruned, in the order of their clocks."""
        return tuple(sorted((*self.runs, *self.pruned), key=lambda entry: entry.record.order))

    @property
    def pinned(self) -> frozenset[str]:
        """The ids of the runs that are never pruned."""
        place = self.folder / PINS
        return frozenset(path.name for path in place.iterdir()) if place.is_dir() else frozenset()

    def before(self, order: tuple[dt.datetime, str], server_ids: Iterable[str]) -> tuple[Entry, ...]:
        """The runs before `order` that are about one of these servers, the pruned ones included."""
        ids = set(server_ids)
        return tuple(
            entry
            for entry in self.ever
            if entry.record.order < order and any(each.server_id in ids for each in entry.record.servers)
        )

    def find(self, name: str) -> Entry:
        """The run of this id, its beginning, folder or month (the latest of it); raises `ConfigurationError`."""
        fitting = [entry for entry in self.runs if name in (entry.record.run_id, entry.path.name)]
        fitting = fitting or [entry for entry in self.runs if month_of(entry.record) == name]
        if not fitting:
            fitting = [entry for entry in self.runs if name and entry.record.run_id.startswith(name.lower())]
            if len(fitting) > 1:
                raise ConfigurationError(
                    f"{len(fitting)} runs in {self.folder} begin with {name}", hint="Give more of the id."
                )
        if not fitting:
            raise ConfigurationError(f"no run {name} in {self.folder}", hint="`vbr-audit history list` shows the runs.")
        return fitting[-1]

    def chain_before(self, server_id: str, order: tuple[dt.datetime, str]) -> str:
        """The chain of a server over all runs before `order`."""
        chain = ""
        for entry in self.before(order, [server_id]):
            chain = chained(chain, entry.record.run_id)
        return chain

    def lives_before(self, server_ids: Iterable[str], order: tuple[dt.datetime, str]) -> Lives:
        """What is known of some servers from all runs before `order`."""
        known = Lives()
        for server_id in server_ids:
            known = known.beside(self._lives_of(server_id, order))
        return known

    def lives_after(self, entry: Entry) -> Lives:
        """What is known of the servers of a run after it."""
        after = (entry.record.now, entry.record.run_id + "~")
        return self.lives_before((each.server_id for each in entry.record.servers), after)

    def _lives_of(self, server_id: str, order: tuple[dt.datetime, str]) -> Lives:
        """What is known of one server: from the last state that still holds, and the runs after it, step by step.

        A run that is added late, or under a clock that was set back, comes before others that did not know of it: their
        state no longer holds, which the chain tells.
        """
        earlier = self.before(order, [server_id])
        chain, base, start = "", Lives(), 0
        for place, entry in enumerate(earlier):
            chain = chained(chain, entry.record.run_id)
            server = entry.server(server_id)
            if server is None or not entry.table_file(LIVES_SPEC.name):
                continue
            # Of a pruned run its state is all that is left: it holds even where a run before it was damaged since.
            if entry.is_pruned or server.chain == chain:
                start = place + 1
        if start:
            base = earlier[start - 1].lives().of([server_id])
        for entry in earlier[start:]:
            if not entry.is_pruned:
                base = step(base, _only(entry.judged(), server_id))
        return base


def _only(judged: Judged, server_id: str) -> Judged:
    """What a run says of one of its servers."""
    findings = judged.findings[judged.findings["server_id"].eq(server_id).to_numpy(dtype=bool)]
    asked = judged.asked[judged.asked["server_id"].eq(server_id).to_numpy(dtype=bool)]
    servers = tuple(each for each in judged.servers if each.server_id == server_id)
    return replace(
        judged, servers=servers, findings=findings.reset_index(drop=True), asked=asked.reset_index(drop=True)
    )


# Reading what is there.


def open_archive(folder: str | Path, *, about: Collection[str] | None = None) -> Archive:
    """The history in `folder`; raises `ConfigurationError` where there is none.

    Of every run the list of its files, their sizes and the hashes of all but the evidence are checked; `verify_runs`
    checks the evidence too. A run that is not as it was written is left out and named. With `about`, the runs that
    say they are of none of these servers are passed over unchecked: in a history of hundreds of servers, each is
    added to without reading all the others.
    """
    folder = Path(folder)
    demand_folder(folder)
    candidates = [folder / name for name in run_folders(folder)]
    with ThreadPoolExecutor(4) as pool:
        if about is not None:
            ids = frozenset(about)
            concerned = pool.map(lambda path: _may_be_about(path, ids), candidates)
            candidates = [path for path, is_meant in zip(candidates, list(concerned), strict=True) if is_meant]
        read = list(pool.map(_entry_or_problem, candidates))
    runs, problems = _once_each(read)
    whole, pruned = {entry.record.run_id for entry in runs}, list[Entry]()
    if (folder / PRUNED).is_dir():
        for path in sorted((folder / PRUNED).iterdir()):
            entry = _entry_or_problem(path, is_pruned=True)
            if isinstance(entry, Problem):
                problems.append(entry)
            elif entry.record.run_id not in whole:  # else the pruning of it was not finished, and it counts as it is
                pruned.append(entry)
    runs, pruned = (sorted(each, key=lambda entry: entry.record.order) for each in (runs, pruned))
    return Archive(folder, tuple(runs), tuple(pruned), tuple(problems))


def demand_folder(folder: Path) -> None:
    """Raise `ConfigurationError` where there is no such folder."""
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} is no history: no such folder", hint="`vbr-audit history add` makes one.")


def contents_of(folder: Path) -> tuple[object, ...]:
    """What tells whether something was added to a history, removed, pruned or pinned; no file of a run is opened.

    A run never changes once it is there, so that the names of the folders are enough. Raises `ConfigurationError`.
    """
    demand_folder(folder)
    places = [path for path in (folder / PINS, folder / PRUNED) if path.is_dir()]
    return (*run_folders(folder), *(tuple(sorted(each.name for each in path.iterdir())) for path in places))


def is_history(folder: Path) -> bool:
    """Whether a folder looks like a history, not like a run: one of its folders holds the record of a run."""
    return folder.is_dir() and not (folder / run_folder.MANIFEST).exists() and any(folder.glob(f"*/{RECORD}"))


def _once_each(read: Iterable[Entry | Problem]) -> tuple[list[Entry], list[Problem]]:
    runs: dict[str, Entry] = {}
    problems: list[Problem] = []
    for each in read:
        if isinstance(each, Problem):
            problems.append(each)
        elif each.record.run_id in runs:
            problems.append(Problem(each.path.name, f"the same run as {runs[each.record.run_id].path.name}"))
        else:
            runs[each.record.run_id] = each
    return list(runs.values()), problems


def _entry_or_problem(path: Path, *, is_pruned: bool = False) -> Entry | Problem:
    try:
        return _entry(path, is_pruned=is_pruned)
    except (EvidenceError, ConfigurationError) as error:
        return Problem(path.name, error.message)
    except OSError as error:
        return Problem(path.name, f"cannot be read: {error.strerror or error}")


def _entry(path: Path, *, is_pruned: bool) -> Entry:
    for inner in path.rglob("*"):
        if not is_plain(inner):
            raise EvidenceError(f"{inner.name} is a link, a pipe or a device, which no run has")
    record = _record(path)
    sums = run_folder.listed_hashes(path)
    present = {str(inner.relative_to(path).as_posix()): inner for inner in path.rglob("*") if inner.is_file()}
    present.pop(run_folder.SUMS, None)
    if missing := sorted(set(sums) - set(present)):
        raise EvidenceError(f"{missing[0]} is missing")
    if added := sorted(set(present) - set(sums)):
        raise EvidenceError(f"{added[0]} was added")
    for name, digest in sorted(sums.items()):
        size = record.sizes.get(name)
        if size is not None and present[name].stat().st_size != size:
            raise EvidenceError(f"{name} was changed: {present[name].stat().st_size:,} bytes, not {size:,}")
        if not name.startswith(_EVIDENCE) and sha256_of(present[name]) != digest:
            raise EvidenceError(f"{name} was changed")
    return Entry(path, record, sums, is_pruned)


def _may_be_about(path: Path, server_ids: Set[str]) -> bool:
    """Whether a run says that it is of one of these servers, or cannot say."""
    try:
        servers = orjson.loads(read_given(path / RECORD, most=MOST_KEPT))["servers"]
        return any(server["server_id"] in server_ids for server in servers)
    except (OSError, ValueError, KeyError, TypeError):
        return True


def _record(path: Path) -> HistoryRecord:
    try:
        record = HistoryRecord.model_validate_json(read_given(path / RECORD, most=MOST_KEPT))
    except OSError as error:
        raise EvidenceError(f"no run of a history: cannot read {RECORD} ({error.strerror or error})") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise EvidenceError(f"{RECORD}: {where}: {first['msg']}") from None
    if record.format > FORMAT:
        raise EvidenceError(f"written by a newer version of vbr-audit (format {record.format}, not {FORMAT})")
    return record


def verify_runs(archive: Archive) -> list[Problem]:
    """All that is not as it was written, evidence included; nothing where all holds."""
    problems = list(archive.problems)
    for entry in archive.runs:
        problems += [Problem(entry.path.name, text) for text in run_folder.differences(entry.path)]
    return problems


# Adding a run.


@dataclass(frozen=True, eq=False)
class NewRun:
    """A run as it is added: its folder, its record, what it says of its findings, and its further tables by spec."""

    folder: Path
    record: HistoryRecord
    judged: Judged
    tables: tuple[tuple[TableSpec, pd.DataFrame], ...] = ()


@dataclass(frozen=True)
class Added:
    """Where a run stands in a history, and whether it was there before."""

    folder: Path
    was_there: bool
    seal: KeptSeal | None = None
    """The seal that was made of it; None where it was there before."""
    notes: tuple[str, ...] = ()
    """What could not be done for the seal."""

    @property
    def head(self) -> str:
        """The hash of the seal; empty where the run was there before."""
        return "" if self.seal is None else self.seal.digest


def add_run(
    history: Path, run: NewRun, *, sealer: Sealer = UNSIGNED, before_rename: Callable[[], None] = lambda: None
) -> Added:
    """Copy a run into `history`, without its CSV files of data, with its tables and what became of its findings.

    All of it appears in one move, and `sealer` seals it. The same run is added once. Raises `ConfigurationError` for
    another run with the same id, and for one that is older than what was pruned, `EvidenceError` for a run that is not
    as it was written, `OutputError` where the disk is full.
    """
    _make_history(history)
    archive = open_archive(history, about=[server.server_id for server in run.record.servers])
    if known := _known(archive, run.record):
        return known
    _refuse_older_than_pruned(archive, run.record)
    if wrong := run_folder.differences(run.folder):
        raise EvidenceError(f"{run.folder}: {wrong[0]}; nothing was added", hint="`vbr-audit verify` names all of it.")
    temporary = history / f"{ADDING}{secrets.token_hex(6)}"
    final = history / run.record.folder
    try:
        temporary.mkdir(mode=FOR_OWNER)
        with alone(temporary):
            _fill(temporary, archive, run)
            before_rename()
            with sealing(history) as chain:
                chain.begin(sealer)
                root = root_of(temporary)
                facts = {"run_id": run.record.run_id, "folder": final.name, "run_root": run.record.content}
                kept = chain.prepare("added", sealer, root=root, **facts)
                try:
                    temporary.rename(final)
                except OSError as error:
                    if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.EACCES) or not final.exists():
                        raise
                    chain.drop(kept)
                    return _known(open_archive(history), run.record) or _refuse_other(final)
                flush_folder(history)
                chain.commit(kept)
    except OSError as error:
        raise OutputError(
            f"cannot add the run to {history}: {error.strerror or error}",
            hint="Check the free space and the permissions of the history; nothing of the run was added.",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return Added(final, False, kept, tuple(chain.notes))


def _make_history(history: Path) -> None:
    if (history / run_folder.MANIFEST).exists():
        raise ConfigurationError(f"{history} is a run, not a history", hint="Give a folder of its own to the history.")
    try:
        make_folder(history)
    except OSError as error:
        raise OutputError(f"cannot use {history}: {error.strerror or error}", hint="Choose another folder.") from error


def _known(archive: Archive, record: HistoryRecord) -> Added | None:
    for entry in archive.ever:
        if entry.record.run_id != record.run_id:
            continue
        if entry.is_pruned:
            raise ConfigurationError(
                f"the run {record.run_id} was pruned from {archive.folder}", hint="Nothing was added."
            )
        if entry.record.content != record.content:
            _refuse_other(entry.path)
        return Added(entry.path, was_there=True)
    return None


def _refuse_other(path: Path) -> Added:
    raise ConfigurationError(
        f"{path.name} holds the same run with another content, and nothing was added",
        hint="A run that was judged anew is another answer to the same question: keep it in another history.",
    )


def _refuse_older_than_pruned(archive: Archive, record: HistoryRecord) -> None:
    for entry in archive.pruned:
        if entry.record.order > record.order and any(entry.server(each.server_id) for each in record.servers):
            raise ConfigurationError(
                f"the run {record.run_id} of {record.now:%Y-%m-%d} is older than what was pruned from {archive.folder}",
                hint="What became of its findings can no longer be worked out.",
            )


def _fill(folder: Path, archive: Archive, run: NewRun) -> None:
    """Write the run, its tables, its state and its record to `folder`, flushed to the disk."""
    made = (f"{run_folder.DATA}/", run_folder.TABLES)  # of the evidence, and as large as all else of a run together
    files = [name for name in run_folder.listed_hashes(run.folder) if not name.startswith(made)]
    for name in files:
        target = folder / name
        target.parent.mkdir(mode=FOR_OWNER, parents=True, exist_ok=True)
        shutil.copyfile(run.folder / name, target)
    (folder / TABLES).mkdir(mode=FOR_OWNER)
    ids = [server.server_id for server in run.record.servers]
    after = step(archive.lives_before(ids, run.record.order), run.judged).of(ids)
    tables = (
        (FINDINGS_SPEC, run.judged.findings),
        (ASKED_SPEC, run.judged.asked),
        (LIVES_SPEC, after.findings),
        (ASKED_AFTER, after.asked),
        *run.tables,
    )
    for spec, frame in tables:
        ending, content = encoded(frame, spec)
        (folder / TABLES / f"{spec.name}{ending}").write_bytes(content)
    servers = tuple(
        each.model_copy(
            update={"chain": chained(archive.chain_before(each.server_id, run.record.order), run.record.run_id)}
        )
        for each in run.record.servers
    )
    write_record(folder, run.record.model_copy(update={"servers": servers}))


def write_record(folder: Path, record: HistoryRecord) -> None:
    """Write the record, with the size of every file, and the list of hashes; flush all of it."""
    inside = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    inside.pop(run_folder.SUMS, None)
    sizes = {name: path.stat().st_size for name, path in inside.items()}
    (folder / RECORD).write_bytes(record.model_copy(update={"sizes": sizes}).to_json())
    inside[RECORD] = folder / RECORD
    lines = [f"{sha256_of(path)}  {name}\n" for name, path in sorted(inside.items())]
    (folder / run_folder.SUMS).write_bytes("".join(lines).encode())
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(0o600)
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
    for path in (folder, *(each for each in folder.rglob("*") if each.is_dir())):
        flush_folder(path)


def months_without_run(archive: Archive) -> Iterator[str]:
    """The months between the first and the last run about which no run is."""
    months = sorted({month_of(entry.record) for entry in archive.ever})
    if months:
        every = pd.period_range(months[0], months[-1], freq="M").astype(str)
        yield from (month for month in every if month not in set(months))
