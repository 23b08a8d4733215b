"""Keyed pseudonyms: the same name gives the same one in every artefact, and in every run with the same key."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import UUID

from vbr_audit.config.given_file import read_given
from vbr_audit.errors import ConfigurationError
from vbr_audit.tables.build.schema import ZERO_GUID

LENGTH: Final = 10
"""Number of hexadecimal digits of a pseudonym, unless two names of the estate would share one."""

_STEP: Final = 4
_UUID: Final = re.compile(r"\{?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}?", re.IGNORECASE)
NAMES: Final = "name"


@dataclass(frozen=True)
class Pseudonyms:
    """Pseudonyms under `key`; `lengths` holds the names, in lower case, that need more digits than `LENGTH`."""

    key: ScrubKey
    lengths: Mapping[tuple[str, str], int] = field(default_factory=dict, repr=False)

    @classmethod
    def over(cls, key: ScrubKey, names: Iterable[tuple[str, str]], *, length: int = LENGTH) -> Pseudonyms:
        """Pseudonyms that differ for all of `names`, which are pairs of kind and name; case does not count."""
        known = {(kind, name.casefold()) for kind, name in names}
        digests = {pair: key.digest(NAMES, *pair) for pair in known}
        lengths: dict[tuple[str, str], int] = {} if length == LENGTH else dict.fromkeys(digests, length)
        open_pairs = list(digests)
        while open_pairs:
            taken: dict[tuple[str, str], list[tuple[str, str]]] = {}
            for pair in open_pairs:
                taken.setdefault((pair[0], digests[pair][: lengths.get(pair, length)]), []).append(pair)
            open_pairs = [pair for sharing in taken.values() if len(sharing) > 1 for pair in sharing]
            lengths |= {pair: lengths.get(pair, length) + _STEP for pair in open_pairs}
        return cls(key, lengths)

    def name(self, kind: str, value: str) -> str:
        """The pseudonym of a name: `job-7f3a1c02be`. What is blank stays."""
        if not value.strip():
            return value
        pair = (kind, value.casefold())
        return f"{kind}-{self.key.digest(NAMES, *pair)[: self.lengths.get(pair, LENGTH)]}"

    def identifier(self, value: str) -> str:
        """The pseudonym of an id: a UUID for a UUID, else `id-…`; blank ones and the zero UUID stay."""
        plain = value.strip().strip("{}").casefold()
        if not plain or plain == ZERO_GUID:
            return value
        digest = self.key.digest("id", plain)
        return str(UUID(hex=digest[:32])) if _UUID.fullmatch(value.strip()) else f"id-{digest[:16]}"

    def hashed(self, value: str) -> str:
        """The keyed hash that stands for a hash, of the same length; its owner can make it again."""
        return self.key.digest("hash", value)[: len(value)]


# The key of a scrub: the same key gives the same pseudonyms, and only who holds it can make them again.

KEY_BYTES: Final = 32
_HINT: Final = (
    f"A key file holds {KEY_BYTES} random bytes as {2 * KEY_BYTES} hexadecimal digits; without --scrub-key one is made."
)


@dataclass(frozen=True)
class ScrubKey:
    """A secret key; `notes` says in sentences what its owner should know of its file."""

    secret: bytes = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Eight hexadecimal digits that tell whether two runs share a key, and nothing else of it."""
        return self.digest("key")[:8]

    def digest(self, *parts: str) -> str:
        """HMAC-SHA256 over `parts`, in lower-case hex."""
        message = "\0".join(parts).encode("utf-8", "surrogatepass")
        return hmac.digest(self.secret, message, hashlib.sha256).hex()


def default_key_file() -> Path:
    """Where the key is kept unless another file is named."""
    from platformdirs import user_config_path

    return user_config_path("vbr_audit", appauthor=False) / "scrub.key"


def load_key(path: str | Path | None = None) -> ScrubKey:
    """The key in the file `path`, else the user's own, which is made at its first use for its owner only.

    Raises `ConfigurationError` for a file that cannot be read or made, or that holds no key.
    """
    chosen = default_key_file() if path is None else Path(path)
    notes: tuple[str, ...] = ()
    try:
        if path is None and not chosen.exists():
            _make(chosen)
            notes = (f"a new key for pseudonyms was written to {chosen}; keep it from all who must not know the names",)
        text = read_given(chosen).decode("ascii").strip()
        mode = stat.S_IMODE(chosen.stat().st_mode)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not a text of hexadecimal digits"
        raise ConfigurationError(f"cannot use the key file {chosen}: {why}", hint=_HINT) from None
    if os.name == "posix" and mode & 0o077:
        notes = (*notes, f"others may read the key file {chosen}: chmod 600 it")
    return ScrubKey(_secret_of(text, chosen), notes)


def _secret_of(text: str, path: Path) -> bytes:
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        raise ConfigurationError(f"the key file {path} holds no hexadecimal digits", hint=_HINT) from None
    if len(secret) < KEY_BYTES:
        raise ConfigurationError(f"the key in {path} is too short: {len(secret)} bytes", hint=_HINT)
    return secret


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(secrets.token_hex(KEY_BYTES) + "\n")
