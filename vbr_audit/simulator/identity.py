"""Stable identifiers: the same seed, kind and name always give the same UUID."""

from functools import lru_cache
from random import Random
from uuid import UUID, uuid5

ZERO = "00000000-0000-0000-0000-000000000000"
_ROOT = UUID("6f3c9f0e-5b0a-4d0e-9a63-0d6d2f1f7a51")


@lru_cache(maxsize=16384)
def identify(seed: int, kind: str, name: str) -> str:
    """Name a lasting thing (a job, a repository, a password) by a UUID."""
    return str(uuid5(_ROOT, f"{seed}/{kind}/{name}"))


def draw(chance: Random) -> str:
    """Draw a random UUID of version 4, fast enough to draw a million of them."""
    text = f"{chance.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"
