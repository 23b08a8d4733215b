"""Texts as a workbook stores them; those of many cells stand in it once, and a cell tells but their number.

Such cells are a third as long: a large sheet is written, packed and opened sooner.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

from openpyxl.packaging.relationship import Relationship, RelationshipList
from openpyxl.xml.constants import ARC_SHARED_STRINGS, SHARED_STRINGS, SHEET_MAIN_NS
from openpyxl.xml.functions import fromstring, tostring

_DROPPED: Final = "x005F_"
"""What openpyxl leaves out of the texts of the table as it reads them, and not of those in their cells."""


class SharedTexts:
    """The table of the texts of a workbook; it is a part of the file as openpyxl lists them."""

    path: Final = f"/{ARC_SHARED_STRINGS}"
    mime_type: Final = SHARED_STRINGS

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    @property
    def has_texts(self) -> bool:
        """Whether any cell shares its text: else a workbook has no table."""
        return bool(self._numbers)

    def number(self, text: str) -> int | None:
        """The number of `text` in the table, the next one if it is new; None for one that its cell must hold itself."""
        if _DROPPED in text:
            return None
        return self._numbers.setdefault(text, len(self._numbers))

    def xml(self) -> bytes:
        """The table as its file in the workbook."""
        texts = "".join([f"<si>{element}</si>" for element in text_elements(list(self._numbers))])
        head = f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<sst xmlns="{SHEET_MAIN_NS}"'
        return f'{head} uniqueCount="{len(self._numbers)}">{texts}</sst>'.encode()

    def related(self, relations: bytes) -> bytes:
        """The list of what a workbook consists of, with the table."""
        listed: Any = RelationshipList.from_tree(cast(Any, fromstring(relations)))
        listed.append(cast(Any, Relationship)(type="sharedStrings", Target=self.path))
        return bytes(tostring(listed.to_tree()))


def text_elements(texts: Sequence[str]) -> list[str]:
    """The elements `t` that hold `texts`."""
    together = " ".join(texts)
    # Looked at together, as ids and names are, of which hardly any has something that XML would change.
    is_plain = together.isprintable() and "  " not in together and together == together.strip()
    if is_plain and not any(sign in together for sign in "&<>"):
        return [f"<t>{text}</t>" for text in texts]
    return [_text_element(text) for text in texts]


def _text_element(text: str) -> str:
    kept = ' xml:space="preserve"' if text[:1].isspace() or text[-1:].isspace() else ""
    # XML would read a carriage return as a line feed
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    return f"<t{kept}>{escaped}</t>"
