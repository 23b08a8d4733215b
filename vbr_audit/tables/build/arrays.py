"""Lists of decoded JSON values to pandas' nullable arrays, by one strict rule per dtype.

A JSON value belongs to a column only if its JSON type says so: text to text, `true` and `false` to yes/no, a
number without a fraction to a whole number. The text `"3"` is no number and `"true"` no yes: both become NA and
are counted, because an audit must not guess.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.extensions import ExtensionArray

from vbr_audit.tables.build.dates import ReadDates, read_dates
from vbr_audit.tables.build.notes import Notes

STRING: Final = pd.StringDtype("python", na_value=pd.NA)
"""The text dtype of every table; the alias `"string"` would mean another one where pyarrow is installed."""

DTYPES: Final[dict[str, Any]] = {
    "string": STRING,
    "Int64": pd.Int64Dtype(),
    "Float64": pd.Float64Dtype(),
    "boolean": pd.BooleanDtype(),
    "datetime": pd.DatetimeTZDtype("us", "UTC"),
}
"""The pandas dtype of each short dtype name."""


def make_texts_plainly() -> None:
    """Let pandas make all texts of this process without pyarrow, by which every small table takes longer.

    For processes of the program itself: in those of a user, pandas is the user's.
    """
    pd.set_option("mode.string_storage", "python")


_ONE_MISSING: Final = {
    name: cast(ExtensionArray, pd.Series(None, index=range(1), dtype=dtype).array) for name, dtype in DTYPES.items()
}
_STRING_ARRAY: Final = STRING.construct_array_type()
_INT_RANGE: Final = range(-(2**63), 2**63)
_BOOLEANS: Final = frozenset({bool, type(None)})
_INTEGERS: Final = frozenset({int, type(None)})


def to_array(
    values: Sequence[Any] | pd.Series | ExtensionArray, dtype: str, column: str, notes: Notes
) -> ExtensionArray:
    """`values` as the array of the short name `dtype`; what does not fit is NA, counted in `notes`."""
    if isinstance(values, pd.Series | ExtensionArray):
        given = cast(ExtensionArray, values.array) if isinstance(values, pd.Series) else values
        if given.dtype == DTYPES[dtype]:
            return given
        values = cast(Sequence[Any], given.astype(object).tolist())
    return _TO_ARRAY[dtype](values, column, notes)


def all_missing(dtype: str, rows: int) -> ExtensionArray:
    """An array of `rows` times NA."""
    # Wide tables of few rows are made of these: `repeat` comes to the same after three times as long.
    return _ONE_MISSING[dtype].take(np.zeros(rows, dtype=np.intp))


def to_strings(values: Sequence[Any], column: str, notes: Notes) -> ExtensionArray:
    """Text; NA for None, NA and for what is no text."""
    kinds = set(map(type, values))
    kept: Sequence[Any] = values
    if type(None) in kinds:
        kept = [pd.NA if value is None else value for value in values]
    if not kinds <= {str, type(None), type(pd.NA)}:
        kept = [value if isinstance(value, str) else _missing(value, column, notes) for value in kept]
    return strings_of(kept)


def strings_of(values: Sequence[Any] | npt.NDArray[np.object_]) -> ExtensionArray:
    """A text array over a copy of values that are known to be `str` or `pd.NA`."""
    texts = np.empty(len(values), dtype=object)
    texts[:] = values
    return strings_over(texts)


def strings_over(texts: npt.NDArray[np.object_]) -> ExtensionArray:
    """A text array over this very array of `str` and `pd.NA`, which nobody else may write to."""
    return _STRING_ARRAY(texts, dtype=STRING)  # type: ignore[call-arg]


def are_missing(values: pd.Series) -> npt.NDArray[np.bool_]:
    """A plain boolean array: the rows without a value. As `isna().to_numpy()`, without a Series made on the way."""
    return np.asarray(values.array.isna())


def are_known(values: pd.Series) -> npt.NDArray[np.bool_]:
    """A plain boolean array: the rows with a value."""
    return ~are_missing(values)


def joined_strings(parts: Sequence[npt.NDArray[np.object_]]) -> ExtensionArray:
    """The cells of all `parts` as one text array; they are known to be `str` or `pd.NA`, and not looked at again."""
    joined = strings_of([pd.NA]).repeat(sum(map(len, parts)))
    np.concatenate([np.empty(0, dtype=object), *parts], out=joined.to_numpy(dtype=object))
    return joined


def known_strings(values: Sequence[Any]) -> ExtensionArray:
    """`values` as a text array; they are known to be `str` or `pd.NA`, and not looked at again."""
    made = strings_of([pd.NA]).repeat(len(values))
    # Assigned as a list, each cell would be looked at first for whether it is a sequence.
    made.to_numpy(dtype=object)[:] = np.fromiter(values, dtype=object, count=len(values))
    return made


def to_booleans(values: Sequence[Any], column: str, notes: Notes) -> ExtensionArray:
    """Yes/no; NA for None, NA and for what is neither True nor False."""
    kinds = set(map(type, values))
    if kinds == {bool}:
        return pd.arrays.BooleanArray(np.array(values, dtype=bool), np.zeros(len(values), dtype=bool))
    if kinds <= _BOOLEANS:
        truths = np.array([value is True for value in values], dtype=bool)
        return pd.arrays.BooleanArray(truths, np.array([value is None for value in values], dtype=bool))
    truths = np.zeros(len(values), dtype=bool)
    mask = np.zeros(len(values), dtype=bool)
    for position, value in enumerate(values):
        if value is True or isinstance(value, np.bool_):
            truths[position] = value
        elif value is not False:
            _missing(value, column, notes)
            mask[position] = True
    return pd.arrays.BooleanArray(truths, mask)


def to_integers(values: Sequence[Any], column: str, notes: Notes) -> ExtensionArray:
    """Whole numbers of 64 bits; `3.0` is one, `3.5`, `"3"` and `true` are NA, counted."""
    kinds, mask = set(map(type, values)), np.zeros(len(values), dtype=bool)
    if kinds <= _INTEGERS:
        numbers = values
        if type(None) in kinds:
            mask[:] = [value is None for value in values]
            numbers = [0 if value is None else value for value in values]
        with suppress(OverflowError):
            return pd.arrays.IntegerArray(np.array(numbers, dtype=np.int64), mask)
        mask[:] = False
    whole_numbers = np.zeros(len(values), dtype=np.int64)
    for position, value in enumerate(values):
        whole = _whole(value)
        if whole is None:
            _missing(value, column, notes)
            mask[position] = True
        else:
            whole_numbers[position] = whole
    return pd.arrays.IntegerArray(whole_numbers, mask)


def to_floats(values: Sequence[Any], column: str, notes: Notes) -> ExtensionArray:
    """Finite numbers; NA for None, NA, NaN, infinities, and for what is no number."""
    numbers = np.zeros(len(values), dtype=np.float64)
    mask = np.zeros(len(values), dtype=bool)
    for position, value in enumerate(values):
        number = _finite(value)
        if number is None:
            _missing(value, column, notes)
            mask[position] = True
        else:
            numbers[position] = number
    return pd.arrays.FloatingArray(numbers, mask)


def to_dates(values: Sequence[Any], column: str, notes: Notes) -> ExtensionArray:
    """Instants, by the rules of `dates`."""
    read = read_dates(values)
    count_dates(notes, column, read)
    return dates_of(read.micros)


def dates_of(micros: Any) -> ExtensionArray:
    """An instant array over int64 microseconds since 1970 UTC (see `dates.NAT`)."""
    return pd.DatetimeIndex(micros.view("datetime64[us]"), copy=False).tz_localize("UTC").array


def micros(moment: dt.datetime) -> int:
    """An instant in microseconds since 1970 UTC."""
    return int(pd.Timestamp(moment).value // 1000)


def micros_of(moments: pd.Series) -> npt.NDArray[np.int64]:
    """Instants in microseconds since 1970 UTC; `dates.NAT` for NaT."""
    if moments.dtype == DTYPES["datetime"]:
        return np.array(moments.array.asi8)
    return np.asarray(moments.array.tz_convert("UTC"), dtype="datetime64[us]").astype(np.int64)


def count_dates(notes: Notes, column: str, read: ReadDates) -> None:
    """Add what `read_dates` refused or assumed; a reason that did not occur leaves no entry."""
    for counts, times in (
        (notes.uncastable, read.uncastable),
        (notes.naive_dates, read.naive),
        (notes.assumed_dates, read.assumed),
        (notes.dates_out_of_range, read.out_of_range),
    ):
        if times:
            counts[column] += times


def _missing(value: Any, column: str, notes: Notes) -> Any:
    """NA, counted unless `value` itself says that there is none."""
    is_missing = value is None or value is pd.NA or value is pd.NaT
    if not is_missing and not (isinstance(value, float) and math.isnan(value)):
        notes.count_uncastable(column)
    return pd.NA


def _whole(value: Any) -> int | None:
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, float | np.floating) and math.isfinite(value) and float(value).is_integer():
        value = int(value)
    if isinstance(value, int | np.integer) and int(value) in _INT_RANGE:
        return int(value)
    return None


def _finite(value: Any) -> float | None:
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


_TO_ARRAY: Final = {
    "string": to_strings,
    "Int64": to_integers,
    "Float64": to_floats,
    "boolean": to_booleans,
    "datetime": to_dates,
}
