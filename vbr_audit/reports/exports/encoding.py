"""What the exports share: records of a table, JSON and Markdown that nothing runs, ids that stay the same."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson
import pandas as pd

from vbr_audit.checks.logic.codes import codes_of
from vbr_audit.display import encodable, is_known, iso, plain

if TYPE_CHECKING:
    from vbr_audit.reports.context import ReportContext


_ROWS_AT_ONCE: Final = 5_000
"""Number of rows of a table that are JSON at a time: each takes some kilobytes until it is written."""
_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:vbr-audit")
# The UTF-8 of C1 controls, of marks and overrides of text direction, and of separators of lines: JSON may hold them
# as they are, but a terminal or an editor that shows the file would obey them. Each pattern begins with one byte, which
# is found far sooner than one of many.
_STEERING: Final = tuple(
    map(
        re.compile,
        (
            *(rb"\x7f", rb"\xc2[\x80-\x9f]", rb"\xd8\x9c", rb"\xef\xbb\xbf"),
            rb"\xe2(?:\x80[\x8e\x8f\xa8-\xae]|\x81[\xa6-\xa9])",
        ),
    )
)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of `frame` as plain values by column: what is not known is None, moments are ISO 8601 in UTC."""
    names = frame.columns.tolist()  # once: beside pyarrow, each look at a label makes a text of it
    columns = [plain_values(frame[name]) for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def plain_values(column: pd.Series) -> list[Any]:
    """The values of a column as JSON has them, as `plain_value` gives each."""
    dtype = column.dtype
    if isinstance(dtype, pd.DatetimeTZDtype):
        # As `iso` writes each, but all at once: a table has hundreds of thousands.
        seconds = column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().astype("datetime64[s]")
        texts = np.char.add(np.datetime_as_string(seconds), "Z").tolist() if len(seconds) else []
        return [None if missing else text for text, missing in zip(texts, np.isnat(seconds), strict=True)]
    if isinstance(dtype, pd.StringDtype | pd.Int64Dtype | pd.BooleanDtype):
        missing: Any = None  # the stubs of pandas do not know that it may stand for what is missing
        values: list[Any] = column.to_numpy(dtype=object, na_value=missing).tolist()
        return values
    if isinstance(dtype, pd.Float64Dtype):
        return [None if value != value else value for value in column.to_numpy(np.float64, na_value=np.nan).tolist()]
    return [plain_value(value) for value in column.tolist()]


def plain_value(value: Any) -> Any:
    """One value of a table as JSON has it."""
    if not is_known(value):
        return None
    if isinstance(value, dt.datetime):
        return iso(value)
    return value.isoformat() if isinstance(value, dt.date) else value


def json_bytes(document: Any, *, indent: bool = True) -> bytes:
    """`document` as JSON in UTF-8 with a newline at the end; on one line without `indent`.

    Characters that could steer a terminal are escaped, which changes nothing for a reader of JSON. A lone surrogate,
    which has no UTF-8, becomes a question mark.
    """
    option = orjson.OPT_APPEND_NEWLINE | (orjson.OPT_INDENT_2 if indent else 0)
    try:
        data = orjson.dumps(document, option=option)
    except orjson.JSONEncodeError:
        data = orjson.dumps(_all_encodable(document), option=option)
    for pattern in _STEERING:
        data = pattern.sub(_escaped, data)
    return data


def json_pieces(document: Mapping[str, Any]) -> Iterator[bytes]:
    """`document`, which has entries, as `json_bytes` writes it with an indent, in pieces of a few megabytes.

    A DataFrame, whose cells are no lists and no objects, stands for its `records`, which are never all in memory.
    """
    before = b"{\n"
    for name, value in document.items():
        for piece in _pieces_of_entry(name, value):
            yield before + piece
            before = b""
        before = b",\n"
    yield b"\n}\n"


def _pieces_of_entry(name: str, value: Any) -> Iterator[bytes]:
    """One entry of a document as it stands between its braces."""
    if not isinstance(value, pd.DataFrame):
        yield _between(json_bytes({name: value}), b"{\n", b"\n}\n")
        return
    if value.empty:
        yield from _pieces_of_entry(name, [])
        return
    begun, between = b"  " + json_bytes(name).strip() + b": [\n", b""
    for start in range(0, len(value), _ROWS_AT_ONCE):
        part = value.iloc[start : start + _ROWS_AT_ONCE]
        columns = [_fields(str(label), column) for label, column in part.items()]
        yield begun + between + b"    {\n" + b"\n    },\n    {\n".join(map(b",\n".join, zip(*columns, strict=True)))
        begun, between = b"", b"\n    },\n"
    yield b"\n    }\n  ]"


def _fields(name: str, column: pd.Series) -> list[bytes]:
    """One column of a table as each row has it: its name and its value; equal texts are encoded once."""
    begin = b"      " + json_bytes(name).strip() + b": "
    if not isinstance(column.dtype, pd.StringDtype):
        return [begin + line for line in _lines(plain_values(column))]
    codes = codes_of(column)
    different = [begin + line for line in (*_lines(codes.texts.tolist()), b"null")]
    fields: list[bytes] = np.array(different, dtype=object)[codes.rows].tolist()
    return fields


def _lines(values: list[Any]) -> list[bytes]:
    """The JSON of each of `values`, which are no lists and no objects: none of them holds a line break."""
    return json_bytes(values)[len(b"[\n  ") : -len(b"\n]\n")].split(b",\n  ") if values else []


def _between(data: bytes, opening: bytes, closing: bytes) -> bytes:
    """What stands behind the first `opening` of `data`, which ends with `closing`, and before that."""
    return data[data.index(opening) + len(opening) : -len(closing)]


def stable_uuid(*parts: str) -> str:
    """A UUID (version 5) that is the same for the same `parts`."""
    return str(uuid.uuid5(_NAMESPACE, encodable("\0".join(parts))))


def outcome_uuid(context: ReportContext) -> str:
    """The id of a run as it was judged: the same when its reports are written anew, another under another policy."""
    return stable_uuid("outcome", context.manifest.to_json().decode("utf-8", "replace"))


def what_was_found(row: dict[str, Any]) -> str:
    """One finding in words: what was observed, what is expected, and why it is as it is."""
    parts = [
        f"observed: {row['observed']}" if row["observed"] is not None else "",
        f"expected: {row['expected']}" if row["expected"] is not None else "",
        row["reason"] or "",
        _waiver_words(row),
    ]
    return "; ".join(part for part in parts if part) or "nothing more is known"


def first_seen_of(row: dict[str, Any]) -> dt.datetime | None:
    """When the finding was seen first, in UTC; None where the findings have no such column, or that is not known."""
    value = row.get("first_seen")
    if value is None:
        return None
    try:
        seen = dt.datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return seen.astimezone(dt.UTC) if seen.tzinfo is not None else seen.replace(tzinfo=dt.UTC)


def _waiver_words(row: dict[str, Any]) -> str:
    if row["waiver_id"] is None:
        return ""
    return f"waiver {row['waiver_id']} of {row['waiver_owner']}, expires {row['waiver_expires']}"


def _escaped(match: re.Match[bytes]) -> bytes:
    return b"\\u%04x" % ord(match.group().decode())


def _all_encodable(value: Any) -> Any:
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, dict):
        return {_all_encodable(key): _all_encodable(entry) for key, entry in value.items()}
    return [_all_encodable(entry) for entry in value] if isinstance(value, list) else value


# Text in Markdown that can become neither markup nor HTML, link, mention or emoji.

# Letters and digits of any script, and punctuation that means nothing in Markdown where it stands here: a colon before
# a space or inside a time of day (addresses and emoji have it elsewhere), an underscore inside a word, an ampersand
# before a space.
_HARMLESS: Final = re.compile(
    r"(?:[^\W_]|[ ,.;%'\"()/=+…–—−·→⟨⟩✓✕?-]|:(?=\s|$)|(?<=\d\d):(?=\d\d(?!\d))|(?<=[^\W_])_(?=[^\W_])|&(?=\s))*"
)
_LISTS: Final = re.compile(r"[-=+]|\d+[.)](\s|$)")
_LINK: Final = re.compile(r"www\.", re.IGNORECASE)


def text(value: object) -> str:
    """`value` as one line of inline Markdown: as it stands if nothing in it could be markup, else as `code`."""
    shown = plain(value).strip()
    if not shown:
        return "(empty)"
    harmless = _HARMLESS.fullmatch(shown) and not _LINK.search(shown) and not _LISTS.match(shown)
    return shown if harmless else code(shown)


def code(value: object) -> str:
    """`value` as a span of code, in which Markdown reads nothing.

    A pipe would end a cell of a table even there, and behind a backslash it cannot be escaped: it stands between two
    spans, as an entity.
    """
    parts = [_span(part) if part else "" for part in plain(value).split("|")]
    return "&#124;".join(parts) or "(empty)"


def pipe_table(headers: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Sequence[int] = ()) -> str:
    """A table of GitHub's Markdown; the columns at the places `numbers` stand right. Cells go through `text`."""
    lines = [
        "| " + " | ".join(headers) + " |",
        "|" + "|".join("---:" if at in numbers else "---" for at in range(len(headers))) + "|",
    ]
    lines += ["| " + " | ".join(text(value) for value in row) + " |" for row in rows]
    return "\n".join(lines)


def _span(part: str) -> str:
    longest = max((len(run) for run in re.findall("`+", part)), default=0)
    fence = "`" * (longest + 1)
    room = " " if part[0] in "` " or part[-1] in "` " else ""
    return f"{fence}{room}{part}{room}{fence}"
