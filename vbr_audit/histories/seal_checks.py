"""Whether the seals of a history hold: offline, from its folder and from what an auditor brings along.

Whoever can write the folder can make the whole chain anew. What he cannot make is the signature of a key that he does
not have, the token of a time authority, and the hash of a seal that somebody kept elsewhere. Without one of these the
chain shows accidents and clumsy changes alone, which the notes say.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vbr_audit.collection import run_folder
from vbr_audit.collection.files import sha256_of
from vbr_audit.display import count
from vbr_audit.errors import ConfigurationError, EvidenceError, TimeStampError
from vbr_audit.histories import seals
from vbr_audit.histories.archive import Problem
from vbr_audit.histories.seals import PRUNED, KeptSeal, read_seal, root_of, run_folders, seal_path

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from vbr_audit.histories.signing import TrustedKey

_STAMPED_WITHIN: Final = dt.timedelta(minutes=10)
"""How far the time of a seal and of its token may lie apart: slow answers, and clocks that differ."""
_ORPHAN: Final = re.compile(r"(\d{6})\.(sig|tsr)")


@dataclass(frozen=True)
class Trust:
    """What an auditor brings along: public keys, certificates of time authorities, the hash of a seal kept elsewhere.

    Raises `ConfigurationError` for an anchor that is no hash.
    """

    keys: tuple[TrustedKey, ...] = ()
    authorities: tuple[Certificate, ...] = ()
    anchor: str | None = None

    def __post_init__(self) -> None:
        if self.anchor is not None and not re.fullmatch("[0-9a-f]{64}", self.anchor):
            raise ConfigurationError(
                "--anchor is no hash of a seal",
                hint="Give the 64 hex digits that `history seal` or `history add` said.",
            )


NOTHING_KNOWN: Final = Trust()


@dataclass(frozen=True)
class SealReport:
    """What does not hold, and in `notes` what is shown by whom and what is not; `head` is the hash of the last seal."""

    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    head: str = ""


def check_seals(history: Path, trust: Trust = NOTHING_KNOWN) -> SealReport:
    """Compare the runs of a history with its seals, the seals with each other, and all with what is trusted.

    Only the lists of hashes are read: that each file is as its list says is what `verify_runs` shows.
    """
    numbers = seals.numbers_in(history)
    if not numbers:
        several = count(len(run_folders(history)), "run")
        text = f"not sealed: nothing shows when {several} came here, or that none is missing"
        problem = Problem(seals.SEALS, f"{text}; `history seal` seals them as they are now")
        anchored = [Problem(seals.SEALS, _LOST)] if trust.anchor else []
        return SealReport((problem, *anchored), ())
    chain, problems = _read(history, numbers)
    problems += _order_problems(chain)
    problems += _tail_problems(history, numbers[-1], chain, trust.anchor)
    problems += _time_problems(chain)
    problems += _run_problems(history, chain)
    problems += _vouching_problems(chain, trust)
    return SealReport(tuple(problems), tuple(_notes(history, chain, trust)), chain[-1].digest if chain else "")


_LOST: Final = "the anchored seal is not in the chain: its tail was cut, or all of it was replaced"


def _name(kept: KeptSeal) -> str:
    return f"{seals.SEALS}/{kept.seal.sequence:06}"


def _read(history: Path, numbers: list[int]) -> tuple[list[KeptSeal], list[Problem]]:
    """The seals in the order of their files, and which are missing, cannot be read or stand in another place."""
    chain, problems = list[KeptSeal](), list[Problem]()
    for number in range(1, numbers[-1] + 1):
        name = f"{seals.SEALS}/{number:06}"
        if number not in numbers:
            problems.append(Problem(name, "removed: there is no such seal, and there are later ones"))
            continue
        try:
            kept = read_seal(seal_path(history, number))
        except EvidenceError as error:
            problems.append(Problem(name, error.message))
            continue
        if kept.seal.sequence != number:
            problems.append(Problem(name, f"reordered: it says that it is seal {kept.seal.sequence}"))
        chain.append(kept)
    return chain, problems


def _order_problems(chain: list[KeptSeal]) -> Iterator[Problem]:
    """Seals that do not follow from the one before."""
    known = {kept.digest for kept in chain}
    if chain and chain[0].seal.sequence == 1 and chain[0].seal.previous != seals.NOTHING:
        yield Problem(_name(chain[0]), "the first seal names one before it: what was before it was removed")
    for before, kept in pairwise(chain):
        if kept.seal.previous == before.digest or kept.seal.sequence != before.seal.sequence + 1:
            continue
        if kept.seal.previous in known:
            yield Problem(_name(kept), "reordered: it follows another seal than the one before it")
        else:
            yield Problem(_name(before), "changed or replaced: the next seal holds another hash of it")


def _tail_problems(history: Path, last: int, chain: list[KeptSeal], anchor: str | None) -> Iterator[Problem]:
    if anchor is not None and anchor not in {kept.digest for kept in chain}:
        yield Problem(seals.SEALS, _LOST)
    if seals.pending_of(history) is not None:
        return
    left = {int(match[1]) for path in (history / seals.SEALS).iterdir() if (match := _ORPHAN.fullmatch(path.name))}
    for number in sorted(each for each in left if each > last):
        yield Problem(f"{seals.SEALS}/{number:06}", "removed: its signature or time stamp is there, and no seal")


def _time_problems(chain: list[KeptSeal]) -> Iterator[Problem]:
    for before, kept in pairwise(chain):
        if kept.seal.sealed_at < before.seal.sealed_at:
            yield Problem(
                _name(kept),
                f"backdated: it says {_at(kept.seal.sealed_at)}, and the seal before it {_at(before.seal.sealed_at)}",
            )


def _run_problems(history: Path, chain: list[KeptSeal]) -> Iterator[Problem]:
    """Runs that the chain does not know, does not know like this, or knows and that are not there."""
    pending = seals.pending_of(history)
    chain = [*chain, pending] if pending else chain
    sealed = {kept.seal.folder: kept.seal for kept in chain if kept.seal.kind in ("added", "found")}
    gone = {kept.seal.folder: kept.seal for kept in chain if kept.seal.kind == "pruned"}
    present = set(run_folders(history))
    yield from (Problem(name, "added: no seal is of it") for name in sorted(present - set(sealed)))
    for name, seal in sealed.items():
        if name in present:
            if root_of(history / name) != seal.root:
                yield Problem(name, f"replaced: its {run_folder.SUMS} is not what was sealed")
        elif name not in gone:
            yield Problem(name, "removed: it was sealed, and was not pruned")
    left = history / PRUNED
    for name in sorted({path.name for path in left.iterdir()} - set(gone)) if left.is_dir() else ():
        if name not in present:
            yield Problem(f"{PRUNED}/{name}", "removed: what is left of it has no seal that says that it was pruned")
    for name, seal in gone.items():
        yield from _pruned_problems(left / name, seal, sealed.get(name))


def _pruned_problems(left: Path, seal: seals.Seal, first: seals.Seal | None) -> Iterator[Problem]:
    name = f"{PRUNED}/{left.name}"
    if not left.is_dir():
        yield Problem(name, "removed: it was pruned, and what was left of it is not there")
    elif root_of(left) != seal.root:
        yield Problem(name, f"replaced: its {run_folder.SUMS} is not what was sealed")
    if seal.run_root is None:  # it was pruned before the history had seals
        return
    if first is not None and first.root != seal.run_root:
        yield Problem(name, "replaced before it was pruned: its root was not the one that was sealed")
    kept = left / seals.RUN_SUMS
    if left.is_dir() and (not kept.is_file() or sha256_of(kept) != seal.run_root):
        yield Problem(name, f"changed: its {seals.RUN_SUMS} is not the list of hashes that it had")


# Who vouches for the seals.


def _vouching_problems(chain: list[KeptSeal], trust: Trust) -> Iterator[Problem]:
    first = next((at for at, kept in enumerate(chain) if kept.seal.signed_by), len(chain))
    last_vouched = max((at for at, kept in enumerate(chain) if _is_checkpoint(kept)), default=-1)
    for at, kept in enumerate(chain):
        for text in vouching_faults(kept, trust):
            yield Problem(_name(kept), text)
        if kept.seal.signed_by is None and at > max(first, last_vouched):
            yield Problem(_name(kept), "not signed, and seals before it are: somebody without the key made it")
    if trust.keys and first == len(chain):
        yield Problem(seals.SEALS, "no seal is signed")
    if trust.authorities and not any(kept.token for kept in chain):
        yield Problem(seals.SEALS, "no seal has a time stamp")


def _is_checkpoint(kept: KeptSeal) -> bool:
    """Whether somebody signed what had come until then on purpose, such as the runs of a fleet's workers."""
    return kept.seal.kind == "checkpoint" and kept.seal.signed_by is not None


def vouching_faults(kept: KeptSeal, trust: Trust) -> Iterator[str]:
    """What is wrong with the signature and the time stamp of a seal, as far as what is trusted tells."""
    seal = kept.seal
    if (seal.signed_by is not None) != bool(kept.signature):
        yield "its signature was removed" if seal.signed_by else "a signature was put beside it, and it names no key"
    elif kept.signature and trust.keys:
        yield from _signature_faults(kept, trust.keys)
    if seal.stamped != bool(kept.token):
        yield "its time stamp was removed" if seal.stamped else "a time stamp was put beside it later"
    elif kept.token and trust.authorities:
        yield from _token_faults(kept, trust.authorities)


def _signature_faults(kept: KeptSeal, keys: Iterable[TrustedKey]) -> Iterator[str]:
    key = next((key for key in keys if key.fingerprint == kept.seal.signed_by), None)
    if key is None:
        yield f"signed with another key: {kept.seal.signed_by}"
    elif not key.holds(kept.signature, kept.content):
        yield "changed after it was signed: its signature does not fit"
    elif not key.usable_at(kept.seal.sealed_at):
        yield f"signed when the certificate {key.name} was not valid"


def _token_faults(kept: KeptSeal, authorities: tuple[Certificate, ...]) -> Iterator[str]:
    from vbr_audit.histories.time_stamps import read_token

    try:
        stamped = read_token(kept.token, kept.content, authorities)
    except TimeStampError as error:
        yield f"its time stamp does not hold: {error.message}"
        return
    if abs(stamped.at - kept.seal.sealed_at) > _STAMPED_WITHIN:
        yield f"backdated: it says {_at(kept.seal.sealed_at)}, and the time authority {_at(stamped.at)}"


def _notes(history: Path, chain: list[KeptSeal], trust: Trust) -> Iterator[str]:
    """What the chain shows, by whom, and what it does not."""
    if not chain:
        return
    yield f"{count(len(chain), 'seal')} since {_at(chain[0].seal.sealed_at)}; the last is {chain[-1].digest}"
    if found := sum(kept.seal.kind == "found" for kept in chain):
        since = _at(next(kept.seal.sealed_at for kept in chain if kept.seal.kind == "found"))
        yield f"Not sealed before {since}: {count(found, 'run')}, sealed as found; what they were before is not shown."
    if pending := seals.pending_of(history):
        yield f"The sealing of {pending.seal.folder} was interrupted; the next `history seal` finishes it."
    signed = [kept for kept in chain if kept.seal.signed_by]
    if not signed:
        yield "Not signed: whoever can write the folder can make all seals anew (--sign)."
    elif not trust.keys:
        yield f"{count(len(signed), 'seal')} signed, and by whom was not checked: give --key."
    else:
        unsigned = "" if len(signed) == len(chain) else f"; {count(len(chain) - len(signed), 'other')} not signed"
        yield f"{count(len(signed), 'seal')} signed with a given key{unsigned}."
    yield from _time_notes(chain, trust)
    if trust.anchor is None:
        yield "Whether the last seals were cut off cannot be told without --anchor, a hash that was kept elsewhere."


def _time_notes(chain: list[KeptSeal], trust: Trust) -> Iterator[str]:
    from vbr_audit.histories.time_stamps import read_token

    stamped = [kept for kept in chain if kept.token]
    if not stamped:
        yield "No time stamp: the times are those of the clocks of whoever added the runs (--timestamp)."
    elif not trust.authorities:
        yield f"{count(len(stamped), 'time stamp')}, and by whom was not checked: give --timestamp-ca."
    else:
        try:
            told = read_token(stamped[-1].token, stamped[-1].content, trust.authorities)
        except TimeStampError:
            return  # which is among the problems
        number = stamped[-1].seal.sequence
        later = f" Seals after {number} have no time stamp." if number < chain[-1].seal.sequence else ""
        yield f"All up to seal {number} was there at {_at(told.at)}, says {told.by}.{later}"


def _at(moment: dt.datetime) -> str:
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M}Z"


# One run on its own.


def check_run_seal(folder: Path, trust: Trust = NOTHING_KNOWN) -> SealReport:
    """Whether the seal that stands in a run folder holds; raises `EvidenceError` for one that is none.

    Without a seal the report has nothing but a note, and a problem where something was given to check one by.
    """
    path = folder / run_folder.SEAL
    if not path.exists():
        asked = bool(trust.keys or trust.authorities or trust.anchor)
        left = [name for name in run_folder.SEAL_FILES if (folder / name).exists()]
        problem = "it has no seal" if asked else f"removed: {left[0]} stands beside it" if left else ""
        return SealReport((Problem(run_folder.SEAL, problem),) if problem else (), ("The run has no seal.",))
    kept = read_seal(path)
    faults = list(vouching_faults(kept, trust))
    if kept.seal.run_root != root_of(folder):
        faults.append(f"the run was changed or written anew after it was sealed at {_at(kept.seal.sealed_at)}")
    if trust.keys and not kept.signature:
        faults.append("not signed")
    if trust.authorities and not kept.token:
        faults.append("without a time stamp")
    if trust.anchor is not None and trust.anchor != kept.digest:
        faults.append("it is not the anchored seal")
    notes = [note for note in _notes(folder, [kept], trust) if not note.startswith("Whether the last")]
    return SealReport(tuple(Problem(run_folder.SEAL, text) for text in faults), tuple(notes), kept.digest)
