"""How the checks of security word what they cannot tell."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from vbr_audit.checks.logic import surely, texts
from vbr_audit.checks.outcome import Outcome


def explained(outcome: Outcome) -> Outcome:
    """`outcome` with its reason only where there is neither PASS nor FAIL, since those need none."""
    ok, reason = outcome.ok, outcome.reason
    words = reason if isinstance(reason, pd.Series) else pd.Series(reason, index=ok.index, dtype="string[python]")
    decided = ok.notna().to_numpy()
    if outcome.applies is not None:
        decided = decided & surely(outcome.applies)
    return replace(outcome, reason=texts(words.mask(decided).astype(object).to_numpy(), ok.index))
