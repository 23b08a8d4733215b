"""The outcome of a run for machines and other tools: one module per format, each a function from context to bytes.

Equal results give equal bytes; numbers come from `context.summary` and the tables of `context.results`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from vbr_audit.reports.exports.csv import findings_csv
from vbr_audit.reports.exports.json import findings_json
from vbr_audit.reports.exports.junit import findings_junit
from vbr_audit.reports.exports.markdown import summary_markdown
from vbr_audit.reports.exports.ocsf import findings_ocsf
from vbr_audit.reports.exports.oscal import assessment_results

if TYPE_CHECKING:
    from vbr_audit.reports.context import ReportContext

EXPORTS: Final[Mapping[str, Callable[[ReportContext], bytes]]] = {
    "json": findings_json,
    "csv": findings_csv,
    "junit": findings_junit,
    "ocsf": findings_ocsf,
    "oscal": assessment_results,
    "md": summary_markdown,
}
"""The exports by the name of their format."""

__all__ = [
    "EXPORTS",
    "assessment_results",
    "findings_csv",
    "findings_json",
    "findings_junit",
    "findings_ocsf",
    "summary_markdown",
]
