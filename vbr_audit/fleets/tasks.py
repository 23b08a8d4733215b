"""The audit of one server as a task: collect, check, save into the history, and give back a summary.

A task may run anywhere and twice: on another machine, in another process, again after the one that ran it died. It
holds no secret, and the run of one batch stands in the history once.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from vbr_audit import __version__
from vbr_audit.api.client import without_userinfo
from vbr_audit.audited import Audit
from vbr_audit.collection.files import alone, make_folder, slug, write_bytes
from vbr_audit.collection.redaction import Redaction
from vbr_audit.config.settings import load_settings
from vbr_audit.display import plain
from vbr_audit.errors import ConfigurationError, OutputError, VbrAuditError
from vbr_audit.findings.changes import Changes, changes_since
from vbr_audit.findings.compared import judged_run
from vbr_audit.fleets.scrubbing import KeyPlace
from vbr_audit.fleets.servers_file import Server
from vbr_audit.fleets.summaries import ServerSummary, facts_of_changes, not_audited, summary_of
from vbr_audit.fleets.travelling_rules import RuleFiles, unpacked_rules
from vbr_audit.histories.adding import add_to_history
from vbr_audit.histories.baseline import Baseline
from vbr_audit.pipeline import collect, judge
from vbr_audit.scrub.pseudonyms import Pseudonyms, ScrubKey

WAIT_S: Final = 2.0
"""Seconds after which a second copy of a task looks again whether the first is done."""
WAIT_AT_MOST_S: Final = 6 * 3600.0
_SUMMARY: Final = "summary.json"
_RUN, _RULES = "run", "rules"
_LOGGERS: Final = ("vbr_audit", "stamina")


@dataclass(frozen=True)
class ServerTask:
    """What is needed to audit one server, wherever that is done.

    `terms` are those of `vbr_audit.collect`: period, scope, what to read. `history` is the folder as it is called where
    the task runs, `formats` are written into the run, `batch` names the audit of many servers that it is part of. With
    `scrub`, the run and the summary have no names: the place of the key travels, the key does not.
    Raises `ConfigurationError` for a server with a password at hand: it would travel.
    """

    server: Server
    rules: RuleFiles = field(repr=False)
    history: str
    batch: str
    terms: Mapping[str, Any] = field(default_factory=dict)
    formats: tuple[str, ...] = ("json",)
    tool_version: str = __version__
    scrub: KeyPlace | None = None

    def __post_init__(self) -> None:
        if self.server.password is not None:
            raise ConfigurationError(
                f"{self.server.shown_name}: a password cannot travel to where a server is audited",
                hint="Name its place in the file of servers: password_env, _file, _command or _keyring.",
            )

    @property
    def name(self) -> str:
        """The name of the server in the run."""
        return self.server.shown_name


def batch_folder(history: str | Path, batch: str) -> Path:
    """Where the tasks of a batch work; `history gc` leaves it alone while somebody holds it."""
    return Path(history) / f".adding-{batch}"


@contextlib.contextmanager
def held_batch(history: str | Path, batch: str) -> Iterator[None]:
    """Within, what the tasks of a batch leave for each other stays; then it goes.

    Raises `ConfigurationError` and `OutputError` for a history that cannot be written to.
    """
    folder = batch_folder(history, batch)
    try:
        make_folder(Path(history))
        make_folder(folder)
    except OSError as error:
        raise OutputError(
            f"cannot use {history}: {error.strerror or error}", hint="Choose another folder for the history."
        ) from error
    try:
        with alone(folder):
            yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def audit_server(task: ServerTask) -> bytes:
    """Audit the server of `task`, add its run to the history, and return the summary as JSON.

    Whatever is wrong with the server, the place or the rules becomes the reason of a summary: one server never ends
    the audit of the others.
    """
    started = time.monotonic()
    for name in _LOGGERS:  # without a handler, Python writes what is logged to the terminal, as it came from a server
        if not logging.getLogger(name).handlers:
            logging.getLogger(name).addHandler(logging.NullHandler())
    try:
        return _audited_once(task, started)
    except VbrAuditError as error:
        reason = plain(error.message)
    except OSError as error:
        reason = f"the worker could not use its disk: {error.strerror or type(error).__name__}"
    except Exception as error:  # a fault of the program itself: it costs one server its answer, and is named
        reason = f"unexpected {type(error).__name__} in vbr-audit {__version__}"
    told = _masked(without_userinfo(reason), task)
    return not_audited(task.name, told, tenant=task.server.tenant, seconds=_since(started)).to_json()


def _masked(reason: str, task: ServerTask) -> str:
    """`reason` without the account, where accounts are masked: a sign-in that was refused names it."""
    names = [task.server.username]
    with contextlib.suppress(ConfigurationError):  # which is then the reason
        names.append(load_settings(username=task.server.username).username)
    redaction = Redaction(mask_accounts=bool(task.terms.get("mask_accounts")))
    return redaction.mask_text(reason, dict.fromkeys(name for name in names if name)) or reason


def _audited_once(task: ServerTask, started: float) -> bytes:
    if task.tool_version != __version__:
        raise ConfigurationError(
            f"the worker has vbr-audit {__version__}, this audit is of {task.tool_version}",
            hint="Install one version everywhere.",
        )
    batch = batch_folder(task.history, task.batch)
    if not batch.is_dir():  # another file system, or an audit that was ended: its history would be seen by nobody
        raise OutputError("the worker does not see the history of this audit", hint="Share the folder with it.")
    key = None if task.scrub is None else task.scrub.key()
    place = batch / slug(task.name if key is None else Pseudonyms(key).name("server", task.name))
    make_folder(place)
    with _alone_in(place):
        done = place / _SUMMARY
        if done.is_file():
            summary = ServerSummary.model_validate_json(done.read_bytes())
            if summary.folder is None or (Path(task.history) / summary.folder).is_dir():
                return summary.to_json()
        for name in (_RUN, _RULES):
            shutil.rmtree(place / name, ignore_errors=True)
        try:
            return _audited(task, place, key, started).to_json()
        finally:
            for name in (_RUN, _RULES):
                shutil.rmtree(place / name, ignore_errors=True)


def _audited(task: ServerTask, place: Path, key: ScrubKey | None, started: float) -> ServerSummary:
    """Collect, judge and keep; what a second run of the task must know is written down before the run is kept.

    With a key, nothing is written before the names are replaced.
    """
    rules = unpacked_rules(task.rules, _made(place / _RULES), history=Path(task.history))
    with task.server.connect(asks=False) as client:
        terms = dict(task.terms)
        if task.server.deadline is not None:
            terms["deadline"] = task.server.deadline
        if task.server.tenant is not None:
            terms["tenants"] = {client.name: task.server.tenant}
        snapshot = collect(client, progress=False, policy=rules.policy, **terms)
    run = place / _RUN
    try:
        if key is None:
            snapshot.save(run)
        audit = judge(snapshot, rules)
        if key is not None:
            audit = audit.scrub(key)
            audit.snapshot.save(run)
        audit.write_outcome(run, formats=task.formats)
        summary = summary_of(audit, tenant=audit.snapshot.manifest.servers[0].tenant, seconds=_since(started))
        if key is not None:
            summary = summary.model_copy(update=facts_of_changes(_changes_of(audit, Path(task.history))))
        write_bytes(place / _SUMMARY, summary.to_json())
        add_to_history(task.history, run, audit.snapshot, audit.results)
    finally:
        snapshot.close()
    return summary


def _changes_of(audit: Audit, history: Path) -> Changes | None:
    """What became of the findings of a scrubbed run, whose earlier runs are known by the same pseudonyms alone."""
    manifest = audit.snapshot.manifest
    earlier = Baseline(history).before(manifest)
    if earlier is None:
        return None
    return changes_since(earlier.known, judged_run(manifest, audit.results.findings, audit.results.coverage))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


@contextlib.contextmanager
def _alone_in(place: Path) -> Iterator[None]:
    """Within, no other copy of the task is at work: the process that held it is done, or is dead."""
    deadline = time.monotonic() + WAIT_AT_MOST_S
    while True:
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(alone(place))
            except ConfigurationError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(WAIT_S)
                continue
            yield
            return


def _since(started: float) -> float:
    return round(time.monotonic() - started, 3)
