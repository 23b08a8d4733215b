"""The words, signs and order of states, the same in every artefact: a state is never shown by colour alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from vbr_audit.display import plain
from vbr_audit.findings.rating import GRADES, PARTIAL_RULE

STATUS_WORDS = {
    "PASS": "pass",
    "FAIL": "fail",
    "WAIVED": "waived",
    "UNKNOWN": "unknown",
    "ERROR": "error",
    "NOT_APPLICABLE": "not applicable",
}
"""Every status with its word."""

STATUS_MEANINGS = {
    "PASS": "present data show the good state",
    "FAIL": "present data show that the state is not good",
    "WAIVED": "fails, and somebody has accepted it until a day",
    "UNKNOWN": "the data needed are missing, so there is no answer; it never counts as a pass",
    "ERROR": "the check itself broke",
    "NOT_APPLICABLE": "the object has no such setting, or the question does not arise",
}

CHECKS_FORMULA = "checks without a failing or unanswered finding / checks with a finding that applies"
RATE_FORMULA = "PASS / (PASS + FAIL + WAIVED + UNKNOWN + ERROR)"
ASSESSED_FORMULA = "(PASS + FAIL + WAIVED) / (PASS + FAIL + WAIVED + UNKNOWN + ERROR)"

OFFLOAD_RATE_FORMULA = "offloads to a further tier that ended Success or Warning / all that ended with a result"
RUN_RATE_FORMULA = "job runs that ended Success or Warning / job runs that ended Success, Warning or Failed"

DEFINITIONS = (
    ("Checks without an open finding", f"{CHECKS_FORMULA}. One failing object counts against a check."),
    (
        "Cause",
        "one thing that somebody can do: a check at a job, a repository, a machine or a setting of the server. It "
        "settles all findings of its own; its severity is the worst that one of them has.",
    ),
    (
        "Jobs at risk",
        "jobs in scope with a failing critical or high finding that is not waived, of the job or of a machine that it "
        "backs up.",
    ),
    ("Rating", f"{' '.join(f'{grade.letter}: {grade.rule}' for grade in GRADES)} The first that holds. {PARTIAL_RULE}"),
    ("Compliance", f"{RATE_FORMULA}. What could not be answered lowers it; what does not apply is left out."),
    ("Assessed", f"{ASSESSED_FORMULA}: the share of the questions that have an answer."),
    (
        "Success rate",
        f"{RUN_RATE_FORMULA}: job runs, each with its retries, that started in the period and have ended, of jobs in "
        "scope; the last attempt of a run counts.",
    ),
    ("Not known", "the server did not report it, or its answer could not be read. It is never counted as good."),
    ("Empty", "a table without rows means that nothing is there; what could not be read is listed as such."),
    (
        "Evidence",
        "every answer of the server is kept as received. The SHA-256 of a dataset is over its answers in the order "
        "of reading, so that the count can be repeated and a change shows.",
    ),
)


@dataclass(frozen=True)
class Badge:
    """A state as a reader sees it: its style, its sign and its word."""

    style: str
    sign: str
    word: str


_STYLES = {
    "PASS": ("pass", "✓"),
    "FAIL": ("fail", "✕"),
    "WAIVED": ("waive", "⚑"),
    "UNKNOWN": ("unk", "?"),
    "ERROR": ("err", "!"),
    "NOT_APPLICABLE": ("na", "–"),
    "WARNING": ("warn", "▲"),
    "complete": ("pass", "✓"),
    "partial": ("unk", "◐"),
    "denied": ("fail", "✕"),
    "absent": ("na", "–"),
    "failed": ("fail", "✕"),
    "not asked for": ("na", "–"),
}
_SEVERITY_SIGNS = {"critical": "■", "high": "◆", "medium": "▲", "low": "○", "info": "·"}
"""Every severity with its sign: the worse, the heavier; styles of these names fill, outline or leave the word plain."""
_LEVELS = {"fail": "FAIL", "incomplete": "UNKNOWN", "pass": "PASS"}


def badge(state: str, word: str | None = None) -> Badge:
    """The badge of a status of a finding or a dataset; `word` replaces its word.

    What fails with a severity as its word looks as that severity does.
    """
    if state == "FAIL" and word in _SEVERITY_SIGNS:
        return Badge(word, _SEVERITY_SIGNS[word], word)
    style, sign = _STYLES.get(state, ("na", "·"))
    return Badge(style, sign, word or STATUS_WORDS.get(state, state))


def level_badge(level: str) -> Badge:
    """The badge of a verdict's level: fail, incomplete or pass."""
    return badge(_LEVELS[level], level)


def parameters_text(params: Any) -> str:
    """The parameters of a check as `name = value, …`."""
    values = params.model_dump(mode="json") if hasattr(params, "model_dump") else dict(params or {})
    return ", ".join(f"{name} = {_value(value)}" for name, value in values.items())


def prose(text: str) -> str:
    """A docstring as running text: on one line, its code in quotation marks."""
    return re.sub(r"`+([^`]+)`+", r"“\1”", " ".join(text.split()))


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_value(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return "[" + ", ".join(_value(entry) for entry in value) + "]"
    return plain(value)
