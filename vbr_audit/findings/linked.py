"""Items of Veeam's analyzer that a check answers too: linked with it, and one cause, so that what to do counts once."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from vbr_audit.checks.catalogue.analyzer.analyzer import ALSO_ANSWERED, BEST_PRACTICE
from vbr_audit.checks.logic.three_valued import Cells
from vbr_audit.vocabulary import SEVERITIES

_ANSWERS = tuple((re.compile(words, re.IGNORECASE), checks) for words, checks in ALSO_ANSWERED)
_LINKED = sorted({check for _, checks in ALSO_ANSWERED for check in checks})


def answered_by(item: str) -> tuple[str, ...]:
    """The checks that answer an item of the analyzer too, by its words; none for an item that no check knows."""
    return next((checks for words, checks in _ANSWERS if words.search(item)), ())


def link_items(results: pd.DataFrame, status: Cells, reason: Cells, cause: Cells) -> Mapping[str, Cells]:
    """Columns `reason` and `cause`, with each failing item in the cause of the check that fails for the same.

    The item stays a finding of its own, as it is evidence of its own. Where the check passes, has no answer, does not
    run, or is waived, the item stands alone: nobody else says it.
    """
    failing, checks = status == "FAIL", results["check_id"]
    items = np.flatnonzero(failing & checks.eq(BEST_PRACTICE).to_numpy(dtype=bool))
    if not len(items):
        return {"reason": reason, "cause": cause}
    ours = np.flatnonzero(failing & checks.isin(_LINKED).to_numpy(dtype=bool))
    rank = {word: place for place, word in enumerate(SEVERITIES)}
    order = ours[np.argsort([rank[word] for word in results["severity"].iloc[ours]], kind="stable")]
    worst: dict[tuple[str, str], str] = {}
    for server, check, one in zip(results["server"].iloc[order], checks.iloc[order], cause[order], strict=True):
        worst.setdefault((server, check), one)
    reason, cause = reason.copy(), cause.copy()
    names, servers = results["object_name"], results["server"]
    for place in items.tolist():
        name, server = names.iloc[place], servers.iloc[place]
        both = [check for check in answered_by("" if name is pd.NA else name) if (server, check) in worst]
        if both:
            cause[place] = worst[server, both[0]]
            words = (
                f"{' and '.join(both)} {'fails' if len(both) == 1 else 'fail'} for the same; counted there as one cause"
            )
            own = reason[place]
            reason[place] = words if own is pd.NA or own is None else f"{own}; {words}"
    return {"reason": reason, "cause": cause}
