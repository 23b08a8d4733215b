"""The seals of a history: one small file for each run that was added or pruned, each with the hash of the one before.

    HISTORY/seals/
      000001.json      what is sealed, and the SHA-256 of the seal before
      000001.sig       its signature by ed25519, where it was signed
      000001.tsr       its time stamp by RFC 3161, where it has one

The order of the seals is the order of adding, whatever the clocks of the runs say. A time stamp shows that all seals up
to its own were there by then, because each holds the hash of the one before. `docs/evidence.md` says what that proves.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import os
import re
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from vbr_audit.collection import run_folder
from vbr_audit.collection.files import alone, flush_folder, make_folder, replacing, sha256_of
from vbr_audit.config.given_file import is_plain, read_given
from vbr_audit.errors import ConfigurationError, EvidenceError, OutputError, TimeStampError

if TYPE_CHECKING:
    from vbr_audit.histories.signing import SigningKey
    from vbr_audit.histories.time_stamps import TimeAuthority

SEALS: Final = "seals"
PRUNED, PINS = "pruned", "pins"
_NO_RUNS: Final = (PRUNED, PINS, SEALS, "samples")
"""The folders of a history that are no runs."""
RUN_SUMS: Final = "SHA256SUMS.run"
"""The list of hashes of a pruned run, in what is left of it: its SHA-256 is the root that was sealed."""
NOTHING: Final = "0" * 64
"""What the first seal has as the hash of the one before."""
SEAL, SIGNATURE, TOKEN = ".json", ".sig", ".tsr"
_MOST_SEAL: Final = 64 * 1024
_FORMAT: Final = 1
_PATIENCE_S: Final = 120.0
_PAUSE_S: Final = 0.05
_SLOW_CLOCK: Final = dt.timedelta(minutes=5)
_Hash = Field(pattern="^[0-9a-f]{64}$")
Kind = Literal["added", "found", "pruned", "checkpoint", "single"]


class Seal(BaseModel):
    """What one seal says; hashes are SHA-256 in lower-case hex, the time is in UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = _FORMAT
    sequence: int = Field(ge=1)
    kind: Kind
    """added, found (it was there before the history had seals), pruned, checkpoint (nothing new), single (one run)."""
    run_id: str = ""
    folder: str = Field(default="", pattern="^[0-9A-Za-z-]*$")
    """The folder of the run in the history."""
    root: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    """The hash of the `SHA256SUMS` of that folder; of a pruned run, of what is left of it."""
    run_root: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    """The hash of the `SHA256SUMS` of the run as it was handed over; of a pruned run, the root it was sealed with."""
    previous: str = _Hash
    """The hash of the file of the seal before."""
    sealed_at: AwareDatetime
    signed_by: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    """The fingerprint of the key of the signature beside it."""
    stamped: bool = False
    """Whether a time stamp is beside it."""

    def to_json(self) -> bytes:
        """The seal as indented UTF-8 JSON: the bytes that are hashed, signed and stamped."""
        return self.model_dump_json(indent=2).encode() + b"\n"


@dataclass(frozen=True)
class Sealer:
    """What a seal is signed and stamped with; without either it is chained alone."""

    key: SigningKey | None = None
    authority: TimeAuthority | None = None

    @property
    def signing_only(self) -> Sealer:
        """The same without time stamps, which cost a request each: that of a later seal vouches for all before."""
        return Sealer(self.key)

    @property
    def vouches(self) -> bool:
        """Whether anybody beside the chain itself vouches for a seal."""
        return self.key is not None or self.authority is not None


UNSIGNED: Final = Sealer()


@dataclass(frozen=True)
class KeptSeal:
    """A seal with the bytes of its files; signature and token are empty where there is none."""

    seal: Seal
    content: bytes
    signature: bytes = b""
    token: bytes = b""

    @property
    def digest(self) -> str:
        """The hash of the seal, which the next one holds and `sha256sum` shows."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Sealed:
    """The hash of a seal that was made, and what could not be done for it."""

    head: str
    notes: tuple[str, ...] = ()


def make_seal(seal: Seal, sealer: Sealer) -> tuple[KeptSeal, tuple[str, ...]]:
    """`seal`, signed and stamped, and what the time authority failed at: the run is kept all the same."""
    notes: tuple[str, ...] = ()
    seal = seal.model_copy(update={"signed_by": sealer.key.fingerprint if sealer.key else None})
    token = b""
    if sealer.authority is not None:
        stamped = seal.model_copy(update={"stamped": True})
        try:
            token, seal = sealer.authority.stamp(stamped.to_json()), stamped
        except TimeStampError as error:
            notes = (f"no time stamp: {error.message}",)
    content = seal.to_json()
    return KeptSeal(seal, content, sealer.key.sign(content) if sealer.key else b"", token), notes


def read_seal(path: Path) -> KeptSeal:
    """The seal in the file `path` with what stands beside it; raises `EvidenceError`."""
    try:
        for each in (path, path.with_suffix(SIGNATURE), path.with_suffix(TOKEN)):
            if not is_plain(each):
                raise EvidenceError(f"{each.name} is a link, a pipe or a device")
        content = read_given(path, most=_MOST_SEAL)
        return KeptSeal(
            Seal.model_validate_json(content),
            content,
            _beside(path.with_suffix(SIGNATURE)),
            _beside(path.with_suffix(TOKEN)),
        )
    except OSError as error:
        raise EvidenceError(f"cannot read {path.name}: {error.strerror or error}") from None
    except ValidationError:
        raise EvidenceError(f"{path.name} was changed: it is no seal") from None


def _beside(path: Path) -> bytes:
    return read_given(path, most=4 * _MOST_SEAL) if path.exists() else b""


def root_of(folder: Path) -> str | None:
    """The root hash of a run, the SHA-256 of its `SHA256SUMS`; None where it has none."""
    path = folder / run_folder.SUMS
    return sha256_of(path) if is_plain(path) and path.is_file() else None


def place_of(history: Path, seal: Seal) -> Path:
    """The folder that a seal is about."""
    return history / PRUNED / seal.folder if seal.kind == "pruned" else history / seal.folder


def run_folders(history: Path) -> list[str]:
    """The names of the folders of a history that are to be runs, the oldest first."""
    names = sorted(path.name for path in history.iterdir() if not path.name.startswith(".") and path.is_dir())
    return [name for name in names if name not in _NO_RUNS]


def numbers_in(history: Path) -> list[int]:
    """The numbers of the seals of a history, ascending."""
    place = history / SEALS
    found = (_NAME.fullmatch(path.name) for path in place.iterdir()) if place.is_dir() else iter(())
    return sorted(int(match[1]) for match in found if match)


def seal_path(history: Path, number: int, ending: str = SEAL) -> Path:
    """The file of a seal."""
    return history / SEALS / f"{number:06}{ending}"


_NAME: Final = re.compile(r"(\d{6})\.json")
_THREADS: Final = threading.Lock()


@dataclass
class OpenChain:
    """The chain of a history while nobody else can add to it."""

    history: Path
    head: KeptSeal | None
    notes: list[str] = field(default_factory=list)

    def prepare(self, kind: Kind, sealer: Sealer = UNSIGNED, **facts: str | None) -> KeptSeal:
        """The next seal, which is written and does not count before `commit`."""
        kept, notes = make_seal(self._next(kind, **facts), sealer)
        self.notes += notes
        number = kept.seal.sequence
        for ending, content in ((SIGNATURE, kept.signature), (TOKEN, kept.token)):
            path = seal_path(self.history, number, ending)
            if content:
                _write(path, content)
            else:
                path.unlink(missing_ok=True)
        _write(_pending(self.history), kept.content)
        return kept

    def commit(self, kept: KeptSeal) -> None:
        """Let a prepared seal count."""
        _pending(self.history).replace(seal_path(self.history, kept.seal.sequence))
        flush_folder(self.history / SEALS)
        self.head = kept

    def drop(self, kept: KeptSeal) -> None:
        """Let a prepared seal go, whose run is not there after all."""
        for path in (_pending(self.history), *self._beside(kept)):
            path.unlink(missing_ok=True)

    def _beside(self, kept: KeptSeal) -> Iterator[Path]:
        yield from (seal_path(self.history, kept.seal.sequence, ending) for ending in (SIGNATURE, TOKEN))

    def add(self, kind: Kind, sealer: Sealer = UNSIGNED, **facts: str | None) -> None:
        """Prepare and commit a seal of what is there already."""
        self.commit(self.prepare(kind, sealer, **facts))

    def begin(self, sealer: Sealer = UNSIGNED) -> None:
        """In a history without seals, seal what is there as it is found, and what is left of pruned runs."""
        if self.head is not None:
            return
        self.take_in(run_folders(self.history), sealer)
        left = self.history / PRUNED
        for name in sorted(path.name for path in left.iterdir()) if left.is_dir() else ():
            self.add("pruned", sealer.signing_only, run_id=_run_id(name), folder=name, root=root_of(left / name))

    def take_in(self, names: Iterable[str], sealer: Sealer) -> None:
        """Seal runs that were there before, as they are found; they are signed and not stamped."""
        for name in names:
            root = root_of(self.history / name)
            self.add("found", sealer.signing_only, run_id=_run_id(name), folder=name, root=root, run_root=root)

    def sealed(self) -> Sealed:
        """What was made until now."""
        return Sealed("" if self.head is None else self.head.digest, tuple(self.notes))

    def _next(self, kind: Kind, **facts: str | None) -> Seal:
        now = dt.datetime.now(dt.UTC).replace(microsecond=0)
        if self.head is None:
            return Seal(sequence=1, kind=kind, previous=NOTHING, sealed_at=now, **facts)
        before = self.head.seal.sealed_at
        if now < before <= now + _SLOW_CLOCK:  # another machine's clock is a little fast
            now = before
        elif now < before:
            self.notes.append(
                f"the clock of this machine is behind the seal before, which says {before:%Y-%m-%d %H:%M}Z"
            )
        return Seal(sequence=self.head.seal.sequence + 1, kind=kind, previous=self.head.digest, sealed_at=now, **facts)


@contextlib.contextmanager
def sealing(history: Path) -> Iterator[OpenChain]:
    """Within, nobody else seals in `history`: the chain never forks.

    Others wait. A seal that a killed process left unfinished is finished first, if its run is there, else dropped.
    Raises `ConfigurationError` where the last seal was damaged or others take too long, `OutputError`.
    """
    place = history / SEALS
    try:
        make_folder(place)
    except OSError as error:
        raise OutputError(f"cannot use {place}: {error.strerror or error}", hint="Check its permissions.") from error
    with _THREADS, contextlib.ExitStack() as stack:
        _enter(stack, place)
        yield OpenChain(history, _finished(history))


def _enter(stack: contextlib.ExitStack, place: Path) -> None:
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            stack.enter_context(alone(place))
        except ConfigurationError:
            if time.monotonic() > until:
                raise
            time.sleep(_PAUSE_S)
        else:
            return


def _finished(history: Path) -> KeptSeal | None:
    """The last seal, after what a killed process left was finished or dropped."""
    left = pending_of(history)
    if left is not None:
        _pending(history).replace(seal_path(history, left.seal.sequence))
    _pending(history).unlink(missing_ok=True)
    return _head(history)


def pending_of(history: Path) -> KeptSeal | None:
    """The seal that a killed process left, which follows from the last one and whose run is there; else None."""
    try:
        left = read_seal(_pending(history)) if _pending(history).exists() else None
    except EvidenceError:
        return None
    if left is None or left.seal.root != root_of(place_of(history, left.seal)):
        return None
    numbers = numbers_in(history)
    before = sha256_of(seal_path(history, numbers[-1])) if numbers else NOTHING
    return left if left.seal.previous == before else None


def _head(history: Path) -> KeptSeal | None:
    numbers = numbers_in(history)
    try:
        return read_seal(seal_path(history, numbers[-1])) if numbers else None
    except EvidenceError as error:
        raise ConfigurationError(
            f"the last seal of {history} does not hold ({error.message}), and nothing was added",
            hint="`vbr-audit history verify` names all that does not hold; take it from a backup of the history.",
        ) from None


def _pending(history: Path) -> Path:
    """The file of a seal that does not count yet; only one can be at work."""
    return history / SEALS / ".pending.json"


def _write(path: Path, content: bytes) -> None:
    with replacing(path) as temporary, temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _run_id(folder: str) -> str:
    """The id of a run, which the name of its folder in a history ends in."""
    return folder.rpartition("-")[2]


def seal_history(history: Path, sealer: Sealer = UNSIGNED, *, take_in: bool = False) -> Sealed:
    """Add a seal of nothing new, which vouches for all before it; in a history without seals, first one of each run.

    With `take_in` also runs that came past the chain are sealed, as they are found. Raises `ConfigurationError` for
    such runs without it, and for a folder that is not there.
    """
    if not history.is_dir():
        raise ConfigurationError(f"{history} is no history: no such folder", hint="`vbr-audit history add` makes one.")
    with sealing(history) as chain:
        chain.begin(sealer)
        sealed = {read_seal(seal_path(history, number)).seal.folder for number in numbers_in(history)}
        unknown = [name for name in run_folders(history) if name not in sealed]
        if unknown and not take_in:
            raise ConfigurationError(
                f"{', '.join(unknown)}: no seal is of it, and nothing was sealed",
                hint="Find out who added it; --take-in then seals it as it is found.",
            )
        chain.take_in(unknown, sealer)
        chain.add("checkpoint", sealer)
        return chain.sealed()


# One run that is in no history: its seal stands in its own folder, outside its list of hashes.


def seal_run(folder: Path, sealer: Sealer) -> Sealed:
    """Seal a run folder on its own, in `seal.json` and what stands beside it; raises `EvidenceError`, `OutputError`."""
    root, manifest = root_of(folder), run_folder.read_manifest(folder)
    if root is None:
        raise EvidenceError(f"{folder} has no {run_folder.SUMS}", hint="Write the run again: vbr-audit check RUN")
    seal = Seal(
        sequence=1,
        kind="single",
        run_id=manifest.run_id,
        root=root,
        run_root=root,
        previous=NOTHING,
        sealed_at=dt.datetime.now(dt.UTC).replace(microsecond=0),
    )
    kept, notes = make_seal(seal, sealer)
    keep_beside(folder, kept)
    return Sealed(kept.digest, notes)


def keep_beside(folder: Path, kept: KeptSeal) -> None:
    """Write a seal into the folder of its run; raises `OutputError`."""
    path = folder / run_folder.SEAL
    for ending, content in ((SEAL, kept.content), (SIGNATURE, kept.signature), (TOKEN, kept.token)):
        if content:
            _write(path.with_suffix(ending), content)
        else:
            path.with_suffix(ending).unlink(missing_ok=True)
