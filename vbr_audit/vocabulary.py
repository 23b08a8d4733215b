"""The fixed words of a result: severities, what a check finds, statuses, areas; each list and its orders stand here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

Severity = Literal["critical", "high", "medium", "low", "info"]
SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
"""The severities, worst first."""

Threshold = Literal["critical", "high", "medium", "low", "info", "never"]
THRESHOLDS: Final[tuple[Threshold, ...]] = get_args(Threshold)
"""What `--fail-on` takes: a severity, or never."""

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
    "EVD": "Evidence",
}
"""The area of a check by the first letters of its id, in the order of the reports."""

AREAS_BY_URGENCY: Final = tuple(
    AREAS[prefix]
    for prefix in (
        *("EVD", "MAL", "RPO", "RUN", "CPY", "IMM", "CFG", "TST", "JOB"),
        *("AGT", "REP", "SOB", "PRX", "SRV", "SEC", "SCA", "LIC"),
    )
)
"""The areas in the order in which findings of one severity are listed."""
