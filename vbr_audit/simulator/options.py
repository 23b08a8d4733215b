"""What a simulated server is made from."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import TypedDict

from vbr_audit.simulator.access import ROLES
from vbr_audit.simulator.faults import Faults
from vbr_audit.simulator.revisions import position
from vbr_audit.simulator.year import faults_in, month_end, revision_in

DEMO_USERNAME = "auditor"
DEMO_PASSWORD = "demo-password"


class OptionNames(TypedDict, total=False):
    """The same options as keyword arguments."""

    jobs: int
    sessions: int
    seed: int
    revision: str
    faults: Sequence[str]
    now: datetime | None
    month: int | None
    role: str
    username: str
    password: str
    empty: bool
    hostile: bool


@dataclass(frozen=True, kw_only=True)
class SimulatorOptions:
    """The options of `serve` and `create_app`, checked as they are given.

    `now` freezes the clock and is the moment on which the estate hangs. `revision` is the newest revision
    that the server speaks. `role` is the role of the one account there is. `month` makes the server of a
    whole year as it stood after one of its months: 0 is the last one that is over at `now`, -1 the one before.
    """

    jobs: int = 40
    sessions: int = 3000
    seed: int = 1
    revision: str = "1.3-rev1"
    faults: Sequence[str] = ()
    now: datetime | None = None
    month: int | None = None
    role: str = "Viewer"
    username: str = DEMO_USERNAME
    password: str = DEMO_PASSWORD
    empty: bool = False
    hostile: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.faults, str):
            raise TypeError("faults is a sequence of texts, not one text")
        position(self.revision)
        Faults.parse(self.faults)
        if self.jobs < 0 or self.sessions < 0:
            raise ValueError("jobs and sessions must not be negative")
        if self.role not in ROLES:
            raise ValueError(f"unknown role {self.role!r}; known: {', '.join(ROLES)}")
        if self.now is not None and self.now.utcoffset() is None:
            raise ValueError("now must know its offset from UTC")
        if self.month is not None:
            month_end(self.now or datetime.now(UTC), self.month)
            if self.empty or self.hostile:
                raise ValueError("a server of a month is neither empty nor hostile")

    def __repr__(self) -> str:
        shown = (f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.name != "password")
        return f"SimulatorOptions({', '.join(shown)})"

    def in_month(self, now: datetime, month: int) -> "SimulatorOptions":
        """The same as they were after a month: the clock, the newest revision, how the server misbehaved."""
        return replace(
            self,
            now=month_end(now, month),
            revision=revision_in(month, self.revision),
            faults=faults_in(month, self.faults),
            month=None,
        )
