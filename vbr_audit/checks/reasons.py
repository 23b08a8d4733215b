"""Honest words where a check cannot tell: which of the values that it reads is missing, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import compress
from typing import Any

import numpy as np
import pandas as pd

from vbr_audit.checks.logic import Cells
from vbr_audit.checks.registry import Check
from vbr_audit.checks.views import ServerView
from vbr_audit.tables.control_list import CONTROLS
from vbr_audit.tables.controls import UNKNOWN_VARIANT, Profile, get_map

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
    kinds = view.frame("jobs")["type"].to_numpy(dtype=object)[rows]
    return _each(kinds, lambda kind: f"this kind of job ({_word(kind)}) has no such setting")


def unknown_texts(check: Check, view: ServerView, frame: pd.DataFrame, rows: Cells) -> Cells:
    """Why the rows at these positions of the population could not be answered.

    `frame` is the population as the check saw it. Rows with the same cause are worded once.
    """
    columns = check.reads[check.population]
    looked_at = {name: frame[name].isna().to_numpy()[rows] for name in columns}
    if check.population != "jobs":
        patterns = zip(*looked_at.values(), strict=True) if looked_at else [()] * len(rows)
        return _each(patterns, lambda pattern: _listed(list(compress(columns, pattern))))
    jobs = view.frame("jobs")
    for name in columns:
        for source in CONTROLS[name].computed_from if name in CONTROLS else ():
            looked_at.setdefault(source, looked_at[name] & jobs[source].isna().to_numpy()[rows])
    names = tuple(looked_at)
    kinds = jobs[["settings_profile", "type", "seen_in"]].iloc[rows].to_numpy(dtype=object)
    keys = zip(map(tuple, kinds), zip(*looked_at.values(), strict=True), strict=True)
    return _each(keys, lambda key: _job_reason(*key[0], missing=list(compress(names, key[1]))))


def _job_reason(profile_key: Any, kind: Any, seen_in: Any, *, missing: list[str]) -> str:
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


def _each(keys: Iterable[Any], word: Callable[[Any], str]) -> Cells:
    """`word(key)` for each key, called once per distinct key, as an object array."""
    listed = list(keys)
    known = {key: word(key) for key in dict.fromkeys(listed)}
    cells = np.empty(len(listed), dtype=object)
    cells[:] = [known[key] for key in listed]
    return cells
