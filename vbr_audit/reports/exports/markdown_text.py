"""Text in Markdown that can become neither markup nor HTML, link, mention or emoji."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from vbr_audit.display import plain

# Letters and digits of any script, and punctuation that means nothing in Markdown where it stands here: a colon before
# a space or inside a time of day (addresses and emoji have it elsewhere), an underscore inside a word, an ampersand
# before a space.
_HARMLESS: Final = re.compile(
    r"(?:[^\W_]|[ ,.;%'\"()/=+…–—−·→⟨⟩✓✕?-]|:(?=\s|$)|(?<=\d\d):(?=\d\d(?!\d))|(?<=[^\W_])_(?=[^\W_])|&(?=\s))*"
)
_LISTS: Final = re.compile(r"[-=+]|\d+[.)](\s|$)")
_LINK: Final = re.compile(r"www\.", re.IGNORECASE)


def text(value: object) -> str:
    """`value` as one line of inline Markdown: as it stands if nothing in it could be markup, else as `code`."""
    told = plain(value).strip()
    if not told:
        return "(empty)"
    harmless = _HARMLESS.fullmatch(told) and not _LINK.search(told) and not _LISTS.match(told)
    return told if harmless else code(told)


def code(value: object) -> str:
    """`value` as a span of code, in which Markdown reads nothing.

    A pipe would end a cell of a table even there, and behind a backslash it cannot be escaped: it stands between two
    spans, as an entity.
    """
    parts = [_span(part) if part else "" for part in plain(value).split("|")]
    return "&#124;".join(parts) or "(empty)"


def pipe_table(headers: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Sequence[int] = ()) -> str:
    """A table of GitHub's Markdown; the columns at the places `numbers` stand right. Cells go through `text`."""
    lines = [
        "| " + " | ".join(headers) + " |",
        "|" + "|".join("---:" if at in numbers else "---" for at in range(len(headers))) + "|",
    ]
    lines += ["| " + " | ".join(text(value) for value in row) + " |" for row in rows]
    return "\n".join(lines)


def _span(part: str) -> str:
    longest = max((len(run) for run in re.findall("`+", part)), default=0)
    fence = "`" * (longest + 1)
    room = " " if part[0] in "` " or part[-1] in "` " else ""
    return f"{fence}{room}{part}{room}{fence}"
