"""Keyed pseudonyms: the same name gives the same one in every artefact, and in every run with the same key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from vbr_audit.scrub.key import ScrubKey
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
