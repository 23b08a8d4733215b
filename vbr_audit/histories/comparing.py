"""Two runs side by side: folders, or runs of a history."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from vbr_audit.checks.drift.compare import SettingsOfRun
from vbr_audit.checks.drift.register import load_register
from vbr_audit.collection import run_folder
from vbr_audit.display import time_zone
from vbr_audit.errors import ConfigurationError, EvidenceError
from vbr_audit.findings.changes import Changes, compare_runs
from vbr_audit.findings.compared import Judged
from vbr_audit.histories.archive import open_archive
from vbr_audit.histories.baseline import judged_of_folder, kept_settings
from vbr_audit.histories.change_events import attributed_drift, load_events
from vbr_audit.histories.drift.settings import settings_of_run


def diff_runs(
    old: str | Path,
    new: str | Path,
    *,
    history: str | Path | None = None,
    events: str | Path | Iterable[str | Path] | None = None,
    change_register: str | Path | None = None,
) -> Changes:
    """What changed from one saved run to a later one, as if there had been no other before.

    `old` and `new` are run folders, or with `history` the runs of it by month (`2026-09`) or id. Nothing is asked of a
    server, and nothing beyond `vbr-audit` itself has to be installed for folders. With files of VBR's `events`, or a
    `change_register`, the attribute `drift` says which settings changed, who did it, and whether that was approved.

    Raises `EvidenceError` for a folder that is no judged run or was changed, and for one without the settings, where
    these are asked for; `ConfigurationError` for runs in the wrong order, one run twice, or a damaged file.
    """
    given, register = load_events(events), load_register(change_register)
    first, second = _judged(old, history), _judged(new, history)
    if first.run_id == second.run_id:
        raise ConfigurationError(f"{old} and {new} are the same run", hint="Give two different runs.")
    if first.now > second.now:
        raise ConfigurationError(f"{old} is later than {new}", hint="Give the earlier run first.")
    changes = compare_runs(first, second)
    if not given.is_given and not register.is_given:
        return changes
    before, after = _settings(old, history), _settings(new, history)
    return replace(changes, drift=attributed_drift(before, after, time_zone(second.timezone), given, register))


def _settings(run: str | Path, history: str | Path | None) -> SettingsOfRun:
    """The settings of a run; those of a folder are made again from its evidence."""
    if history is None:
        snapshot = run_folder.load(run)
        try:
            return settings_of_run(snapshot)
        finally:
            snapshot.close()
    settings = kept_settings(open_archive(history).find(str(run)))
    if settings is None:
        raise EvidenceError(
            f"the run {run} of the history keeps no settings", hint="Compare the run folders, or leave out the events."
        )
    return settings


def _judged(run: str | Path, history: str | Path | None) -> Judged:
    if history is None:
        return judged_of_folder(run)
    return open_archive(history).find(str(run)).judged()
