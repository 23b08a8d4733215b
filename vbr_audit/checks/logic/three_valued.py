"""Small helpers for checks: three-valued questions, rows of another table, and words for what was observed.

All answer on the index of their first argument. "Nullable boolean" has three values: yes, no and not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from vbr_audit.checks.logic.codes import Cells, codes_of, combined, first_rows
from vbr_audit.tables.build.arrays import STRING, are_missing, strings_of, strings_over
from vbr_audit.tables.build.naming import marked
from vbr_audit.tables.build.schema import Holds, named_frame

__all__ = [
    "Cells",
    "all_of",
    "any_of",
    "beside",
    "is_reported",
    "listed",
    "named",
    "nullable",
    "number_of",
    "one_of",
    "phrased",
    "phrased_once",
    "places_of",
    "surely",
    "surely_not",
    "surely_one",
    "taken",
    "texts",
    "worded",
]


def one_of(values: pd.Series, known: Iterable[str]) -> pd.Series:
    """Whether each text is one of `known`, as nullable boolean; NA stays NA, where `isin` would say no."""
    codes = codes_of(values)
    return nullable(codes.among(known), codes.rows < 0, values.index)


def surely_one(values: pd.Series, *known: str) -> Cells:
    """A plain boolean array: True only where a text is one of `known`."""
    return codes_of(values).among(known)


def is_reported(values: pd.Series) -> Cells:
    """A plain boolean array: the rows that have a text. Sooner than `notna` where the codes are wanted anyway."""
    return codes_of(values).rows >= 0


def surely(answer: pd.Series) -> Cells:
    """A plain boolean array: True only where a nullable boolean is yes."""
    yes, unknown = _yes_and_unknown(answer)
    return np.asarray(yes & ~unknown)


def surely_not(answer: pd.Series) -> Cells:
    """A plain boolean array: True only where a nullable boolean is no; without a Series for its opposite."""
    yes, unknown = _yes_and_unknown(answer)
    return np.asarray(~(yes | unknown))


def _yes_and_unknown(answer: pd.Series) -> tuple[Cells, Cells]:
    """What is yes or not known, and what is not known, as plain boolean arrays, not to be written to."""
    cells = answer.array
    if isinstance(cells, pd.arrays.BooleanArray):
        # These two arrays are what it consists of: asked for by `to_numpy`, each takes ten times as long.
        return cells._data, cells._mask  # type: ignore[attr-defined]
    return answer.to_numpy(dtype=bool, na_value=True), are_missing(answer)


def nullable(yes: Cells, unknown: Cells, index: pd.Index) -> pd.Series:
    """A nullable boolean Series from two plain boolean arrays."""
    return pd.Series(pd.arrays.BooleanArray(yes.astype(bool), unknown.astype(bool)), index=index)


def texts(cells: Cells, index: pd.Index) -> pd.Series:
    """A text Series over an object array of `str` and NA."""
    return pd.Series(strings_of(cells), index=index, dtype=STRING)


def worded(index: pd.Index, *cases: tuple[Any, Any], default: Any = pd.NA) -> pd.Series:
    """A text Series: for each row the text of the first case whose condition is surely met, else `default`.

    A condition is a boolean array or Series, nullable or not; a text is one `str` (or NA) for all, or one per row.
    """
    cells = np.full(len(index), default, dtype=object)
    for condition, text in reversed(cases):
        met = surely(condition) if isinstance(condition, pd.Series) else condition
        cells[met] = text if text is pd.NA or isinstance(text, str) else np.asarray(text, dtype=object)[met]
    return pd.Series(strings_over(cells), index=index)


def named(values: pd.Series, holds: Holds) -> pd.Series:
    """The texts as parts of sentences that still tell what they hold, for whoever tells them with other names.

    For every text of a table that stands in a sentence: `holds` is what its column declares.
    """
    codes = codes_of(values)
    marks = (marked(holds, text) for text in codes.texts.tolist())
    return pd.Series(strings_over(codes.spread(marks, object, missing=pd.NA)), index=values.index)


def phrased(template: str, *columns: pd.Series | Cells, where: Cells) -> Cells:
    """`template`, filled from the `columns`, for each row where `where` holds; NA elsewhere. An array of objects."""
    cells = np.full(len(where), pd.NA, dtype=object)
    rows = np.flatnonzero(where)
    filled = (
        np.asarray(column[rows] if isinstance(column, np.ndarray) else column.array.take(rows)) for column in columns
    )
    cells[rows] = list(map(template.format, *(values.tolist() for values in filled)))
    return cells


def phrased_once(columns: Sequence[Cells], say: Callable[..., str]) -> Cells:
    """`say` of the numbers that each row holds in `columns`, asked once for all rows that hold the same."""
    alike = combined([pd.factorize(column)[0] for column in columns], len(columns[0]))
    firsts = np.unique(alike, return_index=True)[1]
    words = np.empty(len(firsts), dtype=object)
    words[:] = list(map(say, *(column[firsts].tolist() for column in columns)))
    return words[alike]


def places_of(keys: pd.Series, where: pd.Series) -> Cells:
    """The position of each key in `where`, the first of equal ones; -1 for one that is missing there, and for NA."""
    wanted = codes_of(keys)
    return wanted.spread(first_rows(wanted, where), np.int64, missing=-1)


def taken(values: pd.Series, positions: Cells, index: pd.Index) -> pd.Series:
    """The values at these positions, NA for -1, on `index`."""
    cells = values.array.take(positions, allow_fill=True)
    return pd.Series(cells, index=index)


def beside(keys: pd.Series, table: pd.DataFrame, key: str) -> pd.DataFrame:
    """For each of `keys` the first row of `table` whose column `key` is equal, on the index of `keys`; NA for none."""
    row = places_of(keys, table[key])
    return named_frame(
        {str(name): values.array.take(row, allow_fill=True) for name, values in table.items()}, keys.index
    )


def any_of(owners: Cells, answers: pd.Series, index: pd.Index) -> pd.Series:
    """For each place of `index` whether any of its `answers` is yes, as nullable boolean.

    `owners` gives the place to which each answer belongs, -1 for none. A yes decides; without one, an answer that is
    not known leaves the whole not known; no answer at all is no.
    """
    yes = _owned(owners, surely(answers), len(index)) > 0
    unknown = _owned(owners, are_missing(answers), len(index)) > 0
    return nullable(yes, unknown & ~yes, index)


def all_of(owners: Cells, answers: pd.Series, index: pd.Index) -> pd.Series:
    """For each place of `index` whether all of its `answers` are yes, as nullable boolean; no answer at all is yes."""
    return ~any_of(owners, ~answers, index)


def number_of(owners: Cells, chosen: Cells, index: pd.Index) -> pd.Series:
    """For each place of `index` how many of its rows are `chosen` (a plain boolean array), as `Int64`."""
    counts = _owned(owners, chosen, len(index))
    return pd.Series(pd.array(counts, dtype=pd.Int64Dtype()), index=index)


def listed(
    owners: Cells, names: pd.Series, index: pd.Index, *, holds: Holds | None = None, limit: int = 3
) -> pd.Series:
    """For each place of `index` its `names`, each once, as `a, b, c and 2 more`; NA where there is none.

    For a sentence, `holds` is what the column of the names declares; each of them then still tells it.
    """
    codes = codes_of(names)
    rows = np.flatnonzero((owners >= 0) & (codes.rows >= 0))
    rows = rows[~pd.Series(combined([owners[rows], codes.rows[rows]], len(rows))).duplicated().to_numpy()]
    rows = rows[np.argsort(owners[rows], kind="stable")]
    count = np.bincount(owners[rows], minlength=len(index))
    place = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    shown = np.full((limit, len(index)), -1, dtype=np.int64)
    early = place < limit
    shown[place[early], owners[rows[early]]] = codes.rows[rows[early]]
    # What many places have alike is put into words once.
    alike = combined([*shown, count], len(index))
    listings = np.empty(alike.max(initial=-1) + 1, dtype=object)
    for number, first in enumerate(np.unique(alike, return_index=True)[1]):
        more = f" and {count[first] - limit} more" if count[first] > limit else ""
        picked = [codes.texts[name] for name in shown[:, first] if name >= 0]
        picked = picked if holds is None else [marked(holds, name) for name in picked]
        listings[number] = ", ".join(picked) + more if picked else pd.NA
    return texts(listings[alike], index)


def _owned(owners: Cells, chosen: Cells, size: int) -> Cells:
    """How many chosen rows each of `size` places owns."""
    return np.bincount(owners[chosen & (owners >= 0)], minlength=size)
