"""Proving that a run folder is what was collected, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from vbr_audit.checks.own.own_checks import OwnChecks, checks_of_run, left_out_text
from vbr_audit.collection import kept_tables, run_folder
from vbr_audit.collection.assemble import without_cycle_search
from vbr_audit.collection.manifest import OwnChecksRecord
from vbr_audit.display import plain
from vbr_audit.errors import CheckError, ConfigurationError, EvidenceError
from vbr_audit.pipeline import judge
from vbr_audit.rules import Rules

if TYPE_CHECKING:
    from vbr_audit.collection.snapshot import Snapshot
    from vbr_audit.reports.pdf_evidence import PdfsReport


def verify_run(folder: str | Path, *, checks: str | Path | OwnChecks | None = None) -> list[str]:
    """What in a run folder is not as it was written, or does not follow from its evidence; empty when all holds.

    Every file is hashed again, the PDFs are compared with what they carry and with their signatures (`check_pdfs`); the
    findings, and the tables that a large run keeps, are made again from the evidence and compared. `checks` is the
    folder of the run's own checks in Python: without it their findings cannot be made again, which is a difference. Of
    a scrubbed run, which has no evidence, the files are hashed again.
    """
    from vbr_audit.reports.pdf_evidence import check_pdfs

    return differences_of(Path(folder), check_pdfs(Path(folder)), checks=checks)


def differences_of(folder: Path, pdfs: PdfsReport, *, checks: str | Path | OwnChecks | None = None) -> list[str]:
    """What `verify_run` finds in a run folder whose PDFs were checked already."""
    differences = [*_unfinished(folder), *run_folder.differences(folder), *pdfs.problems]
    if is_scrubbed(folder):
        return differences
    try:
        with without_cycle_search():  # tables hold no cycles
            return [*differences, *_not_following(folder, checks)]
    except (EvidenceError, ConfigurationError, CheckError) as error:
        return [*differences, f"the findings cannot be made again: {error.message}"]


def _not_following(folder: Path, checks: str | Path | OwnChecks | None) -> Iterator[str]:
    """What of the tables and the findings that a run keeps does not follow from its evidence."""
    findings, tables = folder / run_folder.FINDINGS_JSON, folder / run_folder.TABLES
    if not findings.is_file() and not tables.is_file():
        return
    records = run_folder.read_manifest(folder).run.own_checks
    own = checks_of_run(folder / run_folder.OWN_CHECKS, records, checks, only=True)
    gaps = _own_differences([record for record in records if record.used], own)
    snapshot = run_folder.load(folder, from_evidence=True)
    try:
        yield from kept_tables.differences(tables, snapshot)
        if not findings.is_file():
            return
        if gaps:
            yield from gaps
        elif _hash_of_findings(snapshot, folder, own) != run_folder.hash_of(findings):
            yield f"{findings.name} is not what the evidence and the policy give"
    finally:
        snapshot.close()


def _hash_of_findings(snapshot: Snapshot, folder: Path, checks: OwnChecks) -> str:
    """The SHA-256 of the findings as a snapshot and the rules of its run give them."""
    from vbr_audit.reports.exports.json import findings_sha256

    return findings_sha256(judge(snapshot, Rules.kept(folder, checks=checks)).context)


def _unfinished(folder: Path) -> Iterator[str]:
    """What an audit was to write and did not."""
    if unwritten := run_folder.read_manifest(folder).unwritten:
        yield f"the run was not finished: it was to write {', '.join(map(plain, unwritten))}; `report` writes them"


def is_scrubbed(folder: Path) -> bool:
    """Whether a run was written without names, and so without evidence to make its findings from again."""
    return run_folder.read_manifest(folder).is_scrubbed


def _own_differences(used: Iterable[OwnChecksRecord], own: OwnChecks) -> list[str]:
    """Why the own checks at hand are not those that a run was made with."""
    at_hand = {(record.kind, record.name): record for record in own.records if record.used}
    gaps = []
    for record in used:
        now = at_hand.get((record.kind, record.name))
        if now is None:
            gaps.append(f"the findings cannot be made again: {left_out_text(record)}")
        elif now.sha256 != record.sha256:
            gaps.append(f"the findings cannot be made again: the own checks of {record.name} are others than then")
    return gaps
