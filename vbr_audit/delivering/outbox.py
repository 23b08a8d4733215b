"""The outbox: what is to be sent, written before it is sent, and what every channel was told.

A delivery is a file in `items`: `waiting`, `sending` just before it goes out, `sent` just after. One that is found in
`sending` belongs to a process that ended in between: it may have arrived, becomes `unsure`, and only a person decides.
`state.json` holds what every channel was told; a `sent` item is merged into it before its file goes.
"""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vbr_audit.collection.files import alone, make_folder, write_bytes
from vbr_audit.config.given_file import MOST_KEPT, read_given
from vbr_audit.delivering.channels.card import Parcel
from vbr_audit.delivering.message import Message
from vbr_audit.delivering.speaking import Told
from vbr_audit.errors import ConfigurationError, DeliveryError, OutputError

_ITEMS, _STATE = "items", "state.json"
_LOOKS_AGAIN_S: Final = 0.05
_THREADS: Final = threading.Lock()
"""A process holds a folder for all its threads; deliveries of one process wait for each other here."""
ItemState = Literal["waiting", "sending", "unsure", "sent"]


class Item(BaseModel):
    """One delivery: `key` is its id for the receiver, `told` what the channel knows once it was sent."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    number: int
    key: str
    channel: str
    scope: str
    run: str
    about: str
    state: ItemState = "waiting"
    tries: int = 0
    last: str = ""
    told: dict[str, Any] = Field(default_factory=dict)
    content: str = Field(repr=False)

    @property
    def body(self) -> bytes:
        """What is sent."""
        return base64.b64decode(self.content)


class OutboxState(BaseModel):
    """What every channel was told, by its name and the scope of the runs; `next` numbers the items."""

    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    next: int = 1
    channels: dict[str, dict[str, dict[str, Any]]] = Field(default_factory=dict)


class Outbox:
    """The outbox in a folder; only one process at a time may change it, within `opened`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = self._read(folder / _STATE, OutboxState) if (folder / _STATE).exists() else OutboxState()

    def recover(self) -> None:
        """Finish what a process left that ended while it sent."""
        for item in self.items():
            if item.state == "sent":
                self._settle(item)
            elif item.state == "sending":
                item.last = "the delivery ended while it was sent"
                self.mark(item, "unsure")

    def items(self, channel: str | None = None) -> list[Item]:
        """The items that are there, or those of a channel, in their order."""
        found = sorted((self.folder / _ITEMS).glob("*.json"))
        items = [self._read(path, Item) for path in found if not path.name.startswith(".")]
        return [item for item in items if channel in (None, item.channel)]

    def told(self, channel: str, scope: str, *, expected: bool = False) -> Told:
        """What a channel was told of a scope; `expected`: once all that waits was sent."""
        known: Told = self.state.channels.get(channel, {}).get(scope, {})
        if expected:
            for item in self.items(channel):
                known = merged(known, item.told) if item.scope == scope else known
        return known

    def learn(self, channel: str, scope: str, told: Mapping[str, Any]) -> None:
        """Keep what a channel knows of a scope."""
        scopes = self.state.channels.setdefault(channel, {})
        scopes[scope] = merged(scopes.get(scope, {}), told)
        self._write_state()

    def put(self, channel: str, message: Message, parcel: Parcel, told: Mapping[str, Any]) -> Item:
        """A new item for a parcel, written before anything is sent."""
        item = Item(
            number=self.state.next,
            key=delivery_key(channel, message, parcel),
            channel=channel,
            scope=message.scope,
            run=message.run_id,
            about=parcel.about,
            told=dict(told),
            content=base64.b64encode(parcel.content).decode(),
        )
        self.state.next += 1
        self._write_state()
        make_folder(self.folder / _ITEMS)
        self.mark(item, "waiting")
        return item

    def mark(self, item: Item, state: ItemState) -> None:
        """Write an item with another state."""
        item.state = state
        write_bytes(self._path(item), item.model_dump_json().encode())

    def sent(self, item: Item, learned: Mapping[str, Any]) -> None:
        """Mark an item as sent, keep what is known by it, and let it go."""
        item.told, item.content = merged(item.told, learned), ""
        self.mark(item, "sent")
        self._settle(item)

    def _settle(self, item: Item) -> None:
        self.learn(item.channel, item.scope, item.told)
        self._path(item).unlink(missing_ok=True)

    def _path(self, item: Item) -> Path:
        return self.folder / _ITEMS / f"{item.number:08d}-{item.key}.json"

    def _write_state(self) -> None:
        write_bytes(self.folder / _STATE, self.state.model_dump_json().encode())

    def _read(self, path: Path, model: type[Any]) -> Any:
        try:
            return model.model_validate_json(read_given(path, most=MOST_KEPT))
        except OSError as error:
            raise OutputError(
                f"cannot read {path}: {error.strerror or error}", hint="Check its permissions."
            ) from error
        except ValidationError:
            raise OutputError(
                f"{path} is not what vbr-audit wrote, and nothing was sent",
                hint="Move it away; what it held is then not known any more, and may be sent again.",
            ) from None


@contextmanager
def opened(folder: Path, wait: float) -> Iterator[Outbox]:
    """The outbox in `folder` for this process alone, once no other delivery is at work there.

    Raises `DeliveryError` where another one still is after `wait` seconds, and `OutputError`.
    """
    try:
        make_folder(folder)
    except OSError as error:
        raise OutputError(
            f"cannot use {folder}: {error.strerror or error}", hint="Check its permissions, or name another outbox."
        ) from error
    end = time.monotonic() + wait
    if not _THREADS.acquire(timeout=wait):
        raise _busy(folder, wait)
    try:
        with _held(folder, end, wait):
            outbox = Outbox(folder)
            outbox.recover()
            yield outbox
    finally:
        _THREADS.release()


@contextmanager
def _held(folder: Path, end: float, wait: float) -> Iterator[None]:
    while True:
        hold = alone(folder)
        try:
            hold.__enter__()
        except ConfigurationError:
            if time.monotonic() > end:
                raise _busy(folder, wait) from None
            time.sleep(_LOOKS_AGAIN_S)
            continue
        try:
            yield
        finally:
            hold.__exit__(None, None, None)
        return


def _busy(folder: Path, wait: float) -> DeliveryError:
    return DeliveryError(
        f"another delivery was at work with {folder} for more than {wait:g} s, and nothing was sent",
        hint="Deliver the run again once it is done.",
    )


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """`old` with what `new` has; tables within are merged too."""
    result = dict(old)
    for name, value in new.items():
        before = result.get(name)
        result[name] = merged(before, value) if isinstance(before, Mapping) and isinstance(value, Mapping) else value
    return result


def delivery_key(channel: str, message: Message, parcel: Parcel) -> str:
    """The id of a delivery: the same for the same state of the same run to the same channel."""
    words = "\n".join((channel, message.scope, message.run_id, message.digest, parcel.suffix))
    return f"{message.now:%Y%m%d}-{hashlib.sha256(words.encode()).hexdigest()[:16]}"
