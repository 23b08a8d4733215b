"""The own checks of this process: `va.check` makes a check, and makes it known to every audit after that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from threading import RLock
from typing import Final, ParamSpec

from vbr_audit.checks.catalogue import REGISTRY
from vbr_audit.checks.engine.registry import Check, Function, Registry
from vbr_audit.checks.engine.registry import check as declare
from vbr_audit.errors import CheckError

Facts = ParamSpec("Facts")


class Session(Registry):
    """The checks that somebody declared in this process, as in a notebook cell.

    A check that is declared again by the same function of the same module, as by a cell that is run again, takes the
    place of the earlier one.
    """

    def __init__(self) -> None:
        super().__init__()
        self._loading: dict[str, list[Check]] = {}
        self._lock = RLock()

    def add(self, check: Check) -> None:
        """Take in `check`; raises `CheckError` where its id is taken."""
        module, _ = check.home
        for name, loaded in list(self._loading.items()):
            if module == name or module.startswith(f"{name}."):
                loaded.append(check)
                return
        if check.id in REGISTRY:
            raise CheckError(f"{check.id}: a shipped check has this id", hint="Give your check an id of its own.")
        if check.id in self and self.get(check.id).home == check.home:
            self._checks[check.id] = check
        else:
            super().add(check)

    @contextmanager
    def loading(self, module: str) -> Iterator[list[Check]]:
        """What `module` and those below it declare inside goes to the list, not to the session.

        A list, since a file may give one name to two functions, or declare in a loop: its names would hide checks.
        Equal ids are left to whoever takes the list over. One source is loaded at a time.
        """
        with self._lock:
            self._loading[module] = []
            try:
                yield self._loading[module]
            finally:
                del self._loading[module]


OWN: Final = Session()
"""The session of this process."""

_KNOWN: Final = "It becomes one of your own checks: `va.audit` and `va.collect` know it from then on."


def _known_from_then_on(
    declare: Callable[Facts, Callable[[Function], Check]],
) -> Callable[Facts, Callable[[Function], Check]]:
    """`declare`, with what it makes known to the session."""

    @wraps(declare)
    def check(*args: Facts.args, **facts: Facts.kwargs) -> Callable[[Function], Check]:
        make = declare(*args, **facts)

        def known(function: Function) -> Check:
            made = make(function)
            OWN.add(made)
            return made

        return known

    check.__module__ = __name__
    check.__doc__ = f"{declare.__doc__}\n    {_KNOWN}\n    "
    return check


check = _known_from_then_on(declare)
