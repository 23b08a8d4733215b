"""When a channel is told something: on the first run, when something turned bad or went out of sight, once a month.

What a channel was told last is one record for each channel and each scope (the servers and jobs of a run).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from enum import Enum
from typing import Any

from vbr_audit.delivering.message import Message
from vbr_audit.findings.lifecycle import SPEAKS

Told = dict[str, Any]
"""What a channel was told of a scope: `run`, `now` (ISO, UTC), `digest`, `month`; of tickets also `tickets`."""


class Reason(Enum):
    """Why a message is due."""

    FIRST = "this is the first message about these servers"
    CHANGED = "something fails that did not, or could not be looked at any more"
    DIFFERS = "what fails is not what the last message said"
    MONTHLY = "it is the first run of the month"

    @property
    def told(self) -> str:
        """The reason as the end of a sentence."""
        return self.value


class Silence(Enum):
    """Why no message is due."""

    SAME = "the same state was told already"
    OLDER = "a newer run was told already"
    QUIET = "nothing new fails since the last message"


def reason_to_speak(message: Message, told: Mapping[str, Any]) -> Reason | Silence:
    """Whether a channel that was `told` so much is due a message."""
    if "digest" not in told:
        return Reason.FIRST
    if is_older(message, told):
        return Silence.OLDER
    same = message.digest == told["digest"]
    if same and message.month == told["month"]:
        return Silence.SAME
    if not same and message.earlier_run != told["run"]:  # the changes of the run are since another one
        return Reason.DIFFERS
    if not same and any(message.changed.get(state, 0) for state in SPEAKS):
        return Reason.CHANGED
    return Reason.MONTHLY if message.month != told["month"] else Silence.QUIET


def is_older(message: Message, told: Mapping[str, Any]) -> bool:
    """Whether a newer run than this one was looked at already."""
    return "now" in told and message.now < dt.datetime.fromisoformat(told["now"])


def told_by(message: Message) -> Told:
    """What is known of a scope once `message` was told."""
    return seen_by(message) | {"month": message.month}


def seen_by(message: Message) -> Told:
    """What is known of a scope once the run of `message` was looked at, and nothing had to be said."""
    return {"run": message.told_as, "now": message.now.isoformat(), "digest": message.digest}
