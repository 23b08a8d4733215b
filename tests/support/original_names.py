"""The names that a run holds, and those of them that nobody but its servers could have brought along."""

from __future__ import annotations

import re
import tempfile
from functools import lru_cache
from pathlib import Path

import estates

from vbr_audit.audited import Audit
from vbr_audit.checks.derived import offloads, protection
from vbr_audit.reports.formats import FORMATS
from vbr_audit.scrub.pseudonyms import ScrubKey
from vbr_audit.scrub.tables import rule_of
from vbr_audit.tables.build.schema import STRING

KEY = ScrubKey(b"k" * 32)
FAST = tuple(name for name in FORMATS if not FORMATS[name].file_name.endswith(".pdf"))
_IDENTIFYING = ("name", "names", "id", "ids", "prose")
_WORDS = ("type", "platform", "session_type")


def original_names(audit: Audit) -> set[str]:
    """Every name in the tables of a run, each part of a list of names too; words of the API are no names."""
    found: set[str] = set()
    words: set[str] = set()
    derived = {protection.SPEC.name: audit.results.protected, offloads.SPEC.name: audit.results.offloads}
    for table, frame in {**audit.snapshot.tables, **derived}.items():
        for column in frame.columns:
            rule = rule_of(table, column)
            if frame[column].dtype == STRING and rule is not None and rule.how == "word" and column in _WORDS:
                words |= set(frame[column].dropna())
            if frame[column].dtype == STRING and rule is not None and rule.how in _IDENTIFYING:
                values = frame[column].dropna().unique()
                lists = rule.how in ("names", "ids")
                found |= {part for value in values for part in (re.split(r",\s*", value) if lists else [value])}
    return {name for name in found - words if len(name.strip()) >= 4}


@lru_cache
def scrubbed(audit: Audit) -> Audit:
    """The audit without names, under `KEY`."""
    return audit.scrub(KEY)


@lru_cache
def tool_text() -> str:
    """What this tool says of a server on which nothing is."""
    with tempfile.TemporaryDirectory() as folder:
        paths = estates.write_all(scrubbed(estates.nothing()), Path(folder), FAST)
        return "\n".join(estates.texts_of(path) for path in paths.values())


def names_to_find(audit: Audit) -> list[str]:
    """The names of a run that this tool does not say by itself."""
    names = original_names(audit)
    return sorted(names - set(estates.found_in(tool_text(), names)))
