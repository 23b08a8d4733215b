"""A delivery: what waits is sent again, then what the run has to say, channel by channel.

A channel that does not take something is left alone until the next delivery, and the others go on. Nothing here
changes a run or its result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from vbr_audit.delivering.channels.card import Channel, Parcel
from vbr_audit.delivering.channels_file import Channels
from vbr_audit.delivering.message import Message
from vbr_audit.delivering.outbox import Item, Outbox, opened
from vbr_audit.delivering.speaking import Reason, Silence, Told, is_older, reason_to_speak, seen_by, told_by
from vbr_audit.display import count
from vbr_audit.errors import ConfigurationError, DeliveryError


class Unsure(StrEnum):
    """What to do with what may have arrived: send it again, or take it as sent."""

    RESEND = "resend"
    ARRIVED = "arrived"


class Fate(StrEnum):
    """How a delivery ended."""

    SENT = "sent"
    NOTHING = "nothing to send"
    WAITING = "not sent, waits for the next delivery"
    UNSURE = "may have arrived"
    WOULD = "would be sent"


@dataclass(frozen=True)
class Outcome:
    """How one delivery ended; `where` is a host or a folder, `text` what it is about or why it failed."""

    channel: str
    where: str
    fate: Fate
    text: str
    hint: str | None = None

    @property
    def failed(self) -> bool:
        """Whether somebody was not told who ought to be."""
        return self.fate in (Fate.WAITING, Fate.UNSURE)


Runs = Callable[[], Iterable[Message]]
"""The messages of the runs of a fleet, made anew each time."""


def deliver_run(
    plan: Channels, message: Message | None, *, unsure: Unsure | None = None, runs: Runs | None = None
) -> list[Outcome]:
    """Send what waits, and what `message` has to say; without one only what waits.

    Where `runs` are given, channels that keep tickets are told these, one by one, in place of the message. Raises
    `DeliveryError` where another delivery is at work all the time, `OutputError` for an outbox that cannot be
    used. What a channel does not take is an outcome, no error.
    """
    outcomes: list[Outcome] = []
    with opened(plan.outbox, plan.timeout * (1 + len(plan.channels))) as outbox:
        if unsure is not None:
            _decide(outbox, plan, unsure)
        for channel in plan.channels:
            outcomes += _Delivery(outbox, channel).run(_messages(channel, message, runs))
        names = {channel.name for channel in plan.channels}
        for item in outbox.items():
            if item.channel not in names:
                text = f"{item.about} of run {item.run}: the file has no channel of this name any more"
                outcomes.append(Outcome(item.channel, "", Fate.WAITING, text))
    return outcomes


def _messages(channel: Channel, message: Message | None, runs: Runs | None) -> Iterable[Message]:
    """What a channel is told."""
    if runs is not None and channel.keeps_tickets:
        return runs()
    return () if message is None else (message,)


def rehearsed(plan: Channels, message: Message, *, runs: Runs | None = None) -> list[tuple[Outcome, str]]:
    """What `message` would send where, with the content as a person reads it; nothing is sent or written."""
    outbox = Outbox(plan.outbox)
    pairs = ((channel, each) for channel in plan.channels for each in _messages(channel, message, runs))
    return [row for channel, each in pairs for row in _rehearsed(outbox, channel, each)]


def _rehearsed(outbox: Outbox, channel: Channel, message: Message) -> Iterator[tuple[Outcome, str]]:
    told = outbox.told(channel.name, message.scope, expected=True)
    reason, silence = _due(channel, message, told)
    parcels = [] if reason is None else list(channel.parcels(message, reason, told))
    if not parcels:
        yield Outcome(channel.name, channel.where, Fate.NOTHING, silence), ""
    for parcel in parcels:
        yield Outcome(channel.name, channel.where, Fate.WOULD, parcel.about), channel.shown(parcel.content)


def _decide(outbox: Outbox, plan: Channels, unsure: Unsure) -> None:
    """Do as a person says with what may have arrived."""
    channels = {channel.name: channel for channel in plan.channels}
    for item in outbox.items():
        if item.state != "unsure":
            continue
        if unsure is Unsure.RESEND:
            outbox.mark(item, "waiting")
        elif item.channel in channels:
            outbox.sent(item, channels[item.channel].assumed(item.body))


def _due(channel: Channel, message: Message, told: Told) -> tuple[Reason | None, str]:
    """Why something is due, or why not."""
    if channel.keeps_tickets:
        older = is_older(message, told)
        return (None, Silence.OLDER.value) if older else (Reason.CHANGED, "the tickets are as they ought to be")
    reason = reason_to_speak(message, told)
    return (reason, "") if isinstance(reason, Reason) else (None, reason.value)


class _Delivery:
    """One delivery to one channel; once it did not take something, nothing more is tried."""

    def __init__(self, outbox: Outbox, channel: Channel) -> None:
        self._outbox = outbox
        self._channel = channel
        self._blocked = False

    def run(self, messages: Iterable[Message]) -> Iterator[Outcome]:
        """Send what waits, then what the messages have to say."""
        yield from self._each(self._outbox.items(self._channel.name))
        for message in messages:
            if self._blocked and self._channel.keeps_tickets:  # acted on in order, and known only once they are made
                yield self._outcome(Fate.WAITING, f"run {message.run_id}: what is above comes first")
                return
            yield from self._say(message)

    def _each(self, items: list[Item]) -> Iterator[Outcome]:
        """Send one item after the other; of what is behind one that was not taken only the number is told."""
        for place, item in enumerate(items):
            if self._blocked:
                yield self._outcome(Fate.WAITING, f"{count(len(items) - place, 'delivery', 'deliveries')} behind that")
                return
            if item.state == "unsure":
                self._blocked = self._channel.keeps_tickets
                yield self._left(item)
            else:
                yield self._sent(item)

    def _say(self, message: Message) -> Iterator[Outcome]:
        name, scope = self._channel.name, message.scope
        told = self._outbox.told(name, scope, expected=True)
        reason, silence = _due(self._channel, message, told)
        parcels = [] if reason is None else list(self._channel.parcels(message, reason, told))
        if parcels:
            yield from self._each(self._queued(message, parcels))
            return
        if not is_older(message, told):
            self._outbox.learn(name, scope, seen_by(message))
        yield self._outcome(Fate.NOTHING, silence)

    def _queued(self, message: Message, parcels: list[Parcel]) -> list[Item]:
        """All items, written before the first is sent."""
        told = seen_by(message) if self._channel.keeps_tickets else told_by(message)
        return [self._outbox.put(self._channel.name, message, parcel, told) for parcel in parcels]

    def _sent(self, item: Item) -> Outcome:
        """Send one item; what the channel does not take stays in the outbox."""
        item.tries += 1
        self._outbox.mark(item, "sending")
        told = self._outbox.told(item.channel, item.scope)
        try:
            learned = self._channel.send(item.body, item.key, told)
        except (DeliveryError, ConfigurationError) as error:
            item.last = error.message
            self._blocked = True
            self._outbox.mark(item, "unsure" if getattr(error, "unsure", False) else "waiting")
            return self._left(item, error.hint)
        self._outbox.sent(item, learned)
        return self._outcome(Fate.SENT, item.about)

    def _left(self, item: Item, hint: str | None = None) -> Outcome:
        if item.state == "unsure":
            hint = "Look there, then deliver with --unsure arrived, or --unsure resend to send it again."
        fate = Fate.UNSURE if item.state == "unsure" else Fate.WAITING
        return self._outcome(fate, f"{item.about}{f': {item.last}' if item.last else ''}", hint)

    def _outcome(self, fate: Fate, text: str, hint: str | None = None) -> Outcome:
        return Outcome(self._channel.name, self._channel.where, fate, text, hint)
