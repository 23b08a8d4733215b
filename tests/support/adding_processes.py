"""Processes that add a run to a history, at once or killed on the way: forked from one that has imported everything."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import fork_server

from vbr_audit.histories import archive
from vbr_audit.histories.archive import NewRun


@contextmanager
def killed_adds(history: Path, run: NewRun) -> Iterator[Callable[[int], int]]:
    """A function that lets a process add `run`, kills it at its n-th step to the disk, and gives its exit code."""
    with _asked(_kill_at_points, history, run) as asked:

        def add(point: int) -> int:
            asked.send(point)
            return int(asked.recv())

        yield add


def add_at_once(history: Path, runs: Sequence[NewRun]) -> list[int]:
    """The exit codes of processes that each add one of `runs`, all at a time."""
    with _asked(_add_all, history, runs) as asked:
        return list(asked.recv())


@contextmanager
def _asked(work: Callable[..., None], *given: Any) -> Iterator[Connection[Any, Any]]:
    fork_server.be_ready()
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("forkserver").Process(target=work, args=(theirs, *given))
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()
        process.join(60)
        process.kill()


def _kill_at_points(asked: Connection[Any, Any], history: Path, run: NewRun) -> None:
    left = 0

    def counting(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **options)

        return wrapped

    steps = ((archive.shutil, "copyfile"), (archive, "encoded"), (archive, "write_record"), (archive.os, "fsync"))  # type: ignore[attr-defined]
    for place, name in (*steps, (archive, "flush_folder")):
        setattr(place, name, counting(getattr(place, name)))
    while True:
        try:
            left = asked.recv()
        except EOFError:
            return
        asked.send(_ended(_forked(lambda: archive.add_run(history, run))))


def _add_all(asked: Connection[Any, Any], history: Path, runs: Sequence[NewRun]) -> None:
    children = [_forked(lambda run=run: archive.add_run(history, run)) for run in runs]  # type: ignore[misc]
    asked.send([_ended(child) for child in children])


def _forked(work: Callable[[], object]) -> int:
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return child


def _ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
