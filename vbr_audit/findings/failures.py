"""What is wrong, one sentence for each check that fails, with the numbers of its coverage."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import pandas as pd

from vbr_audit.checks.engine.failure import consequence_told, names_in, predicate, subject, subject_alone
from vbr_audit.checks.policy.use import CheckUse
from vbr_audit.vocabulary import COUNT_COLUMNS

_JUDGED = [name for name in COUNT_COLUMNS if name != "not_applicable"]


class Failures:
    """The checks that fail, in sentences such as `2 of 13 repositories are offline`.

    The second number counts the objects to which the check applies, whether or not it has an answer for them. A check
    without a failure phrase, or with a parameter in it that the policy sets otherwise for single objects, is shown by
    its title.
    """

    def __init__(self, uses: Iterable[CheckUse], coverage: pd.DataFrame) -> None:
        self._uses = {use.check.id: use for use in uses}
        self._coverage = coverage

    def of_server(self, check_id: str, server: str) -> str:
        """What is wrong on one server."""
        return self._sentence(check_id, *self._by_server[check_id, server])

    def of_check(self, check_id: str) -> str:
        """What is wrong over all servers."""
        return self._sentence(check_id, *self._by_check[check_id])

    def told_alone(self, check_id: str, failing: int) -> str | None:
        """What may come of it where so many objects fail, and what is wrong; the latter alone where the check says no
        more, None where only the title can tell it."""
        use = self._uses.get(check_id)
        if use is None:
            return None
        who = subject_alone(use.check.object_kind, failing)
        return self._told(use, who, failing) or self.alone(check_id, failing)

    @staticmethod
    def _told(use: CheckUse, who: str, failing: int) -> str | None:
        """What may come of it, in a sentence about `who`; None where the check does not say."""
        if use.check.consequence is None:
            return None
        phrase = _phrase_of(use)
        failure = None if phrase is None else predicate(phrase, use.params, failing)
        return consequence_told(who, predicate(use.check.consequence, {}, failing), failure, failing)

    def alone(self, check_id: str, failing: int) -> str | None:
        """What is wrong with so many objects, whatever their whole number; None where only the title can tell it."""
        use = self._uses.get(check_id)
        phrase = None if use is None else _phrase_of(use)
        if use is None or phrase is None:
            return None
        return f"{subject_alone(use.check.object_kind, failing)} {predicate(phrase, use.params, failing)}"

    @cached_property
    def _by_server(self) -> dict[tuple[str, str], tuple[int, int | None]]:
        """How many objects fail, and how many the check applies to: None where not all of them are known."""
        frame = self._coverage
        judged: pd.Series[Any] = frame[_JUDGED].sum(axis=1).astype("Int64").mask(frame["population"].isna())
        rows = zip(frame["check_id"], frame["server"], frame["fail"], judged, strict=True)
        return {
            (check, server): (int(fail), None if size is pd.NA else int(size)) for check, server, fail, size in rows
        }

    @cached_property
    def _by_check(self) -> dict[str, tuple[int, int | None]]:
        """The same over all servers: how many is known if it is of every one."""
        totals: dict[str, tuple[int, int | None]] = {}
        for (check_id, _), (failing, judged) in self._by_server.items():
            before, known = totals.get(check_id, (0, 0))
            totals[check_id] = (before + failing, None if known is None or judged is None else known + judged)
        return totals

    def _sentence(self, check_id: str, failing: int, judged: int | None) -> str:
        use = self._uses[check_id]
        who = subject(use.check.object_kind, failing, judged)
        if (phrase := _phrase_of(use)) is not None:
            return f"{who} {predicate(phrase, use.params, failing)}"
        return f"{use.check.title}: {who[0].lower()}{who[1:]} {'fails' if failing == 1 else 'fail'}"


def _phrase_of(use: CheckUse) -> str | None:
    """The failure phrase, if what it says holds for every object."""
    phrase = use.check.failure
    if phrase is None:
        return None
    of_single_objects = {name for override in use.overrides for rule, _ in override.rules for name in rule.params}
    return None if of_single_objects & set(names_in(phrase)) else phrase
