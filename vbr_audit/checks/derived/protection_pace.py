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
    then. Of several sources of one object that counts which starts most often; where the copy does not tell its
    sources, that which starts most rarely. Without a source, the copy keeps its own.
    """
    hours = jobs["start_interval_h"].to_numpy(dtype=float, na_value=np.nan)
    place = _source_of(jobs, owners, surely(is_copy), surely(~is_copy), hours)
    with np.errstate(invalid="ignore"):
        slower = (place >= 0) & (hours < hours[place])
    columns = {LAG: pd.Series(np.where(slower, hours[place], 0.0), index=jobs.index)}
    rows, taken_from = np.flatnonzero(slower), place[slower]
    for name in ("start_interval_h", *schedule.COLUMNS):
        column = jobs[name].copy()
        column.iloc[rows] = column.iloc[taken_from].to_numpy(dtype=object)
        columns[name] = column
    return jobs.assign(**columns)


def _source_of(jobs: pd.DataFrame, owners: Cells, copies: Cells, others: Cells, hours: Cells) -> Cells:
    """The unit of the same object that each copy is a copy of; -1 for none."""
    told = jobs["source_job_ids"].fillna(jobs["primary_job_id"])
    made = np.flatnonzero(copies & (owners >= 0))
    sources = np.flatnonzero(others & (owners >= 0) & (hours > 0) & surely(jobs["expected_to_run"]))
    pairs = pd.DataFrame({"owner": owners[made], "copy": made}).merge(
        pd.DataFrame({"owner": owners[sources], "source": sources}), on="owner"
    )
    names, kinds = (pd.factorize(column.to_numpy(dtype=object)) for column in (told, jobs["job_id"]))
    wanted = [set(str(text).split(",")) for text in names[1]]
    pairs["names"], pairs["job"] = names[0][pairs["copy"]], kinds[0][pairs["source"]]
    alike = pairs[["names", "job"]].drop_duplicates()
    fits = [(name, job) for name, job in alike.to_numpy().tolist() if name < 0 or kinds[1][job] in wanted[name]]
    pairs = pairs.merge(pd.DataFrame(fits, columns=["names", "job"], dtype=np.int64), on=["names", "job"])
    pace = hours[pairs["source"]] * np.where(pairs["names"] < 0, -1, 1)
    first = pairs.assign(pace=pace).sort_values(["copy", "pace"], kind="stable").drop_duplicates("copy")
    place = np.full(len(jobs), -1, dtype=np.int64)
    place[first["copy"]] = first["source"]
    return place
