"""What checks share that ask how old a password, a key or a record is."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import Outcome, explained, hours_ago
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.logic.dates import hours_between, minute_text, older_than
from vbr_audit.checks.logic.three_valued import texts, worded

MaxAge = Annotated[int, param("Age up to which a password or key is good.", unit="days", ge=1)]
YEAR_H: Final = 365 * 24
"""The default limit of age in hours, for examples."""
OLDEST: Final = {"modified": hours_ago(YEAR_H)}
TOO_OLD: Final = {"modified": hours_ago(YEAR_H + 1)}
FUTURE_DATE: Final = "the date lies in the future"


def fresh(changed: pd.Series, what: str, now: dt.datetime, max_age_days: int, caveat: str = "") -> Outcome:
    """Good up to `max_age_days` after `changed`; too old ones get the `caveat` behind their words."""
    old = older_than(changed, dt.timedelta(days=max_age_days), now=now)
    days = np.maximum(hours_between(changed, now).fillna(0).to_numpy(dtype=float) / 24, 0)
    seen = [f"{what} {at} ({age:,.0f} days ago)" for at, age in zip(minute_text(changed), days, strict=True)]
    words = texts(np.array(seen, dtype=object), changed.index)
    return explained(
        Outcome(
            ~old,
            observed=worded(changed.index, (old, words + caveat), (changed.notna(), words)),
            reason=worded(changed.index, (changed.isna(), "the date is missing in the answer"), default=FUTURE_DATE),
        )
    )
