"""How a snapshot shows itself in a notebook: what was read, and how whole it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from vbr_audit.collection.datasets import beyond, unread
from vbr_audit.display import count, element, html_table, number, period_text, shorten, time_zone

if TYPE_CHECKING:
    from vbr_audit.collection.manifest import DatasetRecord, Manifest

_STYLE = (
    ".va-snapshot{font:14px/1.5 system-ui,sans-serif;color:inherit}"
    ".va-snapshot table{border-collapse:collapse;margin:.5em 0;background:none}"
    ".va-snapshot th,.va-snapshot td{text-align:left;padding:.2em .8em .2em 0;border-bottom:1px solid #8888}"
    ".va-snapshot td.n{text-align:right}.va-snapshot strong{font-weight:650}"
)
_MOST = 80
_ROOM = 18_000


def snapshot_html(manifest: Manifest, *, jobs: int, sessions: int) -> str:
    """A small table of the datasets of a snapshot, escaped, without script, at most 20 kB; how many rows it has."""
    records = manifest.datasets
    rows = list(_fitting(_rows(_most_telling(records))))
    run = manifest.run
    days = period_text(run.since, run.until, time_zone(run.timezone), run.timezone)
    lacking = len(unread(manifest))
    part = f"{lacking} of {count(len(records), 'dataset')} not read whole"
    state = part if lacking or manifest.interrupted else "all read whole"
    title = element("p", element("strong", f"Snapshot, {days}: {state}"), safe=True)
    sizes = f"{count(jobs, 'job')}, {count(sessions, 'session')} in the period"
    hidden = len(records) - len(rows)
    more = f"; {count(hidden, 'more dataset is', 'more datasets are')} not shown" if hidden else ""
    table = html_table(("Server", "Dataset", "Status", "Rows", "Why"), rows)
    inside = element("style", _STYLE, safe=True) + title + element("p", sizes + more) + table
    return element("div", inside, safe=True, class_="va-snapshot")


def _most_telling(records: list[DatasetRecord]) -> list[DatasetRecord]:
    """The records to show, in their order: those that were not read whole before the others."""
    order = sorted(range(len(records)), key=lambda at: (records[at].status == "complete", at))
    return [records[at] for at in sorted(order[:_MOST])]


def _rows(records: list[DatasetRecord]) -> Iterator[tuple[str, ...]]:
    for record in records:
        yield (
            shorten(record.server, 60),
            record.name,
            f"{'✓' if record.status == 'complete' else '✕'} {record.status}",
            number(record.rows_kept),
            shorten(record.reason, 160) if record.reason else "",
        )


def _fitting(rows: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """The first of `rows`, as many as fit into a small page; a hostile name may grow sixfold when it is escaped."""
    room = _ROOM
    for row in rows:
        room -= sum(len(element("td", cell).encode()) for cell in row) + len("<tr></tr>")
        if room < 0:
            return
        yield row


def outcome_line(manifest: Manifest) -> str:
    """What a collection has brought, in one line of plain text.

    A dataset that no revision of the server has is no gap of the reading: such ones are only counted.
    """
    names = shorten(", ".join(server.name for server in manifest.servers), 60)
    aside = len(beyond(manifest))
    lacking = [f"{record.name} {record.status}" for record in unread(manifest)]
    state = f"not whole: {shorten(', '.join(lacking), 80)}" if lacking else "all whole"
    later = f"; {count(aside, 'dataset')} not offered" if aside else ""
    begun = "interrupted; " if manifest.interrupted else ""
    rows = count(sum(record.rows_kept for record in manifest.datasets), "row")
    return f"Read {count(len(manifest.datasets) - aside, 'dataset')} and {rows} from {names}: {begun}{state}{later}."
