"""Reading a file that somebody gave: no more of it than fits, and never waiting for a pipe that nobody fills.

A path may lead to a device without end, to a pipe without a writer, or to a file of a terabyte of holes. `read_given`
reports all that is wrong as an `OSError`, like a path that does not exist.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

from vbr_audit.errors import ConfigurationError

MOST_TEXT: Final = 16 * 1024 * 1024
"""Maximum size in bytes of a file that people write by hand: a policy, waivers, rules, settings."""
MOST_KEPT: Final = 2 * 1024 * 1024 * 1024
"""Maximum size in bytes of a file that the program writes itself: a manifest, the findings, a workbook."""
_PIPE_WAITS_S: Final = 10.0
_PIECE: Final = 1024 * 1024


def read_given(path: Path, *, most: int = MOST_TEXT) -> bytes:
    """The content of the file, or of the pipe (`<(...)` of a shell), at `path`; raises `OSError` for all else."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        mode = os.fstat(handle).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
            raise OSError(errno.EINVAL, "neither a file nor a pipe")
        return _read(handle, most, pipe=stat.S_ISFIFO(mode))
    finally:
        os.close(handle)


def demand_content(path: Path, what: str, *, most: int = MOST_TEXT) -> bytes:
    """The same of a file that a setting or an option names; raises `ConfigurationError`, which says `what` it is."""
    try:
        return read_given(path, most=most)
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {what} {path}: {error.strerror or error}", hint="Check the path and its permissions."
        ) from None


def is_plain(path: Path) -> bool:
    """Whether a file or folder stands at `path` itself: no link to elsewhere, no pipe, no device."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return True  # what is not there is no trap
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def _read(handle: int, most: int, *, pipe: bool) -> bytes:
    parts, came = [], 0
    while part := _part(handle, pipe=pipe):
        parts.append(part)
        came += len(part)
        if came > most:
            raise OSError(errno.EFBIG, f"larger than {most // 1024**2:,} MB")
    return b"".join(parts)


def _part(handle: int, *, pipe: bool) -> bytes:
    if pipe:
        import select

        ready, _, _ = select.select([handle], [], [], _PIPE_WAITS_S)
        if not ready:
            raise OSError(errno.ETIMEDOUT, f"a pipe into which nothing was written for {_PIPE_WAITS_S:.0f} seconds")
    return os.read(handle, _PIECE)
