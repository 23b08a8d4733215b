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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from vbr_audit import __version__
from vbr_audit.api.address import is_loopback
from vbr_audit.collection.files import make_folder
from vbr_audit.display import plain, shorten
from vbr_audit.errors import ConfigurationError, ConnectError, OutputError
from vbr_audit.fleets.summaries import MOST_BYTES, ServerSummary, not_audited
from vbr_audit.fleets.tasks import ServerTask, audit_server

CONNECT_S: Final = 20
"""Seconds that a scheduler, and then its first worker, is waited for."""
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
    with _connected(cluster, workers or min(len(tasks), os.cpu_count() or 1), tls) as client:
        _probe(client, tasks[0].history)
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
            cluster = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=workers,
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
def _quiet(name: str) -> Iterator[None]:
    """Within, a logger says errors only: each worker that comes and goes is no news to somebody who audits servers."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def worker_facts(history: str) -> dict[str, str]:
    """What must be known of a worker before a task goes there: its version, and why it cannot write to the history."""
    fault = ""
    try:
        make_folder(Path(history))
        mark = Path(history) / f".adding-{secrets.token_hex(6)}"
        mark.mkdir()
        mark.rmdir()
    except OSError as error:
        fault = error.strerror or type(error).__name__
    return {"version": __version__, "fault": fault}


def _probe(client: Any, history: str) -> None:
    """Raise where a worker has another version of the package, or cannot write to the history."""
    try:
        facts: Mapping[str, Mapping[str, str]] = client.run(worker_facts, history)
    except (ImportError, AttributeError):
        raise ConfigurationError(
            f"a worker has no vbr-audit {__version__}", hint=f"Install it on every worker: {_INSTALL}"
        ) from None
    for worker, found in sorted(facts.items()):
        if found["version"] != __version__:
            raise ConfigurationError(
                f"the worker {plain(worker)} has vbr-audit {plain(found['version'])}, this is {__version__}",
                hint="Install one version everywhere.",
            )
        if found["fault"]:
            raise OutputError(
                f"the worker {plain(worker)} cannot write to the history {history}: {plain(found['fault'])}",
                hint="The history must be one folder for all workers, on a file system that they share.",
            )


def _gathered(
    client: Any, tasks: Sequence[ServerTask], on_done: Callable[[ServerSummary], None]
) -> tuple[ServerSummary, ...]:
    as_completed: Any = importlib.import_module("distributed").as_completed
    futures = {
        client.submit(audit_server, task, key=f"vbr-audit-{task.batch}-{place}", pure=False): place
        for place, task in enumerate(tasks)
    }
    summaries: dict[int, ServerSummary] = {}
    try:
        for future in as_completed(list(futures), loop=client.loop):
            place = futures[future]
            summaries[place] = _summary_of(future, tasks[place])
            on_done(summaries[place])
            future.release()
    except BaseException:
        client.cancel(list(futures))
        raise
    return tuple(summaries[place] for place in range(len(tasks)))


def _summary_of(future: Any, task: ServerTask) -> ServerSummary:
    """What a task gave back; a worker that died, or gave back something else, is the reason of a summary."""
    tenant = task.server.tenant
    if future.status == "finished":
        content = future.result()
        if isinstance(content, bytes) and len(content) <= MOST_BYTES:
            return ServerSummary.model_validate_json(content)
        return not_audited(task.name, "the worker gave back something that is no summary", tenant=tenant)
    if future.status == "cancelled":
        return not_audited(task.name, "the scheduler was lost before the server was audited", tenant=tenant)
    kind = type(future.exception()).__name__
    if kind == "KilledWorker":
        return not_audited(task.name, "its worker died again and again while it was audited", tenant=tenant)
    return not_audited(task.name, f"its task ended with {shorten(kind)}", tenant=tenant)
