"""What channels share that post one JSON document to an address, which is a secret as it may hold a token."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from pydantic import SecretStr

from vbr_audit.config.yaml_file import Problem
from vbr_audit.delivering.channels.card import (
    Channel,
    Common,
    Keyring,
    Parcel,
    Text,
    TrustEntry,
    Words,
    required_secret,
    trust_of,
)
from vbr_audit.delivering.message import Message
from vbr_audit.delivering.speaking import Reason, Told
from vbr_audit.delivering.wire import Request, ask, host_of
from vbr_audit.errors import ConfigurationError, DeliveryError


class PostingEntry(TrustEntry):
    """A channel that posts; its address is never in the file, only where it is kept."""

    url_env: Text | None = None
    url_file: Text | None = None
    url_command: Words | None = None
    url_keyring: Keyring | None = None


class PostingChannel(Channel):
    """A channel whose message is one JSON document."""

    model = PostingEntry
    secrets: ClassVar[tuple[str, ...]] = ("url",)

    @classmethod
    def faults(cls, entry: Mapping[str, Any], common: Common) -> Iterator[Problem]:
        """That the address has a place."""
        yield from super().faults(entry, common)
        yield from required_secret(entry, "url")

    @property
    def where(self) -> str:
        """The host of the address, if it can be looked up."""
        try:
            return host_of(self.secret("url") or "")
        except ConfigurationError:
            return "an address that cannot be looked up"

    @abstractmethod
    def body(self, message: Message, reason: Reason) -> bytes:
        """The document."""

    def headers(self, content: bytes) -> dict[str, str]:
        """What goes with the document beside its type."""
        return {}

    def parcels(self, message: Message, reason: Reason, told: Told) -> Iterable[Parcel]:
        """The document."""
        yield Parcel("", "message", self.body(message, reason))

    def send(self, content: bytes, key: str, told: Told) -> Told:
        """Post it."""
        headers = {"Content-Type": "application/json", "X-VBR-Audit-Delivery": key, **self.headers(content)}
        request = Request("POST", SecretStr(self.secret("url") or ""), content, headers)
        answer = ask(request, trust_of(self.entry, self.common), self.timeout)
        if answer.status >= 300:
            raise DeliveryError(
                f"{self.where} answered {answer.status}: there is no such webhook", hint="Make a new one, and store it."
            )
        return {}


def as_json(document: Any) -> bytes:
    """A document as UTF-8 JSON."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
