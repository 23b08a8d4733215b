"""The words of a message that all channels share, and plain text made of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vbr_audit.delivering.message import Cause, Message, News
from vbr_audit.delivering.speaking import Reason
from vbr_audit.display import count, number

NOTHING_FAILS: Final = "Nothing fails."


@dataclass(frozen=True)
class Letter:
    """A message with why it is sent and where the report is; `link` is an address of the user's own, or nothing.

    `attached` are the names of the files that go with it, `missing` those that the run does not hold.
    """

    message: Message
    reason: Reason
    link: str = ""
    attached: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def why(self) -> str:
        """Why it is sent, in one sentence."""
        return self.reason.told


def since_words(message: Message) -> str:
    """What changed since the earlier run, in one sentence; nothing without an earlier run."""
    if not message.earlier:
        return ""
    changed = ", ".join(message.changed_words) or "nothing changed"
    return f"Since {message.earlier}: {changed}."


def cause_head(cause: Cause) -> str:
    """Severity, check and place of a cause, in one line."""
    return f"{cause.severity.upper()} · {cause.check_id} · {cause.kind} {cause.name} · {cause.server}"


def cause_when(cause: Cause) -> str:
    """Whose it is, by when, and what it settles."""
    owner = cause.owner or "no owner named"
    due = f"due {cause.due}{' (overdue)' if cause.overdue else ''}" if cause.due else "no day set"
    return f"{owner} · {due} · settles {count(cause.settles, 'finding')}"


def news_line(news: News) -> str:
    """What became of findings, in one line."""
    return f"{news.state}: {news.severity} {news.check_id} {news.title} · {news.kind} {news.names} · {news.server}"


def plain_lines(letter: Letter, *, most: int) -> Iterator[str]:
    """The letter as lines of plain text, with at most `most` rows of each list."""
    message = letter.message
    yield message.subject
    if message.is_scrubbed:
        yield "The names in this report are replaced on purpose."
    if message.gaps:
        yield ""
        yield "THIS REPORT IS INCOMPLETE: not everything that was asked could be read."
        yield from _listed(message.gaps, most)
    yield ""
    yield f"{message.level.upper()}: {message.headline}"
    yield message.detail
    yield f"Rating {message.rating}: {message.rating_rule} {message.rating_reason}"
    yield f"Period: {message.period}. Read: {message.read_at}."
    yield f"Sent because {letter.why}."
    if since := since_words(message):
        yield ""
        yield since
        yield from _listed(tuple(news_line(one) for one in message.news), most)
    yield ""
    yield from (f"{label}: {value}" for label, value in message.numbers)
    yield ""
    yield f"What fails ({count(message.causes_total, 'cause')})"
    if not message.causes:
        yield NOTHING_FAILS
    for cause in message.causes[:most]:
        yield f"* {cause_head(cause)}"
        yield f"  {cause.consequence}"
        yield f"  Do: {cause.remediation}"
        yield f"  {cause_when(cause)}"
    if (beyond := message.causes_total - min(most, len(message.causes))) > 0:
        yield f"… {number(beyond)} more in the report."
    yield ""
    yield from report_lines(letter)


def report_lines(letter: Letter) -> Iterator[str]:
    """Where the whole report is."""
    if letter.link:
        yield f"Report: {letter.link}"
    if letter.attached:
        yield f"Attached: {', '.join(letter.attached)}"
    if letter.missing:
        yield f"Not attached, as the run does not hold them or they are too large: {', '.join(letter.missing)}"
    yield f"Run {letter.message.run_id}"


def _listed(lines: tuple[str, ...], most: int) -> Iterator[str]:
    yield from (f"- {line}" for line in lines[:most])
    if len(lines) > most:
        yield f"- … {number(len(lines) - most)} more in the report"
