"""What a check may answer, and the small examples that it carries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from vbr_audit.checks.logic.codes import Cells
from vbr_audit.checks.logic.three_valued import surely, texts
from vbr_audit.tables.build.arrays import are_known
from vbr_audit.vocabulary import Severity

Words = pd.Series | str | None


@dataclass(frozen=True, eq=False)
class Outcome:
    """An answer with more than yes or no.

    `ok` is a nullable boolean Series on the index of the population: True PASS, False FAIL, NA UNKNOWN. `applies` is
    one too: False NOT_APPLICABLE, NA UNKNOWN. The texts are a Series on that index, or one text for all; where they
    are NA, the engine says it from the map of settings. `severity` may lower or raise the check's for single objects.
    Where a table in `aggregates` was read in part, no object is set aside, unless `applies_by_settings` says that
    `applies` comes from what is known of the object alone.
    `accepted` says who accepted a failing state in the product itself, and why: such a finding is WAIVED.
    """

    ok: pd.Series
    observed: Words = None
    expected: Words = None
    reason: Words = None
    severity: Words = None
    json_path: Words = None
    applies: pd.Series | None = None
    accepted: Words = None
    applies_by_settings: bool = False


@dataclass(frozen=True, eq=False)
class Example:
    """One object and what the check must find for it: the check's test and its documentation.

    `row` holds the columns of the object itself; `others` the rows of further tables, and further objects of its own.
    What is not given is NA, but for
    names and ids, which fit each other; a job is one of type `VSphereBackup` in 1.3-rev1 unless `row` says otherwise.
    `datasets` gives another status than `complete` to a dataset.
    """

    result: Literal["PASS", "FAIL", "NOT_APPLICABLE", "UNKNOWN"]
    row: Mapping[str, Any]
    others: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    severity: Severity | None = None
    datasets: Mapping[str, str] = field(default_factory=dict)


EXAMPLE_NOW: Final = dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC)
EXAMPLE_SINCE: Final = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
EXAMPLE_UNTIL: Final = EXAMPLE_NOW


def hours_ago(hours: float) -> dt.datetime:
    """The instant that many hours before the clock of the examples."""
    return EXAMPLE_NOW - dt.timedelta(hours=hours)


@dataclass(frozen=True, eq=False)
class RecordedAnswer:
    """What one check answered on one server: `cells` has a column for each word of a finding, all of equal length."""

    object_type: str
    cells: Mapping[str, Cells]
    population: int | None
    whole: bool
    why_not_whole: str | None
    broke: str | None


def explained(outcome: Outcome) -> Outcome:
    """`outcome` with its reason only where there is neither PASS nor FAIL, since those need none."""
    ok, reason = outcome.ok, outcome.reason
    decided = are_known(ok)
    if outcome.applies is not None:
        decided = decided & surely(outcome.applies)
    words = np.full(len(ok), pd.NA if reason is None else reason, dtype=object)
    words[decided] = pd.NA
    return replace(outcome, reason=texts(words, ok.index))
