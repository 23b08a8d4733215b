"""How long one server may be read, and each of its datasets: only the time of its own reading counts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from vbr_audit.api.time_limit import TimeLimit

_SHARE = 2
"""One dataset may take half of a server's time where nothing else is said: one that hangs does not cost the rest."""


class Allowance:
    """The seconds that a server has, None for as many as it takes, and those of each dataset.

    Waiting for other servers costs nothing. Without `dataset_s`, a dataset has half of the server's time.
    """

    def __init__(self, server_s: float | None = None, dataset_s: float | None = None) -> None:
        self._server_s = server_s
        self._dataset_s = dataset_s if dataset_s is not None or server_s is None else server_s / _SHARE
        self._left = server_s
        self._limit: TimeLimit | None = None

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Within, the server is being read, and its time runs."""
        if self._server_s is None or self._left is None:
            yield
            return
        self._limit = TimeLimit(time.monotonic() + self._left, self._server_s)
        try:
            yield
        finally:
            self._left = self._limit.left

    @property
    def over(self) -> TimeLimit | None:
        """The limit of the server, where it has passed."""
        return self._limit if self._limit is not None and self._limit.is_over else None

    def for_dataset(self) -> TimeLimit | None:
        """The limit of a dataset that is read from now on: its own or the server's, whichever comes first."""
        if self._dataset_s is None:
            return self._limit
        own = TimeLimit.of(self._dataset_s, whole=False)
        return own if self._limit is None or own.until < self._limit.until else self._limit
