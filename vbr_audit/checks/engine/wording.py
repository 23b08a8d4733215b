"""The words of a finding that a check need not say itself: what was observed, what is expected, and where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.answers import frame_for
from vbr_audit.checks.engine.registry import Check
from vbr_audit.checks.engine.views import ServerView
from vbr_audit.checks.logic.codes import Cells, codes_of
from vbr_audit.checks.logic.dates import minute_text
from vbr_audit.checks.logic.three_valued import surely, worded
from vbr_audit.tables.build.arrays import STRING
from vbr_audit.tables.jobs import controls
from vbr_audit.tables.jobs.control_list import CONTROLS


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
