"""A check is one decorated pure function; a registry holds the checks of modules by id."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import WRAPPER_ASSIGNMENTS
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd
from pydantic import BaseModel

from vbr_audit.checks.derived import DERIVED
from vbr_audit.checks.engine.failure import consequence_told, phrase_faults, predicate, subject
from vbr_audit.checks.engine.objects import OBJECTS, ObjectKind, default_cause, kinds_of_cause
from vbr_audit.checks.engine.outcome import Example, Outcome
from vbr_audit.checks.engine.params import Parameter, describe, model_of, reserved_of
from vbr_audit.checks.engine.tables import TABLES, datasets_behind_table
from vbr_audit.errors import CheckError
from vbr_audit.vocabulary import AREAS, SEVERITIES, Severity

if TYPE_CHECKING:
    from vbr_audit.checks.engine.outcome import RecordedAnswer

Function: TypeAlias = Callable[..., pd.Series | Outcome]


@dataclass(frozen=True, eq=False, repr=False)
class Check:
    """One rule: what it asks, of which table, with which parameters, and why; calling it calls its function.

    It cannot be made wrongly: that raises `CheckError`.

    `tables` are the frames that `function` gets, the judged population first; `reads` the columns of each; `about`
    the column that the findings show.
    `optional` says which value stands for a setting that a job type does not have. Over the tables in `aggregates` it
    counts, so it cannot answer from a part of them; without those in `fallback` it can still answer for most objects.
    `failure` is what is wrong where it fails, put behind the failing objects; without it, reports show the title.
    `consequence` is what may come of that, put behind them as well; without it, reports show `failure` alone.
    `cause` is what has to be changed where it fails: the object itself, or that which `causes.KEYS` names by it.
    """

    id: str
    title: str
    severity: Severity
    area: str
    rationale: str
    remediation: str
    function: Function
    tables: tuple[str, ...]
    reads: Mapping[str, tuple[str, ...]]
    optional: Mapping[str, Any]
    aggregates: frozenset[str]
    fallback: frozenset[str]
    expected: str | None
    json_path: str | None
    about: str
    cause: str
    examples: tuple[Example, ...]
    model: type[BaseModel]
    reserved: tuple[str, ...]
    failure: str | None = None
    consequence: str | None = None
    meaning: int = 1
    """Raised when its logic changes: what it said before is not compared with what it says since."""
    recorded: Mapping[str, RecordedAnswer] | None = None
    """What it answered on each server when a run was judged, where its code is not at hand."""

    def __post_init__(self) -> None:
        if faults := list(_faults(self)):
            raise CheckError(f"{self.id}: {'; '.join(faults)}", hint="Correct the declaration of the check.")
        # As `functools.wraps` has it, so that `help` and `inspect.signature` show the function; `update_wrapper` itself
        # sets attributes, which a frozen object refuses.
        names = [name for name in WRAPPER_ASSIGNMENTS if hasattr(self.function, name)]
        shown: dict[str, Any] = {name: getattr(self.function, name) for name in names}
        self.__dict__.update(shown, __wrapped__=self.function)

    def __call__(self, *frames: pd.DataFrame, **arguments: Any) -> Any:
        return self.function(*frames, **arguments)

    def __repr__(self) -> str:
        return f"<Check {self.id}: {self.title}>"

    @property
    def home(self) -> tuple[str, str]:
        """The module and the name of its function: what is declared there again is the same check."""
        return self.function.__module__, self.function.__qualname__

    @property
    def population(self) -> str:
        """The table whose rows are judged."""
        return self.tables[0]

    @property
    def object_kind(self) -> ObjectKind:
        """How its objects are named."""
        return OBJECTS[self.population]

    @property
    def datasets(self) -> frozenset[str]:
        """The datasets that it needs."""
        return frozenset(name for table in self.tables for name in datasets_behind_table(table))

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Its parameters in words."""
        return describe(self.model)

    @property
    def defaults(self) -> dict[str, Any]:
        """The value of each parameter where no policy sets another."""
        return {parameter.name: parameter.default for parameter in self.parameters}

    @property
    def failure_example(self) -> str | None:
        """`2 of 9 jobs are disabled`: the failure phrase with the defaults."""
        if self.failure is None:
            return None
        return f"{subject(self.object_kind, 2, 9)} {predicate(self.failure, self.defaults, 2)}"

    @property
    def consequence_example(self) -> str | None:
        """`2 of 9 jobs could miss backups: they are disabled`: both phrases with the defaults."""
        if self.consequence is None:
            return None
        failure = None if self.failure is None else predicate(self.failure, self.defaults, 2)
        who = subject(self.object_kind, 2, 9)
        return consequence_told(who, predicate(self.consequence, {}, 2), failure, 2)


class Registry:
    """The checks by id."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    @classmethod
    def of(cls, modules: Iterable[ModuleType]) -> Registry:
        """The checks that `modules` declare; raises `CheckError` where two have one id."""
        registry = cls()
        for module in modules:
            for declared in checks_of(module):
                registry.add(declared)
        return registry

    def add(self, check: Check) -> None:
        """Take in `check`; raises `CheckError` where its id is taken."""
        if check.id in self._checks:
            raise CheckError(f"{check.id}: two checks have this id", hint="Give the new check an id of its own.")
        self._checks[check.id] = check

    def get(self, check_id: str) -> Check:
        """The check with this id; raises `KeyError`."""
        return self._checks[check_id]

    def all(self) -> tuple[Check, ...]:
        """Every check, by id."""
        return tuple(self._checks[name] for name in sorted(self._checks))

    def copy(self) -> Registry:
        """A registry of its own with the same checks."""
        twin = Registry()
        twin._checks.update(self._checks)
        return twin

    def __contains__(self, check_id: object) -> bool:
        return check_id in self._checks

    def __iter__(self) -> Iterator[Check]:
        return iter(self.all())

    def __len__(self) -> int:
        return len(self._checks)


def checks_of(module: ModuleType) -> tuple[Check, ...]:
    """The checks that stand in `module` by name, without those that it imports from another."""
    named = (value for value in vars(module).values() if isinstance(value, Check))
    return tuple(dict.fromkeys(each for each in named if each.home[0] == module.__name__))


def check(
    check_id: str,
    title: str,
    *,
    severity: Severity,
    reads: Sequence[str],
    remediation: str,
    table: str | None = None,
    tables: Sequence[str] = (),
    optional: Mapping[str, Any] | None = None,
    aggregates: Sequence[str] = (),
    fallback: Sequence[str] = (),
    expected: str | None = None,
    failure: str | None = None,
    consequence: str | None = None,
    json_path: str | None = None,
    examples: Sequence[Example] = (),
    area: str | None = None,
    cause: str | None = None,
    meaning: int = 1,
) -> Callable[[Function], Check]:
    """Make a check of the decorated function, whose docstring is the rationale; raises `CheckError`.

    `reads` names columns of the population, or `table.column`; the first is what the findings show unless the answer
    says otherwise. `expected` is the good state, `failure` what is wrong, as it stands behind `2 of 13 jobs`, with
    parameters and `{is}`, `{has}`, `{lies|lie}` in braces; `consequence` is what may come of it for the business.
    `cause` says where the remedy sits if not at the object itself, e.g. `job` for protected objects. `meaning` is
    raised whenever the logic changes, so that no answer is called fixed or new that only the check has changed.
    """
    used = tuple(tables) or ((table,) if table else ())
    # An object of a derived table is made of many rows: a part of them does not show what it is.
    counted = {*aggregates, *(name for name in used[:1] if name in DERIVED)}

    def declare(function: Function) -> Check:
        return Check(
            id=check_id,
            title=title,
            severity=severity,
            area=area or AREAS.get(check_id.partition("-")[0], "Other"),
            rationale=inspect.cleandoc(function.__doc__ or ""),
            remediation=remediation,
            function=function,
            tables=used,
            reads=_reads_by_table(used, reads),
            optional=dict(optional or {}),
            aggregates=frozenset(counted),
            fallback=frozenset(fallback),
            expected=expected,
            failure=failure,
            consequence=consequence,
            meaning=meaning,
            json_path=json_path,
            about=reads[0] if reads else "",
            cause=cause or (default_cause(used[0]) if used and used[0] in OBJECTS else ""),
            examples=tuple(examples),
            model=model_of(check_id, function),
            reserved=reserved_of(function),
        )

    return declare


def _reads_by_table(tables: Sequence[str], reads: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The columns of each table, from names such as `retry_enabled` and `sessions.result`."""
    by_table: dict[str, list[str]] = {name: [] for name in tables}
    for name in reads:
        owner, _, column = name.rpartition(".")
        by_table.setdefault(owner or (tables[0] if tables else ""), []).append(column)
    return {name: tuple(columns) for name, columns in by_table.items()}


def _faults(declared: Check) -> Iterator[str]:
    """What is wrong with a declaration."""
    if not re.fullmatch(r"[A-Z][A-Z0-9]*-\d{3}", declared.id):
        yield "an id looks like JOB-001"
    if not declared.tables or declared.population not in OBJECTS:
        yield f"its first table must be one of {', '.join(OBJECTS)}"
    elif declared.cause not in (known_causes := kinds_of_cause(declared.population)):
        yield f"its cause must be one of {', '.join(sorted(known_causes))}"
    if isinstance(declared.meaning, bool) or not isinstance(declared.meaning, int) or declared.meaning < 1:
        yield "its meaning must be a whole number from 1"
    if declared.severity not in SEVERITIES:
        yield f"unknown severity {declared.severity}"
    if not declared.title or len(declared.title) > 100:
        yield "its title needs 1 to 100 characters"
    if not declared.rationale:
        yield "its docstring must say why it matters"
    if not declared.remediation:
        yield "it must say what to do"
    if declared.failure is not None:
        yield from phrase_faults(declared.failure, declared.title, declared.defaults)
    if declared.consequence is not None:
        yield from phrase_faults(declared.consequence, declared.title, {}, name="consequence")
        if declared.consequence == declared.failure:
            yield "its consequence must say what may come of the failure, not what is wrong"
    for table, columns in declared.reads.items():
        if table not in declared.tables or table not in TABLES:
            yield f"unknown table {table}"
            continue
        known = {column.name for column in TABLES[table].columns}
        yield from (f"{table} has no column {name}" for name in columns if name not in known)
    if stray := (set(declared.aggregates) | declared.fallback) - set(declared.tables):
        yield f"it does not read {', '.join(sorted(stray))}"
