"""The pace of copies: a copy job makes no more restore points of an object than the job makes that it copies."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from vbr_audit.checks.logic import Cells, surely
from vbr_audit.tables import schedule

LAG: Final = "lag_h"
"""The column of hours that the newest points of a source may still be without their copy."""


def at_the_pace_of_sources(jobs: pd.DataFrame, owners: Cells, is_copy: pd.Series) -> pd.DataFrame:
    """`jobs` of units, with the schedule of the source for each copy that starts more often than it, and with `LAG`.

    A copy that runs all the time copies what comes, and a daily one of a job that rests at weekends has nothing to copy
    then. Of several sources of one object that counts which starts most often; without one, the copy keeps its own.
    """
    hours = jobs["start_interval_h"].to_numpy(dtype=float, na_value=np.nan)
    copies = surely(is_copy) & (owners >= 0)
    sources = np.flatnonzero(surely(~is_copy) & (owners >= 0) & (hours > 0) & surely(jobs["expected_to_run"]))
    order = sources[np.lexsort((hours[sources], owners[sources]))]
    owner, first = np.unique(owners[order], return_index=True)
    source = np.full(int(owners.max(initial=-1)) + 1, -1, dtype=np.int64)
    source[owner] = order[first]
    place = np.where(copies, source[owners] if len(source) else -1, -1)
    with np.errstate(invalid="ignore"):
        slower = (place >= 0) & (hours < hours[place])
    columns = {LAG: pd.Series(np.where(slower, hours[place], 0.0), index=jobs.index)}
    rows, taken_from = np.flatnonzero(slower), place[slower]
    for name in ("start_interval_h", *schedule.COLUMNS):
        column = jobs[name].copy()
        column.iloc[rows] = column.iloc[taken_from].to_numpy(dtype=object)
        columns[name] = column
    return jobs.assign(**columns)
