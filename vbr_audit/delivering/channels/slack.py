"""A Slack channel through an incoming webhook: blocks of plain text, in which no word is markup or calls anybody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from vbr_audit.delivering.channels.posting import PostingChannel, as_json
from vbr_audit.delivering.message import Message
from vbr_audit.delivering.speaking import Reason
from vbr_audit.delivering.words import NOTHING_FAILS, Letter, cause_head, cause_when, news_line, since_words
from vbr_audit.display import count, number, shorten

ROWS: Final = (8, 5, 3, 1, 0)
"""How many rows each list has; fewer where the message would be too large."""
MOST_SIGNS: Final = 12_000
"""What all blocks together may be as JSON: beyond some 13,000 signs Slack refuses them, though each is short enough."""
_HEADER, _SECTION, _BLOCKS = 150, 2_900, 50
_CALL: Final = re.compile(r"@(?=here|channel|everyone)", re.IGNORECASE)


class SlackChannel(PostingChannel):
    """An incoming webhook of Slack, whose address is a secret."""

    def body(self, message: Message, reason: Reason) -> bytes:
        """The blocks, and as the text of the notification the subject."""
        letter = self.letter(message, reason)
        shorter = ([*_blocks(letter, most)][:_BLOCKS] for most in ROWS)
        blocks = next((each for each in shorter if _signs(each) <= MOST_SIGNS), [*_blocks(letter, 0)][:_BLOCKS])
        return as_json({"text": escaped(message.subject), "blocks": blocks, "link_names": False})


def escaped(text: str) -> str:
    """`text` without the three signs that begin Slack's controls, and without a word that calls a whole channel."""
    harmless = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _CALL.sub("@\u2060", harmless)


def _signs(blocks: list[dict[str, Any]]) -> int:
    return len(as_json(blocks).decode())


def _blocks(letter: Letter, most: int) -> Iterator[dict[str, Any]]:
    message = letter.message
    yield {"type": "header", "text": _plain(message.subject, _HEADER)}
    if message.is_scrubbed:
        yield _section("The names in this report are replaced on purpose.")
    if message.gaps:
        yield _section(
            "This report is incomplete: not everything that was asked could be read.", *_rows(message.gaps, most)
        )
    yield _section(message.headline, f"Rating {message.rating}: {message.rating_rule} {message.rating_reason}")
    yield _section(f"Period: {message.period}.", f"Sent because {letter.why}.")
    if since := since_words(message):
        yield _section(since, *_rows(tuple(news_line(one) for one in message.news), most))
    yield _section(*(f"{label}: {value}" for label, value in message.numbers))
    yield {"type": "divider"}
    yield _section(f"What fails ({count(message.causes_total, 'cause')})", *([] if message.causes else [NOTHING_FAILS]))
    for cause in message.causes[:most]:
        yield _section(cause_head(cause), cause.consequence, f"Do: {cause.remediation}", cause_when(cause))
    if (beyond := message.causes_total - min(most, len(message.causes))) > 0:
        yield _section(f"… {number(beyond)} more in the report.")
    if letter.link:
        button = {"type": "button", "text": _plain("Open the report", 75), "url": letter.link}
        yield {"type": "actions", "elements": [button]}
    yield {"type": "context", "elements": [_plain(f"Run {message.run_id}", 100)]}


def _rows(lines: tuple[str, ...], most: int) -> Iterator[str]:
    yield from (f"– {line}" for line in lines[:most])
    if len(lines) > most:
        yield f"– … {number(len(lines) - most)} more in the report"


def _section(*lines: str) -> dict[str, Any]:
    return {"type": "section", "text": _plain("\n".join(shorten(line, 320) for line in lines), _SECTION)}


def _plain(text: str, most: int) -> dict[str, Any]:
    """Plain text of at most `most` characters, counted as Slack counts them: after escaping."""
    cut = text
    while len(escaped(cut)) > most:
        cut = cut[: len(cut) - max(1, (len(escaped(cut)) - most) // 5) - 1].rstrip() + "…"
    return {"type": "plain_text", "text": escaped(cut), "emoji": False}
