"""Summaries of servers that nobody audited: what a fleet report is made of, by the hundred, in no time."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping

from vbr_audit.checks.catalogue import REGISTRY
from vbr_audit.fleets.fleet import Fleet
from vbr_audit.fleets.summaries import CheckCount, Outcome, ServerSummary, WorstCause, not_audited
from vbr_audit.histories.run_records import Point
from vbr_audit.vocabulary import SEVERITIES

DIFFERENT = 100
"""So many servers of a fleet differ in what was found on them; to make more takes longer than to report them."""
NOW = dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC)


def made_summary(name: str, *, tenant: str | None = None, share: float = 0.3, seed: int = 0) -> ServerSummary:
    """A server on which about `share` of the shipped checks fail."""
    chance = random.Random(f"{name}{seed}")
    checks = []
    causes = dict.fromkeys(SEVERITIES, 0)
    for check in REGISTRY:
        fails = chance.randint(1, 5) if chance.random() < share else 0
        causes[check.severity] += fails
        counts = (chance.randint(0, 20), fails, 0, chance.randint(0, 1), 0, 0)
        checks.append(CheckCount(check_id=check.id, counts=counts, severity=check.severity if fails else None))
    totals = [sum(check.counts[place] for check in checks) for place in range(6)]
    names = ("PASS", "FAIL", "WAIVED", "UNKNOWN", "ERROR", "NOT_APPLICABLE")
    asked = sum(totals[:5])
    return ServerSummary(
        server=name,
        outcome=Outcome.AUDITED,
        tenant=tenant,
        server_id=f"id of {name}",
        run_id=f"{chance.getrandbits(64):016x}",
        now=NOW,
        since=NOW - dt.timedelta(days=31),
        until=NOW,
        timezone="UTC",
        revision="1.3-rev1",
        build="13.0.1.180",
        policy_name="policy.yaml",
        point=Point(
            level="fail" if totals[1] else "pass",
            failing=causes,
            causes=causes,
            counts=dict(zip(names, totals, strict=True)),
            compliance=totals[0] / asked,
            assessed=1 - totals[3] / asked,
        ),
        checks=tuple(checks),
        worst=(
            WorstCause(
                cause="0" * 16, check_id="JOB-003", severity="low", failure=f"a cause of {name}", name=name, findings=1
            ),
        ),
        causes_total=sum(causes.values()),
    )


def made_fleet(*summaries: ServerSummary) -> Fleet:
    """A fleet of these summaries."""
    return Fleet(summaries, NOW, "0123456789abcdef")


def many_servers(number: int, tenants: int = 0, missing: Mapping[int, str] | None = None) -> Fleet:
    """So many servers; those of `missing` by number were not audited, for that reason."""
    out: list[ServerSummary] = []
    for place in range(number):
        name, tenant = f"vbr{place:04}.example", f"Tenant-{place % tenants:02}" if tenants else None
        if missing and place in missing:
            out.append(not_audited(name, missing[place], tenant=tenant))
        elif place < DIFFERENT:
            out.append(made_summary(name, tenant=tenant, share=(place % 5) / 10))
        else:
            own = {"server": name, "tenant": tenant, "server_id": f"id of {name}", "run_id": f"{place:016x}"}
            out.append(out[place % DIFFERENT].model_copy(update=own))
    return made_fleet(*out)
