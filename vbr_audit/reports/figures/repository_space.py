"""How full each repository is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from vbr_audit.display import is_known
from vbr_audit.reports.record import raw_text


@dataclass(frozen=True)
class RepositorySpace:
    """One repository: its capacity and what is free of it in GB, None where the server does not report."""

    server: str
    repository_id: str
    name: str
    type: str
    capacity_gb: float | None
    free_gb: float | None
    used_gb: float | None

    @property
    def free_share(self) -> float | None:
        """What is free, as a fraction of the capacity."""
        return None if self.capacity_gb is None or self.free_gb is None else self.free_gb / self.capacity_gb


def repository_spaces(states: pd.DataFrame) -> tuple[RepositorySpace, ...]:
    """The repositories, the fullest first, then those of unknown capacity; then by name."""
    spaces = [_space(record) for record in states.to_dict("records")]
    return tuple(sorted(spaces, key=_fullness))


def _space(record: dict[Any, Any]) -> RepositorySpace:
    capacity, free, used = (_amount(record[name]) for name in ("capacity_gb", "free_gb", "used_gb"))
    is_known = capacity is not None and capacity > 0 and free is not None and free >= 0
    return RepositorySpace(
        **{name: raw_text(record[name]) for name in ("server", "repository_id", "name", "type")},
        capacity_gb=capacity if is_known else None,
        free_gb=free if is_known else None,
        used_gb=used if used is not None and used >= 0 else None,
    )


def _fullness(space: RepositorySpace) -> tuple[bool, float, str, str]:
    share = space.free_share
    return share is None, share or 0.0, space.name.casefold(), space.repository_id


def _amount(value: Any) -> float | None:
    return float(value) if is_known(value) else None
