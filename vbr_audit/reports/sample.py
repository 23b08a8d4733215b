"""A sample of findings that an auditor can draw again: by the hash of a seed and the finding's id.

Neither a library nor the order of rows takes part in the draw, so that the same seed gives the same sample on every
machine, and anybody can check it with any program that knows SHA-256.
"""

from __future__ import annotations

import hashlib
import heapq
from dataclasses import dataclass
from typing import Final

import pandas as pd

from vbr_audit.errors import ConfigurationError

DEFAULT_SIZE: Final = 25
"""Default number of findings that are drawn."""

METHOD: Final = (
    "The SHA-256 is taken of seed, line feed and finding ID (UTF-8), written in lower-case hex; the population is put "
    "in the order of these hashes, and the first ones are the sample."
)


def checked_size(size: int | None) -> int | None:
    """The number of findings to draw, None for what the run has; raises `ConfigurationError` for less than one."""
    if size is not None and size < 1:
        raise ConfigurationError(f"a sample of {size} findings cannot be drawn", hint="Give a number of 1 or more.")
    return size


@dataclass(frozen=True)
class Sample:
    """What was drawn: `rows` are positions in the findings in the order of the draw, `draws` their hashes.

    The population are the findings that count in compliance: all but those that do not apply. A population that is
    smaller than `size` is drawn whole.
    """

    size: int
    seed: str
    population: int
    rows: tuple[int, ...]
    draws: tuple[str, ...]


def draw_sample(findings: pd.DataFrame, size: int, seed: str) -> Sample:
    """Draw `size` of `findings`, a table with the columns `finding_id` and `status`."""
    ids, status = findings["finding_id"].tolist(), findings["status"].tolist()
    population = [row for row, word in enumerate(status) if word != "NOT_APPLICABLE"]
    start = f"{seed}\n".encode("utf-8", "surrogatepass")
    drawn = heapq.nsmallest(
        size, ((hashlib.sha256(start + str(ids[row]).encode()).digest(), row) for row in population)
    )
    return Sample(
        size=size,
        seed=seed,
        population=len(population),
        rows=tuple(row for _, row in drawn),
        draws=tuple(draw.hex() for draw, _ in drawn),
    )
