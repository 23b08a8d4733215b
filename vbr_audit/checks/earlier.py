"""What a run is compared with: the settings of an earlier run, events of changes, and the register of approved ones."""

from __future__ import annotations

from dataclasses import dataclass

from vbr_audit.checks.drift.compare import SettingsOfRun
from vbr_audit.checks.drift.events import ChangeEvents
from vbr_audit.checks.drift.register import ChangeRegister


@dataclass(frozen=True, eq=False)
class Earlier:
    """The settings of an earlier run, the events since, and the change register; each None where nobody gave it."""

    run: SettingsOfRun | None = None
    events: ChangeEvents | None = None
    register: ChangeRegister | None = None
