"""Asking a check: what it gets to see, whether its answer means anything, and the words it need not say itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import Outcome, Words
from vbr_audit.checks.engine.registry import Check
from vbr_audit.checks.engine.tables import TABLES, sources_of
from vbr_audit.checks.engine.views import READABLE, ServerView
from vbr_audit.checks.logic.codes import Cells, Codes, codes_of, combined, repeated
from vbr_audit.checks.logic.dates import minute_text
from vbr_audit.checks.logic.three_valued import surely, worded
from vbr_audit.errors import CheckError
from vbr_audit.tables.build.arrays import STRING
from vbr_audit.tables.build.schema import empty
from vbr_audit.tables.jobs import controls
from vbr_audit.tables.jobs.control_list import CONTROLS
from vbr_audit.tables.jobs.controls import UNKNOWN_VARIANT, Profile, get_map
from vbr_audit.vocabulary import SEVERITIES

_TEXTS = ("observed", "expected", "reason", "severity", "json_path", "accepted")


def frames_for(check: Check, view: ServerView) -> list[pd.DataFrame]:
    """The columns that the check reads, for it to do with as it likes, the population first.

    A fallback table that was not read whole is empty. A setting that the job's type lacks has the value that
    `optional` names for it.
    """
    return [frame_for(check, table, view) for table in check.tables]


def frame_for(check: Check, table: str, view: ServerView, names: Sequence[str] | None = None) -> pd.DataFrame:
    """The columns of one table that the check reads, or those of them in `names`.

    Nothing that it does to them reaches anybody else.
    """
    columns = check.reads.get(table, ()) if names is None else names
    if table in check.fallback and _is_lacking(table, view, beside=check.population):
        return empty(TABLES[table])[list(columns)]
    frame = view.columns(table, columns)
    if table == "jobs":
        for name in check.optional.keys() & frozenset(columns):
            values = frame[name].array.copy()
            values[view.absent(name) & values.isna()] = check.optional[name]
            frame[name] = values
    return frame


def _is_lacking(table: str, view: ServerView, *, beside: str) -> bool:
    """Whether a fallback table was not read whole; what is made of the judged rows is whole for those of them read."""
    own = sources_of(beside)
    statuses = ((source, reading.status) for source, reading in view.readings_of(table).items())
    return any(status not in (READABLE if source in own else ("complete",)) for source, status in statuses)


def ask(check: Check, view: ServerView, frames: list[pd.DataFrame], params: Mapping[str, Any]) -> Outcome:
    """The check's answer, looked over; raises whatever the check raises, and `CheckError` for an empty answer."""
    index = frames[0].index.copy()
    clock = {"now": view.now, "since": view.since, "until": view.until, "needed": view.needed, "zone": view.zone}
    clock |= {"server_zone": view.server_zone}
    if "clocks" in check.reserved:
        clock["clocks"] = view.clocks
    answer = check.function(*frames, **params, **{name: clock[name] for name in check.reserved})
    outcome = answer if isinstance(answer, Outcome) else Outcome(answer)
    _demand_yes_no(outcome.ok, index, "ok")
    if outcome.applies is not None:
        _demand_yes_no(outcome.applies, index, "applies")
    for name in _TEXTS:
        _demand_words(getattr(outcome, name), index, name)
    _demand_severities(outcome.severity)
    return outcome


def cells_of(words: Any, length: int) -> Cells:
    """A text for all, a Series, or nothing, as an object array of `str` and NA, not to be written to."""
    if isinstance(words, pd.Series):
        cells = words.to_numpy(dtype=object)
        if words.dtype != STRING:
            cells = cells.copy()
            cells[pd.isna(cells)] = pd.NA
        return cells
    return repeated(pd.NA if words is None else words, length)


def _demand_yes_no(value: Any, index: pd.Index, name: str) -> None:
    if not isinstance(value, pd.Series):
        raise CheckError(f"{name} is a {type(value).__name__}, not a Series")
    if value.dtype != pd.BooleanDtype():
        raise CheckError(f"{name} has dtype {value.dtype}, not nullable boolean: a missing value would look answered")
    if not value.index.equals(index):
        raise CheckError(f"{name} has {len(value)} rows, or another index than the {len(index)} objects")


def _demand_words(value: Any, index: pd.Index, name: str) -> None:
    if value is None or isinstance(value, str):
        return
    if not isinstance(value, pd.Series) or not value.index.equals(index):
        raise CheckError(f"{name} must be one text, or a Series on the index of the objects")
    if value.dtype != STRING and pd.api.types.infer_dtype(value, skipna=True) not in ("string", "empty"):
        raise CheckError(f"{name} must hold text")


def _demand_severities(said: Words) -> None:
    words = codes_of(said).texts.tolist() if isinstance(said, pd.Series) else [] if said is None else [said]
    if unknown := sorted(set(words) - set(SEVERITIES)):
        raise CheckError(f"severity is {unknown[0]!r}, not one of {', '.join(SEVERITIES)}")


# Honest words where a check cannot tell: which of the values that it reads is missing, and why.

NO_INPUT = "the values that were read do not tell"
_MOST_LISTED = 3


def absent_rows(check: Check, view: ServerView) -> Cells:
    """Where none of the settings that a check of jobs reads exists for the job's type, by the map."""
    named = [name for name in check.reads["jobs"] if name in CONTROLS and name not in get_map().base]
    absent = np.full(len(view.frame("jobs")), bool(named))
    for name in named:
        absent &= view.absent(name)
    return absent


def absent_texts(view: ServerView, rows: Cells) -> Cells:
    """Why a check does not apply to these rows: their type has no such setting."""
    kinds = codes_of(view.text("jobs", "type"))
    said = [f"this kind of job ({_word(kind)}) has no such setting" for kind in (*kinds.texts, pd.NA)]
    return np.array(said, dtype=object)[kinds.rows[rows]]


def unknown_texts(check: Check, view: ServerView, rows: Cells) -> Cells:
    """Why the rows at these positions of the population could not be answered; those with one cause are worded once.

    The check may have changed the frame that it was given: the population is looked at as it was read.
    """
    columns, frame = check.reads[check.population], frame_for(check, check.population, view)
    looked_at = {name: _are_missing(frame, name, rows) for name in columns}
    if check.population != "jobs":
        return _each(len(rows), looked_at, {}, lambda missing: _listed(missing))
    jobs = view.frame("jobs")
    for name in columns:
        for source in CONTROLS[name].computed_from if name in CONTROLS else ():
            looked_at.setdefault(source, looked_at[name] & _are_missing(jobs, source, rows))
    kinds = {name: codes_of(view.text("jobs", name)) for name in ("settings_profile", "type", "seen_in")}
    return _each(len(rows), looked_at, {name: Codes(k.texts, k.rows[rows]) for name, k in kinds.items()}, _job_reason)


def _are_missing(frame: pd.DataFrame, name: str, rows: Cells) -> Cells:
    """A plain boolean array: those of these rows that have no value there."""
    return np.asarray(frame[name].array.take(rows).isna())


def _job_reason(missing: list[str], profile_key: Any, kind: Any, seen_in: Any) -> str:
    """The reason for one profile and the columns that have no value there."""
    base = get_map().base
    profile = None if profile_key is pd.NA else get_map().profile(profile_key)
    settings = [name for name in missing if name in CONTROLS and not CONTROLS[name].computed_from]
    plain = [name for name in missing if name not in CONTROLS or name in base]
    paths = [".".join(base[name][0].paths[0]) if name in base else name for name in plain]
    if profile is None:
        if not any(name in CONTROLS and name not in base for name in missing):
            return _listed(paths)
        if seen_in is not pd.NA and str(seen_in).startswith("job_states"):
            return f"settings not readable: the server shows only the state of this job (type {_word(kind)})"
        return f"settings not readable for job type {_word(kind)}"
    own = [name for name in settings if name not in base]
    if unsure := [name for name in own if profile.supports(name) is None]:
        return _unsure_reason(profile, unsure[0])
    inherited = any(place.gate for name in own for place in profile.settings.get(name, ()))
    return _listed([*paths, *_paths(profile, own)], inherited=inherited)


def _unsure_reason(profile: Profile, name: str) -> str:
    """Why nobody can say whether this kind of job has the control."""
    revision = profile.key.partition("/")[0].partition("<")[0]
    if profile.key.endswith("/" + UNKNOWN_VARIANT):
        return f"which kind of {profile.type} this is, is not told, so that {name} cannot be judged"
    return f"{name} is not shown in revision {revision}, only in a newer one of this server"


def _paths(profile: Profile, names: list[str]) -> list[str]:
    """The JSON paths of those settings that this kind of job has."""
    return [profile.path_of(name) or name for name in names if profile.supports(name)]


def _listed(names: list[str], *, inherited: bool = False) -> str:
    """`a, b are missing in the answer`."""
    if not names:
        return NO_INPUT
    more = f" and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    verb = "is" if len(names) == 1 else "are"
    tail = ", or inherited from the job that it copies" if inherited else ""
    return f"{', '.join(names[:_MOST_LISTED])}{more} {verb} missing in the answer{tail}"


def _word(kind: Any) -> str:
    return "not named" if kind is pd.NA else str(kind)


def _each(size: int, missing: Mapping[str, Cells], kinds: Mapping[str, Codes], word: Callable[..., str]) -> Cells:
    """`word(names, *texts)` for each of `size` rows: the names that are `missing` there, and its texts of `kinds`.

    Asked once for all rows that are alike.
    """
    alike = combined([*missing.values(), *(kind.rows for kind in kinds.values())], size)
    first = np.unique(alike, return_index=True)[1]
    said = np.empty(len(first), dtype=object)
    for place, row in enumerate(first):
        names = [name for name, gaps in missing.items() if gaps[row]]
        said[place] = word(names, *(kind.text_at(row) for kind in kinds.values()))
    return said[alike]


# The words of a finding that a check need not say itself: what was observed, what is expected, and where it stands.


def expected_text(check: Check, params: Mapping[str, Any]) -> str | None:
    """The good state in words, with the parameters in force."""
    return check.expected.format_map(params) if check.expected else None


def shown_values(check: Check, view: ServerView) -> Cells | None:
    """The value that the check is about, as it was read, as text per object; NA where it is missing.

    None where that value is not a column of the population; the check says it itself then.
    """
    if check.about not in check.reads[check.population]:
        return None
    return value_texts(frame_for(check, check.population, view, [check.about])[check.about])


def value_texts(values: pd.Series) -> Cells:
    """Values as a reader expects them: on and off, numbers, instants to the minute in UTC."""
    if values.dtype == pd.BooleanDtype():
        return worded(values.index, (values, "on"), (surely(~values), "off")).to_numpy(dtype=object)
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return minute_text(values)
    if values.dtype == STRING:
        return values.to_numpy(dtype=object).copy()
    found = codes_of(values)
    return found.spread(map(str, found.texts.tolist()), object, missing=pd.NA)


def governing_paths(check: Check, view: ServerView) -> Cells | str | None:
    """The JSON path of the value that the check is about, per object; NA where the job's type has no such setting."""
    if check.json_path is not None and check.about not in CONTROLS:
        return check.json_path
    if check.population == "jobs" and check.about in CONTROLS:
        if check.json_path is not None:
            paths = np.full(len(view.frame("jobs")), check.json_path, dtype=object)
            paths[view.absent(check.about)] = pd.NA
            return paths
        codes, profiles = view.profiles()
        return controls.json_path(profiles, check.about).to_numpy(dtype=object)[codes.rows]
    return None
