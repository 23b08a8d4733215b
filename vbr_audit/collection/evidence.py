"""Evidence: the answers of a server as received, one zip per server, one entry per page."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import struct
import tempfile
import time
import weakref
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from vbr_audit.errors import EvidenceError, OutputError

_EPOCH = (1980, 1, 1, 0, 0, 0)
FAST = 1
"""The level by which what is read is compressed: the one that takes the least time."""
_FOR_OWNER = 0o600
MOST_PAGE = 128 * 1024 * 1024
"""Maximum size of one page in bytes: no answer of a server is larger, and a zip could make gigabytes of a few bytes."""
MOST_WAITING = 8 * 1024 * 1024
"""Maximum size of the pages that wait to be written, in bytes; of larger ones one waits."""
DAMAGE = (OSError, zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, struct.error)
"""What reading a damaged zip may raise; RuntimeError stands for one that calls itself encrypted or oddly packed."""


@dataclass
class KeptPage:
    """One page as it is kept: the name of its entry in the zip, and the SHA-256 of its body once that is written."""

    entry: str
    sha256: str = ""


class EvidenceFile:
    """The evidence of one server on disk; a temporary one is moved by `move_to` and goes with `discard`."""

    def __init__(self, path: Path, *, temporary: bool = False) -> None:
        self.path = path
        self._remove = weakref.finalize(self, shutil.rmtree, path.parent, ignore_errors=True) if temporary else None

    def pages(self, dataset: str) -> Iterator[bytes]:
        """The page bodies of `dataset` in the order of reading; raises `EvidenceError` for a damaged file."""
        for _, body in self.named_pages(dataset):
            yield body

    def pages_of(self, datasets: Iterable[str]) -> Generator[Iterator[tuple[str, bytes]], None, None]:
        """The `named_pages` of each of `datasets` in turn: the list of the zip, which may be long, is read but once."""
        with self._opened() as archive:
            for dataset in datasets:
                yield self._pages_in(archive, dataset)

    def named_pages(self, dataset: str) -> Iterator[tuple[str, bytes]]:
        """As `pages`, each body with the name of its entry in the zip."""
        with self._opened() as archive:
            yield from self._pages_in(archive, dataset)

    def _pages_in(self, archive: zipfile.ZipFile, dataset: str) -> Iterator[tuple[str, bytes]]:
        with self._damage_told():
            for name in archive.namelist():
                if name.startswith(f"{dataset}/"):
                    yield name, _page(archive, name)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[zipfile.ZipFile]:
        with self._damage_told(), zipfile.ZipFile(self.path) as archive:
            yield archive

    @contextlib.contextmanager
    def _damage_told(self) -> Iterator[None]:
        try:
            yield
        except DAMAGE as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> EvidenceError:
        return EvidenceError(
            f"cannot read the evidence {self.path}: {error}",
            hint="The file is damaged or missing; take it from a backup of the run folder.",
        )

    def page(self, entry: str) -> bytes:
        """The body of the page that is kept as `entry`; raises `EvidenceError` where it cannot be read."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                return _page(archive, entry)
        except (*DAMAGE, KeyError) as error:
            raise self._unreadable(error) from error

    def digests(self, datasets: Iterable[str]) -> dict[str, str | None]:
        """The SHA-256 over the page bodies of each of `datasets` in page order; None where they cannot be read.

        The list of the zip, which may be long, is read but once.
        """
        found: dict[str, str | None] = dict.fromkeys(datasets)
        with contextlib.suppress(EvidenceError), self._opened() as archive:
            for dataset in found:
                digest = hashlib.sha256()
                with contextlib.suppress(EvidenceError):
                    for _, body in self._pages_in(archive, dataset):
                        digest.update(body)
                    found[dataset] = digest.hexdigest()
        return found

    def copy_to(self, path: Path) -> None:
        """Copy the file to `path`."""
        if path.resolve() != self.path.resolve():
            path.touch(mode=_FOR_OWNER)
            shutil.copyfile(self.path, path)

    def move_to(self, path: Path) -> None:
        """Move a temporary file to `path`, from where it is read from now on; a permanent one is copied."""
        if self._remove is None:
            self.copy_to(path)
            return
        shutil.move(self.path, path)
        self.discard()
        self.path = path

    def discard(self) -> None:
        """Remove a temporary file; a saved one stays."""
        if self._remove is not None:
            self._remove()
            self._remove = None


def parent_of_entry(name: str) -> str | None:
    """The id of the row below which the page of an entry was read, or None."""
    parts = name.split("/")
    return parts[1] if len(parts) > 2 else None


def _page(archive: zipfile.ZipFile, name: str) -> bytes:
    return content_of(archive, name, MOST_PAGE)


def content_of(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """The content of an entry of a zip; raises `ValueError` for more than `most` bytes, and any of `DAMAGE`."""
    with archive.open(name) as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{name} holds more than {most / 1024**2:,.0f} MB")
    return content


def entry_of(name: str) -> zipfile.ZipInfo:
    """An entry of a zip, to be compressed, that does not depend on when and where it is written."""
    entry = zipfile.ZipInfo(name, date_time=_EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


class EvidenceWriter:
    """Writes the evidence of one server to a temporary zip, page by page, and hashes it per dataset.

    One thread compresses pages while the next are read. It gets its turns from the reading one, so that some pages may
    wait for it, of no more than `MOST_WAITING` bytes.
    """

    def __init__(self) -> None:
        self._path = Path(tempfile.mkdtemp(prefix="vbr-audit-")) / "evidence.zip"
        self._path.touch(mode=_FOR_OWNER)
        self._archive = zipfile.ZipFile(self._path, "w", zipfile.ZIP_DEFLATED, compresslevel=FAST)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vbr-audit-evidence")
        self._waiting: deque[tuple[Future[None], int]] = deque()

    def dataset(self, name: str) -> DatasetWriter:
        """A writer for the pages of one dataset."""
        return DatasetWriter(self, name)

    def submit(self, write: Callable[[zipfile.ZipFile], None], size: int) -> None:
        """Let the thread `write` a page of `size` bytes; raises `OutputError` of a page before."""
        self._wait_for_all_but(MOST_WAITING - size)
        self._waiting.append((self._thread.submit(write, self._archive), size))
        time.sleep(0)  # the thread takes its turn now: else it would wait until this one does not compute

    def wait(self) -> None:
        """Wait until all pages are written; raises `OutputError` when one could not be."""
        self._wait_for_all_but(0)

    def _wait_for_all_but(self, most: int) -> None:
        """Wait until the pages that are not written have no more than `most` bytes."""
        try:
            while self._waiting and (self._waiting[0][0].done() or sum(size for _, size in self._waiting) > most):
                self._waiting[0][0].result()  # may be interrupted: it is to be waited for again then
                self._waiting.popleft()
        except OSError as error:
            self._waiting.clear()
            raise OutputError(
                f"cannot write the evidence to {self._path.parent}: {error.strerror or error}",
                hint="Free some space there, or point TMPDIR to a larger disk.",
            ) from error

    def finish(self) -> EvidenceFile:
        """Close the zip and hand it over."""
        self.wait()
        self._close()
        return EvidenceFile(self._path, temporary=True)

    def discard(self) -> None:
        """Close and remove the zip."""
        with contextlib.suppress(OSError):
            self._close()
        shutil.rmtree(self._path.parent, ignore_errors=True)

    def _close(self) -> None:
        self._thread.shutdown(wait=True)
        self._archive.close()


class DatasetWriter:
    """The pages of one dataset on their way into the zip; counts bytes and keeps the running hash."""

    def __init__(self, evidence: EvidenceWriter, name: str) -> None:
        self.bytes = 0
        self.pages = 0
        self._evidence = evidence
        self._name = name
        self._digest = hashlib.sha256()
        self._names: set[str] = set()

    @property
    def sha256(self) -> str:
        """The SHA-256 over the bodies written so far."""
        self._evidence.wait()
        return self._digest.hexdigest()

    def write(self, skip: int, body: bytes, below: str | None = None) -> KeptPage:
        """Add one page, named by the rows that were skipped; a page read again gets a suffix.

        `below` is the id of the row below which it was read: that row's pages share a folder. The hash of what is
        returned is there when the evidence is finished.
        """
        name = f"{self._name}/{below}/{skip:09d}" if below else f"{self._name}/{skip:09d}"
        again = f"-{self.pages:05d}" if name in self._names else ""
        self._names.add(name)
        entry = entry_of(f"{name}{again}.json")
        page = KeptPage(entry.filename)

        def put(archive: zipfile.ZipFile) -> None:
            archive.writestr(entry, body, compresslevel=FAST)
            self._digest.update(body)
            page.sha256 = hashlib.sha256(body).hexdigest()

        self._evidence.submit(put, len(body))
        self.bytes += len(body)
        self.pages += 1
        return page
