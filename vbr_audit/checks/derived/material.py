"""What a derived table is made of, and what it says of itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeVar

import pandas as pd

from vbr_audit.checks.drift.compare import Drift, SettingsOfRun
from vbr_audit.checks.drift.settings import ServerId
from vbr_audit.checks.earlier import Earlier
from vbr_audit.checks.logic.codes import Cells
from vbr_audit.checks.site import Site
from vbr_audit.tables.build.schema import TableSpec

SITE: Final = "site"
"""The source of what stands in the site file; it is no dataset."""
EARLIER: Final = "earlier run"
"""The source of what an earlier run shows; it is no dataset either."""
GIVEN: Final = (SITE, EARLIER)
"""The sources that somebody gives beside the server."""


Made = TypeVar("Made")


class Material(Protocol):
    """What the maker of a derived table may look at: the tables of one server, how whole they are, the site file."""

    @property
    def now(self) -> dt.datetime:
        """The run's clock."""
        ...

    @property
    def since(self) -> dt.datetime:
        """The first instant of the period."""
        ...

    @property
    def until(self) -> dt.datetime:
        """The first instant after the period."""
        ...

    @property
    def zone(self) -> dt.tzinfo:
        """The zone of the report."""
        ...

    @property
    def server_zone(self) -> dt.tzinfo:
        """The zone of the server's own clock; the report's where the server did not report it."""
        ...

    @property
    def clock_zone(self) -> dt.tzinfo:
        """The zone by whose days the server plans: its own, or the report's where only an offset is known of that."""
        ...

    @property
    def zone_is_exact(self) -> bool:
        """Whether the clock of the server is known for any day, and not only its offset on the day of reading."""
        ...

    @property
    def site(self) -> Site:
        """The site file; an empty one where none was given."""
        ...

    @property
    def earlier(self) -> Earlier:
        """What the run is compared with; nothing where no earlier run was given."""
        ...

    @property
    def identity(self) -> ServerId:
        """What the server is known by over time."""
        ...

    @property
    def settings(self) -> SettingsOfRun:
        """The settings of the server in this run."""
        ...

    @property
    def drift(self) -> Drift:
        """What changed since the earlier run."""
        ...

    @property
    def others(self) -> tuple[Material, ...]:
        """The same of every other server of the snapshot."""
        ...

    @property
    def is_first(self) -> bool:
        """Whether it is the first server of the snapshot."""
        ...

    def frame(self, table: str) -> pd.DataFrame:
        """The rows of `table`; empty where it was not read. Not to be written to."""
        ...

    def text(self, table: str, name: str) -> pd.Series:
        """A text column of `table` that cannot be written to, so that its codes are worked out once."""
        ...

    def columns(self, table: str, names: Sequence[str]) -> pd.DataFrame:
        """These columns of `table`; what is text there cannot be written to, so that its codes are worked out once."""
        ...

    def absent(self, control: str) -> Cells:
        """A plain boolean array, not to be written to: the jobs whose type surely lacks `control`."""
        ...

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """What `make` works out of nothing but the tables of the server; once for all that see the same tables."""
        ...

    def is_read(self, table: str) -> bool:
        """Whether `table` was read, at least in part."""
        ...

    def is_whole(self, table: str) -> bool:
        """Whether `table` was read whole."""
        ...

    def unread_below(self, table: str) -> tuple[str, ...]:
        """The ids of the parents below which alone rows of `table` are missing; none where others may be missing."""
        ...


@dataclass(frozen=True)
class Derived:
    """A table that is made for the checks.

    Without one of the tables in `sources` it cannot be made, and it is whole only if they are. The tables in `also`
    fill single columns: where such a table was not read whole, `make` leaves NA what cannot be known. `SITE` or
    `EARLIER` among the sources stands for the site file or the earlier run, and `part` for what of it is needed.
    `whole` names the boolean column that says of each row whether all of it was read, so that a gap in the sources
    concerns the other rows only.

    A table that is nothing but some rows of another derived one names that in `rows_of`; `kept` says which of its rows.
    """

    spec: TableSpec
    sources: tuple[str, ...]
    make: Callable[[Material], pd.DataFrame]
    also: tuple[str, ...] = ()
    part: Literal["", "repositories", "tiers", "window", "assets", "builds", "register"] = ""
    whole: str = ""
    site_parts: tuple[str, ...] = ()
    """The further parts of the site file that decide what `make` says, for runs to be compared by."""
    rows_of: str = ""
    kept: Callable[[pd.DataFrame], Cells] | None = None
