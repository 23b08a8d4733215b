"""How a snapshot shows itself in a notebook: what was read, and how whole it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vbr_audit.display import count, element, html_table, number, period_text, shorten, time_zone

if TYPE_CHECKING:
    from vbr_audit.collection.snapshot import Snapshot

_STYLE = (
    ".va-snapshot{font:14px/1.5 system-ui,sans-serif;color:inherit}"
    ".va-snapshot table{border-collapse:collapse;margin:.5em 0;background:none}"
    ".va-snapshot th,.va-snapshot td{text-align:left;padding:.2em .8em .2em 0;border-bottom:1px solid #8888}"
    ".va-snapshot td.n{text-align:right}.va-snapshot strong{font-weight:650}"
)
_MOST = 40


def snapshot_html(snapshot: Snapshot) -> str:
    """A small table of the datasets of `snapshot`, escaped, without script, at most 20 kB."""
    records = snapshot.manifest.datasets
    rows = [
        (
            shorten(record.server, 60),
            record.name,
            f"{'✓' if record.status == 'complete' else '✕'} {record.status}",
            number(record.rows_kept),
            shorten(record.reason, 160) if record.reason else "",
        )
        for record in records[:_MOST]
    ]
    run = snapshot.manifest.run
    days = period_text(run.since, run.until, time_zone(run.timezone), run.timezone)
    unread = sum(record.status != "complete" for record in records)
    state = "all read whole" if snapshot.is_complete else f"{unread} of {count(len(records), 'dataset')} not read whole"
    title = element("p", element("strong", f"Snapshot, {days}: {state}"), safe=True)
    sizes = f"{count(len(snapshot.jobs), 'job')}, {count(len(snapshot.sessions), 'session')} in the period"
    more = f"; {len(records) - _MOST} more datasets are not shown" if len(records) > _MOST else ""
    table = html_table(("Server", "Dataset", "Status", "Rows", "Why"), rows)
    inside = element("style", _STYLE, safe=True) + title + element("p", sizes + more) + table
    return element("div", inside, safe=True, class_="va-snapshot")
