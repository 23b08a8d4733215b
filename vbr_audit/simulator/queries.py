"""Reading query strings: strict about values, and silent about parameters that nobody knows."""

from collections.abc import Callable, Iterable
from datetime import datetime
from uuid import UUID

from werkzeug.datastructures import MultiDict

from vbr_audit.simulator.clock import to_ticks

DEFAULT_LIMIT = 200
_INT32 = 2**31 - 1

Args = MultiDict[str, str]


class BadQueryError(ValueError):
    """A query parameter has a value that the server cannot read."""

    def __init__(self, name: str, value: str) -> None:
        super().__init__(f"The value '{value}' is not valid for {name}.")


def whole(args: Args, name: str, default: int, *, least: int = 0) -> int:
    """Read a whole number."""
    text = args.get(name)
    if text is None:
        return default
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or not least <= int(text) <= _INT32:
        raise BadQueryError(name, text)
    return int(text)


def flag(args: Args, name: str) -> bool | None:
    """Read true or false."""
    text = args.get(name)
    if text is None:
        return None
    if text.lower() not in {"true", "false"}:
        raise BadQueryError(name, text)
    return text.lower() == "true"


def identifier(args: Args, name: str) -> str | None:
    """Read a UUID."""
    text = args.get(name)
    if text is None:
        return None
    try:
        return str(UUID(text))
    except ValueError:
        raise BadQueryError(name, text) from None


def moment(args: Args, name: str) -> int | None:
    """Read an instant as ticks; a plus sign that was not encoded has become a space and is refused."""
    text = args.get(name)
    if text is None:
        return None
    try:
        return to_ticks(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise BadQueryError(name, text) from None


def enum_values(args: Args, name: str, known: Iterable[str] | None, *, many: bool = False) -> frozenset[str] | None:
    """Read one or several enum values, whatever their case; `known` None takes any word."""
    given = args.getlist(name)
    if not given:
        return None
    if len(given) > 1 and not many:
        raise BadQueryError(name, ",".join(given))
    lower = None if known is None else {word.lower() for word in known}
    for text in given:
        if not text.isalnum() or (lower is not None and text.lower() not in lower):
            raise BadQueryError(name, text)
    return frozenset(text.lower() for text in given)


def column(args: Args, known: Iterable[str]) -> str | None:
    """Read the column to order by, spelt as the server does."""
    text = args.get("orderColumn")
    if text is None:
        return None
    for name in known:
        if name.lower() == text.lower():
            return name
    raise BadQueryError("orderColumn", text)


def name_pattern(args: Args) -> Callable[[str], bool] | None:
    """Read `nameFilter`: an asterisk at either end stands for any text, elsewhere for itself."""
    text = args.get("nameFilter")
    if text is None:
        return None
    pattern = text.lower()
    open_start, open_end = pattern.startswith("*"), pattern.endswith("*") and len(pattern) > 1
    core = pattern[1 if open_start else 0 : -1 if open_end else None]
    if open_start and open_end:
        return lambda value: core in value.lower()
    if open_start:
        return lambda value: value.lower().endswith(core)
    if open_end:
        return lambda value: value.lower().startswith(core)
    return lambda value: value.lower() == core
