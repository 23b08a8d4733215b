"""The names of what this package ships, for who must know them without importing what declares them."""

from __future__ import annotations

import json

from vbr_audit.checks import REGISTRY
from vbr_audit.checks.policy.policy import PROFILES
from vbr_audit.datasets import DATASETS
from vbr_audit.reports.formats import DEFAULT_FORMATS, FORMATS


def render_names() -> str:
    """`vbr_audit/names.json`: the shipped checks, the datasets, the shipped policies, the formats and their files."""
    names = {
        "checks": [check.id for check in REGISTRY.all()],
        "datasets": list(DATASETS),
        "policies": sorted(PROFILES),
        "formats": list(FORMATS),
        "default_formats": list(DEFAULT_FORMATS),
        "report_files": [card.file_name for card in FORMATS.values()],
    }
    return json.dumps(names, indent=1) + "\n"
