"""The checks of a run: those that ship, and those that somebody wrote, with a record of where each came from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Final

from vbr_audit.checks.engine.recorded import RecordedAnswers
from vbr_audit.checks.engine.registry import OWN, REGISTRY, Check, Declarations, Registry
from vbr_audit.checks.own.plugins import BROKEN, Source, broken_check, installed_sources, read_python
from vbr_audit.checks.own.rules import load_rules
from vbr_audit.checks.policy.policy import Policy, load_policy
from vbr_audit.checks.policy.use import CheckUse, as_declared
from vbr_audit.collection.manifest import OwnChecksRecord
from vbr_audit.config.given_file import read_given
from vbr_audit.config.yaml_file import YamlFile
from vbr_audit.display import encodable
from vbr_audit.errors import CheckError, ConfigurationError, PolicyError, RuleError

RULE_ENDINGS: Final = (".yaml", ".yml")
NOTEBOOK: Final = "declared in this session"


@dataclasses.dataclass(frozen=True, eq=False)
class OwnChecks:
    """The checks of a run: `registry` holds the shipped and the own ones, `sources` where the own ones come from.

    `left_out` are records of an earlier run whose checks are not at hand, and `kept` the copies of their files.
    """

    registry: Registry
    sources: tuple[Source, ...] = ()
    left_out: tuple[OwnChecksRecord, ...] = ()
    kept: tuple[tuple[str, bytes], ...] = ()

    @cached_property
    def broken(self) -> tuple[Check, ...]:
        """One check for each source that could not be used: an ERROR on every server."""
        numbered = enumerate(self.sources, start=1)
        return tuple(broken_check(source, number) for number, source in numbered if source.fault)

    @property
    def ids(self) -> frozenset[str]:
        """The ids of the own checks."""
        return frozenset(check.id for source in self.sources for check in source.checks)

    @property
    def records(self) -> list[OwnChecksRecord]:
        """The sources for the manifest."""
        return [_record(source) for source in self.sources] + list(self.left_out)

    @property
    def notes(self) -> list[str]:
        """One sentence for each source that is only told again."""
        return [
            f"the own checks of {source.name} are not at hand, so their answers are those of the run as it was judged"
            for source in self.sources
            if any(check.recorded is not None for check in source.checks)
        ]

    @property
    def files(self) -> dict[str, bytes]:
        """The files of own checks by name, for the run folder."""
        return dict(self.kept) | {source.name: source.content for source in self.sources if source.content is not None}

    @property
    def warnings(self) -> list[str]:
        """One sentence for each source of an earlier run that is not at hand."""
        return [left_out_text(record) for record in self.left_out]

    def policy(self, source: str | Path | Policy | None = None, *, name: str | None = None) -> Policy:
        """The policy at `source` over these checks; a source that could not be used is in it whatever it says."""
        try:
            policy = source if isinstance(source, Policy) else load_policy(source, name=name, registry=self.registry)
        except PolicyError as error:
            unusable = [f"{each.name} could not be used: {each.fault}" for each in self.sources if each.fault]
            told = [*unusable, *self.warnings]
            raise PolicyError("\n".join([error.message, *told]), hint=error.hint) from None
        known = {use.check.id for use in policy.uses}
        more = tuple(CheckUse(check, as_declared(check)) for check in self.broken if check.id not in known)
        return dataclasses.replace(policy, uses=(*policy.uses, *more)) if more else policy


def left_out_text(record: OwnChecksRecord) -> str:
    """That the checks of `record` are not at hand."""
    named = f" ({', '.join(record.checks)})" if record.checks else ""
    how = {
        "python": "name their folder with --checks",
        "package": "install that package",
        "notebook": "declare them in this session",
    }.get(record.kind, "the copy in the run folder is missing")
    return f"the own checks of {record.name}{named} are not available, so nothing is judged by them; {how}"


def known_checks(folder: str | Path | OwnChecks | None = None) -> OwnChecks:
    """The shipped checks, those of installed packages, those of this session, and those in `folder`.

    A folder holds plain Python files and rules (`*.yaml`); what begins with `_` or `.` is passed over. A Python file
    or a package that does not load is a source with a fault. Raises `RuleError` for a wrong rule file, `CheckError`
    for an id that is taken and `ConfigurationError` for a folder that is none.
    """
    if isinstance(folder, OwnChecks):
        return folder
    return _assembled([*_of_session(), *installed_sources(), *(_of_folder(Path(folder)) if folder is not None else ())])


def checks_of_run(
    folder: Path,
    records: Iterable[OwnChecksRecord],
    given: str | Path | OwnChecks | None,
    *,
    only: bool = False,
    answers: RecordedAnswers | None = None,
) -> OwnChecks:
    """The checks for a saved run: those at hand, its own rules, and those in the folder `given`.

    Code is never taken from a run folder: of checks that are not at hand, `answers` are told again. With `only`, what
    is at hand but was not used in the run stays out.
    """
    if isinstance(given, OwnChecks):
        return given
    found = [*_of_session(), *installed_sources(), *(_of_folder(Path(given)) if given is not None else ())]
    records = list(records)
    if given is None:
        for record in records:
            path = folder / Path(record.name).name
            if record.kind == "rules" and path.is_file():
                found.append(_read_rules(path))
    if only:
        used = {(record.kind, record.name) for record in records if record.used}
        found = [source for source in found if (source.kind, source.name) in used]
    at_hand = {(source.kind, source.name) for source in found}
    if answers is not None and given is None:
        missing = [record for record in records if record.used and (record.kind, record.name) not in at_hand]
        again = [source for record in missing if (source := _told_again(record, folder, answers)) is not None]
        found += again
        at_hand |= {(source.kind, source.name) for source in again}
    # Where a folder is given, it stands for the files of the run.
    left_out = [
        record.model_copy(update={"used": False})
        for record in records
        if (record.kind, record.name) not in at_hand and (given is None or record.kind not in ("python", "rules"))
    ]
    kept = [(record.name, folder / Path(record.name).name) for record in left_out]
    copies = tuple((name, read_given(path)) for name, path in kept if path.is_file())
    return dataclasses.replace(_assembled(found), left_out=tuple(left_out), kept=copies)


def _told_again(record: OwnChecksRecord, folder: Path, answers: RecordedAnswers) -> Source | None:
    """A source that tells again what its checks answered; None where the run tells nothing of one of them."""
    checks = [answers.check(check_id, record) for check_id in record.checks]
    if not checks or None in checks:
        return None
    path = folder / Path(record.name).name
    content = read_given(path) if record.kind == "python" and path.is_file() else None
    return Source(record.name, record.kind, content, tuple(check for check in checks if check is not None))


def _of_session() -> Iterator[Source]:
    if len(OWN):
        yield Source(NOTEBOOK, "notebook", checks=OWN.all())


def _of_folder(folder: Path) -> Iterator[Source]:
    if not folder.is_dir():
        raise ConfigurationError(f"--checks: {folder} is no folder", hint="Name a folder with .py and .yaml files.")
    found = 0
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if path.name.startswith(("_", ".")) or not path.is_file():
            continue
        if path.suffix == ".py":
            yield read_python(path)
        elif path.suffix in RULE_ENDINGS:
            yield _read_rules(path)
        else:
            continue
        found += 1
    if not found:
        raise ConfigurationError(
            f"--checks: {folder} holds no .py and no .yaml file", hint="Name the folder that your checks are in."
        )


def _read_rules(path: Path) -> Source:
    file = YamlFile.read(path, error=RuleError, default_name=path.name)
    taker = Declarations()
    load_rules(file, taker)
    return Source(encodable(path.name), "rules", read_given(path), tuple(taker.checks))


def _assembled(sources: Iterable[Source]) -> OwnChecks:
    """The shipped checks with those of `sources`; raises `CheckError` for an id that is taken."""
    registry, owner = REGISTRY.copy(), dict.fromkeys((check.id for check in REGISTRY), "")
    listed = tuple(sources)
    for source in listed:
        for check in source.checks:
            if check.id.startswith(f"{BROKEN}-"):
                raise CheckError(f"{source.name}: the prefix {BROKEN} is taken", hint="Choose another id.")
            if check.id in owner:
                whose = f"also stands in {owner[check.id]}" if owner[check.id] else "is the id of a shipped check"
                raise CheckError(f"{source.name}: {check.id} {whose}", hint="Give your check an id of its own.")
            owner[check.id] = source.name
            registry.add(check)
    return OwnChecks(registry, listed)


def _record(source: Source) -> OwnChecksRecord:
    return OwnChecksRecord(
        name=source.name,
        kind=source.kind,
        sha256=source.sha256,
        checks=sorted(check.id for check in source.checks),
        fault=source.fault,
        tables={check.id: list(check.tables) for check in sorted(source.checks, key=lambda check: check.id)},
    )
