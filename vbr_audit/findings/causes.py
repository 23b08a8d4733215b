"""The causes of what fails: one row per thing that somebody can do, with the number of findings that it settles."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.catalogue.analyzer.analyzer import BEST_PRACTICE
from vbr_audit.checks.logic.three_valued import surely
from vbr_audit.tables.build.arrays import STRING
from vbr_audit.vocabulary import SEVERITIES

CAUSE_COLUMNS: Final = (
    "cause",
    "server",
    "check_id",
    "title",
    "kind",
    "name",
    "severity",
    "findings",
    "objects",
    "object_names",
    "remediation",
)
"""The columns of the causes, in order: text, but for the counts `findings` and `objects`, which are Int64."""
_ORDER: Final = ["worst", "many", "check_id", "server", "name", "cause"]
MOST_NAMES: Final = 5
"""Maximum number of objects of a cause that are named."""


def causes_of(findings: pd.DataFrame) -> pd.DataFrame:
    """One row per cause of failing, unwaived findings, with `CAUSE_COLUMNS`.

    `severity` is the worst that one of its findings has, `findings` how many it would settle, `objects` how many
    objects they are about, `object_names` the first of those. The worst come first, then those of most findings.
    """
    failing = findings[surely(findings["status"] == "FAIL")]
    # An item of the analyzer that shares the cause of a check does not give it its name.
    failing = failing.iloc[np.argsort(surely(failing["check_id"] == BEST_PRACTICE), kind="stable")]
    ranks = failing["severity"].map({word: rank for rank, word in enumerate(SEVERITIES)}).astype("Int64")
    groups = failing.assign(rank=ranks).groupby("cause", sort=False)
    first = groups.first()
    columns: dict[str, Any] = {name: first[name].array for name in ("server", "check_id", "title", "remediation")}
    columns |= {"kind": first["cause_kind"].array, "name": first["cause_name"].array}
    columns["cause"] = pd.array(first.index.to_numpy(dtype=object), dtype=STRING)
    worst = groups["rank"].min().to_numpy(dtype=int)
    columns["severity"] = pd.array([SEVERITIES[rank] for rank in worst], dtype=STRING)
    columns["findings"] = groups.size().astype("Int64").array
    columns["objects"] = _objects(failing, groups).reindex(first.index).astype("Int64").array
    columns["object_names"] = _names(failing).reindex(first.index).astype(STRING).array
    frame = pd.DataFrame({name: columns[name] for name in CAUSE_COLUMNS})
    order = pd.DataFrame({"worst": worst, "many": -frame["findings"].to_numpy(dtype=int)})
    order[["check_id", "server", "name", "cause"]] = frame[["check_id", "server", "name", "cause"]]
    return frame.take(order.sort_values(_ORDER, kind="stable").index.to_numpy()).reset_index(drop=True)


def _objects(failing: pd.DataFrame, groups: Any) -> pd.Series:
    """How many objects the findings of each cause are about; one without an id is one of its own."""
    known = groups["object_id"].nunique()
    nameless = failing.loc[failing["object_id"].isna(), "cause"].value_counts()
    total: pd.Series = known.add(nameless.reindex(known.index, fill_value=0))
    return total


def _names(failing: pd.DataFrame) -> pd.Series:
    """The names of the first objects of each cause, joined by commas; an ellipsis stands for further ones."""
    named = failing.loc[failing["object_name"].notna(), ["cause", "object_name"]].drop_duplicates()
    place = named.groupby("cause", sort=False).cumcount()
    shown = named[place <= MOST_NAMES]
    names = shown["object_name"].astype(object).where(place[place <= MOST_NAMES] < MOST_NAMES, "…")
    return names.groupby(shown["cause"], sort=False).agg(", ".join)
