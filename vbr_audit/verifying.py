"""Proving that a run folder is what was collected, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from vbr_audit.checks.own.own_checks import OwnChecks, checks_of_run, left_out_text
from vbr_audit.collection import run_folder
from vbr_audit.collection.manifest import OwnChecksRecord
from vbr_audit.display import plain
from vbr_audit.errors import CheckError, ConfigurationError, EvidenceError
from vbr_audit.pipeline import load_audit


def verify_run(folder: str | Path, *, checks: str | Path | OwnChecks | None = None) -> list[str]:
    """What in a run folder is not as it was written, or does not follow from its evidence; empty when all holds.

    Every file is hashed again, and the findings are made again from the evidence and compared. `checks` is the folder
    of the run's own checks in Python: without it their findings cannot be made again, which is a difference. Of a
    scrubbed run, which has no evidence, the files are hashed again.
    """
    from vbr_audit.reports.exports.json import findings_sha256

    folder = Path(folder)
    differences = [*_unfinished(folder), *run_folder.differences(folder)]
    kept = folder / run_folder.FINDINGS_JSON
    if is_scrubbed(folder) or not kept.is_file():
        return differences
    try:
        records = run_folder.read_manifest(folder).run.own_checks
        own = checks_of_run(folder / run_folder.OWN_CHECKS, records, checks, only=True)
        if gaps := _own_differences([record for record in records if record.used], own):
            return [*differences, *gaps]
        same = findings_sha256(load_audit(folder, checks=own).context) == run_folder.hash_of(kept)
    except (EvidenceError, ConfigurationError, CheckError) as error:
        return [*differences, f"the findings cannot be made again: {error.message}"]
    return differences if same else [*differences, f"{kept.name} is not what the evidence and the policy give"]


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
