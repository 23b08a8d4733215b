"""A Teams channel through a workflow ("When a Teams webhook request is received"): one adaptive card.

Teams reads the text of a TextBlock and of a fact as Markdown. A text run is shown as it stands, so that every word
that is not our own is a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from vbr_audit.delivering.channels.posting import PostingChannel, as_json
from vbr_audit.delivering.message import Message
from vbr_audit.delivering.speaking import Reason
from vbr_audit.delivering.words import (
    NOTHING_FAILS,
    Letter,
    cause_head,
    cause_when,
    news_line,
    report_lines,
    since_words,
)
from vbr_audit.display import count, number

MOST_BYTES: Final = 28_000
"""What Teams takes of a message from a webhook."""
ROWS: Final = (10, 5, 3, 1, 0)
"""How many rows each list has; fewer where the card would be too large."""
_COLOURS: Final = {"fail": "attention", "unknown": "warning", "pass": "good"}


class TeamsChannel(PostingChannel):
    """A workflow of Teams, whose address is a secret."""

    def body(self, message: Message, reason: Reason) -> bytes:
        """The card with as many rows as fit."""
        letter = self.letter(message, reason)
        cards = (as_json(_card(letter, most)) for most in ROWS)
        return next((card for card in cards if len(card) <= MOST_BYTES), as_json(_card(letter, 0)))


def _card(letter: Letter, most: int) -> dict[str, Any]:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "fallbackText": "vbr-audit: the message needs a client that shows adaptive cards.",
        "body": list(_body(letter, most)),
    }
    if letter.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open the report", "url": letter.link}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _body(letter: Letter, most: int) -> Iterator[dict[str, Any]]:
    message = letter.message
    yield _text(message.subject, size="large", weight="bolder")
    if message.is_scrubbed:
        yield _text("The names in this report are replaced on purpose.", isSubtle=True)
    if message.gaps:
        yield _text("This report is incomplete: not everything that was asked could be read.", color="warning")
        yield from _list(message.gaps, most)
    yield _text(message.headline, weight="bolder", color=_COLOURS.get(message.level, "default"))
    yield _text(f"Rating {message.rating}: {message.rating_rule} {message.rating_reason}")
    yield _text(f"Period: {message.period}. Sent because {letter.why}.", isSubtle=True)
    if since := since_words(message):
        yield _text(since, weight="bolder")
        yield from _list([news_line(one) for one in message.news], most)
    yield _text(" · ".join(f"{label}: {value}" for label, value in message.numbers))
    yield _text(f"What fails ({count(message.causes_total, 'cause')})", weight="bolder")
    if not message.causes:
        yield _text(NOTHING_FAILS)
    for cause in message.causes[:most]:
        yield _text(cause_head(cause), weight="bolder")
        yield _text(cause.consequence)
        yield _text(f"{cause.remediation} ({cause_when(cause)})", isSubtle=True)
    if (beyond := message.causes_total - min(most, len(message.causes))) > 0:
        yield _text(f"… {number(beyond)} more in the report.", isSubtle=True)
    yield _text(" · ".join(line for line in report_lines(letter) if not line.startswith("Report:")), isSubtle=True)


def _list(lines: Iterable[str], most: int) -> Iterator[dict[str, Any]]:
    known = list(lines)
    yield from (_text(f"– {line}") for line in known[:most])
    if len(known) > most:
        yield _text(f"– … {number(len(known) - most)} more in the report", isSubtle=True)


def _text(text: str, **look: Any) -> dict[str, Any]:
    """One paragraph that is shown as it stands; `{{` would begin one of the functions of a card."""
    shown = text.replace("{{", "{\u200b{")
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": shown, **look}]}
