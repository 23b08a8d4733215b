"""The words of this tool itself: a name that is one of them is not looked for in its own sentences."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from vbr_audit.checks.derived import left_objects, offloads, protection
from vbr_audit.checks.engine.registry import REGISTRY
from vbr_audit.collection.datasets import DATASETS
from vbr_audit.collection.manifest import DatasetStatus
from vbr_audit.findings.gaps import OUT_OF_REACH
from vbr_audit.findings.requirements import shipped_files
from vbr_audit.reports.words import DEFINITIONS, STATUS_MEANINGS, STATUS_WORDS
from vbr_audit.tables import CONTROLS, SPECS
from vbr_audit.tables.build import enums
from vbr_audit.vocabulary import STATUSES

_GRAM: Final = 3


@cache
def own_text() -> str:
    """Texts of this tool in lower case: titles, rationales, helps, the API's known words, what functions say."""
    return "\n".join(_texts()).lower()


@cache
def _grams() -> frozenset[str]:
    text = own_text()
    return frozenset(text[at : at + _GRAM] for at in range(len(text)))


def occurs(folded: str) -> bool:
    """Whether a text in lower case stands somewhere in the tool's own, be it within a word."""
    grams = _grams()
    if any(folded[at : at + _GRAM] not in grams for at in range(max(1, len(folded) - _GRAM + 1))):
        return False
    return folded in own_text()


def is_ordinary(folded: str) -> bool:
    """Whether a text in lower case is a word, or some words, of the tool's own."""
    return occurs(folded) and re.search(rf"(?<![^\W_]){re.escape(folded)}(?![^\W_])", own_text()) is not None


def _texts() -> Iterator[str]:
    for check in REGISTRY.all():
        yield from (check.title, check.rationale, check.remediation, check.expected or "", check.json_path or "")
        yield from (f"{parameter.name} {parameter.help}" for parameter in check.parameters)
        yield from _constants(check.function.__code__)
    for spec in (*SPECS.values(), protection.SPEC, offloads.SPEC, left_objects.SPEC):
        yield f"{spec.name} {spec.help}"
        yield from (f"{column.name} {column.help} {column.unit}" for column in spec.columns)
    yield from (control.help for control in CONTROLS.values())
    yield from (f"{dataset.title} {dataset.path}" for dataset in DATASETS.values())
    for module in (enums, enums):
        yield from (str(words) for words in vars(module).values() if isinstance(words, tuple))
    yield from (" ".join(words) for words in enums.CONTROL_WORDS.values())
    yield from (*OUT_OF_REACH, *STATUSES, *DatasetStatus, *calendar.day_name, *calendar.month_name)
    for words in (DEFINITIONS, STATUS_MEANINGS, STATUS_WORDS):
        yield str(words)
    yield from (file.text for file in shipped_files())


def _constants(code: object) -> Iterator[str]:
    """The texts that stand in a function, and in the functions within it."""
    for constant in getattr(code, "co_consts", ()):
        if isinstance(constant, str):
            yield constant
        else:
            yield from _constants(constant)
