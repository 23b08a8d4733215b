"""How far a collection is: one line on a terminal, nothing elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from vbr_audit.display import plain

if TYPE_CHECKING:
    from rich.progress import Progress as RichBar


class Listener(Protocol):
    """Hears what is being read."""

    def start(self, server: str, dataset: str) -> None:
        """A dataset begins."""

    def advance(self, rows: int, total: int | None) -> None:
        """`rows` have been read so far, of `total` if known."""


class Silence:
    """Says nothing."""

    def start(self, server: str, dataset: str) -> None:
        """Say nothing."""

    def advance(self, rows: int, total: int | None) -> None:
        """Say nothing."""


class _BarProgress:
    def __init__(self, bar: RichBar) -> None:
        self._bar = bar
        self._task = bar.add_task("connecting", total=None)

    def start(self, server: str, dataset: str) -> None:
        self._bar.reset(self._task, description=f"{plain(server)}: {dataset}", total=None, completed=0)

    def advance(self, rows: int, total: int | None) -> None:
        self._bar.update(self._task, completed=rows, total=total)


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
