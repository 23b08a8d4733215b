"""Coverage: for each check and server how many objects there are, and what was found for them."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.logic.three_valued import Cells
from vbr_audit.checks.run import CheckRun
from vbr_audit.tables.build.arrays import STRING
from vbr_audit.vocabulary import COUNT_COLUMNS, COUNTED, SEVERITIES

COVERAGE_COLUMNS: Final = (
    "server",
    "check_id",
    "title",
    "area",
    "severity",
    "population",
    *COUNT_COLUMNS,
    "whole",
    "reason",
    "worst_severity",
)
"""The columns of the coverage, in order."""


def counted_coverage(run: CheckRun, status: Cells) -> pd.DataFrame:
    """The coverage of the checks with the number of findings by status and the worst that fails, by check and server.

    `status` is the status of each row of the results of `run`, in their order.
    """
    ends = np.cumsum(run.sizes)
    parts = [Counter(status[end - size : end].tolist()) for end, size in zip(ends, run.sizes, strict=True)]
    severity = run.results["severity"].to_numpy(dtype=object)
    failing = (
        severity[end - size : end][status[end - size : end] == "FAIL"]
        for end, size in zip(ends, run.sizes, strict=True)
    )
    columns: dict[str, Any] = {}
    for name in COVERAGE_COLUMNS:
        if name.upper() in COUNTED:
            columns[name] = pd.array([part[name.upper()] for part in parts], dtype=pd.Int64Dtype())
        elif name == "worst_severity":
            columns[name] = pd.array([_worst(found) for found in failing], dtype=STRING)
        else:
            columns[name] = run.coverage[name].array
    frame = pd.DataFrame(columns, index=pd.RangeIndex(len(run.coverage)))
    return frame.sort_values(["check_id", "server"], kind="stable", ignore_index=True)


def _worst(severities: Cells) -> Any:
    """The worst of some severities; NA for none."""
    found = set(severities.tolist())
    return next((severity for severity in SEVERITIES if severity in found), pd.NA)
