"""From a snapshot to results: run the checks, lay the waivers over them, count, and say it in words."""

from __future__ import annotations

from collections.abc import Sequence

from vbr_audit.checks.policy.policy import Policy
from vbr_audit.checks.run import run_checks
from vbr_audit.checks.site import Site
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.findings.coverage import counted_coverage
from vbr_audit.findings.gaps import find_gaps, find_limits
from vbr_audit.findings.linked import link_items
from vbr_audit.findings.matching import apply_waivers
from vbr_audit.findings.requirements import Framework, answer_requirements, load_frameworks
from vbr_audit.findings.results import Results
from vbr_audit.findings.summary import summarise
from vbr_audit.findings.table import cause_ids, finding_ids, in_order, with_waivers
from vbr_audit.findings.verdict import give_verdict
from vbr_audit.findings.waivers import Waivers


def evaluate(
    snapshot: Snapshot,
    policy: Policy,
    waivers: Waivers | None = None,
    site: Site | None = None,
    *,
    frameworks: Sequence[Framework] | None = None,
) -> Results:
    """Everything that `policy` finds in `snapshot`, with `waivers` laid over it, at the snapshot's clock.

    `frameworks` are those whose requirements are answered; None stands for all that the package ships.
    """
    run = run_checks(snapshot, policy, site)
    waived = apply_waivers(
        run.results,
        waivers.waivers if waivers else (),
        snapshot.now,
        horizon_days=policy.waiver_horizon_days,
    )
    linked = link_items(run.results, waived.status, waived.reason, cause_ids(run.results))
    added = {"finding_id": finding_ids(run.results), **waived.columns, **linked}
    findings = in_order(with_waivers(run.results, added))
    gaps = find_gaps(snapshot, run)
    verdict = give_verdict(snapshot, run, findings, gaps, waived.report)
    coverage = counted_coverage(run, waived.status)
    asked = load_frameworks() if frameworks is None else frameworks
    return Results(
        findings=findings,
        coverage=coverage,
        uses=run.uses,
        summary=summarise(snapshot, run, findings, verdict),
        waivers=waived.report,
        gaps=gaps,
        outside=find_limits(snapshot, run),
        protected=run.protected,
        offloads=run.offloads,
        left=run.left,
        requirements=answer_requirements(asked, run, findings, coverage),
    )
