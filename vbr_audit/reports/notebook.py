"""How an audit shows itself in a notebook: verdict, numbers, the worst causes. Escaped, no script, at most 20 kB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vbr_audit.display import element, html_table, number, shorten
from vbr_audit.reports.html.page import Page, build_page
from vbr_audit.reports.words import STATUS_WORDS, badge, level_badge

if TYPE_CHECKING:
    from vbr_audit.reports.context import ReportContext

WORST = 10
"""Maximum number of causes of failing findings that are shown."""

_STYLE = (
    ".va-audit{font:14px/1.5 system-ui,sans-serif;color:inherit;max-width:72em}"
    ".va-audit .head{border-left:5px solid #8888;padding:.2em .9em;margin:.4em 0}"
    ".va-audit .fail{border-color:#c9490f}.va-audit .pass{border-color:#3a9178}.va-audit .unk{border-color:#8467b5}"
    ".va-audit strong{font-weight:650}.va-audit .loud{border-left:5px solid #c9490f;padding:.2em .9em}"
    ".va-audit table{border-collapse:collapse;margin:.5em 0;background:none;color:inherit}"
    ".va-audit th,.va-audit td{text-align:left;vertical-align:top;padding:.2em .9em .2em 0;"
    "border-bottom:1px solid #8888;background:none;color:inherit;white-space:normal;overflow-wrap:anywhere}"
    ".va-audit td.n{text-align:right}.va-audit caption{text-align:left;color:inherit;font-weight:600}"
)


def audit_html(context: ReportContext) -> str:
    """The audit as an HTML fragment in the colours of the notebook, light or dark."""
    summary = context.summary
    level = level_badge(summary.verdict.level)
    page = build_page(context)
    parts = [element("style", _STYLE, safe=True)]
    told = [f"INCOMPLETE: {shorten(gap.text, 300)} {gap.remedy}" for gap in context.gaps[:5]]
    parts += [element("p", text, class_="loud") for text in told]
    headline = element("strong", f"{level.sign} {summary.verdict.headline}")
    head = headline + "<br>" + element("span", shorten(summary.verdict.detail, 600))
    parts.append(element("p", head, safe=True, class_=f"head {level.style}"))
    parts.append(element("p", " · ".join(f"{tile.value} {tile.label}" for tile in context.tiles)))
    parts.append(element("p", _counts(context)))
    parts.append(_worst(page))
    return element("div", "".join(parts), safe=True, class_="va-audit")


def _counts(context: ReportContext) -> str:
    shown = ((badge(status), context.summary.counts[status]) for status in STATUS_WORDS)
    return " · ".join(f"{state.sign} {number(findings)} {state.word}" for state, findings in shown)


def _worst(page: Page) -> str:
    """The first causes of what fails, with what each would settle."""
    if not page.causes.rows:
        return ""
    rows = [
        (
            f"{row.badge.sign} {row.badge.word}",
            f"{row.check_id} {shorten(row.title, 80)}",
            f"{row.kind} {shorten(row.name, 60)}",
            row.settles,
            shorten(row.remediation, 160),
        )
        for row in page.causes.rows[:WORST]
    ]
    shown = f"{page.causes_told} The first {len(rows)}:"
    return html_table(("Severity", "Check", "Where", "Settles", "What to do"), rows, caption=shown)
