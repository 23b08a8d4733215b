"""What one remedy settles: each finding belongs to a cause, such as the job, the repository or the server's setting.

A check declares where its remedy sits; the findings stay one per object. The machines of one job whose copies lack an
off-site one are as many findings, and one cause.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.cause_kinds import KEYS, UNREAD, Causes, default_cause
from vbr_audit.checks.engine.objects import OBJECTS
from vbr_audit.checks.engine.registry import Check
from vbr_audit.checks.engine.views import ServerView
from vbr_audit.checks.logic.codes import Cells
from vbr_audit.checks.logic.three_valued import places_of, taken

_NAMES: Final[Mapping[str, tuple[tuple[str, str, str], ...]]] = {
    "job": (("jobs", "job_id", "name"), ("job_states", "job_id", "name"), ("backups", "job_id", "name")),
    "repository": (("repositories", "repository_id", "name"),),
    "encryption password": (("encryption_passwords", "encryption_password_id", "hint"),),
}
"""Where the name of a cause stands: table, column of its id and of its name; the first that knows it counts."""


def causes_of_objects(check: Check, view: ServerView) -> Causes:
    """The causes of the objects of `check`, not to be written to.

    That is what it declares, and the object itself where that is not known.
    """
    what = (check.population, check.cause)
    if what not in view.causes:
        view.causes[what] = _causes_of(*what, view)
    return view.causes[what]


def _causes_of(population: str, cause: str, view: ServerView) -> Causes:
    objects, own = view.frame(population), OBJECTS[population]
    ids, names = (objects[name].to_numpy(dtype=object) for name in (own.id_column, own.name_column))
    kind = np.full(len(objects), default_cause(population), dtype=object)
    key, name = np.where(pd.isna(ids), names, ids), names.copy()
    column = KEYS.get((population, cause))
    if column is None:
        return Causes(kind, key, name)
    keys = objects[column]
    known = keys.notna().to_numpy(dtype=bool)
    kind[known], key[known] = cause, keys.to_numpy(dtype=object)[known]
    name[known] = _names(cause, keys, view)[known]
    return Causes(kind, key, name)


def _names(kind: str, keys: pd.Series, view: ServerView) -> Cells:
    """The name of each cause; its key where no table tells one."""
    found = pd.Series(pd.NA, index=keys.index, dtype=keys.dtype)
    for table, key, name in _NAMES.get(kind, ()):
        frame = view.frame(table)
        found = found.fillna(taken(frame[name], places_of(keys, frame[key]), keys.index))
    return found.fillna(keys).to_numpy(dtype=object)


def cause_of_server(view: ServerView) -> Causes:
    """The cause of the one finding that stands for all objects of a server which could not be read."""
    name = np.array([view.name], dtype=object)
    return Causes(np.array([UNREAD], dtype=object), name, name)
