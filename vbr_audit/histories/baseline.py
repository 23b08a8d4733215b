"""What a run is compared with: an earlier run, a history, or what a saved run kept of either."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import pandas as pd
from pydantic import TypeAdapter, ValidationError

from vbr_audit.checks.drift.compare import SettingsOfRun
from vbr_audit.checks.drift.settings import READ_SPEC as SETTINGS_READ
from vbr_audit.checks.drift.settings import SPEC as SETTINGS
from vbr_audit.collection import run_folder
from vbr_audit.collection.manifest import Manifest
from vbr_audit.config.given_file import MOST_KEPT, read_given
from vbr_audit.errors import ConfigurationError, EvidenceError
from vbr_audit.findings.changes import EarlierRun, Known
from vbr_audit.findings.compared import ASKED_SPEC, Judged, judged_run
from vbr_audit.findings.lifecycle import LIVES_SPEC, Lives, step
from vbr_audit.histories import capacities
from vbr_audit.histories.archive import Entry, is_history, open_archive
from vbr_audit.histories.drift.settings import settings_of_run
from vbr_audit.histories.run_records import HistoryRecord, point_of_document, record_of
from vbr_audit.histories.sampling import samples_in
from vbr_audit.histories.stored import from_document, packed, to_document, unpacked
from vbr_audit.tables.build.schema import empty

_LONGEST: Final = pd.Timedelta(days=366)
"""So far back the samples of space reach: no longer is looked at to tell when a repository is full."""
_HINT: Final = "Give the folder of an earlier run, or of a history."


@dataclass(frozen=True)
class Earlier:
    """What earlier runs left for a run: what is known of the findings, and the settings of the latest of them.

    `settings` is None where that run kept none. `runs` are the records of the runs that its trend is made of, `samples`
    the space of its repositories before it, with the columns of `capacity`.
    """

    known: Known
    settings: SettingsOfRun | None = None
    runs: tuple[HistoryRecord, ...] = ()
    samples: pd.DataFrame = dataclasses.field(default_factory=lambda: empty(capacities.CAPACITY))

    def to_bytes(self) -> bytes:
        """What a run folder keeps of it, so that the same can be said again."""
        known, settings = self.known, self.settings
        return packed(
            {
                "earlier": dataclasses.asdict(known.earlier),
                "lives": to_document(known.lives.findings, LIVES_SPEC),
                "asked": to_document(known.lives.asked, ASKED_SPEC),
                "as_of": dict(known.lives.as_of),
                "left_out": list(known.left_out),
                "settings": None if settings is None else _settings_document(settings),
                "runs": [record.model_dump(mode="json", by_alias=True) for record in self.runs],
                "samples": to_document(self.samples, capacities.CAPACITY),
            }
        )

    @classmethod
    def from_bytes(cls, name: str, content: bytes) -> Earlier:
        """What `to_bytes` wrote; raises `EvidenceError`."""
        try:
            document = orjson.loads(unpacked(content))
            lives = Lives(
                from_document(name, document["lives"], LIVES_SPEC),
                from_document(name, document["asked"], ASKED_SPEC),
                TypeAdapter(dict[str, dt.datetime]).validate_python(document["as_of"]),
            )
            earlier = TypeAdapter(EarlierRun).validate_python(document["earlier"])
            left_out = tuple(map(str, document["left_out"]))
            settings = None if document["settings"] is None else _settings_of(name, document["settings"])
            runs = tuple(map(HistoryRecord.model_validate, document["runs"]))
            # A run of an older version kept none.
            kept = document.get("samples")
            spec = capacities.CAPACITY
            samples = empty(spec) if kept is None else from_document(name, kept, spec)
        except (KeyError, TypeError, ValueError, ValidationError) as error:
            raise EvidenceError(
                f"{name}: not what a run keeps of earlier ones ({type(error).__name__})",
                hint="Take it from a backup of the run folder, or judge the run again with --baseline.",
            ) from None
        return cls(Known(earlier, lives, left_out), settings, runs, samples)


def _settings_document(settings: SettingsOfRun) -> dict[str, Any]:
    return {
        "now": settings.now,
        "settings": to_document(settings.settings, SETTINGS),
        "read": to_document(settings.read, SETTINGS_READ),
        "hides_accounts": settings.hides_accounts,
    }


def _settings_of(name: str, document: Mapping[str, Any]) -> SettingsOfRun:
    return SettingsOfRun(
        TypeAdapter(dt.datetime).validate_python(document["now"]),
        from_document(name, document["settings"], SETTINGS),
        from_document(name, document["read"], SETTINGS_READ),
        hides_accounts=bool(document["hides_accounts"]),
    )


@dataclass(frozen=True)
class Baseline:
    """Where a run finds what it is compared with: nowhere, a folder, or in what was kept with it."""

    folder: Path | None = None
    kept: bytes = b""

    def before(self, manifest: Manifest) -> Earlier | None:
        """What earlier runs left for the run of `manifest`; None where there is none.

        Raises `ConfigurationError` for a folder that is neither a run nor a history, and `EvidenceError`.
        """
        if self.kept:
            return Earlier.from_bytes(run_folder.EARLIER, self.kept)
        if self.folder is None:
            return None
        if (self.folder / run_folder.MANIFEST).exists():
            return _after_run(self.folder, manifest)
        if is_history(self.folder):
            return _of_history(self.folder, manifest)
        if self.folder.is_dir() and all(
            each.name.startswith(".") or each.name == "samples" for each in self.folder.iterdir()
        ):
            return None  # a history to which no run was added yet
        raise ConfigurationError(f"{self.folder} is neither a run nor a history", hint=_HINT)


def load_baseline(given: str | Path | bytes | None) -> Baseline:
    """The baseline in a folder, or that was kept; raises `ConfigurationError` where the folder is not there."""
    if isinstance(given, bytes):
        return Baseline(kept=given)
    if given is None:
        return Baseline()
    folder = Path(given)
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} is not there, nothing can be compared with it", hint=_HINT)
    return Baseline(folder)


def _after_run(folder: Path, manifest: Manifest) -> Earlier | None:
    """What is known after one run; what that run knew of earlier ones goes on. None where it is this very run."""
    kept, document = _findings_of(folder)
    judged = _judged(folder, kept, document)
    if judged.run_id == manifest.run_id:
        raise ConfigurationError(f"{folder} is the same run", hint="Compare it with an earlier one.")
    if judged.now > manifest.run.now:
        raise ConfigurationError(f"{folder} is later than the run that is compared with it", hint=_HINT)
    known = folder / run_folder.EARLIER
    before = Earlier.from_bytes(known.name, run_folder.bytes_of(known)) if known.is_file() else None
    lives, runs = (Lives(), ()) if before is None else (before.known.lives, before.runs)
    kept_samples = [] if before is None else [before.samples]
    settings = None
    samples = empty(capacities.CAPACITY)
    if not kept.is_scrubbed:
        snapshot = run_folder.load(folder)
        settings, samples = settings_of_run(snapshot), capacities.capacity_of(snapshot)
        snapshot.close()
    try:
        point = point_of_document(document, samples)
    except (KeyError, TypeError, ValueError) as error:
        raise _not_findings(folder, error) from None
    record = record_of(kept, point)
    known_before = Known(EarlierRun.of(judged), step(lives, judged))
    space = _samples_before([*kept_samples, samples], manifest)
    return Earlier(known_before, settings, (*runs, record.as_point), space)


def _of_history(folder: Path, manifest: Manifest) -> Earlier | None:
    """What the runs of a history before this one leave for its servers; None where there is none."""
    ids, order = sorted(set(manifest.server_ids.values())), (manifest.run.now, manifest.run_id)
    archive = open_archive(folder, about=ids)
    before = archive.before(order, ids)
    if not before:
        return None
    settings = next((kept_settings(entry) for entry in reversed(before) if not entry.is_pruned), None)
    lives, problems = archive.lives_before(ids, order), tuple(map(str, archive.problems))
    runs = tuple(entry.record.as_point for entry in before)
    frames = [entry.table_or_empty(capacities.CAPACITY) for entry in before if not entry.is_pruned]
    samples = _samples_before([*frames, samples_in(folder)], manifest)
    return Earlier(Known(EarlierRun.of(before[-1].record), lives, problems), settings, runs, samples)


def _samples_before(frames: Sequence[pd.DataFrame], manifest: Manifest) -> pd.DataFrame:
    """The samples of the servers of a run in the year before it, in order of time."""
    filled = [frame for frame in frames if len(frame)]
    if not filled:
        return empty(capacities.CAPACITY)
    samples, now = pd.concat(filled, ignore_index=True), pd.Timestamp(manifest.run.now)
    own = samples["server_id"].isin(sorted(set(manifest.server_ids.values()))).to_numpy(dtype=bool)
    age = now - samples["taken_at"]
    near = ((age > pd.Timedelta(0)) & (age <= _LONGEST)).to_numpy(dtype=bool)
    order = ["taken_at", "server_id", "repository_id"]
    return samples[own & near].sort_values(order, kind="stable", ignore_index=True)


def kept_settings(entry: Entry) -> SettingsOfRun | None:
    """The settings that a run of a history kept; None of a run of an older version."""
    if entry.table_file(SETTINGS.name) is None or entry.table_file(SETTINGS_READ.name) is None:
        return None
    record = entry.record
    return SettingsOfRun(record.now, entry.table(SETTINGS), entry.table(SETTINGS_READ), record.accounts_masked)


def judged_of_folder(folder: str | Path) -> Judged:
    """What a saved run says of its findings, as its `findings.json` has them.

    Raises `EvidenceError` where the folder is no run, was not judged, or is not as it was written.
    """
    folder = Path(folder)
    return _judged(folder, *_findings_of(folder))


def _findings_of(folder: Path) -> tuple[Manifest, dict[str, Any]]:
    """The manifest and the findings of a saved run, as they were written."""
    manifest = run_folder.read_manifest(folder)
    path = folder / run_folder.FINDINGS_JSON
    if not path.is_file():
        raise EvidenceError(f"{folder} was collected and not judged", hint=f"Judge it first: vbr-audit check {folder}")
    if path.name in run_folder.changed_files(folder, [path.name]):
        raise EvidenceError(f"{path} was changed", hint=f"Judge the run again: vbr-audit check {folder}")
    try:
        document: dict[str, Any] = orjson.loads(read_given(path, most=MOST_KEPT))
    except OSError as error:
        raise EvidenceError(f"cannot read {path}: {error.strerror or error}", hint="Check its permissions.") from None
    except ValueError as error:
        raise _not_findings(folder, error) from None
    return manifest, document


def _judged(folder: Path, manifest: Manifest, document: Mapping[str, Any]) -> Judged:
    try:
        findings, coverage = (_frame(document[name]) for name in ("findings", "coverage"))
        return judged_run(manifest, findings, coverage)
    except (KeyError, TypeError, ValueError) as error:
        raise _not_findings(folder, error) from None


def _not_findings(folder: Path, error: Exception) -> EvidenceError:
    return EvidenceError(
        f"{folder / run_folder.FINDINGS_JSON}: not the findings of a run ({type(error).__name__}: {error})",
        hint=f"Judge the run again: vbr-audit check {folder}",
    )


def _frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows of JSON as columns of objects, NA where a value is null or a row lacks it."""
    names = {*_NEEDED, *(rows[0] if rows else ())}
    columns: dict[str, Any] = {}
    for name in names:
        cells = np.empty(len(rows), dtype=object)
        cells[:] = [pd.NA if (value := row.get(name)) is None else value for row in rows]
        columns[name] = cells
    return pd.DataFrame(columns)


_NEEDED: Final = (
    *("server", "check_id", "title", "severity", "object_type", "object_id", "object_name", "status", "finding_id"),
    *("population", "whole", "area"),
)


__all__ = ["Baseline", "Earlier", "judged_of_folder", "load_baseline"]
