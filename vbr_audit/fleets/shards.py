"""Parts of a file of servers, for several processes or machines that share the reading of it.

Which part a server is in follows from its name and the number of parts alone: a server that is added or removed moves
no other one.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from vbr_audit.errors import ConfigurationError

_MOST_PARTS = 1000


@dataclass(frozen=True)
class Shard:
    """Part `number` of `parts`, counted from 1."""

    number: int
    parts: int

    @classmethod
    def of(cls, text: str) -> Shard:
        """The shard that `text` names, such as `1/3`; raises `ConfigurationError`."""
        match = re.fullmatch(r"\s*(\d{1,6})\s*/\s*(\d{1,6})\s*", text, re.ASCII)
        number, parts = map(int, match.groups()) if match else (0, 0)
        if not 1 <= number <= parts <= _MOST_PARTS:
            raise ConfigurationError(
                f"--shard: not a part of a whole: {text[:50]!r}",
                hint=f"Write K/N with K from 1 to N, and N at most {_MOST_PARTS:,}: 1/3, 2/3 and 3/3 are all servers.",
            )
        return cls(number, parts)

    def holds(self, server: str) -> bool:
        """Whether the server of this name is in the shard; case makes no other name."""
        digest = hashlib.sha256(server.casefold().encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8], "big") % self.parts == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.parts}"
