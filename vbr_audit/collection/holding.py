"""One process at a time writes to a run folder, and what it makes there is for its owner alone."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from vbr_audit.errors import ConfigurationError, OutputError

FOR_OWNER: Final = 0o700
"""The mode of the folders of a run: they hold names, and the server's answers as received."""
_HELD: Counter[str] = Counter()
_LOCK = threading.Lock()
_MARK: Final = ".vbr-audit-lock"


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Within, no other process writes to `folder`, which must be there; this one may enter again.

    What ends a process ends its hold too. Raises `ConfigurationError` where another process is at work there.
    """
    name = str(folder.resolve())
    with _LOCK:
        _HELD[name] += 1
        first = _HELD[name] == 1
    try:
        with _locked(folder) if first else contextlib.nullcontext():
            yield
    finally:
        with _LOCK:
            _HELD[name] -= 1


def make_folder(folder: Path) -> None:
    """Make `folder`, for its owner only, unless it is there; raises `OSError`."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=FOR_OWNER, exist_ok=True)


def readable_by_others(folder: Path) -> bool:
    """Whether other accounts of this machine may look into `folder`, as far as its mode tells."""
    return os.name == "posix" and bool(stat.S_IMODE(folder.stat().st_mode) & 0o055)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        handle = _lock(folder)
    except BlockingIOError:
        raise ConfigurationError(
            f"another vbr-audit is writing to {folder}", hint="Wait until it is done, or choose another folder."
        ) from None
    except OSError as error:
        raise OutputError(
            f"cannot use {folder}: {error.strerror or error}", hint="Check its permissions and its file system."
        ) from error
    try:
        yield
    finally:
        os.close(handle)


def _lock(folder: Path) -> int:
    """A handle that holds `folder` until it is closed; raises `BlockingIOError` where it is held."""
    if os.name == "nt":  # a file that goes with the handle stands for the folder, which cannot be opened there
        try:
            return os.open(folder / _MARK, os.O_CREAT | os.O_EXCL | getattr(os, "O_TEMPORARY", 0))
        except FileExistsError:
            raise BlockingIOError from None
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle
