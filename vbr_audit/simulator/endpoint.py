"""What an endpoint is: where and by whom a dataset is asked for, and what its answers are made by."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vbr_audit.simulator.access import Access
from vbr_audit.simulator.holdings.chains import Chain
from vbr_audit.simulator.holdings.stock import Stock
from vbr_audit.simulator.holdings.world import World
from vbr_audit.simulator.revisions import REVISIONS, at_least
from vbr_audit.simulator.selecting import Filter, Order

PAGES, OBJECT = "pages", "object"

Made = Callable[[Stock, str], Any]
"""What makes the rows of a dataset, or its one document, as a revision shows them."""


def of_world(make: Callable[[World, str], Any]) -> Made:
    """What makes rows of the world alone."""
    return lambda stock, revision: make(stock.world, revision)


def of_chains(make: Callable[[Sequence[Chain], World, str], Any]) -> Made:
    """What makes rows of the backups."""
    return lambda stock, revision: make(stock.chains, stock.world, revision)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One path below /api/v1, and the dataset that it shows.

    `first` and `last` are the revisions that have it; `paged_since` is the first that heeds skip and limit. With
    `<id>` in its path it shows what belongs to one row of the dataset `parent`. Of the
    endpoints of a dataset one says by what its answers are `made`; of a document that is a list, its rows stand
    under `rows_at`.
    """

    dataset: str
    path: str
    access: Access
    shape: str = PAGES
    first: str = REVISIONS[0]
    last: str = REVISIONS[-1]
    paged_since: str = REVISIONS[0]
    order: Order = field(default_factory=lambda: Order({}, {}))
    filters: Mapping[str, Filter] = field(default_factory=dict)
    parent: str = ""
    made: Made | None = None
    rows_at: str = ""

    @property
    def is_document(self) -> bool:
        """Tell whether it answers with one document of the whole server."""
        return self.shape == OBJECT and not self.parent

    @property
    def rule(self) -> str:
        """The path as a routing rule."""
        return f"/api/v1/{self.path}"

    def make(self, stock: Stock, revision: str) -> Any:
        """Make the rows, or the one document, of its dataset."""
        if self.made is None:
            raise LookupError(f"{self.path} does not say how the answers of {self.dataset} are made")
        return self.made(stock, revision)

    def is_offered(self, revision: str) -> bool:
        """Tell whether a revision has it."""
        return at_least(revision, self.first) and at_least(self.last, revision)
