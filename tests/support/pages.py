"""The pages of the documentation, taken apart: blocks of code, what they write, and what they are said to print.

A block of `sh` or `python` is run, and a block of `text` right after it is what it prints; a line `…` stands for any
lines. A title is the file that a block is the content of. `<!-- shown only -->` before a block exempts it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
_BLOCK = re.compile(
    r"(?P<shown><!-- shown only -->\n)?^```(?P<language>\w+)(?: title=\"(?P<title>[^\"]*)\")?\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One block: its language, title and code, whether it is only shown, and what is said to be printed."""

    language: str
    title: str | None
    code: str
    is_shown_only: bool
    output: str | None


def blocks_of(page: str) -> list[Block]:
    """The blocks of `docs/<page>` in order, outputs joined to what prints them."""
    text = (DOCS / page).read_text("utf-8")
    found = list(_BLOCK.finditer(text))
    blocks = []
    for at, match in enumerate(found):
        follower = found[at + 1] if at + 1 < len(found) else None
        output = None
        if follower and follower["language"] == "text" and not text[match.end() : follower.start()].strip():
            output = follower["code"]
        blocks.append(Block(match["language"], match["title"], match["code"], bool(match["shown"]), output))
    return blocks


def is_printed(told: str, printed: str) -> bool:
    """Whether `printed` is what a page tells; numbers and ids may be others, lines `…` stand for any lines."""
    parts = re.split(r"^…\n", told, flags=re.MULTILINE)
    pattern = ".*".join(re.escape(_masked(part)) for part in parts)
    return re.fullmatch(pattern, _masked(printed), re.DOTALL) is not None


def updated(told: str, printed: str) -> str:
    """What a page tells with the numbers and ids that are `printed` now; its lines `…` stay."""
    lines = iter(printed.splitlines(keepends=True))
    return "".join(
        line if line == "…\n" else next(other for other in lines if _masked(other) == _masked(line))
        for line in told.splitlines(keepends=True)
    )


def _masked(text: str) -> str:
    """Numbers, ids and widths of columns do not count: they change with every check that is added."""
    text = re.sub(r"\b[0-9a-f]{16}\b|\b[0-9a-f-]{36}\b", "0", text)
    return re.sub(r" {2,}", "  ", re.sub(r"\d[\d.,:]*(?= )|\d+(?:[.,]\d+)*", "0", text))
