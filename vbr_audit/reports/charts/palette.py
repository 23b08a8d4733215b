"""The colour and the hatch of every state, so that a drawing also reads in grey.

The colours are those of the style sheets of the page: no other place says them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from vbr_audit.reports.template_folder import builtin_templates

STYLES: Final = ("style.css", "charts.css")
"""The style sheets that hold the colours."""
_ROOT = re.compile(r"^:root\s*\{([^}]*)\}", re.MULTILINE)
_VARIABLE = re.compile(r"(--[\w-]+):\s*(#[0-9a-f]{6})\b")
_TONE = re.compile(r"^\.[cs]-(\w+)\s*\{\s*(?:fill|stroke):\s*var\((--[\w-]+)\)", re.MULTILINE)


@dataclass(frozen=True)
class Look:
    """How a state is drawn: the class of its colour, the lines over it, the shape of its points."""

    tone: str
    hatch: str = ""
    point: str = "circle"


LOOKS: Final = {
    "Success": Look("pass"),
    "Warning": Look("warn", "falling"),
    "Failed": Look("fail", "rising"),
    "PASS": Look("pass"),
    "FAIL": Look("fail", "rising"),
    "WAIVED": Look("waive", "level"),
    "UNKNOWN": Look("unk", "upright"),
    "ERROR": Look("err", "crossed"),
    "NOT_APPLICABLE": Look("na"),
    "missed": Look("err", "crossed"),
    "absent": Look("err", "crossed"),
    "idle": Look("idle"),
    "unclear": Look("idle", "rising"),
    "used": Look("waive"),
    "free": Look("idle"),
    "no run": Look("idle", "rising"),
    "critical": Look("critical"),
    "high": Look("high", "rising"),
    "medium": Look("medium", "falling"),
    "low": Look("low", "level"),
    "info": Look("info"),
    "protected_share": Look("pass"),
    "success_rate": Look("waive", point="square"),
    "used_share": Look("warn", point="triangle"),
    "median": Look("waive"),
    "longest": Look("fail", point="diamond"),
}
OTHER: Final = Look("na", "crossed")
"""For a word that this version does not know."""


def look_of(state: str) -> Look:
    """How `state` is drawn, whatever word a server sent."""
    return LOOKS.get(state, OTHER)


@cache
def tones() -> dict[str, str]:
    """The colours of a light page by the name of their class, as `#rrggbb`."""
    sheets = [(builtin_templates() / name).read_text(encoding="utf-8") for name in STYLES]
    roots = [block for css in sheets for block in _ROOT.findall(css)]
    colours = {name: value for block in roots for name, value in _VARIABLE.findall(block)}
    return {tone: colours[variable] for css in sheets for tone, variable in _TONE.findall(css)}
