"""How full the repositories were, run after run, and in how many days they are full.

The space in use is capacity less free space: what the server itself calls used is the size of the backups, which may
exceed the capacity. Only storage without a capacity, such as object storage, has the latter as its used space.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.collection.manifest import DatasetStatus
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.datasets import SPECS
from vbr_audit.display import count, day, number, percent, size
from vbr_audit.histories.levels import Floats, Line, demand_scipy, early_drop, lasting_jumps, line_through
from vbr_audit.tables.build.arrays import STRING
from vbr_audit.tables.build.schema import Column, ObjectKind, TableSpec, conform

_GIB: Final = 2**30
_LARGEST: Final = 2.0**62
_IDENTITY: Final = (
    Column("server_id", "string", "The id of the installation, else the server's name.", holds="id"),
    Column("server", "string", "The server's name in the run.", holds="server"),
    Column("repository_id", "string", "The repository's id.", holds="id"),
    Column("repository", "string", "The repository's name.", holds="repository"),
    Column(
        "kind",
        "string",
        "Repository, or what it is of a scale-out repository: performance extent, capacity extent, archive extent; "
        "NA if it is not known whether it is an extent.",
        holds="kept",
    ),
)
_KIND: Final = ObjectKind("repository", "repository_id", "repository", nouns=("repository", "repositories"))

CAPACITY: Final = TableSpec(
    "capacity",
    ("server_id", "repository_id", "taken_at"),
    (
        *_IDENTITY,
        Column("taken_at", "datetime", "When it was so, by the server's clock."),
        Column("capacity_bytes", "Int64", "The capacity; NA if there is none, or if it is not known.", "bytes"),
        Column("free_bytes", "Int64", "Free space; NA if it is not known.", "bytes"),
        Column(
            "used_bytes",
            "Int64",
            "Capacity less free space; without a capacity the space used by backups. NA if it is not known.",
            "bytes",
        ),
        Column(
            "is_online",
            "boolean",
            "The repository could be reached; if not, the space may be that of an earlier day. From 1.2-rev1 on.",
        ),
    ),
    "One row per repository or extent and run or sample, with its space.",
    kind=_KIND,
)

VERDICTS: Final = ("filling", "range", "not filling", "too few samples", "capacity changed", "unknown")
"""What can be said of a repository: it is full on a day; its pace changes, so that only a range is known; it does not
fill up; or nothing, for lack of samples, since its capacity is another one, or since nothing usable is known."""

OUTLOOK: Final = TableSpec(
    "capacity_outlook",
    ("server_id", "repository_id"),
    (
        *_IDENTITY,
        Column("verdict", "string", f"One of: {', '.join(VERDICTS)}.", holds="kept"),
        Column("reason", "string", "Why, in a sentence.", holds="own text"),
        Column("samples", "Int64", "Number of samples of it.", "samples"),
        Column("set_aside", "Int64", "Number of those that could not be used.", "samples"),
        Column(
            "days_used", "Int64", "Number of days with a sample that the answer is made of: those after a jump.", "days"
        ),
        Column("first_sample", "datetime", "The first sample that the answer is made of."),
        Column("last_sample", "datetime", "The last usable sample."),
        Column("span_days", "Float64", "Days from the first to the last of them.", "days"),
        Column("used_bytes", "Int64", "Used space at the last usable sample.", "bytes"),
        Column("capacity_bytes", "Int64", "Capacity at the last usable sample.", "bytes"),
        Column("slope_bytes_per_day", "Float64", "Growth of the used space per day (Theil-Sen).", "bytes per day"),
        Column("slope_low", "Float64", "Lower bound of the growth (95 %).", "bytes per day"),
        Column("slope_high", "Float64", "Upper bound of the growth (95 %).", "bytes per day"),
        Column(
            "recent_slope",
            "Float64",
            "Growth per day of the last half, or of a later part if it differs.",
            "bytes per day",
        ),
        Column(
            "days_to_full",
            "Float64",
            "Days until the used space reaches the capacity; of a range, at the recent growth if that clearly differs.",
            "days",
        ),
        Column("days_low", "Float64", "Days until then at the fastest growth that fits the samples.", "days"),
        Column("days_high", "Float64", "Days until then at the slowest growth that fits; NA if never.", "days"),
        Column("full_on", "datetime", "When it is full; only if it is filling, and before 2100."),
    ),
    "One row per repository: in how many days it is full, from its samples since the last lasting jump.",
    kind=_KIND,
)


def capacity_of(snapshot: Snapshot) -> pd.DataFrame:
    """The table `capacity` of one run: the repositories and extents of all servers, in the order of the snapshot.

    A repository whose state is not known is a row without space.
    """
    states = _states_of(snapshot)
    servers = {server.name: server for server in snapshot.manifest.servers}
    clocks = {name: server.server_time for name, server in servers.items() if server.server_time is not None}
    ids = snapshot.manifest.server_ids
    capacity, free, used = (_bytes(states[name]) for name in ("capacity_gb", "free_gb", "used_gb"))
    limited = (capacity > 0).fillna(False).to_numpy(dtype=bool)
    taken = (capacity - free).where(free <= capacity)
    columns: dict[str, Any] = {
        "server_id": [ids.get(name, name) for name in states["server"]],
        "server": states["server"],
        "repository_id": states["repository_id"],
        "repository": states["name"],
        "kind": _kinds(states, snapshot),
        "taken_at": [clocks.get(name, snapshot.now) for name in states["server"]],
        "capacity_bytes": capacity.where(limited),
        "free_bytes": free.where(limited),
        "used_bytes": taken.where(limited, used.where(states["is_without_limit"].fillna(False).to_numpy(dtype=bool))),
        "is_online": states["is_online"],
    }
    return conform(columns, CAPACITY)[0]


def _states_of(snapshot: Snapshot) -> pd.DataFrame:
    """The rows of `repository_states`; then those of which only an id and a name are known, each once."""
    states, keys = snapshot.tables["repository_states"], ["server", "repository_id"]
    names = [snapshot.tables[table][[*keys, "name"]] for table in ("repositories", "scale_out_extents")]
    others = pd.concat(names).dropna(subset=keys).drop_duplicates(keys)
    stateless = others[~pd.MultiIndex.from_frame(others[keys]).isin(pd.MultiIndex.from_frame(states[keys]))]
    if stateless.empty:
        return states
    return pd.concat([states, conform(stateless, SPECS["repository_states"])[0]], ignore_index=True)


def _kinds(states: pd.DataFrame, snapshot: Snapshot) -> pd.Series:
    """What each row is: an extent of a tier, else a repository where all scale-out repositories are known."""
    extents = snapshot.tables["scale_out_extents"].dropna(subset=["server", "repository_id", "tier"])
    keys = ["server", "repository_id"]
    tiers = states[keys].merge(extents.drop_duplicates(keys)[[*keys, "tier"]], on=keys, how="left")["tier"]
    tiers = tiers.set_axis(states.index).fillna(states["extent_type"])
    whole = {
        record.server
        for record in snapshot.manifest.datasets
        if record.name == "scale_out_repositories" and record.status is DatasetStatus.COMPLETE
    }
    kinds = (tiers.str.lower() + " extent").astype(STRING)
    return kinds.mask(tiers.isna() & states["server"].isin(whole), "repository")


def _bytes(gigabytes: pd.Series) -> pd.Series:
    """Whole bytes; NA for what is negative, or larger than any storage."""
    octets = gigabytes.astype("Float64") * _GIB
    return octets.where((octets >= 0) & (octets < _LARGEST)).round().astype("Int64")


# In how many days a repository is full.

LEAST_DAYS: Final = 8
"""An answer needs samples of so many days since the last jump."""
LEAST_SPAN: Final = 28
"""They have to span so many days."""
LARGEST_RATIO: Final = 1.5
"""A recent growth that differs from that of the whole time by more gives a range."""
_LONGEST: Final = 366
"""So many days are looked at: how fast a repository filled before tells little."""
_SAME_CAPACITY: Final = 0.01
"""A capacity that differs by less is the same."""
_GLITCH: Final = 2
"""Another capacity of so few days, after which the earlier one is back, is a wrong answer, and no change."""
_SMALLEST_JUMP: Final = 0.002
"""The share of the capacity from which on a shift of the used space may be a jump."""
_OPEN: Final = 7
"""So many days a level has to stay before it is known to last."""
_FEW: Final = 4
"""And so many samples."""
_STALE: Final = 14
"""So old may the last sample be, or three times as old as samples are apart."""
_AHEAD: Final = pd.Timedelta(hours=1)
"""So far may the clock of a server be ahead."""
_RECENT: Final = (2, 4, 8)
"""The parts of the time whose growth is compared with the whole: the last half, quarter, eighth."""
_SHORTEST_PART: Final = 21
"""They span three weeks at least, so that a weekly rhythm does not decide; four where only they grow."""
_LAST_DAY: Final = 47_482
"""The first day of 2100, in days since 1970: no date is later."""
_BY: Final = ["_server", "_key"]
_NAMED: Final = ("server_id", "server", "repository_id", "repository", "kind")


def days_to_full(samples: pd.DataFrame, *, now: dt.datetime) -> pd.DataFrame:
    """The table `capacity_outlook` of samples with the columns of `capacity`, in any order: one row per repository.

    Of each day the median counts. Growth is the Theil-Sen slope after the last lasting jump of the used space, or the
    last change of the capacity. Without samples of 8 days that span 28 there is no answer. It is a range if the growth
    of the last half, or of a later part whose interval lies apart from that of the whole time, differs by more than
    1.5 times; and "not filling" if the interval of the growth contains 0. Samples that cannot be right are set aside
    and counted. Raises `ConfigurationError` without scipy.
    """
    demand_scipy()
    moment = pd.Timestamp(now).tz_convert("UTC")
    frame = _identified(samples)
    frame["why_not"] = _why_not(frame, moment)
    rows = [_outlook(rows, moment) for _, rows in frame.groupby(_BY, sort=True)]
    return conform({name: [row.get(name) for row in rows] for name in OUTLOOK.names}, OUTLOOK)[0]


def _identified(samples: pd.DataFrame) -> pd.DataFrame:
    """The samples in the dtypes of `capacity`, in order of time, with the never missing `_server` and `_key`."""
    taken = samples["taken_at"]
    if isinstance(taken.dtype, pd.DatetimeTZDtype):
        taken = taken.dt.tz_convert("UTC").dt.as_unit("us")
    frame, _ = conform(
        {name: samples[name] for name in samples if name in CAPACITY.names} | {"taken_at": taken}, CAPACITY
    )
    names = "id:" + frame["repository_id"]
    frame["_key"] = names.fillna("name:" + frame["repository"]).fillna("")
    frame["_server"] = frame["server_id"].fillna("")
    return frame.sort_values(["taken_at", "used_bytes", "capacity_bytes"], kind="stable").reset_index(drop=True)


def _why_not(frame: pd.DataFrame, now: pd.Timestamp) -> pd.Series:
    """Why a sample cannot be used, NA for those that can."""
    capacity, used = frame["capacity_bytes"], frame["used_bytes"]
    why = pd.Series(pd.NA, index=frame.index, dtype=STRING)
    for holds, reason in (
        (frame["taken_at"].isna(), "without a date"),
        (frame["taken_at"] > now + _AHEAD, "of a later day"),
        (~frame["is_online"].fillna(True), "of an offline repository"),
        (~(capacity > 0).fillna(False), "without a capacity"),
        (used.isna(), "without used space"),
        (((used < 0) | (used > capacity)).fillna(False), "impossible"),
    ):
        why = why.mask(why.isna() & holds.to_numpy(dtype=bool), reason)
    usable = frame[why.isna()]
    repeated = usable.duplicated([*_BY, "taken_at", "capacity_bytes", "used_bytes"])
    contradicts = usable[~repeated].duplicated([*_BY, "taken_at"], keep=False)
    why[repeated.index[repeated]] = "repeated"
    why[contradicts.index[contradicts]] = "contradictory"
    return why


def _outlook(rows: pd.DataFrame, now: pd.Timestamp) -> dict[str, Any]:
    """The row of one repository, from its samples in order of time."""
    usable = rows[rows["why_not"].isna()]
    reasons = Counter(rows["why_not"].dropna())
    row: dict[str, Any] = {name: _newest(rows[name]) for name in _NAMED}
    row["samples"] = len(rows)
    if usable.empty:
        row |= {"verdict": "unknown", "reason": "no sample can be used"}
    else:
        last = usable.iloc[-1]
        row |= {name: last[name] for name in ("used_bytes", "capacity_bytes")} | {"last_sample": last["taken_at"]}
        usable, passing, changed = _of_one_capacity(usable)
        reasons |= Counter({"of a passing capacity": passing} if passing else {})
        row |= _answer(_daily(usable), _days(now), None if changed is None else day(changed))
    aside = sum(reasons.values())
    listed = ", ".join(f"{number(times)} {reason}" for reason, times in sorted(reasons.items()))
    suffix = f"; {count(aside, 'sample')} set aside: {listed}" if aside else ""
    return row | {"set_aside": aside, "reason": row["reason"] + suffix}


def _newest(values: pd.Series) -> Any:
    """The last value that is not missing; NA for none."""
    return next((value for value in reversed(values.tolist()) if value is not pd.NA), pd.NA)


def _of_one_capacity(usable: pd.DataFrame) -> tuple[pd.DataFrame, int, dt.datetime | None]:
    """The samples since the capacity is what it is at the end, how many were left out, and since when, if it changed.

    What is left out are the samples of another capacity that was there for a short time only.
    """
    capacity = usable["capacity_bytes"].to_numpy(dtype=np.float64)
    times = _days(usable["taken_at"]).to_numpy(dtype=np.float64)
    other = np.abs(capacity / capacity[-1] - 1) > _SAME_CAPACITY
    start, places = 0, np.flatnonzero(other)
    kept = ~other
    while len(places):
        end = int(places[-1])
        same = np.flatnonzero(~other[:end])
        begin = int(same[-1]) + 1 if len(same) else 0
        if not len(same) or times[end] - times[begin] >= _GLITCH:
            start = end + 1
            break
        places = places[places < begin]
    kept[:start] = False
    changed = usable["taken_at"].iloc[start].to_pydatetime() if start else None
    return usable[kept], int(other[start:].sum()), changed


@dataclass(frozen=True)
class _Series:
    """One value a day: days since 1970, and the used space; the capacity at the end."""

    times: Floats
    used: Floats
    capacity: float

    def __len__(self) -> int:
        return len(self.times)

    def part(self, chosen: Any) -> _Series:
        """The days that are chosen."""
        return _Series(self.times[chosen], self.used[chosen], self.capacity)

    @property
    def span(self) -> int:
        """Calendar days from the first to the last."""
        return int(np.floor(self.times[-1]) - np.floor(self.times[0]))

    @property
    def is_enough(self) -> bool:
        """Whether a growth can be read off it."""
        return len(self) >= LEAST_DAYS and self.span >= LEAST_SPAN


def _days(moments: Any) -> Any:
    """Moments as days since 1970."""
    return (moments - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)


def _daily(usable: pd.DataFrame) -> _Series:
    """The median of each UTC day of the last year."""
    times = _days(usable["taken_at"]).to_numpy(dtype=np.float64)
    used, capacity = usable["used_bytes"].to_numpy(dtype=np.float64), float(usable["capacity_bytes"].iloc[-1])
    late = times >= np.floor(times[-1]) - _LONGEST
    series = _Series(times[late], used[late], capacity)
    firsts = np.unique(np.floor(series.times), return_index=True)[1]
    if len(firsts) == len(series):
        return series
    middles, medians = (
        np.array([np.median(part) for part in np.split(values, firsts[1:])]) for values in (series.times, series.used)
    )
    return _Series(middles, medians, capacity)


def _answer(whole: _Series, now: float, changed: str | None) -> dict[str, Any]:
    """What is known of a repository from its days, of one capacity; `changed` is since when it has that."""
    jumps = lasting_jumps(whole.times, whole.used, _SMALLEST_JUMP * whole.capacity)
    start = jumps.lasting[-1].start if jumps.lasting else 0
    series = whole.part(slice(start, None))
    facts: dict[str, Any] = {"days_used": len(series), "span_days": float(series.times[-1] - series.times[0])}
    facts |= {"first_sample": _moment(series.times[0])}
    since = ""
    if start:
        since = f" since the used space jumped by {_change(jumps.lasting[-1].size)} on {_date(series.times[0])}"
    elif changed:
        since = f" since the capacity changed on {changed}"
    age, apart = now - series.times[-1], np.median(np.diff(whole.times)) if len(whole) > 1 else 0.0
    if age > max(_STALE, 3 * apart):
        return facts | {"verdict": "unknown", "reason": f"the last usable sample is {count(int(age), 'day')} old"}
    if not series.is_enough:
        verdict = "capacity changed" if changed and not start else "too few samples"
        extent = f"samples of {count(len(series), 'day')} that span {count(series.span, 'day')}{since}"
        need = f"{LEAST_DAYS} days that span {LEAST_SPAN} are needed"
        return facts | {"verdict": verdict, "reason": f"{extent}; {need}"}
    if jumps.rhythm is not None and series.span < 3 * jumps.rhythm:
        reason = f"the used space drops every {jumps.rhythm:.0f} days, and the samples span less than three times that"
        return facts | {"verdict": "too few samples", "reason": reason}
    row = _growth(series, now, jumps.rhythm, since)
    early = early_drop(series.used, _SMALLEST_JUMP * series.capacity) if row["verdict"] == "not filling" else 0
    if early:  # the drop alone may be what makes it look as if nothing grew
        rest = _answer(series.part(slice(early, None)), now, None)
        return rest | {"reason": f"{rest['reason']}, after a drop on {_date(series.times[early])}"}
    return facts | row


def _growth(series: _Series, now: float, rhythm: float | None, since: str) -> dict[str, Any]:
    """The growth of a series that is long enough, and what follows from it."""
    line = line_through(series.times, series.used)
    recent = _recent_line(series, line, rhythm)
    row: dict[str, Any] = {"slope_bytes_per_day": line.slope, "slope_low": line.low, "slope_high": line.high}
    row["recent_slope"] = recent.slope
    moved = _moved_last(series, recent)
    if moved is not None:
        reason = f"the used space moved by {_change(moved)} within the last days; it is not known yet if it stays"
        return row | {"verdict": "too few samples", "reason": reason}
    apart = recent.lies_apart_from(line)
    period = f"over {count(series.span, 'day')}{since}"
    if not line.rises and not (apart and recent.rises):
        share = percent(series.used[-1] / series.capacity)
        return row | {"verdict": "not filling", "reason": f"no growth is certain {period}; {share} are used"}
    is_range = not line.rises or not line.slope / LARGEST_RATIO <= recent.slope <= line.slope * LARGEST_RATIO
    lines = (line, recent) if is_range else (recent if apart else line,)
    room = max(0.0, series.capacity - lines[-1].at(now))
    row["days_low"] = min(room / each.high for each in lines if each.high > 0)
    row["days_high"] = max(room / each.low for each in lines) if all(each.rises for each in lines) else None
    if not is_range or (apart and line.rises and recent.rises):
        row["days_to_full"] = room / (recent if apart else line).slope
    if is_range:
        reason = f"growth per day is {_change(line.slope)} {period}, and {_change(recent.slope)} of late"
        return row | {"verdict": "range", "reason": reason}
    grows = f"grows by {_change(lines[0].slope)} a day {period}"
    return row | {"verdict": "filling", "reason": grows, "full_on": _moment(now + row["days_to_full"])}


def _recent_line(series: _Series, whole: Line, rhythm: float | None) -> Line:
    """The line of the latest part whose growth lies apart from that of the whole, else that of the last half."""
    least, lines = max(_SHORTEST_PART if whole.rises else LEAST_SPAN, 2 * (rhythm or 0.0)), []
    for share in _RECENT:
        length = max((series.times[-1] - series.times[0]) / share, least)
        part = series.part(series.times >= series.times[-1] - length)
        if len(part) < LEAST_DAYS or len(part) == len(series):
            break
        lines.append(line_through(part.times, part.used))
    apart = [line for line in lines if line.lies_apart_from(whole)]
    return apart[-1] if apart else lines[0] if lines else whole


def _moved_last(series: _Series, recent: Line) -> float | None:
    """By how much the last days are off the line if they, and no day before, are: a jump that may or may not last.

    A single day that is off may be a spike.
    """
    off = series.used - recent.at(series.times)
    late = series.times > min(series.times[-1] - _OPEN, series.times[-_FEW])
    most = max(1.5 * float(np.abs(off[~late]).max()), _SMALLEST_JUMP * series.capacity)
    moved = np.where(np.abs(off) > most, np.sign(off), 0.0)
    run = int(np.argmin(moved[::-1] == moved[-1])) or len(moved)
    return float(np.median(off[-run:])) if moved[-1] and run > 1 else None


def _moment(days: float) -> dt.datetime | None:
    """The instant so many days after 1970; None from 2100 on."""
    return pd.Timestamp(0, tz="UTC") + pd.Timedelta(days=days) if days < _LAST_DAY else None


def _date(days: float) -> str:
    return day((pd.Timestamp(0, tz="UTC") + pd.Timedelta(days=days)).date())


def _change(octets: float) -> str:
    return f"{'−' if octets < 0 else '+'}{size(abs(octets))}"
