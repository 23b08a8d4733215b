"""What the answers of the checks mean here: waivers, status, order, numbers and the verdict.

`evaluate(snapshot, policy, waivers)` is the one call; it returns `Results`, from which every report takes its numbers.
"""

from __future__ import annotations

from vbr_audit.findings.evaluation import evaluate
from vbr_audit.findings.results import CAUSE_COLUMNS, AreaCount, Results, Summary, Verdict, WaiverReport
from vbr_audit.findings.table import FINDING_COLUMNS, failing_at
from vbr_audit.findings.waivers import Waiver, Waivers, load_waivers
from vbr_audit.vocabulary import STATUSES

__all__ = [
    "CAUSE_COLUMNS",
    "FINDING_COLUMNS",
    "STATUSES",
    "AreaCount",
    "Results",
    "Summary",
    "Verdict",
    "Waiver",
    "WaiverReport",
    "Waivers",
    "evaluate",
    "failing_at",
    "load_waivers",
]
