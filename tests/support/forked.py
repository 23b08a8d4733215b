"""The command line in a process of its own, forked from one that has imported it: its start takes no second."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

import fork_server

_CONTEXT = multiprocessing.get_context("forkserver")


def start(
    words: Sequence[str],
    told: Path,
    *,
    env: Mapping[str, str] | None = None,
    prepare: Callable[[], object] | None = None,
) -> BaseProcess:
    """A process that runs `vbr-audit` with these words, and writes what it says to stderr into the file `told`.

    `env` is added to the environment. `prepare`, a function of this module, is called in the process before.
    """
    fork_server.be_ready()
    given = {**os.environ, **(env or {})}
    process = _CONTEXT.Process(target=_run, args=(list(words), str(told), given, prepare))
    process.start()
    return process


def ended(process: BaseProcess, seconds: float = 60) -> int:
    """The exit code of a process that ends in this time; minus the signal that killed it."""
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        raise AssertionError(f"the process has not ended after {seconds} s")
    return process.exitcode


def _run(words: list[str], told: str, env: dict[str, str], prepare: Callable[[], object] | None) -> None:
    from vbr_audit.cli import main

    os.environ.clear()
    os.environ.update(env)
    tempfile.tempdir = None
    os.dup2(os.open(told, os.O_WRONLY | os.O_CREAT, 0o600), 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if prepare is not None:
        prepare()
    sys.argv = ["vbr-audit", *words]
    main()


def kill_before(moment: str) -> None:
    """Kill this process where it would call that method of an audit."""
    from vbr_audit.audited import Audit

    setattr(Audit, moment, lambda *_given, **_named: os.kill(os.getpid(), signal.SIGKILL))


class _Unheard:
    """Is interrupted when it goes, where Python lets no exception out."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def interrupt_unheard_before(moment: str) -> None:
    """Interrupt this process where it would call that method of an audit, so that nobody hears of it at once."""
    from vbr_audit.audited import Audit

    def interrupted(*_given: object, **_named: object) -> None:
        _Unheard()
        time.sleep(30)

    setattr(Audit, moment, interrupted)


def allow_small_files(most: int) -> None:
    """Let this process write no file of more bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


def print_without_room() -> None:
    """Let what this process prints go to a device that is always full."""
    os.dup2(os.open("/dev/full", os.O_WRONLY), 1)


def print_to(path: str) -> None:
    """Let what this process prints go to a file."""
    os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), 1)
