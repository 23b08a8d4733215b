"""How near days to full come to what made-up series were made with, and what a year of a large estate takes.

Prints, for each kind of series, the verdicts, the median error, and of flat series the share that got a date; then the
seconds for a year of daily samples of many repositories.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

import capacity_series as made

from vbr_audit.histories.capacities import days_to_full


def measure(kind: str, days: int, number: int) -> None:
    """Print what becomes of a `number` of series of one kind."""
    samples, truth = made.suite((made.GROWING | made.FLAT)[kind], days=days, number=number)
    answers = days_to_full(samples, now=samples["taken_at"].max().to_pydatetime()).set_index("repository")
    verdicts = ", ".join(f"{word} {count}" for word, count in answers["verdict"].value_counts().items())
    known = answers["days_to_full"].dropna()
    if kind in made.FLAT:
        result = f"{len(known) / number:6.1%} with a date"
    else:
        errors = (known / pd.Series(truth)[known.index] - 1).abs()
        result = f"{errors.median():6.1%} median error"
    print(f"{days:4} days  {kind:15} {result:20}  {verdicts}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=100)
    parser.add_argument("--repositories", type=int, default=200)
    arguments = parser.parse_args()
    for days in (60, 120):
        for kind in (*made.GROWING, *made.FLAT):
            measure(kind, days, arguments.series)
    samples, _ = made.suite(made.flat, days=365, number=arguments.repositories)
    started = time.perf_counter()
    days_to_full(samples, now=samples["taken_at"].max().to_pydatetime())
    print(f"{arguments.repositories} repositories, {len(samples):,} samples: {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
