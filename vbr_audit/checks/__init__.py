"""The engine: what a check is, which ones there are, what a policy says of them, and how they are run."""

from __future__ import annotations

from vbr_audit.checks import catalogue
from vbr_audit.checks.catalogue import REGISTRY
from vbr_audit.checks.engine.outcome import Example, Outcome
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import Check, Registry
from vbr_audit.checks.logic import dates
from vbr_audit.checks.own.session import check
from vbr_audit.checks.policy.needs import needed_datasets
from vbr_audit.checks.policy.policy import CheckUse, Policy, load_policy
from vbr_audit.checks.run import CheckRun, run_checks
from vbr_audit.vocabulary import SEVERITIES

__all__ = [
    "REGISTRY",
    "SEVERITIES",
    "Check",
    "CheckRun",
    "CheckUse",
    "Example",
    "Outcome",
    "Policy",
    "Registry",
    "catalogue",
    "check",
    "dates",
    "load_policy",
    "needed_datasets",
    "param",
    "run_checks",
]
