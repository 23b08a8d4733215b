"""Rows that are written only when they are asked for: there may be a million of them."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import overload

Json = dict[str, object]


class Lazy(Sequence[Json]):
    """Rows in the order of their time, as `write` spells out the one at a place; `times` are ticks, ascending."""

    def __init__(self, times: Sequence[int], write: Callable[[int], Json], places: range | None = None) -> None:
        self._times = times
        self._write = write
        self._places = range(len(times)) if places is None else places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, at: int) -> Json: ...

    @overload
    def __getitem__(self, at: slice) -> list[Json]: ...

    def __getitem__(self, at: int | slice) -> Json | list[Json]:
        if isinstance(at, slice):
            return [self._write(place) for place in self._places[at]]
        return self._write(self._places[at])

    def within(self, after: int | None, before: int | None) -> "Lazy":
        """The rows from `after` to `before`, both included."""
        first = 0 if after is None else bisect_left(self._times, after)
        last = len(self._times) if before is None else bisect_right(self._times, before)
        return Lazy(self._times, self._write, range(first, max(first, last)))

    def turned(self) -> "Lazy":
        """The same rows, the newest first."""
        return Lazy(self._times, self._write, self._places[::-1])

    def altered(self, change: Callable[[Json, int], Json]) -> "Lazy":
        """The same rows, each changed by a function of itself and its place."""
        write = self._write
        return Lazy(self._times, lambda place: change(write(place), place), self._places)
