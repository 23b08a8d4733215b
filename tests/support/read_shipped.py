"""Read what every audit reads of the package: processes that are forked from one that imported this have it."""

from __future__ import annotations

from vbr_audit.rules import Rules
from vbr_audit.tables.jobs.controls import get_map

Rules.load()
get_map()
