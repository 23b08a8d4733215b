"""What a channel is: a table of `deliver.toml`, the parcels that it makes of a message, and how one is sent."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from vbr_audit.api.tls import Tls
from vbr_audit.config.secret_sources import KEYS, named_source
from vbr_audit.config.yaml_file import Problem
from vbr_audit.delivering.message import Message
from vbr_audit.delivering.speaking import Reason, Told
from vbr_audit.delivering.words import Letter
from vbr_audit.errors import ConfigurationError

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Seconds = Annotated[float, Field(gt=0, le=3600)]
Words = Annotated[list[Text], Field(min_length=1)]
KEYRING_PLACE: Final = "deliver"
"""The keyring holds the secret of a channel for `NAME@deliver`."""


class Entry(BaseModel):
    """What every `[[channel]]` has; `kind` chooses the rest."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    name: Annotated[Text, StringConstraints(pattern=r"^[\w .-]{1,60}$")]
    kind: Text
    timeout: Seconds | None = None


class TrustEntry(Entry):
    """What a channel over TLS has: whose certificates it trusts, the system's unless it says so."""

    ca_file: Text | None = None
    fingerprint: Text | None = None


@dataclass(frozen=True)
class Common:
    """What stands at the top of the file: where its paths begin, seconds to wait, the link, the user's templates."""

    folder: Path
    timeout: float
    link: str = ""
    templates: Path | None = None


@dataclass(frozen=True)
class Parcel:
    """One thing to send: a `suffix` that tells it from others of the same message, and in words what it is `about`."""

    suffix: str
    about: str
    content: bytes = field(repr=False)


class Channel(ABC):
    """One channel of the file; a subclass for each kind."""

    model: ClassVar[type[Entry]] = Entry
    secrets: ClassVar[tuple[str, ...]] = ()
    """The subjects of the secrets that it can name a place for, as in `url_env`."""
    keeps_tickets: ClassVar[bool] = False
    """Whether it acts on every change of a state, and is not told messages."""

    def __init__(self, entry: Mapping[str, Any], common: Common) -> None:
        self.entry = entry
        self.common = common
        self.name: str = entry["name"]
        self.timeout: float = entry.get("timeout") or common.timeout

    @classmethod
    def faults(cls, entry: Mapping[str, Any], common: Common) -> Iterator[Problem]:
        """What only the kind knows to be wrong with a table that has the right shape."""
        for subject in cls.secrets:
            given = [f"{subject}_{ending}" for ending in KEYS if entry.get(f"{subject}_{ending}")]
            if len(given) > 1:
                yield Problem((given[-1],), f"{' and '.join(given)} exclude each other")
        if "ca_file" in cls.model.model_fields:
            try:
                trust_of(entry, common).context()
            except ConfigurationError as error:
                key = "ca_file" if entry.get("ca_file") else "fingerprint"
                yield Problem((key,), error.message.splitlines()[0])

    @property
    @abstractmethod
    def where(self) -> str:
        """Where it sends to, in words without a secret: a host, a folder."""

    @abstractmethod
    def parcels(self, message: Message, reason: Reason, told: Told) -> Iterable[Parcel]:
        """What it sends of a message; nothing needs to be reached for that."""

    @abstractmethod
    def send(self, content: bytes, key: str, told: Told) -> Told:
        """Send a parcel whose deliveries share the id `key`; return what is learned by it, to be merged into `told`.

        Raises `DeliveryError` or `ConfigurationError`.
        """

    def assumed(self, content: bytes) -> Told:
        """What is learned where a person says that a parcel arrived."""
        return {}

    def shown(self, content: bytes) -> str:
        """A parcel for a person who asks what would be sent."""
        return json.dumps(json.loads(content), ensure_ascii=False, indent=2)

    def letter(self, message: Message, reason: Reason) -> Letter:
        """The message with why and where."""
        return Letter(message, reason, self.common.link.replace("{run}", message.run_id))

    def secret(self, subject: str) -> str | None:
        """The secret that the table names a place for; None without one. Raises `ConfigurationError`."""
        source = named_source(self.entry, subject, self.common.folder)
        return None if source is None else source.resolve(self.name, KEYRING_PLACE).get_secret_value()


def trust_of(entry: Mapping[str, Any], common: Common) -> Tls:
    """Whose certificates a channel trusts; raises `ConfigurationError`."""
    ca_file = entry.get("ca_file")
    return Tls(ca_file=common.folder / ca_file if ca_file else None, fingerprint=entry.get("fingerprint"))


def required_secret(entry: Mapping[str, Any], subject: str) -> Iterator[Problem]:
    """That no place is named for a secret without which nothing can be sent."""
    if not any(entry.get(f"{subject}_{ending}") for ending in KEYS):
        names = ", ".join(f"{subject}_{ending}" for ending in KEYS)
        yield Problem((), f"needs the place of its {subject}: one of {names}")


Keyring = Literal[True]
