"""Whether a server heeds its filter by kind: rows that came without it must come with it too."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from typing import Any, Final

from vbr_audit.collection.dataset import Dataset, Shape
from vbr_audit.collection.datasets import DATASETS
from vbr_audit.tables.build.dates import NAT, read_dates

_FILTERED: Final = {d.unfiltered: d for d in DATASETS.values() if d.shape is Shape.KINDS}
"""Which dataset asks by kind for what each of these reads whole."""


class KindsInHand:
    """Remembers of one server, while it is read, what came of which kind."""

    def __init__(self) -> None:
        self._all: dict[str, Counter[str]] = defaultdict(Counter)
        self._rows: dict[str, list[Any]] = defaultdict(list)
        self._came: dict[str, set[Any]] = defaultdict(set)

    def see(self, dataset: str, rows: list[Any]) -> None:
        """Look at new rows of `dataset`."""
        filtered = _FILTERED.get(dataset)
        if filtered is not None:
            key = filtered.kind_key
            words = [row.get(key) if type(row) is dict else None for row in rows]
            here = Counter(word for word in words if type(word) is str and word)
            self._all[dataset] += here
            fitting = filtered.fitting(rows) if any(filtered.fitting([{key: word}]) for word in here) else []
            self._rows[dataset] += [row for row in fitting if filtered.kind_of(row)]
        elif DATASETS[dataset].shape is Shape.KINDS:
            self._came[dataset].update(row.get("id") for row in rows if type(row) is dict and type(row["id"]) is str)

    def unheard(self, dataset: Dataset, since: dt.datetime, until: dt.datetime) -> int:
        """How many rows are in hand, created within these bounds, of kinds of which the filter let none through."""
        rows = self._rows[dataset.unfiltered]
        created = read_dates([row.get("creationTime") for row in rows], dt.UTC).micros
        low, high = (int(bound.timestamp() * 1_000_000) for bound in (since, until))
        within = [row for row, at in zip(rows, created.tolist(), strict=True) if at != NAT and low <= at <= high]
        heard = {dataset.kind_of(row) for row in within if row.get("id") in self._came[dataset.name]}
        return sum(dataset.kind_of(row) not in heard for row in within)

    def commonest(self, dataset: Dataset) -> str | None:
        """The kind of most rows that came without the filter, as the server writes it; None where none came."""
        seen = self._all[dataset.unfiltered].most_common(1)
        return seen[0][0] if seen else None
