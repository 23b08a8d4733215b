"""The values of query parameters: checked before they leave, and written as the API reads them."""

from __future__ import annotations

import datetime as dt
import re
from uuid import UUID

from vbr_audit.errors import ConfigurationError
from vbr_audit.revisions import state_word

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def identifier(name: str, value: str | UUID) -> str:
    """`value` as a UUID in small letters; anything else never becomes part of a path."""
    text = str(value)
    if not _UUID.fullmatch(text):
        raise ConfigurationError(f"{name} is no UUID: {text[:80]!r}", hint="Take the id from the list of jobs.")
    return text.lower()


def word(name: str, value: str | None) -> str | None:
    """`value` as one word of an enumeration, or None."""
    if value is not None and not (value.isascii() and value.isalnum()):
        raise ConfigurationError(f"{name} is no word of the API: {value[:80]!r}", hint="Write it as Running.")
    return value


def state(name: str, value: str | None, revision: str) -> str | None:
    """A status or workload as `revision` writes it, or None."""
    checked = word(name, value)
    return None if checked is None else state_word(checked, revision)


def moment(name: str, value: dt.datetime | None) -> str | None:
    """A moment with its explicit offset, or None; one without an offset would be read in the server's zone."""
    if value is not None and value.utcoffset() is None:
        raise ConfigurationError(f"{name} does not know its offset from UTC", hint="Give it a tzinfo, such as dt.UTC.")
    return None if value is None else value.isoformat()


def flag(value: bool | None) -> str | None:
    """`true`, `false` or None."""
    return None if value is None else str(bool(value)).lower()


def count(name: str, value: int) -> int:
    """`value`, which must not be negative."""
    if value < 0:
        raise ConfigurationError(f"{name} must not be negative", hint="Leave it out to read all.")
    return value
