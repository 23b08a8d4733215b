"""Any receiver of JSON: the facts of the message, or a template of the user's, with a signature if it has a key."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from vbr_audit.config.given_file import read_given
from vbr_audit.config.yaml_file import Problem
from vbr_audit.delivering.channels.card import Common, Keyring, Text, Words
from vbr_audit.delivering.channels.posting import PostingChannel, PostingEntry, as_json
from vbr_audit.delivering.json_template import check_places, filled
from vbr_audit.delivering.message import Message
from vbr_audit.delivering.speaking import Reason
from vbr_audit.delivering.words import Letter, plain_lines
from vbr_audit.errors import ConfigurationError

MOST_ROWS: Final = 100
"""How many servers and causes, and how much news, a document has at most."""
FACTS: Final = (
    *("run_id", "reason", "subject", "text", "servers", "period", "read_at", "level", "headline", "detail", "rating"),
    *(
        "rating_rule",
        "is_scrubbed",
        "incomplete",
        "gaps",
        "failing_by_severity",
        "numbers",
        "earlier",
        "changed",
        "link",
    ),
    *("news", "news_total", "causes", "causes_total", "servers_total"),
)
"""What a template may name."""


class WebhookEntry(PostingEntry):
    """A webhook: with `template`, a JSON file; with a key (`secret_…`) its messages are signed."""

    template: Text | None = None
    secret_env: Text | None = None
    secret_file: Text | None = None
    secret_command: Words | None = None
    secret_keyring: Keyring | None = None


class WebhookChannel(PostingChannel):
    """An address that takes JSON."""

    model = WebhookEntry
    secrets: ClassVar[tuple[str, ...]] = ("url", "secret")

    @classmethod
    def faults(cls, entry: Mapping[str, Any], common: Common) -> Iterator[Problem]:
        """That the template can be read and names what there is."""
        yield from super().faults(entry, common)
        if entry.get("template"):
            try:
                check_places(read_json(common, entry["template"]), FACTS, entry["template"])
            except ConfigurationError as error:
                yield Problem(("template",), error.message)

    def body(self, message: Message, reason: Reason) -> bytes:
        """The facts, in the user's shape if there is one."""
        facts = facts_of(self.letter(message, reason))
        name = self.entry.get("template")
        return as_json(filled(read_json(self.common, name), facts) if name else facts)

    def headers(self, content: bytes) -> dict[str, str]:
        """The time, and the signature over time and document: `sha256=` and the HMAC in hex."""
        key = self.secret("secret")
        if key is None:
            return {}
        moment = str(int(time.time()))
        signed = hmac.new(key.encode(), f"{moment}.".encode() + content, hashlib.sha256).hexdigest()
        return {"X-VBR-Audit-Timestamp": moment, "X-VBR-Audit-Signature": f"sha256={signed}"}


def read_json(common: Common, name: str) -> Any:
    """The JSON file that a channel names; raises `ConfigurationError`."""
    try:
        return json.loads(read_given(common.folder / name))
    except OSError as error:
        raise ConfigurationError(f"{name} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        raise ConfigurationError(f"{name}{f':{line}' if line else ''}: not valid JSON") from None


def facts_of(letter: Letter) -> dict[str, Any]:
    """The message as values of JSON, by the names of `FACTS`."""
    message = letter.message
    own = {name: getattr(message, name) for name in FACTS if hasattr(message, name)}
    return own | {
        "reason": letter.reason.name.lower(),
        "text": "\n".join(plain_lines(letter, most=10)),
        "servers": list(message.servers[:MOST_ROWS]),
        "servers_total": len(message.servers),
        "incomplete": bool(message.gaps),
        "gaps": list(message.gaps[:MOST_ROWS]),
        "failing_by_severity": dict(message.failing_by_severity),
        "numbers": dict(message.numbers),
        "changed": dict(message.changed),
        "link": letter.link,
        "news": [dataclasses.asdict(one) for one in message.news[:MOST_ROWS]],
        "news_total": len(message.news),
        "causes": [dataclasses.asdict(one) for one in message.causes[:MOST_ROWS]],
        "causes_total": message.causes_total,
    }
