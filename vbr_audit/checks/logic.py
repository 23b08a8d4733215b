"""Small helpers for checks: three-valued questions, rows of another table, and words for what was observed.

All answer on the index of their first argument. "Nullable boolean" has three values: yes, no and not known.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from vbr_audit.tables.arrays import STRING, strings_of

Cells = np.ndarray[Any, np.dtype[Any]]


def one_of(values: pd.Series, known: Iterable[str]) -> pd.Series:
    """Whether each text is one of `known`, as nullable boolean; NA stays NA, where `isin` would say no."""
    return values.isin(list(known)).astype("boolean").mask(values.isna())


def surely(answer: pd.Series) -> Cells:
    """A plain boolean array: True only where a nullable boolean is yes."""
    return answer.to_numpy(dtype=bool, na_value=False)


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
    return texts(cells, index)


def places_of(keys: pd.Series, where: pd.Series) -> Cells:
    """The position of each key in `where`, the first of equal ones; -1 for one that is missing there, and for NA."""
    usable = (where.notna() & ~where.duplicated()).to_numpy(dtype=bool)
    found = pd.Index(where[usable]).get_indexer(pd.Index(keys))
    places = np.append(np.flatnonzero(usable), -1)[found]
    places[keys.isna().to_numpy()] = -1
    return np.asarray(places)


def taken(values: pd.Series, positions: Cells, index: pd.Index) -> pd.Series:
    """The values at these positions, NA for -1, on `index`."""
    cells = values.array.take(positions, allow_fill=True)
    return pd.Series(cells, index=index)


def beside(keys: pd.Series, table: pd.DataFrame, key: str) -> pd.DataFrame:
    """For each of `keys` the first row of `table` whose column `key` is equal, on the index of `keys`; NA for none."""
    row = places_of(keys, table[key])
    return pd.DataFrame({name: taken(table[name], row, keys.index) for name in table}, index=keys.index)


def any_of(owners: Cells, answers: pd.Series, index: pd.Index) -> pd.Series:
    """For each place of `index` whether any of its `answers` is yes, as nullable boolean.

    `owners` gives the place to which each answer belongs, -1 for none. A yes decides; without one, an answer that is
    not known leaves the whole not known; no answer at all is no.
    """
    yes = _owned(owners, surely(answers), len(index)) > 0
    unknown = _owned(owners, answers.isna().to_numpy(), len(index)) > 0
    return nullable(yes, unknown & ~yes, index)


def all_of(owners: Cells, answers: pd.Series, index: pd.Index) -> pd.Series:
    """For each place of `index` whether all of its `answers` are yes, as nullable boolean; no answer at all is yes."""
    return ~any_of(owners, ~answers, index)


def number_of(owners: Cells, chosen: Cells, index: pd.Index) -> pd.Series:
    """For each place of `index` how many of its rows are `chosen` (a plain boolean array), as `Int64`."""
    counts = _owned(owners, chosen, len(index))
    return pd.Series(pd.array(counts, dtype=pd.Int64Dtype()), index=index)


def listed(owners: Cells, names: pd.Series, index: pd.Index, *, limit: int = 3) -> pd.Series:
    """For each place of `index` its `names`, each once, as `a, b, c and 2 more`; NA where there is none."""
    found: dict[int, dict[str, None]] = {}
    for owner, name in zip(owners.tolist(), names.to_numpy(dtype=object).tolist(), strict=True):
        if owner >= 0 and name is not pd.NA:
            found.setdefault(owner, {})[name] = None
    cells = np.full(len(index), pd.NA, dtype=object)
    for owner, several in found.items():
        shown = list(several)
        more = f" and {len(shown) - limit} more" if len(shown) > limit else ""
        cells[owner] = ", ".join(shown[:limit]) + more
    return texts(cells, index)


def _owned(owners: Cells, chosen: Cells, size: int) -> Cells:
    """How many chosen rows each of `size` places owns."""
    return np.bincount(owners[chosen & (owners >= 0)], minlength=size)
