"""The run folder: manifest, evidence and whatever was made of them, under one list of hashes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError

from vbr_audit.collection import kept_tables
from vbr_audit.collection.assemble import join, replay, without_cycle_search
from vbr_audit.collection.evidence import EvidenceFile
from vbr_audit.collection.files import alone, make_folder, sha256_of, slug, write_bytes, write_pieces
from vbr_audit.collection.manifest import Manifest, ServerRecord
from vbr_audit.collection.reading import terms_of
from vbr_audit.collection.scope import Scope
from vbr_audit.collection.snapshot import Snapshot, provenance_tables, untouched
from vbr_audit.config.given_file import MOST_KEPT, is_plain, read_given
from vbr_audit.errors import ConfigurationError, EvidenceError, OutputError
from vbr_audit.vocabulary import shipped_names

MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
SEAL = "seal.json"
"""The seal of a run, which holds the hash of `SHA256SUMS` and so cannot be listed there."""
SEAL_FILES = (SEAL, "seal.sig", "seal.tsr")
EVIDENCE = "evidence"
TABLES = "tables.zip"
"""The tables of a large run, by which it is opened sooner."""
FINDINGS_JSON, REPORT_XLSX = "findings.json", "report.xlsx"
POLICY, WAIVERS = "policy.yaml", "waivers.yaml"
SITE, ASSETS = "site.yaml", "assets.csv"
REVIEW = "review.json"
BRAND = "brand.json"
EARLIER = "earlier.json.gz"
"""What a run keeps of the earlier ones that it is compared with."""
EVENTS = "events.json.gz"
"""What a run keeps of the events of changes that it was given."""
CHANGE_REGISTER = "changes.csv"
OWN_CHECKS = "checks"
"""The folder with copies of own checks: rules are read again from there, code never is."""
FRAMEWORKS = "frameworks"
"""The folder with copies of own frameworks."""
DATA = "data"
"""The folder with the tables that the workbook leaves out, as CSV files."""
_PART = re.compile(r"\..+\.[0-9a-f]{8}\.part")
COPIES = (OWN_CHECKS, FRAMEWORKS)
FOLDERS = (*COPIES, DATA)
"""The folders of a run that hold files, beside that of the evidence."""
_JUDGED_BY = (POLICY, WAIVERS, SITE, ASSETS, REVIEW, BRAND, EARLIER, EVENTS, CHANGE_REGISTER)
FILES = (MANIFEST, TABLES, *_JUDGED_BY, *shipped_names("report_files"))
"""The files of a run beside its evidence, its copies and the list of hashes."""


def prepare(folder: Path, *, force: bool) -> None:
    """Make sure that a run can be written to `folder`, before anything is asked of a server.

    Raises `ConfigurationError` for a folder that holds something, unless `force`, and `OutputError` for one
    that cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(f"{folder} is a file", hint="Give a folder with --out.")
    try:
        if folder.is_dir() and any(folder.iterdir()) and not force:
            raise ConfigurationError(
                f"the folder {folder} is not empty",
                hint="Choose a new --out folder, or replace the earlier run in it with --force.",
            )
        make_folder(folder)
    except OSError as error:
        raise OutputError(
            f"cannot use {folder}: {error.strerror or error}", hint="Choose another --out folder, or its permissions."
        ) from error
    refuse_traps(folder)
    probe = folder / ".vbr-audit-probe"
    write_bytes(probe, b"")
    probe.unlink()


def refuse_beside_evidence(folder: Path) -> None:
    """Raise `ConfigurationError` for a folder with evidence, which holds the names that a scrubbed run must not."""
    if any((folder / EVIDENCE).glob("*.zip")):
        raise ConfigurationError(
            f"{folder} holds evidence, which is full of names", hint="Give the scrubbed run a folder of its own."
        )


def refuse_traps(folder: Path) -> None:
    """Raise `ConfigurationError` where a file or folder of a run is a link, a pipe or a device.

    A run is handed on: what is written or cleared in it must not reach elsewhere, nor may it bring in what a link
    points at, and a pipe is never read to its end.
    """
    places = [folder / place for place in (EVIDENCE, *FOLDERS)]
    inside = [path for place in places if place.is_dir() and is_plain(place) for path in place.iterdir()]
    for path in (*(folder / name for name in (*FILES, SUMS, *SEAL_FILES)), *places, *inside):
        if not is_plain(path):
            raise ConfigurationError(
                f"{path} is a link, a pipe or a device, which no run has",
                hint="Copy what it points at to its place, if you trust where the run comes from.",
            )


def clear(folder: Path) -> None:
    """Remove the files of an earlier run, and no other."""
    listed = _read_sums(folder / SUMS)
    below = tuple(f"{place}/" for place in (EVIDENCE, *FOLDERS))
    several = [name for name in listed if name.startswith(below) and name.count("/") == 1]
    for name in (*FILES, SUMS, *SEAL_FILES, *several):
        if ".." not in Path(name).parts:
            (folder / name).unlink(missing_ok=True)
    for path in folder.glob(".*.part"):  # of a process that was killed while it wrote
        if _PART.fullmatch(path.name):
            path.unlink()
    for place in FOLDERS:
        _drop_if_empty(folder / place)


def write_kept(folder: Path, files: Mapping[str, bytes]) -> None:
    """Keep what a run was judged by in its folder, by the names of the files there; one without content goes."""
    for name, content in files.items():
        if content:
            write_bytes(folder / name, content)
        else:
            (folder / name).unlink(missing_ok=True)


def write_files(folder: Path, kind: str, files: Iterable[tuple[str, Iterable[bytes]]]) -> None:
    """Write `files`, each in pieces, into the folder `kind` of a run, by their names there; those of an earlier one go.

    Each piece is written before the next one is asked for. Raises `OutputError`.
    """
    place = folder / kind
    for name in listed_in(folder, kind):
        (folder / name).unlink(missing_ok=True)
    for name, pieces in files:
        try:
            make_folder(place)
        except OSError as error:
            raise OutputError(
                f"cannot use {place}: {error.strerror or error}", hint="Move what is there to another place."
            ) from error
        write_pieces(place / name, pieces)
    _drop_if_empty(place)


def listed_in(folder: Path, kind: str) -> set[str]:
    """The files of the folder `kind` that `SHA256SUMS` lists, by their names in the run."""
    return {name for name in listed_hashes(folder) if name.startswith(f"{kind}/") and name.count("/") == 1}


def copies_in(folder: Path) -> set[str]:
    """The copies of own checks and frameworks that a run folder holds, by their names in it."""
    return {name for name in _present(folder) if name.startswith(tuple(f"{kind}/" for kind in COPIES))}


def bytes_of(path: Path) -> bytes:
    """The content of a file; none where it is not there. Raises `OutputError` for one that cannot be read."""
    try:
        return read_given(path, most=MOST_KEPT) if path.is_file() else b""
    except OSError as error:
        raise OutputError(f"cannot read {path}: {error.strerror or error}", hint="Check its permissions.") from error


def hash_of(path: Path) -> str | None:
    """The SHA-256 of a file; None where it is not there. Raises `OutputError` for one that cannot be read."""
    try:
        return sha256_of(path) if path.is_file() else None
    except OSError as error:
        raise OutputError(f"cannot read {path}: {error.strerror or error}", hint="Check its permissions.") from error


def _drop_if_empty(place: Path) -> None:
    if place.is_dir() and not any(place.iterdir()):
        place.rmdir()


def save_snapshot(snapshot: Snapshot, folder: Path, *, force: bool = False, unwritten: Iterable[str] = ()) -> Path:
    """Write manifest, evidence and hashes of `snapshot` to `folder`, replacing an earlier run; return the folder.

    `unwritten` are the formats of the reports that are to follow.
    """
    prepare(folder, force=force)
    with alone(folder):
        return _save(snapshot, folder, tuple(unwritten))


def _save(snapshot: Snapshot, folder: Path, unwritten: tuple[str, ...]) -> Path:
    names = evidence_names(server.name for server in snapshot.manifest.servers)
    own = {file.path.resolve() for file in snapshot.evidence.values()}
    if not any(path.is_relative_to(folder.resolve()) for path in own):
        clear(folder)
    try:
        if snapshot.evidence:
            make_folder(folder / EVIDENCE)
        for server, file in snapshot.evidence.items():
            file.move_to(folder / EVIDENCE / names[server])
    except OSError as error:
        raise OutputError(
            f"cannot write the evidence to {folder}: {error.strerror or error}",
            hint="Check the free space and the permissions of the --out folder.",
        ) from error
    if not kept_tables.keep(folder / TABLES, snapshot):
        (folder / TABLES).unlink(missing_ok=True)
    write_manifest(folder, snapshot.manifest, unwritten)
    seal(folder)
    return folder


def load(folder: str | Path, *, from_evidence: bool = False) -> Snapshot:
    """The snapshot saved in `folder`, its tables made again from the evidence.

    Of a large run they are kept beside it, and taken from there where they are what was written and follow from it,
    unless `from_evidence`. Raises `EvidenceError` when the folder is no run, or its evidence cannot be read.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    if manifest.is_scrubbed:
        raise EvidenceError(
            f"the names of {folder} were scrubbed, and its evidence was left out on purpose",
            hint="Use the run that it was made from.",
        )
    names = evidence_names(server.name for server in manifest.servers)
    evidence = {server: EvidenceFile(folder / EVIDENCE / name) for server, name in names.items()}
    with without_cycle_search():
        kept = None if from_evidence else _kept_in(folder, manifest, evidence)
        tables, positions = kept or _replayed(manifest, evidence)
    return Snapshot(manifest, tables | provenance_tables(manifest), evidence, positions, untouched(tables))


def _kept_in(folder: Path, manifest: Manifest, evidence: Mapping[str, EvidenceFile]) -> kept_tables.Kept | None:
    """The tables that are kept in a run, if they are what was written last."""
    path = folder / TABLES
    if not path.is_file() or listed_hashes(folder).get(TABLES) != hash_of(path):
        return None
    return kept_tables.read(path, manifest, {server: file.path for server, file in evidence.items()})


def _replayed(manifest: Manifest, evidence: Mapping[str, EvidenceFile]) -> kept_tables.Kept:
    """The tables made again from the evidence."""
    parts, positions = [], {}
    for server in manifest.servers:
        records = [record for record in manifest.datasets if record.server == server.name]
        tables = replay(evidence[server.name], server.name, [record for record in records if record.pages])
        frames, _ = tables.finish(terms_of(scope_of(manifest, server), records, server))
        parts.append(frames)
        positions[server.name] = tables.positions
    return kept_tables.Kept(join(parts), positions)


def scope_of(manifest: Manifest, server: ServerRecord) -> Scope:
    """What of `server` is in the tables: the period up to the moment of reading, and the jobs in scope."""
    run = manifest.run
    read_on = server.server_time or run.now
    until = min(run.until, read_on)
    return Scope(run.since, max(until, run.since), run.jobs_pattern, read_on)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a run folder; raises `EvidenceError`."""
    path = folder / MANIFEST
    refuse_traps(folder)
    try:
        return Manifest.model_validate_json(read_given(path, most=MOST_KEPT))
    except OSError as error:
        raise EvidenceError(
            f"{folder} is no run folder: cannot read {MANIFEST} ({error.strerror or error})",
            hint="Give the folder that --out named when the run was made.",
        ) from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise EvidenceError(
            f"{path}: {where}: {first['msg']}",
            hint="The manifest was changed, or was written by another version of vbr-audit.",
        ) from None


def write_manifest(folder: Path, manifest: Manifest, unwritten: Iterable[str] = ()) -> None:
    """Replace the manifest of a run folder; `unwritten` are the formats of the reports that are to follow."""
    write_bytes(folder / MANIFEST, manifest.model_copy(update={"unwritten": list(unwritten)}).to_json())


def seal(folder: Path, written: Collection[str] | None = None) -> None:
    """Write `SHA256SUMS` over every other file of the run.

    Of a run that is written anew in part, the files that are not among those `written` keep the hash that stands
    there: nobody vouches anew for what was not made anew.
    """
    listed = {} if written is None else _read_sums(folder / SUMS)
    lines = []
    for name in _present(folder):
        digest = sha256_of(folder / name) if written is None or name in written else listed.get(name)
        if digest is not None:
            lines.append(f"{digest}  {name}\n")
    write_bytes(folder / SUMS, "".join(lines).encode())


def changed_files(folder: Path, names: Iterable[str] | None = None) -> dict[str, str]:
    """The files of a run, or those of `names`, that are not what was written last, each with its hash as it is now."""
    listed = _read_sums(folder / SUMS)
    hashes = {name: sha256_of(folder / name) for name in (_present(folder) if names is None else names)}
    return {name: digest for name, digest in hashes.items() if listed.get(name) != digest}


def refuse_changed(folder: Path, names: Iterable[str], *, carried: str | None = None) -> None:
    """Raise `ConfigurationError` where one of the files `names`, or of the evidence, is not what was written last.

    They may hold somebody's work, which would be lost; or somebody's forgery, which would be sealed. A file whose hash
    is `carried` may go: its content lives on.
    """
    mine = set(names)
    wrong = [
        name
        for name, digest in changed_files(folder).items()
        if digest != carried and (name in mine or name.startswith(f"{EVIDENCE}/"))
    ]
    if wrong:
        one = len(wrong) == 1
        raise ConfigurationError(
            f"{folder}: {', '.join(wrong)} {'is' if one else 'are'} not what {SUMS} says, and nothing was written",
            hint=f"Remarks in {REPORT_XLSX} are carried over with --review {folder / REPORT_XLSX}; "
            f"--force writes over {'it' if one else 'them'}.",
        )


def differences(folder: Path) -> list[str]:
    """What no longer is as it was written: files against `SHA256SUMS`, evidence against the manifest.

    A scrubbed run has no evidence, which is no difference.
    """
    listed = _read_sums(folder / SUMS)
    if not listed:
        return [f"{SUMS} is missing or empty"]
    lines = []
    for name, expected in sorted(listed.items()):
        path = folder / name
        if not path.is_file():
            lines.append(f"{name} is missing")
        elif sha256_of(path) != expected:
            lines.append(f"{name} was changed")
    lines += [f"{name} is not in {SUMS}" for name in _present(folder) if name not in listed]
    manifest = read_manifest(folder)
    digests = {} if manifest.is_scrubbed else _evidence_digests(folder, manifest)
    servers = {server.name for server in manifest.servers}
    for record in manifest.datasets:
        if record.server not in servers:
            lines.append(f"the manifest names {record.server} for {record.name}, but does not list that server")
        elif record.pages and not manifest.is_scrubbed and digests[record.server, record.name] != record.sha256:
            lines.append(f"the evidence of {record.name} of {record.server} is not what was received")
    return lines


def _evidence_digests(folder: Path, manifest: Manifest) -> dict[tuple[str, str], str | None]:
    """The hash of the pages of each dataset of each server; None where they cannot be read."""
    names = evidence_names(server.name for server in manifest.servers)
    found: dict[tuple[str, str], str | None] = {}
    for server, name in names.items():
        kept = [record.name for record in manifest.datasets if record.server == server and record.pages]
        digests = EvidenceFile(folder / EVIDENCE / name).digests(kept)
        found |= {(server, dataset): digest for dataset, digest in digests.items()}
    return found


def evidence_names(servers: Iterable[str]) -> MappingProxyType[str, str]:
    """The evidence file of each server; two names never share one."""
    names: dict[str, str] = {}
    for server in servers:
        name, count = slug(server), 2
        while f"{name}.zip" in names.values():
            name, count = f"{slug(server)}-{count}", count + 1
        names[server] = f"{name}.zip"
    return MappingProxyType(names)


def _present(folder: Path) -> list[str]:
    evidence = sorted((folder / EVIDENCE).glob("*.zip")) if (folder / EVIDENCE).is_dir() else []
    copies = [path for kind in COPIES if (folder / kind).is_dir() for path in (folder / kind).iterdir()]
    copies += (folder / DATA).glob("*.csv")
    listed = [name for name in FILES if (folder / name).is_file()]
    return sorted(
        [
            *listed,
            *(f"{EVIDENCE}/{path.name}" for path in evidence),
            *(f"{path.parent.name}/{path.name}" for path in copies if path.is_file()),
        ]
    )


def listed_hashes(folder: Path) -> dict[str, str]:
    """The files of a run that `SHA256SUMS` lists, each with its hash; without names that lead out of the folder."""
    listed = _read_sums(folder / SUMS)
    return {
        name: digest for name, digest in listed.items() if not Path(name).is_absolute() and ".." not in Path(name).parts
    }


def _read_sums(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    pairs = (line.split("  ", 1) for line in read_given(path).decode("utf-8", "replace").split("\n") if "  " in line)
    return {name: digest for digest, name in pairs}
