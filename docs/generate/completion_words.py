"""The words that the completion of a shell offers, as the file from which the command line reads them."""

from __future__ import annotations

import json

from vbr_audit.checks import REGISTRY
from vbr_audit.checks.policy.policy import PROFILES
from vbr_audit.datasets import DATASETS


def render_completion() -> str:
    """`vbr_audit/cli/completion.json`: the ids of the shipped checks, the datasets, the shipped policies."""
    words = {
        "checks": [check.id for check in REGISTRY.all()],
        "datasets": list(DATASETS),
        "policies": sorted(PROFILES),
    }
    return json.dumps(words, indent=1) + "\n"
