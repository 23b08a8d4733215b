"""How far a collection is: a line per server on a terminal, one line that stays in a notebook, nothing elsewhere."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from vbr_audit.config.settings import in_notebook
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

    def finish(self, outcome: str) -> None:
        """All is read; `outcome` says in a line what came of it."""


class Silence:
    """Says nothing."""

    def start(self, server: str, dataset: str) -> None:
        """Say nothing."""

    def advance(self, server: str, rows: int, total: int | None) -> None:
        """Say nothing."""

    def finish(self, outcome: str) -> None:
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

    def finish(self, outcome: str) -> None:
        """Say nothing: the command tells the outcome itself."""

    def _task(self, server: str) -> TaskID:
        with self._lock:
            if server not in self._tasks:
                self._tasks[server] = self._bar.add_task(f"{plain(server)}: connecting", total=None)
            return self._tasks[server]


class _CellProgress:
    """One output of a notebook's cell, written over while reading goes on; its last words stay."""

    def __init__(self) -> None:
        from IPython.display import display

        self._handle: Any = display({"text/plain": "connecting"}, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        self._dataset: dict[str, str] = {}
        self._shown = 0.0
        self._lock = threading.Lock()

    def start(self, server: str, dataset: str) -> None:
        self._dataset[server] = dataset
        self._tell(server, "")

    def advance(self, server: str, rows: int, total: int | None) -> None:
        full = _WIDTH if not total else min(_WIDTH, _WIDTH * rows // total)
        bar = f"[{'█' * full}{' ' * (_WIDTH - full)}] " if total else ""
        self._tell(server, f" {bar}{rows:,}" + (f" of {total:,}" if total else ""))

    def finish(self, outcome: str) -> None:
        with self._lock:
            self._handle.update({"text/plain": outcome}, raw=True)

    def _tell(self, server: str, amount: str) -> None:
        """Show it, unless something was shown only just before: each update is a message to the browser."""
        with self._lock:
            if time.monotonic() - self._shown >= _PAUSE_S:
                self._handle.update({"text/plain": f"{plain(server)}: {self._dataset[server]}{amount}"}, raw=True)
                self._shown = time.monotonic()


_WIDTH = 24
_PAUSE_S = 0.2


@contextmanager
def show_progress(wanted: bool | None = None) -> Iterator[Listener]:
    """How far reading is, when `wanted`, or, when None, where somebody looks unless VBR_AUDIT_PROGRESS=0.

    That is a line on stderr, if it is a terminal, and one output of the cell in a notebook.
    """
    notebook = in_notebook()
    if wanted is None:
        wanted = (notebook or sys.stderr.isatty()) and os.environ.get("VBR_AUDIT_PROGRESS") != "0"
    if not wanted:
        yield Silence()
        return
    if notebook:
        yield _CellProgress()
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
