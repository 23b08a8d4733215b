"""What the engine sees of one server: its tables, and how whole the datasets behind them are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from vbr_audit.checks.derived import DERIVED, EARLIER, SITE, Material
from vbr_audit.checks.derived.drift_tables import drift_of
from vbr_audit.checks.derived.material import Made
from vbr_audit.checks.derived.runs import ALL
from vbr_audit.checks.drift.compare import Drift, SettingsOfRun
from vbr_audit.checks.drift.settings import NARROWED, ServerId, settings_of_server, settings_read_of_server
from vbr_audit.checks.earlier import Earlier
from vbr_audit.checks.engine.tables import TABLES, sources_of
from vbr_audit.checks.logic.codes import Cells, codes_of, sealed, sealed_part
from vbr_audit.checks.site import Site
from vbr_audit.collection.manifest import UNREAD_BELOW
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.datasets import SPECS
from vbr_audit.display import time_zone
from vbr_audit.tables.build.arrays import STRING
from vbr_audit.tables.build.naming import marked, told
from vbr_audit.tables.build.schema import conform, empty, named_frame, relabelled
from vbr_audit.tables.jobs import controls
from vbr_audit.tables.server_time import BY_OFFSET, zones_of_offset

if TYPE_CHECKING:
    from vbr_audit.checks.engine.objects import Causes

READABLE = ("complete", "partial")
NOT_COLLECTED = "not collected"
NOT_GIVEN = "not given"

_OF_SNAPSHOTS: Final[WeakKeyDictionary[Snapshot, dict[tuple[str, str], Any]]] = WeakKeyDictionary()
"""What was worked out of the tables of a snapshot, by server and name: checks ask for it, and reports once more."""


@dataclass(frozen=True)
class Reading:
    """How far a dataset was read: its status, why no further, and below which parents alone rows are missing."""

    status: str
    reason: str | None = None
    unread_below: tuple[str, ...] = ()

    def gap_text(self, dataset: str) -> str:
        """`sessions: denied (403 …)`, as a part of a sentence."""
        reason = self.reason and (self.reason if self.status == NOT_GIVEN else marked("server text", self.reason))
        return f"{dataset}: {self.status}" + (f" ({reason})" if reason else "")


@dataclass(eq=False)
class ServerView:
    """One server of a snapshot. Frames are on a plain 0…n-1 index and are never handed out for writing.

    `peers` are the views of all servers of the snapshot, this one among them. `is_of_snapshot` says that `frames` holds
    nothing but what was taken from there, so that what the snapshot has worked out of its tables holds here too.
    `causes` are those of the objects of a table, by the table and the kind of cause, once a check has asked for them.
    """

    name: str
    snapshot: Snapshot
    readings: Mapping[str, Reading]
    needed: frozenset[str]
    alone: bool
    site: Site = field(default_factory=Site)
    earlier: Earlier = field(default_factory=Earlier)
    peers: tuple[ServerView, ...] = ()
    is_of_snapshot: bool = False
    frames: dict[str, pd.DataFrame] = field(default_factory=dict)
    causes: dict[tuple[str, str], Causes] = field(default_factory=dict)
    _sealed: dict[tuple[str, str], pd.Series] = field(default_factory=dict)
    _arrays: dict[tuple[str, str], Any] = field(default_factory=dict)
    _parts: dict[str, tuple[str, Cells]] = field(default_factory=dict)
    _absent: dict[str, Cells] = field(default_factory=dict)
    _gaps: dict[tuple[str, bool], tuple[str, ...]] = field(default_factory=dict)
    _made: dict[tuple[str, str], Any] = field(default_factory=dict)

    @property
    def now(self) -> dt.datetime:
        """The clock of this server when it was read; the run's where the server did not report it."""
        clock: dt.datetime | None = self._own("server_time")
        return self.snapshot.now if clock is None else clock

    @property
    def since(self) -> dt.datetime:
        """The first instant of the period."""
        return self.snapshot.since

    @property
    def until(self) -> dt.datetime:
        """The first instant after the period."""
        return self.snapshot.until

    @property
    def zone(self) -> dt.tzinfo:
        """The zone of the report."""
        return time_zone(self.snapshot.timezone)

    @property
    def server_zone(self) -> dt.tzinfo:
        """The zone of the server's own clock; the report's where the server did not report it."""
        name = self._own("zone")
        return self.zone if name is None else time_zone(name)

    @property
    def clock_zone(self) -> dt.tzinfo:
        """The zone by whose days the server plans: its own, or the report's where only an offset is known of that."""
        return self.server_zone if self.zone_is_exact else self.zone

    @property
    def zone_is_exact(self) -> bool:
        """Whether the clock of the server is known for any day, and not only its offset on the day of reading."""
        return bool(self._own("zone_source") != BY_OFFSET)

    @property
    def clocks(self) -> tuple[dt.tzinfo, ...]:
        """The zone of the report; where only its present offset is known, all that may be it, unlike in the period."""
        if self.snapshot.manifest.run.timezone_source != BY_OFFSET:
            return (self.zone,)
        now = self.snapshot.now
        return zones_of_offset(now.astimezone(self.zone).utcoffset() or dt.timedelta(0), min(self.since, now), now)

    def _own(self, name: str) -> Any:
        """What the manifest says of this server, by name; None where it says nothing."""
        records = (record for record in self.snapshot.manifest.servers if record.name == self.name)
        return getattr(next(records, None), name, None)

    @property
    def identity(self) -> ServerId:
        """What the server is known by over time: its own id, or its name where it did not report one."""
        return ServerId(self._own("vbr_id") or self.name, self.name, self._own("revision"))

    @cached_property
    def settings(self) -> SettingsOfRun:
        """The settings of the server in this run."""
        tables, server = _SettingsTables(self), self.identity
        hidden = self.snapshot.manifest.run.accounts_masked
        frames = settings_of_server(server, tables), settings_read_of_server(server, tables)
        return SettingsOfRun(self.now, *frames, hides_accounts=hidden)

    @cached_property
    def drift(self) -> Drift:
        """What changed since the earlier run."""
        return drift_of(self)

    @property
    def others(self) -> tuple[Material, ...]:
        """The same of every other server of the snapshot."""
        return tuple(view for view in self.peers if view is not self)

    @property
    def is_first(self) -> bool:
        """Whether it is the first server of the snapshot."""
        return not self.peers or self.peers[0] is self

    def readings_of(self, table: str) -> Mapping[str, Reading]:
        """How far each source of `table` was read; none for a table of the manifest, which is always complete."""
        return {
            source: self._reading_of_site(table)
            if source == SITE
            else self._reading_of_earlier(table)
            if source == EARLIER
            else self.readings.get(source, Reading(NOT_COLLECTED))
            for source in sources_of(table)
        }

    def gaps(self, table: str, *, readable: bool = False) -> tuple[str, ...]:
        """Each source of `table` that was not read whole, in words; with `readable`, only those not read at all."""
        return tuple(map(told, self.marked_gaps(table, readable=readable)))

    def marked_gaps(self, table: str, *, readable: bool = False) -> tuple[str, ...]:
        """The same as parts of sentences that still tell which words are not this package's own."""
        if (table, readable) not in self._gaps:
            good = READABLE if readable else ("complete",)
            gaps = (r.gap_text(source) for source, r in self.readings_of(table).items() if r.status not in good)
            self._gaps[table, readable] = tuple(gaps)
        return self._gaps[table, readable]

    def is_read(self, table: str) -> bool:
        """Whether `table` was read, at least in part."""
        return not self.marked_gaps(table, readable=True)

    def is_whole(self, table: str) -> bool:
        """Whether `table` was read whole."""
        return not self.marked_gaps(table)

    def unread_below(self, table: str) -> tuple[str, ...]:
        """The ids of the parents below which alone rows of `table` are missing; none where others may be missing."""
        gaps = [reading for reading in self.readings_of(table).values() if reading.status != "complete"]
        return gaps[0].unread_below if len(gaps) == 1 and gaps[0].status == "partial" else ()

    def frame(self, table: str) -> pd.DataFrame:
        """The rows of `table` that belong to this server."""
        if table not in self.frames:
            rows = self._derived(table) if table in DERIVED else self._read(table)
            self.frames[table] = relabelled(rows, "objects") if len(rows) else _without_rows(table)
        return self.frames[table]

    def columns(self, table: str, names: Sequence[str]) -> pd.DataFrame:
        """These columns of `table`, for a check to do with as it likes: text is shared but sealed, the rest is copied.

        Whoever changes a text column by the means of pandas gets a copy of it then.
        """
        part = self._part(table)
        index = self.frame(table).index if part is None else pd.RangeIndex(len(part[1]))
        return named_frame({name: self._column(table, name) for name in names}, index, labels="objects")

    def _column(self, table: str, name: str) -> Any:
        """The array of one column, its own but for text, which is sealed."""
        if (table, name) in self._sealed:
            return self._sealed[table, name].array
        part = self._part(table)
        whole = part[0] if part else table
        if (whole, name) not in self._arrays:
            self._arrays[whole, name] = self.frame(whole)[name].array
        values = self._arrays[whole, name]
        if values.dtype == STRING:
            return self.text(table, name).array
        return values.take(part[1]) if part else values.copy()

    def text(self, table: str, name: str) -> pd.Series:
        """A text column of `table` that cannot be written to, so that its codes are worked out once."""
        if (table, name) not in self._sealed:
            part = self._part(table)
            self._sealed[table, name] = (
                sealed_part(self.text(part[0], name), part[1]) if part else sealed(self.frame(table)[name])
            )
        return self._sealed[table, name]

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """What `make` works out of nothing but the tables of the server; once for all views of a snapshot."""
        known = _OF_SNAPSHOTS.setdefault(self.snapshot, {}) if self.is_of_snapshot else self._made
        if (self.name, name) not in known:
            known[self.name, name] = make()
        made: Made = known[self.name, name]
        return made

    def _part(self, table: str) -> tuple[str, Cells] | None:
        """The table of which `table` is but some rows, and their positions; None where it stands for itself.

        Of such a table, only the columns that somebody wants are ever made.
        """
        kept = DERIVED[table].kept if table in DERIVED else None
        if kept is None or table in self.frames or not self.is_read(table):
            return None
        if table not in self._parts:
            whole = DERIVED[table].rows_of
            self._parts[table] = whole, np.flatnonzero(kept(self.frame(whole)))
        return self._parts[table]

    def _derived(self, table: str) -> pd.DataFrame:
        if not self.is_read(table):
            return empty(TABLES[table])
        if table == ALL.name and self.is_of_snapshot:
            return self._own_rows(self.snapshot.all_job_runs)
        return conform(DERIVED[table].make(self), TABLES[table])[0]

    def _read(self, table: str) -> pd.DataFrame:
        frame = self._own_rows(self.snapshot.tables[table])
        return self._with_uncollected(frame) if table == "datasets" else frame

    def _own_rows(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows of a table of the snapshot that belong to this server."""
        if not self.alone:
            frame = frame[frame["server"].eq(self.name).to_numpy(dtype=bool, na_value=False)]
        return frame

    def _reading_of_site(self, table: str) -> Reading:
        part = DERIVED[table].part if table in DERIVED else ""
        if not self.site.is_given:
            return Reading(NOT_GIVEN, "no site file")
        return Reading("complete") if self.site.has(part) else Reading(NOT_GIVEN, f"the site file names no {part}")

    def _reading_of_earlier(self, table: str) -> Reading:
        why = self.earlier.why_not(self.identity, self.now, DERIVED[table].part if table in DERIVED else "")
        return Reading("complete") if why is None else Reading(NOT_GIVEN, why)

    def uncompared(self, tables: Iterable[str]) -> str | None:
        """Why `tables` cannot be made for want of something to compare the run with; None if they can."""
        readings = (self.readings_of(table).get(EARLIER) for table in tables)
        return next((each.reason for each in readings if each and each.status == NOT_GIVEN), None)

    def absent(self, control: str) -> Cells:
        """A plain boolean array, not to be written to: the jobs whose type surely lacks `control`."""
        if control not in self._absent:
            codes = codes_of(self.text("jobs", "settings_profile"))
            lacks = (controls.has_control(profile, control) is False for profile in codes.texts.tolist())
            self._absent[control] = codes.spread(lacks, bool, missing=False)
        return self._absent[control]

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


@dataclass(frozen=True, eq=False)
class _SettingsTables:
    """The tables of a view, for the settings that stand in them."""

    view: ServerView

    def frame(self, table: str) -> pd.DataFrame:
        """The rows of `table` of the server."""
        return self.view.frame(table)

    def status(self, dataset: str) -> tuple[str, str | None]:
        """How far `dataset` was read, and why no further."""
        reading = self.view.readings.get(dataset, Reading(NOT_COLLECTED))
        pattern = self.view.snapshot.jobs_pattern
        if dataset == "jobs" and pattern is not None and reading.status == "complete":
            return NARROWED, f"jobs named {pattern}"
        return reading.status, reading.reason


@cache
def _without_rows(table: str) -> pd.DataFrame:
    """A table of views that nobody writes to: most tables of a small server are empty."""
    return relabelled(empty(TABLES[table]), "objects")


def views_of(
    snapshot: Snapshot, needed: frozenset[str], site: Site | None = None, earlier: Earlier | None = None
) -> tuple[ServerView, ...]:
    """One view per server; `needed` are the datasets that the enabled checks read, `earlier` what to compare with."""
    names = snapshot.server_names
    readings: dict[str, dict[str, Reading]] = {name: {} for name in names}
    for record in snapshot.manifest.datasets:
        below = tuple(map(str, record.notes.get(UNREAD_BELOW, ())))
        readings[record.server][record.name] = Reading(str(record.status), record.reason, below)
    views = tuple(
        ServerView(
            name,
            snapshot,
            readings[name],
            needed,
            alone=len(names) == 1,
            site=site or Site(),
            is_of_snapshot=True,
            earlier=earlier or Earlier(),
        )
        for name in names
    )
    for view in views:
        view.peers = views
    return views
