"""Words known without what declares them: severities, results, statuses, areas, and the names of what is shipped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Final, Literal, get_args

Severity = Literal["critical", "high", "medium", "low", "info"]
SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
"""The severities, worst first."""

Threshold = Literal["critical", "high", "medium", "low", "info", "never"]
THRESHOLDS: Final[tuple[Threshold, ...]] = get_args(Threshold)
"""What `--fail-on` takes: a severity, or never."""


def severities_from(threshold: str) -> tuple[Severity, ...]:
    """The severities that are `threshold` or worse; none for `never`. Raises `ValueError` for another word."""
    return SEVERITIES[: SEVERITIES.index(threshold) + 1] if threshold != "never" else ()


MAIN_SHEETS, ALL_SHEETS = SHEETS = ("main", "all")
"""What `--sheets` takes: which tables are sheets of the workbook."""


class PdfLength(StrEnum):
    """What `--pdf` takes: a report to read, or the whole page on paper."""

    SHORT = "short"
    FULL = "full"


RESULTS: Final = ("PASS", "FAIL", "NOT_APPLICABLE", "UNKNOWN", "ERROR")
"""What a check can find for one object."""

STATUSES: Final = ("FAIL", "ERROR", "UNKNOWN", "WAIVED", "PASS", "NOT_APPLICABLE")
"""What a finding can be after waivers, in the order of attention."""

COUNTED: Final = ("PASS", "FAIL", "WAIVED", "UNKNOWN", "ERROR", "NOT_APPLICABLE")
"""The statuses in the order in which tables count them."""

COUNT_COLUMNS: Final = tuple(status.lower() for status in COUNTED)
"""The columns that count them."""

AREAS: Final[Mapping[str, str]] = {
    "JOB": "Job settings",
    "RUN": "Job runs",
    "RPO": "Restore points",
    "CPY": "Copies",
    "IMM": "Immutability",
    "REP": "Repositories",
    "SOB": "Scale-out repositories",
    "PRX": "Proxies",
    "SRV": "Servers",
    "AGT": "Agents",
    "SEC": "Security",
    "SCA": "Security & Compliance Analyzer",
    "MAL": "Malware detection",
    "LIC": "Licence",
    "CFG": "Configuration backup",
    "TST": "Restore tests",
    "DRF": "Drift",
    "EVD": "Evidence",
}
"""The area of a check by the first letters of its id, in the order of the reports."""

AREAS_BY_URGENCY: Final = tuple(
    AREAS[prefix]
    for prefix in (
        *("EVD", "MAL", "DRF", "RPO", "RUN", "CPY", "IMM", "CFG", "TST", "JOB"),
        *("AGT", "REP", "SOB", "PRX", "SRV", "SEC", "SCA", "LIC"),
    )
)
"""The areas in the order in which findings of one severity are listed."""


Shipped = Literal["checks", "datasets", "policies", "formats", "default_formats", "report_files"]


@cache
def _names() -> Mapping[Shipped, list[str]]:
    shipped: Mapping[Shipped, list[str]] = json.loads(files("vbr_audit").joinpath("names.json").read_text("utf-8"))
    return shipped


def shipped_names(kind: Shipped) -> tuple[str, ...]:
    """The names of the shipped things of a `kind`, as `names.json` has them, which is written with the reference pages.

    A shell waits for its completion, and a run folder knows the files of the reports that may lie in it: neither can
    import what declares them.
    """
    return tuple(_names()[kind])
