"""How an audit shows itself in a notebook: verdict, numbers, the worst causes. Escaped, no script, at most 20 kB."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vbr_audit.display import number, shorten
from vbr_audit.notebook import Grid, Headline, Line, fragment
from vbr_audit.reports.html.page import Page, build_page
from vbr_audit.reports.words import STATUS_WORDS, badge, level_badge

if TYPE_CHECKING:
    from vbr_audit.reports.context import ReportContext

WORST = 10
"""Maximum number of causes of failing findings that are shown."""


def audit_html(context: ReportContext) -> str:
    """The audit as an HTML fragment in the colours of the notebook, light or dark."""
    summary = context.summary
    level = level_badge(summary.verdict.level)
    page = build_page(context)
    gaps = [f"INCOMPLETE: {shorten(gap.text, 300)} {gap.remedy}" for gap in context.gaps[:5]]
    headline = f"{level.sign} {summary.verdict.headline}"
    return fragment(
        [
            *(Line(text, "loud") for text in gaps),
            Headline(headline, shorten(summary.verdict.detail, 600), f"head {level.style}"),
            Line(" · ".join(f"{tile.value} {tile.label}" for tile in context.tiles)),
            Line(_counts(context)),
            *_worst(page),
        ]
    )


def _counts(context: ReportContext) -> str:
    shown = ((badge(status), context.summary.counts[status]) for status in STATUS_WORDS)
    return " · ".join(f"{state.sign} {number(findings)} {state.word}" for state, findings in shown)


def _worst(page: Page) -> Iterator[Grid]:
    """The first causes of what fails, with what each would settle."""
    if not page.causes.rows:
        return
    rows = [
        (
            f"{row.badge.sign} {row.badge.word}",
            f"{row.check_id} {shorten(row.failure, 80)}",
            f"{row.kind} {shorten(row.name, 60)}",
            row.settles,
            shorten(row.remediation, 160),
        )
        for row in page.causes.rows[:WORST]
    ]
    shown = f"{page.causes_told} The first {len(rows)}:"
    yield Grid(("Severity", "Check", "Where", "Settles", "What to do"), rows, shown)
