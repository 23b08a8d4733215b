"""Collections that move under the reader: after each page some first rows go and as many new ones come at the end."""

from collections import Counter
from collections.abc import Sequence
from threading import Lock
from uuid import NAMESPACE_URL, uuid5

import orjson

Json = dict[str, object]
Rows = Sequence[bytes | Json]


class Churn:
    """Which rows have gone from which dataset, and the new ones in their place; the total never changes."""

    def __init__(self, count: int) -> None:
        self.gone: dict[str, set[str]] = {}
        self._count = count
        self._pages: Counter[str] = Counter()
        self._lock = Lock()

    def moved(self, dataset: str, rows: Rows) -> Rows:
        """The rows that stand there now, and let some more go before the next page."""
        if not self._count or not rows:
            return rows
        with self._lock:
            turns = self._pages[dataset] * self._count
            self._pages[dataset] += 1
            lost = min(turns, len(rows))
            self.gone.setdefault(dataset, set()).update(_id_of(row) for row in rows[:lost])
        stay = list(rows[lost:])
        return [*stay, *(_copy(rows[turn % len(rows)], turn) for turn in range(turns - len(rows) + len(stay), turns))]


def _id_of(row: bytes | Json) -> str:
    document = orjson.loads(row) if isinstance(row, bytes) else row
    return str(document.get("id"))


def _copy(row: bytes | Json, turn: int) -> bytes | Json:
    """A row like `row` with an id of its own."""
    document = orjson.loads(row) if isinstance(row, bytes) else dict(row)
    document["id"] = str(uuid5(NAMESPACE_URL, f"{document.get('id')}/{turn}"))
    return orjson.dumps(document) if isinstance(row, bytes) else document
