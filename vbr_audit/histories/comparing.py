"""Two runs side by side: folders, or runs of a history."""

from __future__ import annotations

from pathlib import Path

from vbr_audit.errors import ConfigurationError
from vbr_audit.findings.changes import Changes, compare_runs
from vbr_audit.findings.compared import Judged
from vbr_audit.histories.archive import open_archive
from vbr_audit.histories.baseline import judged_of_folder


def diff_runs(old: str | Path, new: str | Path, *, history: str | Path | None = None) -> Changes:
    """What changed from one saved run to a later one, as if there had been no other before.

    `old` and `new` are run folders, or with `history` the runs of it by month (`2026-09`) or id. Nothing is asked of a
    server, and nothing beyond `vbr-audit` itself has to be installed for folders. Raises `EvidenceError` for a folder
    that is no judged run or was changed, and `ConfigurationError` for runs in the wrong order, or one run twice.
    """
    first, second = _judged(old, history), _judged(new, history)
    if first.run_id == second.run_id:
        raise ConfigurationError(f"{old} and {new} are the same run", hint="Give two different runs.")
    if first.now > second.now:
        raise ConfigurationError(f"{old} is later than {new}", hint="Give the earlier run first.")
    return compare_runs(first, second)


def _judged(run: str | Path, history: str | Path | None) -> Judged:
    if history is None:
        return judged_of_folder(run)
    return open_archive(history).find(str(run)).judged()
