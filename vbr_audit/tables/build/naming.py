"""Names in sentences: what a value holds stays beside it until the sentence is told, with the name or without it.

Between its marks, a value is data; the words around it are this package's own. The marks are characters that no text
may contain, and where a server sends them all the same they are escaped, so that nobody can end a name early.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.tables.build.arrays import strings_over
from vbr_audit.tables.build.schema import Holds

_OPEN: Final = "\ufdd0"
_HELD: Final = "\ufdd1"
_CLOSE: Final = "\ufdd2"
_ESCAPE: Final = "\ufdd3"
_MARKS: Final = re.compile(f"[{_OPEN}{_HELD}{_CLOSE}{_ESCAPE}]")
_ESCAPED: Final = re.compile(f"{_ESCAPE}([0-3])")
_VALUE: Final = re.compile(f"{_OPEN}([^{_OPEN}-{_ESCAPE}]*){_HELD}([^{_OPEN}-{_CLOSE}]*){_CLOSE}")

Cells = np.ndarray[Any, np.dtype[Any]]


def marked(holds: Holds, value: str) -> str:
    """`value` as a part of a sentence that still tells what it holds."""
    if not value.isascii():
        value = _MARKS.sub(lambda mark: f"{_ESCAPE}{ord(mark[0]) - ord(_OPEN)}", value)
    return f"{_OPEN}{holds}{_HELD}{value}{_CLOSE}"


def parts_of(sentence: str) -> Iterator[tuple[Any, str]]:
    """What a sentence is made of, in order: what a value holds and the value; None and the words around it."""
    at = 0
    for match in _VALUE.finditer(sentence):
        yield None, sentence[at : match.start()]
        yield match[1], _ESCAPED.sub(_unescaped, match[2])
        at = match.end()
    yield None, sentence[at:]


def words_around(sentence: str) -> str:
    """The words of a sentence without the values in it."""
    return "".join(text for holds, text in parts_of(sentence) if holds is None)


def told(sentence: str) -> str:
    """The sentence with its values as they are."""
    return "".join(text for _, text in parts_of(sentence)) if _OPEN in sentence else sentence


def told_cells(cells: Cells) -> Cells:
    """The same for an object array of `str` and NA, which is given back as it is where nothing is to be told."""
    nothing, texts = pd.NA, cells.tolist()
    rows = [row for row, text in enumerate(texts) if text is not nothing and _OPEN in text]
    if not rows:
        return cells
    known = {text: told(text) for text in {texts[row] for row in rows}}
    made = cells.copy()
    made[rows] = [known[texts[row]] for row in rows]
    return made


def told_frame(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The frame with the sentences of its text columns `names` told."""
    columns = {name: frame[name].to_numpy(dtype=object) for name in names}
    told_columns = {name: told_cells(cells) for name, cells in columns.items()}
    changed = {name: cells for name, cells in told_columns.items() if cells is not columns[name]}
    return frame.assign(**{name: pd.Series(strings_over(cells), index=frame.index) for name, cells in changed.items()})


def _unescaped(match: re.Match[str]) -> str:
    return chr(ord(_OPEN) + int(match[1]))
