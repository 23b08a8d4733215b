"""Filtering and ordering of any collection: what its endpoint declares, applied to its rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from vbr_audit.simulator import queries
from vbr_audit.simulator.clock import to_ticks
from vbr_audit.simulator.lazy import Lazy
from vbr_audit.simulator.queries import Args, BadQueryError
from vbr_audit.simulator.revisions import at_least

Json = dict[str, object]
Test = Callable[[Json], bool]

_MANY_SINCE, _CAPITALS_SINCE = "1.3-rev0", "1.3-rev1"
_FROM, _TO = "from", "to"


@dataclass(frozen=True, slots=True)
class Filter:
    """One query parameter that narrows a collection: how its value is read and which part of a row it looks at."""

    kind: str
    key: str


_BY_TIME = {Filter(_FROM, "creationTime"), Filter(_TO, "creationTime")}


@dataclass(frozen=True, slots=True)
class Order:
    """The columns by which a collection can be ordered, each with the part of a row that it means.

    `spelt_before` are the columns of a collection that was spelt with small letters before 1.3-rev1.
    """

    columns: Mapping[str, str]
    newer: Mapping[str, str]
    spelt_before: Mapping[str, str] = field(default_factory=dict)

    def at(self, revision: str) -> Mapping[str, str]:
        """The columns that a revision knows."""
        if self.spelt_before and not at_least(revision, _CAPITALS_SINCE):
            return self.spelt_before
        return {**self.columns, **self.newer} if at_least(revision, _MANY_SINCE) else self.columns


def select(
    rows: Sequence[Json],
    args: Args,
    revision: str,
    *,
    order: Order,
    filters: Mapping[str, Filter],
    dates_ignored: bool,
) -> Sequence[Json]:
    """Answer the rows that a query asks for, in its order."""
    given = {name: each for name, each in filters.items() if name in args}
    tests = {name: _test(each, name, args, revision) for name, each in given.items()}
    if dates_ignored:
        tests = {name: test for name, test in tests.items() if given[name].kind not in {_FROM, _TO}}
    columns = order.at(revision)
    column = queries.column(args, columns) if columns else None
    ascending = queries.flag(args, "orderAsc") is not False
    by_time = all(given[name] in _BY_TIME for name in tests) and column in {None, "CreationTime"}
    if isinstance(rows, Lazy) and by_time:
        selected = rows.within(_bound(given, tests, args, _FROM), _bound(given, tests, args, _TO))
        return selected if ascending else selected.turned()
    kept = [row for row in rows if all(test(row) for test in tests.values())] if tests else rows
    if column is None:
        return kept
    key = columns[column]
    return sorted(kept, key=lambda row: _rank(part(row, key)), reverse=not ascending)


def part(row: Json, key: str) -> object:
    """The part of a row at a dotted path, None where it has none."""
    value: object = row
    for name in key.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _bound(given: Mapping[str, Filter], tests: Mapping[str, Test], args: Args, kind: str) -> int | None:
    return next((queries.moment(args, name) for name in tests if given[name].kind == kind), None)


def _rank(value: object) -> tuple[bool, float, str]:
    if isinstance(value, bool | int | float):
        return (True, float(value), "")
    ticks = _ticks(value)
    return (value is not None, float(ticks or 0), "" if ticks else str(value).lower())


def _ticks(value: object) -> int | None:
    if not isinstance(value, str) or not value[:4].isdigit() or "T" not in value:
        return None
    try:
        return to_ticks(datetime.fromisoformat(value))
    except (ValueError, OverflowError):
        return None


def _test(each: Filter, name: str, args: Args, revision: str) -> Test:
    key = each.key
    match each.kind:
        case "name":
            matches = queries.name_pattern(args)
            return lambda row: any(matches(text) for text in _texts(row)) if matches else True
        case "from" | "to":
            bound = queries.moment(args, name) or 0
            later = each.kind == _FROM
            return lambda row: _is_beyond(_ticks(part(row, key)), bound, later=later)
        case "id":
            wanted = queries.identifier(args, name)
            return lambda row: str(part(row, key)).lower() == wanted
        case "flag":
            on = queries.flag(args, name)
            return lambda row: part(row, key) is on
        case "enum":
            words = queries.enum_values(args, name, None, many=at_least(revision, _MANY_SINCE)) or frozenset()
            return lambda row: any(word.lower() in words for word in _words(part(row, key)))
        case "number":
            number = _number(args, name)
            return lambda row: part(row, key) == number
    text = args[name].lower()
    return lambda row: str(part(row, key)).lower() == text


def _is_beyond(ticks: int | None, bound: int, *, later: bool) -> bool:
    if ticks is None:
        return False
    return ticks >= bound if later else ticks <= bound


def _words(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def _texts(row: Json) -> list[str]:
    return [value for value in row.values() if isinstance(value, str)]


def _number(args: Args, name: str) -> float:
    try:
        return float(args[name])
    except ValueError:
        raise BadQueryError(name, args[name]) from None
