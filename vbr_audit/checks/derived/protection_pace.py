"""The pace of copies: a copy job makes no more restore points of an object than the job makes that it copies."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from vbr_audit.checks.logic.three_valued import Cells, surely
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
    at = np.where(slower, place, np.arange(len(jobs)))
    settings = ("start_interval_h", "schedule_continuously_enabled", *schedule.COLUMNS)
    columns = {name: jobs[name].array.take(at) for name in settings}
    return jobs.assign(**columns, **{LAG: np.where(slower, hours[place], 0.0)})


def _source_of(jobs: pd.DataFrame, owners: Cells, copies: Cells, others: Cells, hours: Cells) -> Cells:
    """The unit of the same object that each copy is a copy of; -1 for none."""
    place = np.full(len(jobs), -1, dtype=np.int64)
    made = np.flatnonzero(copies & (owners >= 0))
    sources = np.flatnonzero(others & (owners >= 0) & (hours > 0) & surely(jobs["expected_to_run"]))
    if not len(made) or not len(sources):
        return place
    told = jobs["source_job_ids"].iloc[made].fillna(jobs["primary_job_id"].iloc[made])
    names, texts = pd.factorize(told.to_numpy(dtype=object))
    job, ids = pd.factorize(jobs["job_id"].iloc[sources].to_numpy(dtype=object))
    pairs = pd.DataFrame({"owner": owners[made], "copy": made, "names": names}).merge(
        pd.DataFrame({"owner": owners[sources], "source": sources, "job": job}), on="owner"
    )
    wanted = [set(str(text).split(",")) for text in texts]
    alike = pairs[["names", "job"]].drop_duplicates().to_numpy().tolist()
    fits = [(name, one) for name, one in alike if name < 0 or ids[one] in wanted[name]]
    pairs = pairs.merge(pd.DataFrame(fits, columns=["names", "job"], dtype=np.int64), on=["names", "job"])
    pace = hours[pairs["source"]] * np.where(pairs["names"] < 0, -1, 1)
    first = pairs.assign(pace=pace).sort_values(["copy", "pace"], kind="stable").drop_duplicates("copy")
    place[first["copy"]] = first["source"]
    return place
