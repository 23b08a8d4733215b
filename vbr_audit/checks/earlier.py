"""What a run is compared with: the settings of an earlier run, events of changes, and the register of approved ones."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from vbr_audit.checks.drift.compare import SettingsOfRun
from vbr_audit.checks.drift.events import ChangeEvents, with_events
from vbr_audit.checks.drift.register import ChangeRegister, with_approvals
from vbr_audit.checks.drift.settings import ServerId
from vbr_audit.checks.logic.codes import Cells
from vbr_audit.display import count


@dataclass(frozen=True, eq=False)
class Earlier:
    """The settings of an earlier run, the events since, and the change register; each None where nobody gave it."""

    run: SettingsOfRun | None = None
    events: ChangeEvents | None = None
    register: ChangeRegister | None = None

    def why_not(self, server: ServerId, now: dt.datetime, part: str) -> str | None:
        """Why a run of `server` at `now` has nothing to be compared with, or no `part` register; None if it has."""
        if self.run is None:
            return "no earlier run"
        if self.run.now > now:
            return "the run to compare with is a later one"
        if not self.has_server(server):
            return "the earlier run has no such server"
        return "no change register" if part == "register" and self.register is None else None

    @property
    def facts(self) -> tuple[str, ...]:
        """What is compared with, a line for each part."""
        run = "no earlier run" if self.run is None else f"earlier run: of {self.run.now:%Y-%m-%d %H:%M}Z"
        events = "no events" if self.events is None else count(len(self.events.events), "event")
        if self.register is None:
            return run, events, "no change register"
        return run, events, f"change register: {count(len(self.register.approvals), 'approved change')}"

    def attributed(self, changes: pd.DataFrame, now: dt.datetime, *, is_alone: bool) -> pd.DataFrame:
        """The rows of `drift` up to `now` with who made each change, and what the register says of it.

        `is_alone` says that the runs are of one server, from which all events come.
        """
        if self.events is not None:
            changes = with_events(changes, self.events, is_alone=is_alone)
        if self.register is not None:
            changes = with_approvals(changes, self.register, now)
        return changes

    def has_server(self, server: ServerId) -> bool:
        """Whether the earlier run read this server."""
        return any(_is_same(server, *known) for known in self._servers)

    @cached_property
    def _servers(self) -> frozenset[tuple[str, str]]:
        """The id and the name of each server that the earlier run read: every check of drift asks for them."""
        return frozenset() if self.run is None else frozenset(_servers_of(self.run.read))

    def of_server(self, server: ServerId) -> SettingsOfRun | None:
        """The earlier run with the rows of one server alone."""
        if self.run is None:
            return None
        frames = {
            name: frame[_is_of(frame, server)] for name in ("settings", "read") for frame in [getattr(self.run, name)]
        }
        return replace(self.run, **frames)


def _is_of(frame: pd.DataFrame, server: ServerId) -> Cells:
    """The rows of a server."""
    servers = _servers_of(frame)
    same = {known for known in set(servers) if _is_same(server, *known)}
    return np.array([known in same for known in servers], dtype=bool)


def _servers_of(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """The id and the name of the server of each row."""
    return list(zip(*(frame[name].fillna("").tolist() for name in ("server_id", "server")), strict=True))


def _is_same(server: ServerId, known_id: str, known_name: str) -> bool:
    """Whether a server has this id, or this name where one of the runs does not know its id."""
    if server.id == known_id:
        return True
    return server.name == known_name and known_name in (server.id, known_id)
