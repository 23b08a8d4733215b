"""What the tables could not take over as it stood, in sentences: unknown words, odd dates, values that do not fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from vbr_audit.collection.manifest import FILTER_UNHEARD, PAGES_UNCOUNTED
from vbr_audit.display import count, shorten

if TYPE_CHECKING:
    from vbr_audit.collection.manifest import DatasetRecord

NAMED = 8
"""Maximum number of values that are named in one sentence."""

_BY_COLUMN = {
    "uncastable": "a value of another type than expected",
    "naive_dates": "a date without an offset",
    "dates_out_of_range": "a date outside 1990 to 2100",
}
_ROWS = {
    "not_objects": "that are not JSON objects",
    "missing_keys": "without an id",
    "duplicates": "left out as duplicates",
    "undated_rows_kept": "without a date, kept",
    "rows_gone_while_reading": "gone while reading",
}


def data_notes(datasets: Iterable[DatasetRecord]) -> tuple[str, ...]:
    """One sentence per dataset and kind of oddity, in the manifest's order."""
    return tuple(sentence for record in datasets for sentence in _sentences(record))


def _sentences(record: DatasetRecord) -> Iterable[str]:
    where = f"{shorten(record.server, 60)}, {record.name}"
    notes = record.notes
    for column, values in _mapping(notes.get("unknown_values")).items():
        yield f"{where}: words that no known revision lists in {shorten(column)}: {_named(values)}."
    if fields := _mapping(notes.get("unknown_fields")):
        yield f"{where}: fields that no known revision lists: {_named(fields)}."
    for name, meaning in _BY_COLUMN.items():
        if columns := _mapping(notes.get(name)):
            yield f"{where}: {meaning}, taken as not known, in {_named(columns)}."
    if columns := _mapping(notes.get("assumed_dates")):
        yield f"{where}: a date without an offset, read by the server's clock, in {_named(columns)}."
    if FILTER_UNHEARD in notes:
        yield f"{where}: the server did not heed its filter by kind, so all kinds were read and the others left out."
    if pages := notes.get(PAGES_UNCOUNTED):
        yield f"{where}: {count(pages, 'page')} that did not tell how many rows there are, read to the empty page."
    for name, meaning in _ROWS.items():
        if rows := notes.get(name):
            yield f"{where}: {count(rows, 'row')} {meaning}."
    if record.redacted:
        yield f"{where}: replaced before anything was stored: {', '.join(shorten(path) for path in record.redacted)}."


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _named(counts: Mapping[str, Any]) -> str:
    names = [f"{shorten(name)} ({times}×)" for name, times in list(counts.items())[:NAMED]]
    rest = len(counts) - len(names)
    return ", ".join(names) + (f" and {rest} more" if rest else "")
