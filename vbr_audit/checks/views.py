"""What the engine sees of one server: its tables, and how whole the datasets behind them are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from vbr_audit.checks.logic import Cells, surely
from vbr_audit.checks.registry import DATASET_OF
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.tables import SPECS, controls
from vbr_audit.tables.schema import conform

READABLE = ("complete", "partial")
NOT_COLLECTED = "not collected"


@dataclass(frozen=True)
class Reading:
    """How far a dataset was read: its status, and why no further."""

    status: str
    reason: str | None = None

    def told_of(self, dataset: str) -> str:
        """`sessions: denied (403 …)`, for reasons."""
        return f"{dataset}: {self.status}" + (f" ({self.reason})" if self.reason else "")


@dataclass(eq=False)
class ServerView:
    """One server of a snapshot. Frames are on a plain 0…n-1 index and are never handed out for writing."""

    name: str
    snapshot: Snapshot
    readings: Mapping[str, Reading]
    needed: frozenset[str]
    alone: bool
    _frames: dict[str, pd.DataFrame] = field(default_factory=dict)
    _support: dict[str, pd.Series] = field(default_factory=dict)

    @property
    def now(self) -> dt.datetime:
        """The run's clock."""
        return self.snapshot.now

    def reading(self, table: str) -> Reading:
        """How far the dataset behind `table` was read; a table of the manifest is always complete."""
        dataset = DATASET_OF.get(table)
        return Reading("complete") if dataset is None else self.readings.get(dataset, Reading(NOT_COLLECTED))

    def frame(self, table: str) -> pd.DataFrame:
        """The rows of `table` that belong to this server."""
        if table not in self._frames:
            frame = self.snapshot.tables[table]
            if not self.alone:
                frame = frame[frame["server"].eq(self.name).to_numpy(dtype=bool, na_value=False)]
            if table == "datasets":
                frame = self._with_uncollected(frame)
            self._frames[table] = frame.reset_index(drop=True)
        return self._frames[table]

    def support(self, control: str) -> pd.Series:
        """Whether each job's type has `control`: yes, no, or not known."""
        if control not in self._support:
            self._support[control] = controls.support(self.frame("jobs")["settings_profile"], control)
        return self._support[control]

    def absent(self, control: str) -> Cells:
        """A plain boolean array: the jobs whose type surely lacks `control`."""
        return surely(~self.support(control))

    def _with_uncollected(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The datasets with a row for each needed one that nobody asked for."""
        missing = sorted(self.needed - set(self.readings))
        if not missing:
            return frame
        extra, _ = conform(
            {
                "server": [self.name] * len(missing),
                "name": missing,
                "status": [NOT_COLLECTED] * len(missing),
                "reason": ["this run did not ask for it"] * len(missing),
            },
            SPECS["datasets"],
        )
        return extra if frame.empty else pd.concat([frame, extra], ignore_index=True)


def server_names(snapshot: Snapshot) -> tuple[str, ...]:
    """The servers of a snapshot: those of the manifest, then any other that a table names."""
    names = dict.fromkeys(record.name for record in snapshot.manifest.servers)
    names |= dict.fromkeys(record.server for record in snapshot.manifest.datasets)
    for frame in snapshot.tables.values():
        if "server" in frame:
            names |= dict.fromkeys(frame["server"].dropna().unique().tolist())
    return tuple(names)


def views_of(snapshot: Snapshot, needed: frozenset[str]) -> tuple[ServerView, ...]:
    """One view per server; `needed` are the datasets that the enabled checks read."""
    names = server_names(snapshot)
    readings: dict[str, dict[str, Reading]] = {name: {} for name in names}
    for record in snapshot.manifest.datasets:
        readings[record.server][record.name] = Reading(str(record.status), record.reason)
    return tuple(ServerView(name, snapshot, readings[name], needed, alone=len(names) == 1) for name in names)
