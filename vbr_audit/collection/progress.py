"""How far a collection is: one line per server on a terminal, nothing elsewhere."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from vbr_audit.display import plain

if TYPE_CHECKING:
    from rich.progress import Progress as RichBar
    from rich.progress import TaskID


class Listener(Protocol):
    """Hears what is being read."""

    def start(self, server: str, dataset: str) -> None:
        """A dataset begins."""

    def advance(self, server: str, rows: int, total: int | None) -> None:
        """`rows` of the dataset have been read so far, of `total` if known."""


class Silence:
    """Says nothing."""

    def start(self, server: str, dataset: str) -> None:
        """Say nothing."""

    def advance(self, server: str, rows: int, total: int | None) -> None:
        """Say nothing."""


class _BarProgress:
    """One line per server; several threads may report at once."""

    def __init__(self, bar: RichBar) -> None:
        self._bar = bar
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()

    def start(self, server: str, dataset: str) -> None:
        self._bar.reset(self._task(server), description=f"{plain(server)}: {dataset}", total=None, completed=0)

    def advance(self, server: str, rows: int, total: int | None) -> None:
        self._bar.update(self._task(server), completed=rows, total=total)

    def _task(self, server: str) -> TaskID:
        with self._lock:
            if server not in self._tasks:
                self._tasks[server] = self._bar.add_task(f"{plain(server)}: connecting", total=None)
            return self._tasks[server]


@contextmanager
def show_progress(wanted: bool | None = None) -> Iterator[Listener]:
    """A progress line on stderr: shown when `wanted`, or, when None, on a terminal unless VBR_AUDIT_PROGRESS=0."""
    if wanted is None:
        wanted = sys.stderr.isatty() and os.environ.get("VBR_AUDIT_PROGRESS") != "0"
    if not wanted:
        yield Silence()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _BarProgress(bar)
