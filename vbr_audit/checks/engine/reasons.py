"""Honest words where a check cannot tell: which of the values that it reads is missing, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.answers import frame_for
from vbr_audit.checks.engine.registry import Check
from vbr_audit.checks.engine.views import ServerView
from vbr_audit.checks.logic.codes import Cells, Codes, codes_of, combined
from vbr_audit.tables.jobs.control_list import CONTROLS
from vbr_audit.tables.jobs.controls import UNKNOWN_VARIANT, Profile, get_map

NO_INPUT = "the values that were read do not tell"
_LISTED = 3


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
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    verb = "is" if len(names) == 1 else "are"
    tail = ", or inherited from the job that it copies" if inherited else ""
    return f"{', '.join(names[:_LISTED])}{more} {verb} missing in the answer{tail}"


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
