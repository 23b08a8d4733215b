"""The table `resulting_sessions` as the checks see it."""

from __future__ import annotations

from typing import Final

import pandas as pd

from vbr_audit.checks.derived.material import Derived, Material
from vbr_audit.tables import resulting_sessions


def _make(material: Material) -> pd.DataFrame:
    return resulting_sessions.derive(material.frame("sessions"), material.zone)


TABLE: Final = Derived(resulting_sessions.SPEC, ("sessions",), _make)
