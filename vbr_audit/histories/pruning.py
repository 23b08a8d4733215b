"""Pruning a history: a run goes, its record stays, and with the last of each server what was known after it."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from vbr_audit.collection.files import FOR_OWNER, alone, flush_folder, make_folder, write_bytes
from vbr_audit.collection.run_folder import SUMS
from vbr_audit.config.given_file import is_plain
from vbr_audit.errors import ConfigurationError, OutputError
from vbr_audit.findings.lifecycle import LIVES_SPEC
from vbr_audit.histories.archive import (
    ADDING,
    ASKED_AFTER,
    TABLES,
    Archive,
    Entry,
    demand_folder,
    write_record,
)
from vbr_audit.histories.run_records import chained
from vbr_audit.histories.seals import PINS, PRUNED, RUN_SUMS, UNSIGNED, OpenChain, Sealer, root_of, sealing
from vbr_audit.histories.stored import encoded


def prune_runs(
    archive: Archive, *, keep: int, sealer: Sealer = UNSIGNED, told: Callable[[str], None] = lambda note: None
) -> list[Entry]:
    """Remove all but the `keep` newest runs of each server; return those that went.

    What is left of each is sealed, with the root that it had; `sealer` signs these seals and stamps the last;
    `told` gets what it could not do.

    The newest run of each server and pinned runs stay, and what is known of the findings stays with them: when each
    was first seen, how long it was open.
    """
    if keep < 1:
        raise ConfigurationError("at least one run is kept", hint="Give --keep 1 or more.")
    kept = {run.record.run_id for run in archive.runs if run.record.run_id in archive.pinned}
    for server_id in {each.server_id for run in archive.runs for each in run.record.servers}:
        own = [run for run in archive.runs if run.server(server_id) is not None]
        kept |= {run.record.run_id for run in own[-keep:]}
    going = [run for run in archive.runs if run.record.run_id not in kept]
    with sealing(archive.folder) if going else contextlib.nullcontext() as chain:
        if chain is not None:
            chain.begin(sealer)
        for entry in going:
            left = _bury(archive, entry)
            if chain is not None:
                _seal_left(chain, entry, left, sealer if entry is going[-1] else sealer.signing_only)
        for note in () if chain is None else chain.notes:
            told(note)
    for entry in going:  # not before: what is known after a run may follow from any run before it
        _remove(archive.folder, entry.path)
    return going


def _seal_left(chain: OpenChain, entry: Entry, left: Path, sealer: Sealer) -> None:
    """Seal what is left of a run, with the root that it had."""
    facts = {"run_id": entry.record.run_id, "folder": entry.path.name, "run_root": root_of(entry.path)}
    chain.add("pruned", sealer, root=root_of(left), **facts)


def _bury(archive: Archive, entry: Entry) -> Path:
    """Write down the record of a run, and the state after it as it is known now; return the folder."""
    place = archive.folder / PRUNED
    temporary = archive.folder / f"{ADDING}{secrets.token_hex(6)}"
    try:
        make_folder(place)
        temporary.mkdir(mode=FOR_OWNER)
        (temporary / TABLES).mkdir(mode=FOR_OWNER)
        after = archive.lives_after(entry)
        for spec, frame in ((LIVES_SPEC, after.findings), (ASKED_AFTER, after.asked)):
            ending, content = encoded(frame, spec)
            (temporary / TABLES / f"{spec.name}{ending}").write_bytes(content)
        shutil.copyfile(entry.path / SUMS, temporary / RUN_SUMS)  # a copy kept elsewhere can be proven by it
        order = entry.record.order
        servers = tuple(
            each.model_copy(update={"chain": chained(archive.chain_before(each.server_id, order), entry.record.run_id)})
            for each in entry.record.servers
        )
        write_record(temporary, entry.record.model_copy(update={"servers": servers, "sizes": {}}))
        if (place / entry.path.name).exists():  # of a pruning that was not finished
            _remove(archive.folder, place / entry.path.name)
        temporary.rename(place / entry.path.name)
        flush_folder(place)
    except OSError as error:
        raise OutputError(
            f"cannot prune {entry.path.name}: {error.strerror or error}", hint="Check permissions."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return place / entry.path.name


def _remove(history: Path, path: Path) -> None:
    """Remove a run: first out of the way in one move, so that no half of it is ever seen; raises `OutputError`."""
    aside = history / f"{ADDING}{secrets.token_hex(6)}"
    try:
        path.rename(aside)
        shutil.rmtree(aside)
    except OSError as error:
        raise OutputError(
            f"cannot remove {path.name}: {error.strerror or error}", hint="Check the permissions of the history."
        ) from error


def pin_run(archive: Archive, entry: Entry, *, pinned: bool) -> None:
    """Keep a run from being pruned, or no longer."""
    mark = archive.folder / PINS / entry.record.run_id
    if pinned:
        make_folder(mark.parent)
        write_bytes(mark, b"")
    else:
        mark.unlink(missing_ok=True)


def collect_garbage(history: Path) -> list[str]:
    """Remove what killed processes left behind, but nothing that one is at work on; return the names.

    Raises `ConfigurationError` where there is no such folder.
    """
    demand_folder(history)
    gone = []
    for path in sorted(history.glob(f"{ADDING}*")):
        if is_plain(path) and path.is_dir() and _is_abandoned(path):
            shutil.rmtree(path, ignore_errors=True)
            gone.append(path.name)
    return gone


def _is_abandoned(path: Path) -> bool:
    with contextlib.suppress(ConfigurationError, OutputError), alone(path):
        return True
    return False
