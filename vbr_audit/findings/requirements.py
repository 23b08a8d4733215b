"""Requirements of frameworks: which checks speak for them, and what a run has to say.

A run gives evidence; whether a requirement is met is for the auditor to conclude.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import pandas as pd
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from vbr_audit.checks.catalogue import REGISTRY
from vbr_audit.checks.engine.registry import Registry
from vbr_audit.collection.manifest import FrameworkRecord
from vbr_audit.config.yaml_file import Problem, Version, YamlFile, load_yaml, shown, suggestion
from vbr_audit.errors import EvidenceError, FrameworkError
from vbr_audit.tables.build.arrays import to_array
from vbr_audit.tables.build.notes import Notes
from vbr_audit.tables.build.schema import Holds, from_arrays
from vbr_audit.vocabulary import COUNT_COLUMNS

if TYPE_CHECKING:
    from vbr_audit.checks.policy.policy import CheckUse
    from vbr_audit.checks.run import CheckRun


SUPPORTS: Final = "supports"
EXCEPTION: Final = "exception"
ACCEPTED: Final = "exception, accepted"
INSUFFICIENT: Final = "insufficient evidence"

REQUIREMENT_COLUMNS: Final = (
    "framework",
    "edition",
    "requirement",
    "title",
    "judgement",
    "checks",
    "population",
    *COUNT_COLUMNS,
    "answer",
    "why",
)
"""The columns of the requirements, in order: numbers are Int64, all others text."""

REQUIREMENT_HOLDS: Final[Mapping[str, Holds]] = {
    **dict.fromkeys(REQUIREMENT_COLUMNS, "kept"),
    **dict.fromkeys(("framework", "title", "why"), "own text"),
}
"""What the columns of the requirements hold."""

_HINT = "Correct the framework file; `vbr-audit checks` lists the checks and `vbr-audit checks ID` its parameters."
_SIGNS: Final[Mapping[str, tuple[str, Callable[[Any, Any], bool]]]] = {
    "ge": ("at least", operator.ge),
    "le": ("at most", operator.le),
}
_STRICT = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _not_empty(value: tuple[Any, ...]) -> tuple[Any, ...]:
    if not value:
        raise ValueError("must not be empty")
    return value


_SOME: Final = AfterValidator(_not_empty)
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Guardrail(BaseModel):
    """A bound that the policy's parameter of a check must keep for the check to speak for the requirement."""

    model_config = _STRICT

    check: Text
    param: Text
    op: Literal["ge", "le"]
    value: Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Requirement(BaseModel):
    """One requirement, in our own words, and the checks that speak for it.

    `judgement` is `read` where the requirement's text was read when the checks were chosen, else `own`. That these
    checks speak for it is our own judgement in either case.
    """

    model_config = _STRICT

    id: Text
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=160)]
    checks: Annotated[tuple[Text, ...], _SOME]
    judgement: Literal["own", "read"]
    guardrails: tuple[Guardrail, ...] = ()


class Framework(BaseModel):
    """A framework file: requirements of one edition of one standard, law or catalogue."""

    model_config = _STRICT

    version: Version
    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    title: Text
    edition: Text
    source: Text
    requirements: Annotated[tuple[Requirement, ...], _SOME]


def load_frameworks(extra: Iterable[str | Path] = (), *, registry: Registry = REGISTRY) -> tuple[Framework, ...]:
    """The frameworks that the package ships, and those in the files `extra`, in this order.

    Raises `FrameworkError`, whose message names file, line and key of everything that is wrong in a file of `extra`:
    checks of `registry` that do not exist, parameters that they do not take, an id that is taken.
    """
    frameworks = list(_shipped())
    for source in extra:
        file = YamlFile.read(source, error=FrameworkError, default_name="framework.yaml")
        one = read_framework(file, registry)
        if one.id in {known.id for known in frameworks}:
            line = file.line_of(("id",))
            raise FrameworkError(f"{file.name}:{line}: id: another framework is called {one.id}", hint=_HINT)
        frameworks.append(one)
    return tuple(frameworks)


def read_framework(file: YamlFile, registry: Registry | None = REGISTRY) -> Framework:
    """One framework file; checks and parameters are not looked up without a `registry`. Raises `FrameworkError`."""
    return load_yaml(
        file,
        Framework,
        error=FrameworkError,
        hint=_HINT,
        inspect=lambda content: _inspect(content, registry) if registry is not None else (),
    )


def shipped_files() -> tuple[YamlFile, ...]:
    """The framework files of the package, by name."""
    folder = resources.files("vbr_audit.findings").joinpath("frameworks")
    entries = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".yaml")), key=lambda one: one.name)
    return tuple(YamlFile(entry.name, entry.read_text(encoding="utf-8")) for entry in entries)


@cache
def _shipped() -> tuple[Framework, ...]:
    # A registry of one's own need not hold what they name: such a check is then one that did not run.
    return tuple(read_framework(file, None) for file in shipped_files())


def _inspect(content: Any, registry: Registry) -> Iterator[Problem]:
    """Requirements given twice, checks that do not exist, parameters that a check does not take."""
    rows = content.get("requirements") if isinstance(content, dict) else None
    known = {check.id: check for check in registry.all()}
    ids: set[str] = set()
    for number, row in enumerate(rows if isinstance(rows, list) else []):
        if not isinstance(row, dict):
            continue
        at = ("requirements", number)
        if str(row.get("id")) in ids:
            yield Problem((*at, "id"), f"the requirement {row.get('id')} appears twice")
        ids.add(str(row.get("id")))
        named = row.get("checks")
        checks = [str(name).strip() for name in named] if isinstance(named, list) else []
        for place, name in enumerate(checks):
            if name not in known:
                yield Problem((*at, "checks", place), f"no such check: {name}" + suggestion(name, known))
            elif name in checks[:place]:
                yield Problem((*at, "checks", place), f"the check {name} appears twice")
        guardrails = row.get("guardrails")
        for place, rail in enumerate(guardrails if isinstance(guardrails, list) else []):
            if isinstance(rail, dict):
                yield from _rail_problems(rail, (*at, "guardrails", place), checks, known)


def _rail_problems(
    rail: Mapping[str, Any], at: tuple[str | int, ...], checks: Sequence[str], known: Any
) -> Iterator[Problem]:
    name, param = rail.get("check"), rail.get("param")
    if not isinstance(name, str) or name not in checks:
        yield Problem((*at, "check"), f"{shown(name)} is none of the checks of this requirement")
    elif name in known and isinstance(param, str):
        fields = known[name].model.model_fields
        if param not in fields:
            yield Problem((*at, "param"), f"{name} has no parameter {param}" + suggestion(param, fields))
        elif isinstance(fields[param].default, bool) or not isinstance(fields[param].default, (int, float)):
            yield Problem((*at, "param"), f"{param} of {name} is no number, so it has no bound")


def no_requirements() -> pd.DataFrame:
    """An empty frame with `REQUIREMENT_COLUMNS`."""
    return _frame([])


@dataclass(frozen=True)
class _Tally:
    """What a run found for one check: counts by status, objects, whether all was read, and open questions."""

    use: CheckUse
    counts: Mapping[str, int]
    population: int | None
    whole: bool
    accepted_open: int
    set_aside: int


def answer_requirements(
    frameworks: Sequence[Framework], run: CheckRun, findings: pd.DataFrame, coverage: pd.DataFrame
) -> pd.DataFrame:
    """What a run says to each requirement: one row each, in the order of the frameworks.

    `exception` where a mapped check fails or the policy is looser than a guardrail, also if other questions stayed
    open: what is known to be wrong is not made uncertain by what is not known. `exception, accepted` where all that
    fails is waived. `insufficient evidence` where a mapped check is disabled (for some objects is enough), broke, was
    not answered, or did not see its whole population, or where nothing was judged. Else `supports`: every mapped check
    ran, and all its findings pass or do not apply, at least one of them passes.
    """
    by_id = {use.check.id: use for use in run.uses}
    named = {name for framework in frameworks for one in framework.requirements for name in one.checks}
    tallies = _tallies(sorted(named & by_id.keys()), run, findings, coverage)
    rows = []
    for framework in frameworks:
        for one in framework.requirements:
            own = [tallies[name] for name in one.checks if name in tallies]
            counts = {status: sum(tally.counts[status] for tally in own) for status in COUNT_COLUMNS}
            sizes = [tally.population for tally in own if tally.use.enabled]
            population = None if None in sizes else sum(size for size in sizes if size is not None)
            answer, why = _answer(one, own, counts)
            head = (framework.title, framework.edition, one.id, one.title, one.judgement, ", ".join(one.checks))
            rows.append((*head, population, *counts.values(), answer, why))
    return _frame(rows)


def _frame(rows: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    numbers, notes = {"population", *COUNT_COLUMNS}, Notes()
    columns = {
        name: to_array([row[at] for row in rows], "Int64" if name in numbers else "string", name, notes)
        for at, name in enumerate(REQUIREMENT_COLUMNS)
    }
    return from_arrays(columns, len(rows))


def _tallies(names: Sequence[str], run: CheckRun, findings: pd.DataFrame, coverage: pd.DataFrame) -> dict[str, _Tally]:
    """The tally of each of these checks."""
    parts: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    columns = ("check_id", "population", "whole", *COUNT_COLUMNS)
    for row in zip(*(coverage[name].tolist() for name in columns), strict=True):
        if row[0] in parts:
            parts[row[0]].append(dict(zip(columns, row, strict=True)))
    answers = zip(*(findings[name].tolist() for name in ("check_id", "status", "result")), strict=True)
    accepted = Counter(check for check, *answer in answers if answer == ["WAIVED", "UNKNOWN"])
    by_id = {use.check.id: use for use in run.uses}
    return {
        name: _Tally(
            use=by_id[name],
            counts={status: sum(int(part[status]) for part in own) for status in COUNT_COLUMNS},
            population=_total([part["population"] for part in own]),
            whole=bool(own) and all(part["whole"] is True for part in own),
            accepted_open=accepted[name],
            set_aside=run.set_aside.get(name, 0),
        )
        for name, own in parts.items()
    }


def _total(numbers: Sequence[Any]) -> int | None:
    """The sum; None where one of the numbers is not known."""
    return None if any(pd.isna(number) for number in numbers) else sum(map(int, numbers))


def _answer(one: Requirement, own: Sequence[_Tally], counts: Mapping[str, int]) -> tuple[str, str]:
    """The answer to one requirement, and why."""
    looser = [words for tally in own for words in _looser(one, tally)]
    open_questions = [words for name in one.checks for words in _open(name, own)]
    accepted = counts["waived"] - sum(tally.accepted_open for tally in own)
    wrong = [*([_number(counts["fail"], "fails", "fail")] if counts["fail"] else []), *looser]
    if wrong:
        also = [f"{_number(accepted, 'is', 'are')} accepted"] if accepted else []
        return EXCEPTION, "; ".join([*wrong, *also, *open_questions])
    if accepted:
        return ACCEPTED, "; ".join([f"{_number(accepted, 'fails and is', 'fail and are')} accepted", *open_questions])
    if open_questions:
        return INSUFFICIENT, "; ".join(open_questions)
    if not counts["pass"]:
        return INSUFFICIENT, "nothing was there to judge"
    return SUPPORTS, f"{_number(counts['pass'], 'passes', 'pass')}, and all that was asked was read"


def _looser(one: Requirement, tally: _Tally) -> Iterator[str]:
    """Where the policy, for all objects or for some, is looser than a guardrail."""
    use = tally.use
    everywhere = [use.under(()), *(use.under([rule]) for rule in use.overrides)] if use.enabled else []
    for rail in one.guardrails:
        if rail.check != use.check.id:
            continue
        words, holds = _SIGNS[rail.op]
        for value, source in dict.fromkeys(
            (own.params[rail.param], own.sources[rail.param]) for own in everywhere if rail.param in own.params
        ):
            if not holds(value, rail.value):
                yield (
                    f"policy looser than the requirement: {use.check.id} {rail.param} is {value} ({source}), "
                    f"must be {words} {rail.value:g}"
                )


def _open(name: str, own: Sequence[_Tally]) -> Iterator[str]:
    """What keeps one check from speaking for all that it is asked about."""
    tally = next((tally for tally in own if tally.use.check.id == name), None)
    if tally is None:
        yield f"{name} is not among the checks of this run"
    elif not tally.use.enabled:
        yield f"{name} is disabled by the policy"
    elif tally.counts["unknown"] or tally.counts["error"]:
        yield f"{name} could not be answered for {tally.counts['unknown'] + tally.counts['error']:,}"
    elif tally.accepted_open:
        yield f"{name} could not be answered for {tally.accepted_open:,}, which is accepted"
    elif tally.set_aside:
        yield f"{name} is disabled by the policy for {tally.set_aside:,}"
    elif not tally.whole:
        yield f"{name} did not see its whole population"


def _number(count: int, one: str, many: str) -> str:
    return f"{count:,} {'finding' if count == 1 else 'findings'} {one if count == 1 else many}"


# Framework files of one's own: read before anything else, kept with the run, and read again from there.

DEFAULT_NAME: Final = "framework.yaml"


@dataclass(frozen=True, eq=False)
class OwnFrameworks:
    """The own frameworks of a run, each with the file that it was read from."""

    frameworks: tuple[Framework, ...] = ()
    sources: tuple[YamlFile, ...] = ()

    @property
    def with_shipped(self) -> tuple[Framework, ...]:
        """The frameworks that the package ships, then these."""
        return (*load_frameworks(), *self.frameworks)

    @property
    def records(self) -> list[FrameworkRecord]:
        """The files for the manifest."""
        return [FrameworkRecord(name=file.name, sha256=file.sha256) for file in self.sources]

    @property
    def files(self) -> dict[str, bytes]:
        """The files by name, for the run folder."""
        return {file.name: file.text.encode() for file in self.sources}


def read_own_frameworks(
    sources: Iterable[str | Path] | OwnFrameworks = (), *, registry: Registry = REGISTRY
) -> OwnFrameworks:
    """The framework files at `sources`, in this order; a `str` with a line break is the text itself.

    Raises `FrameworkError`, whose message names file, line and key of everything that is wrong in a file, also where
    two files, or two frameworks, are called the same.
    """
    if isinstance(sources, OwnFrameworks):
        return sources
    given = list(sources)
    files = tuple(YamlFile.read(source, error=FrameworkError, default_name=DEFAULT_NAME) for source in given)
    known: set[str] = set()
    for file in files:
        if file.name.casefold() in known:
            raise FrameworkError(
                f"two framework files are called {file.name}",
                hint="Rename one of them: both are kept in the folder of the run.",
            )
        known.add(file.name.casefold())
    shipped = len(load_frameworks())
    return OwnFrameworks(load_frameworks(given, registry=registry)[shipped:], files)


def kept_frameworks(folder: Path, records: Iterable[FrameworkRecord]) -> OwnFrameworks:
    """The own frameworks of a saved run, read from their copies in `folder`.

    A check that they name and that is not at hand any more is no error: it is then one that did not run. Raises
    `EvidenceError` for a copy that is missing, and `FrameworkError` for one that can no longer be read.
    """
    files = []
    for record in records:
        path = folder / Path(record.name).name
        if not path.is_file():
            raise EvidenceError(
                f"the framework {record.name} of the run is missing in {folder}",
                hint="Put the file back, or give it with --framework.",
            )
        files.append(YamlFile.read(path, error=FrameworkError, default_name=record.name))
    return OwnFrameworks(tuple(read_framework(file, None) for file in files), tuple(files))
