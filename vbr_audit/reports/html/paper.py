"""What the short PDF shows: the tables of the page with few rows each, and the hash that ties it to its run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from vbr_audit.reports.causes import with_findings
from vbr_audit.reports.html.page import Page, build_page
from vbr_audit.reports.record import Capped, first_rows

if TYPE_CHECKING:
    from vbr_audit.reports.context import ReportContext

MOST_CAUSES: Final = 40
MOST_QUESTIONS: Final = 12
MOST_CHANGES: Final = 20
MOST_WAIVERS: Final = 20
MOST_NOTES: Final = 12
"""Maximum number of rows of a table in the short PDF; what is left out is counted."""

LEFT_OUT: Final = (
    "each failing finding with what was observed and expected",
    "each check with its population, rationale and remedy",
    "each job, run and protected object",
    "each finding that is accepted",
    "each requirement of the frameworks with its answer",
    "each request to a server with the hash of its answer",
)
"""What the page has, and the short PDF has not."""


@dataclass(frozen=True)
class Paper:
    """What ties the short PDF to its run: the SHA-256 of `manifest.json`, the number of datasets asked for.

    `left_out` has a line for each table of the page that is not on paper, `notes` what the tables could not take over.
    """

    manifest_sha256: str
    datasets: int
    left_out: tuple[str, ...]
    notes: Capped


def build_paper(context: ReportContext) -> Paper:
    """What the short PDF has beside the page and the executive page."""
    return Paper(
        manifest_sha256=hashlib.sha256(context.manifest.to_json()).hexdigest(),
        datasets=len(context.manifest.datasets),
        left_out=LEFT_OUT,
        notes=first_rows((*context.notes, *context.manifest.warnings), MOST_NOTES),
    )


def build_short_page(context: ReportContext) -> Page:
    """The rows of the page, so many of each table as a reader of paper takes in; the worst come first."""
    page = build_page(context)
    since = page.since
    if since is not None:
        since = replace(since, changed=_first(since.changed, MOST_CHANGES))
    return replace(
        page,
        causes=with_findings(_first(page.causes, MOST_CAUSES), ()),
        questions=_first(page.questions, MOST_QUESTIONS),
        waivers=_first(page.waivers, MOST_WAIVERS),
        since=since,
    )


def _first(table: Capped, most: int) -> Capped:
    return Capped(table.rows[:most], table.total)
