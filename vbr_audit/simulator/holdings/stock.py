"""What rows are made of: the world of one estate, and the backups that its jobs left there."""

from dataclasses import dataclass
from functools import cached_property

from vbr_audit.simulator.holdings.chains import Chain, make_chains
from vbr_audit.simulator.holdings.members import Takings
from vbr_audit.simulator.holdings.world import World


@dataclass(frozen=True)
class Stock:
    """A world with its backups, which are made when first asked for; an `empty` one has none."""

    world: World
    empty: bool

    @cached_property
    def takings(self) -> Takings:
        """What each run of a job took."""
        return Takings(self.world)

    @cached_property
    def chains(self) -> list[Chain]:
        """The backups."""
        return [] if self.empty else make_chains(self.world, self.takings)
