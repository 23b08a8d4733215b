"""Values of an audit as JSON that can neither steer a reader's screen nor fill its memory."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import orjson

from vbr_audit.display import is_known, plain
from vbr_audit.reports.exports.encoding import plain_value

MOST_TEXT: Final = 4_000
"""Characters of one text; a longer one is cut, and says how long it was."""
MOST_ROWS: Final = 200
"""Rows of one answer."""
MOST_BYTES: Final = 200_000
"""Bytes of the rows of one answer as JSON."""
_LARGEST: Final = 2**53
"""Beyond it, readers of JSON round whole numbers."""


def shown(value: Any) -> Any:
    """`value` as plain JSON: texts with their control characters visible and cut, null for what is not known."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return {_text(str(name)): shown(each) for name, each in value.items()}
    if isinstance(value, bytes | bytearray):
        return _text(value.hex())
    if isinstance(value, Iterable):
        return [shown(each) for each in value]
    if not is_known(value):
        return None
    if isinstance(value, bool | int):
        return value if abs(value) <= _LARGEST else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, np.generic):
        return shown(value.item())
    if isinstance(value, dt.datetime) and value.tzinfo is None:  # of no zone, so that no zone may be said of it
        return value.isoformat()
    return _text(str(plain_value(value)))


def _text(text: str) -> str:
    cut = plain(text[:MOST_TEXT], lines=True)
    return cut if len(text) <= MOST_TEXT else f"{cut}… (cut, {len(text):,} characters)"


def rows_told(
    rows: Sequence[Any], *, offset: int = 0, limit: int = MOST_ROWS, total: int | None = None
) -> dict[str, Any]:
    """Some of `rows`: `rows`, how many there are (`total`), and `next_offset`, None where nothing follows.

    There are at most `limit` and `MOST_ROWS` of them, and no more than fit into `MOST_BYTES`, but always one.
    """
    many, start = len(rows) if total is None else total, max(offset, 0)
    taken: list[Any] = []
    size = 0
    for row in rows[start : start + max(1, min(limit, MOST_ROWS))]:
        value = shown(row)
        size += len(orjson.dumps(value))
        if taken and size > MOST_BYTES:
            break
        taken.append(value)
    end = start + len(taken)
    return {"rows": taken, "total": many, "offset": start, "next_offset": end if end < many else None}
