"""Which plans a server gets: those written by hand that its revision can have, then more of the same kind."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from vbr_audit.simulator.company import COMPANY, STATE_ONLY
from vbr_audit.simulator.plans import Plan
from vbr_audit.simulator.revisions import has_job_type

_FEW = 10  # a server with fewer jobs than this has none that only /jobs/states knows

_SITES = (
    "Hamburg",
    "Munich",
    "Frankfurt",
    "Vienna",
    "Zurich",
    "Rotterdam",
    "Lyon",
    "Krakow",
    "Aarhus",
    "Leeds",
)
_SYSTEMS = (
    "Application servers",
    "Print servers",
    "Terminal servers",
    "Order entry",
    "Test systems",
    "Database servers",
    "Web servers",
    "Development",
    "Document management",
    "Plant historian",
)
_TYPES = (
    *["VSphereBackup"] * 7,
    "HyperVBackup",
    "WindowsAgentBackup",
    "LinuxAgentBackup",
    "VSphereReplica",
    "FileBackup",
)
_SLIPS: tuple[Callable[[Plan], Plan], ...] = (
    lambda plan: replace(plan, encrypted=False),
    lambda plan: replace(plan, gfs=None),
    lambda plan: replace(plan, retries=0),
    lambda plan: replace(plan, health="off"),
    lambda plan: replace(plan, app_aware=False),
    lambda plan: replace(plan, retention=("Days", 5)),
    lambda plan: replace(plan, history="failed"),
)


def plans_for(revision: str, count: int, chance: Random) -> list[Plan]:
    """Choose `count` plans that a server of this revision can have."""
    chosen = [plan for plan in COMPANY if has_job_type(revision, plan.type)][:count]
    chosen += [_further(number, revision, chance) for number in range(len(chosen), count)]
    return chosen


def state_only_plans(revision: str, count: int) -> list[Plan]:
    """Choose the jobs that only /jobs/states knows."""
    if count < _FEW:
        return []
    return [plan for plan in STATE_ONLY if has_job_type(revision, plan.type)][:2]


def _further(number: int, revision: str, chance: Random) -> Plan:
    kind = chance.choice(_TYPES)
    plan = Plan(
        name=f"{chance.choice(_SYSTEMS)} {chance.choice(_SITES)} {number + 1:02d}",
        type=kind if has_job_type(revision, kind) else "VSphereBackup",
        members=chance.randint(1, 24),
        repository=chance.choice(("main", "main", "files", "dr")),
        retention=("Days", chance.choice((14, 30, 30, 60))),
        at=f"{chance.choice((18, 19, 20, 21, 22, 23, 0, 1, 2, 3)):02d}:{chance.choice((0, 15, 30, 45)):02d}",
    )
    return chance.choice(_SLIPS)(plan) if chance.random() < 0.2 else plan
