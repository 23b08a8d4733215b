"""Files written whole or not at all, by one process at a time, with names that no server's name can break."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import stat
import threading
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from vbr_audit.errors import ConfigurationError, OutputError

FOR_OWNER: Final = 0o700
"""The mode of the folders of a run: they hold names, and the server's answers as received."""
FILE_FOR_OWNER: Final = 0o600
"""The mode of the files in them."""
_WRITE_HINT = "Choose another --out folder, or check its permissions and free space."


@contextlib.contextmanager
def replacing(path: Path, *, for_owner: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it takes the place of `path`, else it goes.

    The file is for its owner alone, whatever the umask: what this program writes is confidential, but for the files
    that people go on to write themselves. Raises `OutputError` where the folder or the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if for_owner:  # before a byte is in it
            temporary.touch()
            temporary.chmod(FILE_FOR_OWNER)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}", hint=_WRITE_HINT) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes, *, for_owner: bool = True) -> None:
    """Write `data` to `path` in one move, for its owner alone unless told otherwise; raises `OutputError`."""
    with replacing(path, for_owner=for_owner) as temporary:
        temporary.write_bytes(data)


def write_pieces(path: Path, pieces: Iterable[bytes]) -> None:
    """Write `pieces` one behind the other to `path`, in one move at the end; raises `OutputError`."""
    with replacing(path) as temporary, temporary.open("wb") as stream:
        stream.writelines(pieces)
        stream.close()  # an open file takes no other's place on Windows


def write_with(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file that then becomes `path`; raises `OutputError`."""
    with replacing(path) as temporary:
        write(temporary)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in lower-case hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def slug(name: str) -> str:
    """A file name for `name`: ASCII letters, digits, dot and dash; never empty, never a reserved word."""
    ascii_text = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    text = re.sub(r"[^A-Za-z0-9.-]+", "-", ascii_text).strip("-.").lower()[:80]
    reserved = re.fullmatch(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", text)
    if text and text == name.lower() and not reserved:
        return text
    digest = hashlib.sha256(name.encode()).hexdigest()[:6]
    return f"{text or 'server'}-{digest}"


# One process at a time writes to a run folder, and what it makes there is for its owner alone.

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
    """Make `folder`, for its owner only whatever the umask, unless it is there; raises `OSError`."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir(mode=FOR_OWNER)
    except FileExistsError:
        if not folder.is_dir():
            raise
    else:
        folder.chmod(FOR_OWNER)


def flush_folder(folder: Path) -> None:
    """Let the names in `folder` survive a loss of power, where the system offers that."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
