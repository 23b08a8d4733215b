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
