"""Up to when a server may be asked: one bound for all requests together, beside the time of each answer."""

from __future__ import annotations

import time
from dataclasses import dataclass

from vbr_audit.config.durations import duration_text
from vbr_audit.errors import DeadlinePassedError

_TICK_S = 0.05
"""A wait that ends at a moment may end a little before it."""


@dataclass(frozen=True)
class TimeLimit:
    """A moment on the clock of `time.monotonic`, after `seconds`, and for `whole` server or one dataset."""

    until: float
    seconds: float
    whole: bool = True

    @classmethod
    def of(cls, seconds: float, *, whole: bool = True) -> TimeLimit:
        """The limit that many seconds from now."""
        return cls(time.monotonic() + seconds, seconds, whole)

    @property
    def left(self) -> float:
        """The seconds that are left; 0 or less when the time is over."""
        return self.until - time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether the moment has come."""
        return self.left <= _TICK_S

    def error(self) -> DeadlinePassedError:
        """What is raised where the time is over."""
        what = "" if self.whole else " for one dataset"
        return DeadlinePassedError(
            f"deadline of {duration_text(self.seconds)}{what} passed",
            hint=f"Look at why the server is slow, or give it more time with --{'' if self.whole else 'dataset-'}"
            "deadline.",
            whole=self.whole,
        )
