"""Files written whole or not at all, and file names that no server's name can break."""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

from vbr_audit.errors import OutputError

_WRITE_HINT = "Choose another --out folder, or check its permissions and free space."


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it takes the place of `path`, else it goes.

    Raises `OutputError` where the folder or the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}", hint=_WRITE_HINT) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` in one move; raises `OutputError`."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


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
