"""Made-up years of repositories, of which it is known in how many days they are full; in percent of the capacity."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

FIRST = dt.datetime(2026, 1, 1, 2, tzinfo=dt.UTC)
CAPACITY_BYTES = 10 * 2**40

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Made:
    """The used space of each day, the level at the end without noise, and the growth that goes on from there."""

    used: Floats
    level: float
    growth: float

    @property
    def days_to_full(self) -> float:
        """Infinite for a flat series."""
        return (100 - self.level) / self.growth if self.growth else np.inf


def _growing(chance: np.random.Generator, days: int, first: float) -> tuple[Floats, float]:
    growth = chance.uniform(0.1, 0.5)
    return first + growth * np.arange(days), growth


def plain(chance: np.random.Generator, days: int) -> Made:
    level, growth = _growing(chance, days, chance.uniform(15, 35))
    return Made(level + chance.normal(0, 0.3, days), level[-1], growth)


def sawtooth(chance: np.random.Generator, days: int) -> Made:
    """The retention deletes once a week what the backups of the week added."""
    level, growth = _growing(chance, days, chance.uniform(15, 35))
    return Made(level + _teeth(chance, days, 7) + chance.normal(0, 0.2, days), level[-1], growth)


def two_weeks(chance: np.random.Generator, days: int) -> Made:
    """The retention deletes every second week."""
    level, growth = _growing(chance, days, chance.uniform(15, 35))
    return Made(level + _teeth(chance, days, 14) + chance.normal(0, 0.2, days), level[-1], growth)


def spikes(chance: np.random.Generator, days: int) -> Made:
    """Restores and migrations that take space for one to three days."""
    level, growth = _growing(chance, days, chance.uniform(15, 35))
    used = level + chance.normal(0, 0.3, days)
    for _ in range(chance.integers(2, 5)):
        first = chance.integers(5, days - 6)
        used[first : first + chance.integers(1, 4)] += chance.uniform(10, 25)
    return Made(used, level[-1], growth)


def purge(chance: np.random.Generator, days: int) -> Made:
    level, growth = _growing(chance, days, chance.uniform(35, 50))
    level[chance.integers(20, days - 35) :] -= chance.uniform(15, 30)
    return Made(level + chance.normal(0, 0.3, days), level[-1], growth)


def migration(chance: np.random.Generator, days: int) -> Made:
    level, growth = _growing(chance, days, 15)
    level[chance.integers(20, days - 35) :] += chance.uniform(8, 20)
    return Made(level + chance.normal(0, 0.3, days), level[-1], growth)


def changed_pace(chance: np.random.Generator, days: int) -> Made:
    """From around the middle on it grows two to three times as fast."""
    turn, slow = chance.integers(int(days * 0.35), int(days * 0.65)), chance.uniform(0.1, 0.2)
    fast, time = slow * chance.uniform(2, 3), np.arange(days)
    level = 20 + slow * np.minimum(time, turn) + fast * np.maximum(time - turn, 0)
    return Made(level + chance.normal(0, 0.2, days), level[-1], fast)


def flat(chance: np.random.Generator, days: int) -> Made:
    return Made(50 + chance.normal(0, 0.5, days), 50, 0)


def flat_sawtooth(chance: np.random.Generator, days: int) -> Made:
    return Made(50 + _teeth(chance, days, 7) + chance.normal(0, 0.2, days), 50, 0)


def flat_wandering(chance: np.random.Generator, days: int) -> Made:
    """Each day is near the day before: four times fewer independent samples than it seems."""
    used = np.zeros(days)
    for day, step in enumerate(chance.normal(0, 0.5, days)):
        used[day] = 0.6 * used[day - 1] + step
    return Made(50 + used, 50, 0)


def _teeth(chance: np.random.Generator, days: int, period: int) -> Floats:
    place = (np.arange(days) + chance.integers(0, period)) % period
    return np.asarray(chance.uniform(2, 8) * (place / period - 0.5))


GROWING: Mapping[str, Callable[[np.random.Generator, int], Made]] = {
    made.__name__: made for made in (plain, sawtooth, two_weeks, spikes, purge, migration, changed_pace)
}
FLAT: Mapping[str, Callable[[np.random.Generator, int], Made]] = {
    made.__name__: made for made in (flat, flat_sawtooth, flat_wandering)
}


def samples_of(used: Floats, name: str = "main", first: dt.datetime = FIRST) -> pd.DataFrame:
    """The rows of the table `capacity` of a repository that is read once a day."""
    octets = np.asarray(used) / 100 * CAPACITY_BYTES
    return pd.DataFrame(
        {
            "server_id": "id-1",
            "server": "vbr01",
            "repository_id": f"id-{name}",
            "repository": name,
            "kind": "repository",
            "taken_at": pd.to_datetime([first + dt.timedelta(days=day) for day in range(len(octets))], utc=True),
            "capacity_bytes": CAPACITY_BYTES,
            "free_bytes": CAPACITY_BYTES - octets.round().astype(np.int64),
            "used_bytes": octets.round().astype(np.int64),
        }
    )


def suite(
    make: Callable[[np.random.Generator, int], Made], *, days: int, number: int, seed: int = 11
) -> tuple[pd.DataFrame, dict[str, float]]:
    """The samples of a `number` of series, and in how many days each is full, by the name of its repository."""
    chance = np.random.default_rng(seed)
    made = {f"r{place:03d}": make(chance, days) for place in range(number)}
    truth = {name: each.days_to_full for name, each in made.items()}
    return pd.concat([samples_of(each.used, name) for name, each in made.items()], ignore_index=True), truth
