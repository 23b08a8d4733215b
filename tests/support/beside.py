"""Works that mostly wait, done beside each other: each test looks at the outcome of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import stamina


@contextlib.contextmanager
def begun(works: Mapping[str, Callable[[], Any]]) -> Iterator[Callable[[str], Any]]:
    """Begin all works at once; yields a function that waits for the outcome of one, or raises its error.

    As in every test, nothing waits between two tries.
    """
    with stamina.set_testing(True, attempts=6), ThreadPoolExecutor(len(works)) as pool:
        futures = {name: pool.submit(work) for name, work in works.items()}
        yield lambda name: futures[name].result()
