"""Runs of different servers as one run: what one audit of all these servers would have written.

The first run decides period, zone and scope, and all others must have the same; the rules are those that all runs keep,
or those that are given. The clock is the latest one of the servers' that agree with each other.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Unpack

from vbr_audit import __version__
from vbr_audit.audited import Audit
from vbr_audit.collection import run_folder
from vbr_audit.collection.assemble import join
from vbr_audit.collection.collector import clock_warnings, leading_clock, same_server
from vbr_audit.collection.files import slug
from vbr_audit.collection.manifest import DatasetRecord, DatasetStatus, Manifest, RunRecord, ServerRecord
from vbr_audit.collection.snapshot import Snapshot, provenance_tables, untouched
from vbr_audit.display import count, encodable, plain
from vbr_audit.errors import ConfigurationError, EvidenceError
from vbr_audit.fleets.rules_of_runs import common_rules
from vbr_audit.pipeline import judge
from vbr_audit.reports.formats import DEFAULT_FORMATS, checked_formats
from vbr_audit.reports.interface import checked_length, checked_sheets
from vbr_audit.reports.pdf_signature import PdfSigner, taken_signer
from vbr_audit.revisions import NEWEST
from vbr_audit.rules import RuleOptions, shows_rule_options
from vbr_audit.scrub.pseudonyms import ScrubKey
from vbr_audit.vocabulary import MAIN_SHEETS, PdfLength

_SAME_CLOCK_S: Final = 300.0
_APART: Final = dt.timedelta(hours=1)
_TERMS: Final[Mapping[str, str]] = {
    "since": "the period begins",
    "until": "the period ends",
    "timezone": "the time zone is",
    "jobs_pattern": "the jobs in scope are",
    "accounts_masked": "accounts are masked:",
}
"""What of a run must be the same in all, with the words for it."""


@dataclass(frozen=True)
class Expected:
    """A server that the merged run is to be about, whether one of the runs is about it or not."""

    name: str
    url: str
    tenant: str | None = None


@shows_rule_options
def merge_runs(
    runs: Iterable[str | Path],
    out: str | Path,
    *,
    expected: Iterable[Expected] = (),
    formats: Iterable[str] = DEFAULT_FORMATS,
    templates: str | Path | None = None,
    csv_bom: bool = False,
    pdf: str = PdfLength.SHORT,
    sheets: str = MAIN_SHEETS,
    sign_pdf: PdfSigner | str | Path | None = None,
    force: bool = False,
    command: str | None = None,
    scrub_key: str | Path | ScrubKey | None = None,
    **given: Unpack[RuleOptions],
) -> Audit:
    """Write the run `out` with the servers and the evidence of all `runs`, judged anew, and return it.

    A server of `expected` that no run is about is recorded as not read. What is not `given` of the rules must be the
    same in all runs. With a `scrub_key`, the merged run has no names and no evidence; the runs must have both. Earlier
    runs, events and remarks of reviewers are taken over only where all runs keep the same.
    Raises `ConfigurationError` where the runs do not fit together, `EvidenceError` for a run that is no run, was
    changed, has no names, or is of a newer version, and `OutputError`.
    """
    place, wanted = Path(out), checked_formats(formats)
    how: dict[str, Any] = {"templates": templates, "csv_bom": csv_bom, "pdf": checked_length(pdf)}
    how["sign_pdf"] = taken_signer(sign_pdf)
    folders = [Path(folder) for folder in runs]
    manifests = {folder: _whole_manifest(folder) for folder in folders}
    if len(manifests) < len(folders) or not folders:
        raise ConfigurationError("no run, or one run twice, was given to be merged", hint="Name each run folder once.")
    if place.resolve() in {folder.resolve() for folder in folders}:
        raise ConfigurationError(f"{place} is one of the runs", hint="Give the merged run a folder of its own.")
    _refuse_other_terms(manifests)
    _refuse_same_servers(manifests)
    rules, left_out = common_rules(manifests, given)
    snapshot = _merged(manifests, [*expected], left_out, None if command is None else encodable(command))
    if scrub_key is None:
        snapshot.save(place, force=force, unwritten=wanted)
        _refuse_changed_copies(folders, place)
    audit = judge(snapshot, rules)
    if scrub_key is not None:
        audit = audit.scrub(scrub_key)
        audit.snapshot.save(place, force=force, unwritten=wanted)
    audit.write_outcome(place, formats=wanted, **how, sheets=checked_sheets(sheets))
    return audit


def _whole_manifest(folder: Path) -> Manifest:
    """The manifest of a run that can be merged; raises `EvidenceError` for any other."""
    manifest = run_folder.read_manifest(folder)
    if manifest.is_scrubbed:
        raise EvidenceError(
            f"the names of {folder} were scrubbed, and its evidence was left out",
            hint="Merge the runs that the scrubbed ones were made from, then scrub the merged run.",
        )
    if _release(manifest.run.tool_version) > _release(__version__):
        raise EvidenceError(
            f"{folder} was written by vbr-audit {manifest.run.tool_version}, and this is {__version__}",
            hint="Merge the runs with the newest version that wrote one of them.",
        )
    changed = run_folder.differences(folder)
    if changed:
        more = f" (and {count(len(changed) - 1, 'more difference')})" if len(changed) > 1 else ""
        raise EvidenceError(
            f"{folder} is not as it was written: {changed[0]}{more}",
            hint=f"`vbr-audit verify {folder}` lists all; take the run from where it was written.",
        )
    return manifest


def _release(version: str) -> tuple[int, ...]:
    """The numbers that a version begins with."""
    return tuple(int(number) for number in re.findall(r"\d+", version.split("+", maxsplit=1)[0])[:3])


def _refuse_other_terms(manifests: Mapping[Path, Manifest]) -> None:
    (first, one), *others = manifests.items()
    for folder, other in others:
        for name, words in _TERMS.items():
            mine, theirs = getattr(one.run, name), getattr(other.run, name)
            if mine != theirs:
                raise ConfigurationError(
                    f"the runs are not about the same: {words} {_shown(mine)} in {first}, {_shown(theirs)} in {folder}",
                    hint="Collect all of them with the same --month (or --since and --until), --timezone and --jobs.",
                )


def _shown(value: object) -> str:
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    return "all" if value is None else plain(str(value))


def _refuse_same_servers(manifests: Mapping[Path, Manifest]) -> None:
    """Raise `ConfigurationError` where two runs are about one server, by its name or by the id that it reports."""
    names: dict[str, tuple[str, Path]] = {}
    ids: dict[str, str] = {}
    for folder, manifest in manifests.items():
        for server in manifest.servers:
            other, there = names.setdefault(slug(server.name), (server.name, folder))
            if there != folder:
                raise ConfigurationError(
                    f"{server.name} is in {there} and in {folder}"
                    + ("" if other == server.name else f", there as {other}"),
                    hint="A server is in a merged run once: leave one of the two runs out.",
                )
            if server.vbr_id and (twin := ids.setdefault(server.vbr_id.casefold(), server.name)) != server.name:
                raise same_server(twin, server.name, server.vbr_id)


def _merged(
    manifests: Mapping[Path, Manifest], expected: Sequence[Expected], left_out: Sequence[str], command: str | None
) -> Snapshot:
    """The snapshot of all runs; evidence is read where it is."""
    parts = [run_folder.load(folder) for folder in manifests]
    servers = [server for part in manifests.values() for server in part.servers]
    datasets = [record for part in manifests.values() for record in part.datasets]
    run = _run_of([part.run for part in manifests.values()], servers, command)
    missing = [server for server in expected if slug(server.name) not in {slug(found.name) for found in servers}]
    for server in missing:
        datasets += _not_read(server, datasets, run.now)
    manifest = Manifest(
        run=run,
        servers=[*servers, *map(_never_met, missing)],
        datasets=datasets,
        warnings=[*dict.fromkeys(_warnings(manifests, servers)), *left_out],
        interrupted=any(part.interrupted for part in manifests.values()),
    )
    tables = join([dict(part.tables) for part in parts])
    evidence = {name: file for part in parts for name, file in part.evidence.items()}
    positions = {name: rows for part in parts for name, rows in part.positions.items()}
    return Snapshot(manifest, tables | provenance_tables(manifest), evidence, positions, untouched(tables))


def _run_of(runs: Sequence[RunRecord], servers: Sequence[ServerRecord], command: str | None) -> RunRecord:
    notes = [*dict.fromkeys(run.note for run in runs if run.note)]
    versions = sorted({run.tool_version for run in runs}, key=_release)
    return runs[0].model_copy(
        update={
            "now": _clock(runs, servers),
            "tool_version": versions[-1],
            "command": command,
            "note": "; ".join(notes) or None,
        }
    )


def _clock(runs: Sequence[RunRecord], servers: Sequence[ServerRecord]) -> dt.datetime:
    """The latest clock of the servers that agree with the leading one: nothing that was read lies after it."""
    skews = {server.name: server.clock_skew_s for server in servers if server.clock_skew_s is not None}
    leading = leading_clock(skews)
    if leading is None:
        return max(run.now for run in runs)
    agreeing = {name for name, skew in skews.items() if abs(skew - skews[leading]) <= _SAME_CLOCK_S}
    clocks = [server.server_time for server in servers if server.name in agreeing and server.server_time is not None]
    return max(clocks, default=max(run.now for run in runs))


def _warnings(manifests: Mapping[Path, Manifest], servers: Sequence[ServerRecord]) -> Iterator[str]:
    for manifest in manifests.values():
        yield from manifest.warnings
    skews = {server.name: server.clock_skew_s for server in servers if server.clock_skew_s is not None}
    if (leading := leading_clock(skews)) is not None:
        yield from clock_warnings(skews, leading)
    clocks = [manifest.run.now for manifest in manifests.values()]
    if max(clocks) - min(clocks) > _APART:
        yield (
            f"the merged runs were read from {min(clocks):%Y-%m-%d %H:%M} to {max(clocks):%Y-%m-%d %H:%M} UTC: "
            "ages count from the last of these"
        )
    merged = ", ".join(f"{part.run_id} ({count(len(part.servers), 'server')})" for part in manifests.values())
    yield f"this run was merged from {count(len(manifests), 'run')}: {merged}"


def _never_met(server: Expected) -> ServerRecord:
    """The record of a server that no run is about; the revisions are those that would have been asked for."""
    facts: dict[str, Any] = {"revision": NEWEST, "revision_newest": NEWEST, "account": "", "verified": True}
    return ServerRecord(name=server.name, url=server.url, tenant=server.tenant, tls="not connected", **facts)


def _not_read(server: Expected, records: Sequence[DatasetRecord], now: dt.datetime) -> Iterator[DatasetRecord]:
    """The datasets of a server that no run is about, as those of the other servers."""
    facts: dict[str, Any] = {"status": DatasetStatus.FAILED, "reason": "none of the merged runs is about this server"}
    paths = {record.name: record.path for record in records}
    for name, path in paths.items():
        yield DatasetRecord(server=server.name, name=name, path=path, revision=NEWEST, started=now, ended=now, **facts)


def _refuse_changed_copies(folders: Iterable[Path], place: Path) -> None:
    """Raise `EvidenceError` where a copy of evidence has not the hash that its run lists."""
    below = f"{run_folder.EVIDENCE}/"
    listed = {digest for folder in folders for digest in run_folder.listed_hashes(folder).values()}
    for name, digest in run_folder.listed_hashes(place).items():
        if name.startswith(below) and digest not in listed:
            raise EvidenceError(f"{place / name} is not what was to be copied", hint="Merge the runs again.")
