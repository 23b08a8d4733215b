"""Tasks on a cluster of Dask: processes of this machine, or the workers of a scheduler that the user names.

All that depends on Dask stands here. A worker that dies is replaced, and its task runs again elsewhere.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import logging
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import ValidationError

from vbr_audit import __version__
from vbr_audit.api.address import is_loopback
from vbr_audit.collection.files import make_folder
from vbr_audit.display import plain, shorten
from vbr_audit.errors import ConfigurationError, ConnectError, OutputError
from vbr_audit.fleets.summaries import MOST_BYTES, ServerSummary, not_audited
from vbr_audit.fleets.tasks import ServerTask, audit_server, batch_folder

CONNECT_S: Final = 20
"""Seconds that a scheduler, and then its first worker, is waited for."""
LOOK_S: Final = 15.0
"""Seconds after which it is looked whether a worker is there, while no server is done."""
NO_WORKER_S: Final = 300.0
"""Seconds without any worker after which the servers that are left are given up: one that died is replaced sooner."""
_UNWATCHED: Final = {
    "distributed.admin.tick.interval": "10s",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.worker.profile.enabled": False,
}
"""What Dask would measure of own workers many times a second, for pages that nobody opens."""
_PRELOAD: Final = "vbr_audit.fleets.worker_setup"
_INSTALL: Final = 'pip install "vbr-audit[fleet]"'


@dataclass(frozen=True)
class SchedulerTls:
    """The files by which a scheduler and its client know each other: a CA, the client's certificate and its key."""

    ca_file: Path
    cert_file: Path
    key_file: Path


def checked_scheduler(address: str, tls: SchedulerTls | None) -> str:
    """`address` of a scheduler, if it may be used; raises `ConfigurationError`.

    What travels there says which servers there are and how they are judged: beyond loopback only by TLS.
    """
    try:
        parts = urlsplit(address)
        host, is_sound = parts.hostname or "", parts.port is not None
    except ValueError:
        host, is_sound = "", False
    if not is_sound or not host or parts.scheme not in ("tls", "tcp"):
        raise ConfigurationError(
            f"{shorten(address)} is no address of a scheduler", hint="It looks like tls://scheduler.example:8786."
        )
    if parts.scheme == "tcp" and not is_loopback(host):
        raise ConfigurationError(
            f"{shorten(address)} is not encrypted, and not on this machine",
            hint="Start the scheduler with TLS, and give tls://… with its three files (--scheduler-ca, -cert, -key).",
        )
    if parts.scheme == "tls" and tls is None:
        raise ConfigurationError(
            "a scheduler with TLS needs a CA, a certificate and a key",
            hint="Give --scheduler-ca, --scheduler-cert and --scheduler-key.",
        )
    return address


def demand_dask() -> None:
    """Raise `ConfigurationError` where the extra is not installed."""
    if importlib.util.find_spec("distributed") is None:
        raise ConfigurationError("audits of a fleet need Dask, which is not installed", hint=_INSTALL)


def run_tasks(
    tasks: Sequence[ServerTask],
    *,
    cluster: Any = None,
    workers: int | None = None,
    tls: SchedulerTls | None = None,
    on_done: Callable[[ServerSummary], None] = lambda summary: None,
) -> tuple[ServerSummary, ...]:
    """Run all `tasks` and return their summaries in the same order, one for each.

    `cluster` is an address of a scheduler, a cluster or client of Dask, or None: processes of this machine, as many as
    `workers`. A task whose worker dies again and again gives a summary that says so. Raises `ConfigurationError` for
    workers of another version, `OutputError` for a history that they cannot write to, `ConnectError` for a scheduler
    that does not answer.
    """
    demand_dask()
    if not tasks:
        return ()
    with (
        _connected(cluster, workers or min(len(tasks), os.cpu_count() or 1), tls) as client,
        _shared_batch(client, tasks[0]),
    ):
        return _gathered(client, tasks, on_done)


@contextlib.contextmanager
def _connected(cluster: Any, workers: int, tls: SchedulerTls | None) -> Iterator[Any]:
    distributed: Any = importlib.import_module("distributed")

    with _quiet("distributed"), contextlib.ExitStack() as stack:
        if isinstance(cluster, distributed.Client):
            yield cluster
            return
        security = None
        if cluster is None:
            stack.enter_context(_script_left_alone())
            stack.enter_context(importlib.import_module("dask.config").set(_UNWATCHED))
            cluster = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=workers,
                    # With a limit, workers pause at four fifths of it, and a fleet whose workers all pause never ends.
                    memory_limit=0,
                    preload=[_PRELOAD],
                    threads_per_worker=1,
                    processes=True,
                    host="127.0.0.1",
                    dashboard_address="127.0.0.1:0",
                    silence_logs=logging.CRITICAL,
                )
            )
        elif isinstance(cluster, str):
            checked_scheduler(cluster, tls)
            if tls is not None:
                security = distributed.Security(
                    tls_ca_file=str(tls.ca_file),
                    tls_client_cert=str(tls.cert_file),
                    tls_client_key=str(tls.key_file),
                    require_encryption=True,
                )
        try:
            client = stack.enter_context(
                distributed.Client(cluster, security=security, timeout=CONNECT_S, set_as_default=False)
            )
            client.wait_for_workers(1, timeout=CONNECT_S)
        except (OSError, TimeoutError) as error:
            where = shorten(cluster) if isinstance(cluster, str) else "the scheduler"
            raise ConnectError(
                f"{where} does not answer, or has no worker ({type(error).__name__})",
                hint="Check its address and its TLS files, and that a worker is connected.",
            ) from None
        yield client


@contextlib.contextmanager
def _script_left_alone() -> Iterator[None]:
    """Within, a process that starts does not run the script of the user, which its tasks do not need.

    It would begin with the same audit again, where the script has no `if __name__ == "__main__"`.
    """
    main = sys.modules["__main__"]
    kept = {name: getattr(main, name) for name in ("__file__", "__spec__") if hasattr(main, name)}
    main.__spec__ = None
    if "__file__" in kept:
        del main.__file__
    try:
        yield
    finally:
        for name, value in kept.items():
            setattr(main, name, value)


@contextlib.contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Within, a logger says nothing: a worker that comes or goes is no news, and what it costs stands in a summary."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def worker_version() -> str:
    """The version of the package that a worker has."""
    return __version__


def history_fault(history: str, batch: str, *, opens: bool = False) -> str:
    """Why a worker cannot use the history of a batch, empty where it can; with `opens`, the batch begins here."""
    place = batch_folder(history, batch)
    try:
        if opens:
            make_folder(Path(history))
            make_folder(place)
        if not place.is_dir():
            return "it has another folder there, or none"
        mark = place / f"mark-{secrets.token_hex(6)}"
        mark.mkdir()
        mark.rmdir()
    except OSError as error:
        return error.strerror or type(error).__name__
    return ""


def forget_batch(history: str, batch: str) -> None:
    """Remove what the tasks of a batch left for each other."""
    shutil.rmtree(batch_folder(history, batch), ignore_errors=True)


@contextlib.contextmanager
def _shared_batch(client: Any, task: ServerTask) -> Iterator[None]:
    """Within, all workers see the folder of the batch, which may be on a file system that is not here.

    Raises where a worker has another version of the package, or cannot write to the history that the others have.
    """
    _refuse_other_versions(client)
    elsewhere = not batch_folder(task.history, task.batch).is_dir()
    try:
        if elsewhere:
            first = min(client.nthreads())
            _refuse_faults(client.run(history_fault, task.history, task.batch, opens=True, workers=[first]), task)
        _refuse_faults(client.run(history_fault, task.history, task.batch), task)
        yield
    finally:
        if elsewhere:
            with contextlib.suppress(OSError):  # a scheduler that was lost: `history gc` removes the folder
                client.run(forget_batch, task.history, task.batch, on_error="ignore")


def _refuse_other_versions(client: Any) -> None:
    try:
        versions: Mapping[str, str] = client.run(worker_version)
    except (ImportError, AttributeError):
        raise ConfigurationError(
            f"a worker has no vbr-audit {__version__}", hint=f"Install it on every worker: {_INSTALL}"
        ) from None
    for worker, version in sorted(versions.items()):
        if version != __version__:
            raise ConfigurationError(
                f"the worker {plain(worker)} has vbr-audit {plain(version)}, this is {__version__}",
                hint="Install one version everywhere.",
            )


def _refuse_faults(faults: Mapping[str, str], task: ServerTask) -> None:
    for worker, fault in sorted(faults.items()):
        if fault:
            raise OutputError(
                f"the worker {plain(worker)} cannot write to the history {task.history}: {plain(fault)}",
                hint="The history must be one folder for all workers, on a file system that they share.",
            )


def _gathered(
    client: Any, tasks: Sequence[ServerTask], on_done: Callable[[ServerSummary], None]
) -> tuple[ServerSummary, ...]:
    futures = {
        client.submit(audit_server, task, key=f"vbr-audit-{task.batch}-{place}", pure=False): place
        for place, task in enumerate(tasks)
    }
    summaries: dict[int, ServerSummary] = {}
    try:
        for future in _as_done(client, futures):
            place = futures[future]
            summaries[place] = _summary_of(future, tasks[place])
            on_done(summaries[place])
            future.release()
    finally:
        if len(summaries) < len(tasks):
            client.cancel(list(futures))
    for place, task in enumerate(tasks):
        if place not in summaries:
            summaries[place] = not_audited(
                task.name, "no worker was left before the server was audited", tenant=task.server.tenant
            )
            on_done(summaries[place])
    return tuple(summaries[place] for place in range(len(tasks)))


def _as_done(client: Any, futures: Iterable[Any]) -> Iterator[Any]:
    """The futures as they are done; where no worker is there for `NO_WORKER_S`, the others are waited for no longer."""
    as_completed: Any = importlib.import_module("distributed").as_completed
    left, seen = set(futures), time.monotonic()
    while left:
        try:
            for future in as_completed(list(left), loop=client.loop, timeout=LOOK_S):
                left.discard(future)
                yield future
        except TimeoutError:
            if _has_worker(client):
                seen = time.monotonic()
            elif time.monotonic() - seen > NO_WORKER_S:
                return


def _has_worker(client: Any) -> bool:
    try:
        return bool(client.nthreads())
    except OSError:  # the scheduler was lost: its futures will tell
        return False


def _summary_of(future: Any, task: ServerTask) -> ServerSummary:
    """What a task gave back; a worker that died, or gave back something else, is the reason of a summary."""
    tenant = task.server.tenant
    if future.status == "finished":
        content = future.result()
        if isinstance(content, bytes) and len(content) <= MOST_BYTES:
            with contextlib.suppress(ValidationError):
                return ServerSummary.model_validate_json(content)
        return not_audited(task.name, "the worker gave back something that is no summary", tenant=tenant)
    if future.status == "cancelled":
        return not_audited(task.name, "the scheduler was lost before the server was audited", tenant=tenant)
    kind = type(future.exception()).__name__
    if kind == "KilledWorker":
        return not_audited(task.name, "its worker died again and again while it was audited", tenant=tenant)
    return not_audited(task.name, f"its task ended with {shorten(kind)}", tenant=tenant)
