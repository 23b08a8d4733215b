"""What the engine asks where not every kind of object has every setting: of jobs, by the map of their controls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.views import ServerView
from vbr_audit.checks.logic.codes import Cells, codes_of
from vbr_audit.tables.build.naming import marked
from vbr_audit.tables.jobs import controls
from vbr_audit.tables.jobs.control_list import CONTROLS
from vbr_audit.tables.jobs.controls import UNKNOWN_VARIANT, Profile, get_map

NO_INPUT = "the values that were read do not report"
_MOST_LISTED = 3


@dataclass(frozen=True)
class Settings:
    """What a population knows of the settings of its objects, some of which hang on the kind of the object.

    `lacks` marks the objects whose kind surely has no such setting, `absent` those that have none of several that a
    check reads, and `why_absent` says so of the objects at some positions. `explained_by`: the columns that the words
    for a missing value hang on: `why_unknown` takes the names of what is missing and one value of each of these;
    `sources_of` names the columns that a column is computed from. `paths_of` gives the JSON path of a setting per
    object, NA where it has none; None for a column that is no such setting.
    """

    lacks: Callable[[ServerView, str], Cells]
    absent: Callable[[ServerView, Sequence[str]], Cells]
    why_absent: Callable[[ServerView, Cells], Cells]
    explained_by: tuple[str, ...]
    why_unknown: Callable[..., str]
    sources_of: Callable[[str], tuple[str, ...]]
    paths_of: Callable[[ServerView, str, str | None], Cells | None]


def missing_text(names: Sequence[str], *, inherited: bool = False) -> str:
    """`a, b are missing in the answer`."""
    if not names:
        return NO_INPUT
    more = f" and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    verb = "is" if len(names) == 1 else "are"
    tail = ", or inherited from the job that it copies" if inherited else ""
    return f"{', '.join(names[:_MOST_LISTED])}{more} {verb} missing in the answer{tail}"


def _jobs_without(view: ServerView, columns: Sequence[str]) -> Cells:
    """The jobs for whose type none of the settings among these columns exists, by the map."""
    named = [name for name in columns if name in CONTROLS and name not in get_map().base]
    absent = np.full(len(view.frame("jobs")), bool(named))
    for name in named:
        absent &= view.absent(name)
    return absent


def _why_jobs_are_without(view: ServerView, rows: Cells) -> Cells:
    kinds = codes_of(view.text("jobs", "type"))
    reasons = [f"this kind of job ({_word(kind)}) has no such setting" for kind in (*kinds.texts, pd.NA)]
    return np.array(reasons, dtype=object)[kinds.rows[rows]]


def _why_unknown(missing: list[str], profile_key: Any, kind: Any, seen_in: Any) -> str:
    """The reason for one profile and the columns that have no value there."""
    base = get_map().base
    profile = None if profile_key is pd.NA else get_map().profile(profile_key)
    settings = [name for name in missing if name in CONTROLS and not CONTROLS[name].computed_from]
    plain = [name for name in missing if name not in CONTROLS or name in base]
    paths = [".".join(base[name][0].paths[0]) if name in base else name for name in plain]
    if profile is None:
        if not any(name in CONTROLS and name not in base for name in missing):
            return missing_text(paths)
        if seen_in is not pd.NA and str(seen_in).startswith("job_states"):
            return f"settings not readable: the server shows only the state of this job (type {_word(kind)})"
        return f"settings not readable for job type {_word(kind)}"
    own = [name for name in settings if name not in base]
    if unsure := [name for name in own if profile.supports(name) is None]:
        return _unsure_reason(profile, unsure[0])
    inherited = any(place.gate for name in own for place in profile.settings.get(name, ()))
    return missing_text([*paths, *_paths(profile, own)], inherited=inherited)


def _unsure_reason(profile: Profile, name: str) -> str:
    """Why nobody can say whether this kind of job has the control."""
    revision = profile.key.partition("/")[0].partition("<")[0]
    if profile.key.endswith("/" + UNKNOWN_VARIANT):
        return f"which kind of {profile.type} this is, is not reported, so {name} cannot be judged"
    return f"{name} is not shown in revision {revision}, only in a newer one of this server"


def _paths(profile: Profile, names: list[str]) -> list[str]:
    """The JSON paths of those settings that this kind of job has."""
    return [profile.path_of(name) or name for name in names if profile.supports(name)]


def _word(kind: Any) -> str:
    return "not named" if kind is pd.NA else marked("word", str(kind))


def _sources_of_control(name: str) -> tuple[str, ...]:
    return tuple(CONTROLS[name].computed_from) if name in CONTROLS else ()


def _paths_of_control(view: ServerView, name: str, path: str | None) -> Cells | None:
    """The path of a control by the job's type, or `path` where the check names one."""
    if name not in CONTROLS:
        return None
    if path is not None:
        paths = np.full(len(view.frame("jobs")), path, dtype=object)
        paths[view.absent(name)] = pd.NA
        return paths
    codes = codes_of(view.text("jobs", "settings_profile"))
    by_profile = [controls.path_of_control(profile, name) for profile in (*codes.texts.tolist(), None)]
    return np.array([pd.NA if each is None else each for each in by_profile], dtype=object)[codes.rows]


SETTINGS_OF: Final[Mapping[str, Settings]] = {
    "jobs": Settings(
        lacks=ServerView.absent,
        absent=_jobs_without,
        why_absent=_why_jobs_are_without,
        explained_by=("settings_profile", "type", "seen_in"),
        why_unknown=_why_unknown,
        sources_of=_sources_of_control,
        paths_of=_paths_of_control,
    )
}
"""The populations with such settings, by their table."""
