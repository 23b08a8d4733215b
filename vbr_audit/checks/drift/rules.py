"""How a change of one setting is understood: the kinds of rules by which it weakens, strengthens, or does neither."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, Protocol

from vbr_audit.checks.drift.values import UNREADABLE, Unreadable, Value, is_same, items_in

Direction = Literal["weakening", "strengthening", "neutral", "unknown"]
WEAKENING: Final = "weakening"
STRENGTHENING: Final = "strengthening"
NEUTRAL: Final = "neutral"
UNKNOWN: Final = "unknown"
DIRECTIONS: Final[tuple[Direction, ...]] = (WEAKENING, STRENGTHENING, NEUTRAL, UNKNOWN)

Read = Value | Unreadable


class Side(Protocol):
    """What else is known of the object in one of the two runs."""

    def value(self, control: str) -> Read:
        """The value of another setting of the object; `UNREADABLE` where it is not known."""
        ...

    def has(self, control: str) -> bool | None:
        """Whether the object has another setting; None where nothing is known of it."""
        ...

    def is_immutable(self, repository: str) -> bool | None:
        """Whether backups in the repository with this id are immutable; None where that is not known."""
        ...


class Rule(Protocol):
    """How a change of one setting is understood."""

    @property
    def is_directed(self) -> bool:
        """Whether a change can weaken at all."""
        ...

    def directions(self, before: Read, after: Read, old: Side, new: Side) -> tuple[Direction, ...]:
        """What a change means: one direction, or two where a list has lost and gained items."""
        ...


def _by_level(before: float | None, after: float | None) -> tuple[Direction, ...]:
    if before is None or after is None:
        return (UNKNOWN,)
    return (NEUTRAL,) if before == after else (WEAKENING,) if after < before else (STRENGTHENING,)


@dataclass(frozen=True)
class Neutral:
    """A change neither weakens nor strengthens."""

    is_directed: bool = False

    def directions(self, before: Read, after: Read, old: Side, new: Side) -> tuple[Direction, ...]:
        """See `Rule`."""
        return (UNKNOWN,) if UNREADABLE in (before, after) else (NEUTRAL,)


@dataclass(frozen=True)
class Switch:
    """A yes/no of which `strong` is the strong one; of several places, the weakest counts."""

    strong: bool
    is_directed: bool = True

    def directions(self, before: Read, after: Read, old: Side, new: Side) -> tuple[Direction, ...]:
        """See `Rule`."""
        return _by_level(self._level(before), self._level(after))

    def _level(self, value: Read) -> float | None:
        items = items_in(value)
        if not items or not all(isinstance(item, bool) for item in items):
            return None
        return float(all(item is self.strong for item in items))


@dataclass(frozen=True)
class Number:
    """A number of which the larger is the stronger one, or the smaller one unless `more_is_strong`.

    `unit` is the setting that says what it counts; `sizes` the size of each unit, in measures that can be compared.
    """

    more_is_strong: bool = True
    unit: str = ""
    sizes: tuple[tuple[str, str, int], ...] = ()
    is_directed: bool = True

    def directions(self, before: Read, after: Read, old: Side, new: Side) -> tuple[Direction, ...]:
        """See `Rule`."""
        units = (old.value(self.unit), new.value(self.unit)) if self.unit else (None, None)
        return self.between((before, units[0]), (after, units[1]))

    def between(self, before: tuple[Read, Read], after: tuple[Read, Read]) -> tuple[Direction, ...]:
        """What a change from one number and unit to another means; unlike measures cannot be compared."""
        numbers = [self._number(number) for number, _ in (before, after)]
        units = (before[1], after[1])
        if units[0] is units[1] is UNREADABLE or is_same(*units):
            return _by_level(*numbers)
        first, second = (self._size(unit) for unit in units)
        if None in numbers or first is None or second is None or first[0] != second[0]:
            return (UNKNOWN,)
        levels = [
            number * size for number, size in zip(numbers, (first[1], second[1]), strict=True) if number is not None
        ]
        return _by_level(*levels)

    def _number(self, value: Read) -> float | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return value if self.more_is_strong else -value

    def _size(self, unit: Read) -> tuple[str, int] | None:
        return self._sizes.get(unit) if isinstance(unit, str) else None

    @cached_property
    def _sizes(self) -> Mapping[str, tuple[str, int]]:
        return {name.casefold(): (measure, size) for name, measure, size in self.sizes}


@dataclass(frozen=True)
class UnitOf:
    """The unit of a number: its change counts where the number itself has not changed."""

    control: str
    number: Number
    is_directed: bool = True

    def directions(self, before: Read, after: Read, old: Side, new: Side) -> tuple[Direction, ...]:
        """See `Rule`."""
        counts = old.value(self.control), new.value(self.control)
        if UNREADABLE in counts or UNREADABLE in (before, after):
            return (UNKNOWN,)
        if not is_same(*counts):
            return (NEUTRAL,)
        return self.number.between((counts[0], before), (counts[1], after))


@dataclass(frozen=True)
class Words:
    """Words in an order, the weakest first; those of one group are equal. Of several places, the weakest counts."""

    groups: tuple[tuple[str, ...], ...]
    is_directed: bool = True

    def directions(self, before: Read, after: Read, old: Side, new: Side) -> tuple[Direction, ...]:
        """See `Rule`."""
        return _by_level(self._level(before), self._level(after))

    def _level(self, value: Read) -> float | None:
        items = items_in(value)
        if not items or not all(isinstance(item, str) and item.casefold() in self._ranks for item in items):
            return None
        return float(min(self._ranks[item.casefold()] for item in items))

    @cached_property
    def _ranks(self) -> Mapping[str, int]:
        return {word.casefold(): rank for rank, group in enumerate(self.groups) for word in group}


@dataclass(frozen=True)
class Items:
    """A list whose gained items strengthen and whose lost ones weaken; the other way round unless `more_is_strong`."""

    more_is_strong: bool = True
    is_directed: bool = True

    def directions(self, before: Read, after: Read, old: Side, new: Side) -> tuple[Direction, ...]:
        """See `Rule`."""
        items = [self._items(value) for value in (before, after)]
        if items[0] is None or items[1] is None:
            return (UNKNOWN,)
        gained, lost = items[1] - items[0], items[0] - items[1]
        weak, strong = (lost, gained) if self.more_is_strong else (gained, lost)
        found: tuple[Direction, ...] = (*([WEAKENING] if weak else ()), *([STRENGTHENING] if strong else ()))
        return found or (NEUTRAL,)

    @staticmethod
    def _items(value: Read) -> frozenset[Any] | None:
        if value is None or value == "":
            return frozenset()
        items = items_in(value)
        return None if items is None else frozenset(items)


@dataclass(frozen=True)
class Present:
    """What is there at all is stronger than nothing; one in place of another is neither."""

    is_directed: bool = True

    def directions(self, before: Read, after: Read, old: Side, new: Side) -> tuple[Direction, ...]:
        """See `Rule`."""
        if UNREADABLE in (before, after):
            return (UNKNOWN,)
        return _by_level(*(float(value not in (None, "", frozenset())) for value in (before, after)))


@dataclass(frozen=True)
class AnyOf:
    """One of several switches of which one is enough: a change counts where it is the first or the last one."""

    group: tuple[str, ...]
    is_directed: bool = True

    def directions(self, before: Read, after: Read, old: Side, new: Side) -> tuple[Direction, ...]:
        """See `Rule`."""
        if not all(isinstance(value, bool) for value in (before, after)):
            return (UNKNOWN,)
        return _by_level(self._level(old), self._level(new))

    def _level(self, side: Side) -> float | None:
        answers = [side.value(control) if side.has(control) is not False else False for control in self.group]
        if any(answer is True for answer in answers):
            return 1.0
        shown = [side.has(control) is not None for control in self.group]
        return None if any(a is not False and s for a, s in zip(answers, shown, strict=True)) else 0.0


@dataclass(frozen=True)
class Target:
    """The repository that something is written to: what leaves immutability weakens, what comes into it strengthens."""

    is_directed: bool = True

    def directions(self, before: Read, after: Read, old: Side, new: Side) -> tuple[Direction, ...]:
        """See `Rule`."""
        return _by_level(self._level(before, old), self._level(after, new))

    @staticmethod
    def _level(value: Read, side: Side) -> float | None:
        answer = side.is_immutable(value) if isinstance(value, str) else None
        return None if answer is None else float(answer)
