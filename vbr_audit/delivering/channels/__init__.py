"""The kinds of channels, by the word that `kind` has in `deliver.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from vbr_audit.delivering.channels.card import Channel
from vbr_audit.delivering.channels.eml import EmlChannel
from vbr_audit.delivering.channels.slack import SlackChannel
from vbr_audit.delivering.channels.smtp import SmtpChannel
from vbr_audit.delivering.channels.teams import TeamsChannel
from vbr_audit.delivering.channels.tickets import TicketsChannel
from vbr_audit.delivering.channels.webhook import WebhookChannel

KINDS: Final[Mapping[str, type[Channel]]] = {
    "eml": EmlChannel,
    "smtp": SmtpChannel,
    "teams": TeamsChannel,
    "slack": SlackChannel,
    "webhook": WebhookChannel,
    "tickets": TicketsChannel,
}
