"""The checks of a run: those that ship, and those that somebody wrote, with a record of where each came from."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import os
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any, Final, Literal

from vbr_audit.checks.catalogue import REGISTRY
from vbr_audit.checks.engine.objects import default_cause
from vbr_audit.checks.engine.params import model_of, reserved_of
from vbr_audit.checks.engine.recorded import RecordedAnswers
from vbr_audit.checks.engine.registry import Check, Registry, checks_of
from vbr_audit.checks.own.rules import load_rules
from vbr_audit.checks.own.session import OWN
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
        """One sentence for each source that is only taken from the record."""
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
            notes = [*unusable, *self.warnings]
            raise PolicyError("\n".join([error.message, *notes]), hint=error.hint) from None
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

    Code is never taken from a run folder: of checks that are not at hand, `answers` are repeated. With `only`, what
    is at hand but was not used in the run stays out.
    """
    if isinstance(given, OwnChecks):
        return given
    sources = [*_of_session(), *installed_sources(), *(_of_folder(Path(given)) if given is not None else ())]
    records = list(records)
    if given is None:
        for record in records:
            path = folder / Path(record.name).name
            if record.kind == "rules" and path.is_file():
                sources.append(_read_rules(path))
    if only:
        used = {(record.kind, record.name) for record in records if record.used}
        sources = [source for source in sources if (source.kind, source.name) in used]
    at_hand = {(source.kind, source.name) for source in sources}
    if answers is not None and given is None:
        missing = [record for record in records if record.used and (record.kind, record.name) not in at_hand]
        again = [source for record in missing if (source := _recorded_source(record, folder, answers)) is not None]
        sources += again
        at_hand |= {(source.kind, source.name) for source in again}
    # Where a folder is given, it stands for the files of the run.
    left_out = [
        record.model_copy(update={"used": False})
        for record in records
        if (record.kind, record.name) not in at_hand and (given is None or record.kind not in ("python", "rules"))
    ]
    kept = [(record.name, folder / Path(record.name).name) for record in left_out]
    copies = tuple((name, read_given(path)) for name, path in kept if path.is_file())
    return dataclasses.replace(_assembled(sources), left_out=tuple(left_out), kept=copies)


def _recorded_source(record: OwnChecksRecord, folder: Path, answers: RecordedAnswers) -> Source | None:
    """A source that repeats what its checks answered; None where the run has no answers of one of them."""
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
    count = 0
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if path.name.startswith(("_", ".")) or not path.is_file():
            continue
        if path.suffix == ".py":
            yield read_python(path)
        elif path.suffix in RULE_ENDINGS:
            yield _read_rules(path)
        else:
            continue
        count += 1
    if not count:
        raise ConfigurationError(
            f"--checks: {folder} holds no .py and no .yaml file", hint="Name the folder that your checks are in."
        )


def _read_rules(path: Path) -> Source:
    file = YamlFile.read(path, error=RuleError, default_name=path.name)
    return Source(encodable(path.name), "rules", read_given(path), load_rules(file))


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


# Own checks as code: plain Python files of a folder, and installed packages with an entry point.
#
# A file is compiled from the bytes that are hashed, so the record names what ran. Whatever its code raises is kept as
# the fault of that one source; none of its checks is then used.

GROUP: Final = "vbr_audit.checks"
"""The group of entry points that name a module with own checks."""

BROKEN: Final = "PLUGIN"
"""The first letters of the id under which a source that could not be used is reported."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Source:
    """Where own checks come from: a file, a package or a notebook; its checks, or the `fault` that it has.

    `content` is the file, None where there is none.
    """

    name: str
    kind: Literal["python", "rules", "package", "notebook"]
    content: bytes | None = field(default=None, repr=False)
    checks: tuple[Check, ...] = ()
    fault: str | None = None

    @property
    def sha256(self) -> str | None:
        """The SHA-256 of the file."""
        return None if self.content is None else hashlib.sha256(self.content).hexdigest()


def read_python(path: Path) -> Source:
    """The checks that the Python file at `path` declares; raises `ConfigurationError` if it cannot be read."""
    try:
        content = read_given(path)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be read: {error.strerror or error}", hint="Check the path and its permissions."
        ) from None
    name = f"vbr_audit_own_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}_{path.stem}"
    checks, fault = _run(lambda: _execute(path, content, name), name, path.name)
    return _source(encodable(path.name), "python", checks, fault, content)


def _execute(path: Path, content: bytes, name: str) -> types.ModuleType:
    module = types.ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    exec(compile(content, str(path), "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - it is the user's file
    return module


_KNOWN: dict[tuple[str, str], Source] = {}


def installed_sources() -> tuple[Source, ...]:
    """The checks of the installed packages that name an entry point; each is imported once in a process."""
    sources = []
    for point in _entry_points(tuple(sys.path), tuple(map(_changed, sys.path))):
        key = (point.name, point.value)
        if key not in _KNOWN:
            # What its entry point imports from the same package belongs to the package too.
            checks, fault = _run(point.load, point.module.partition(".")[0], point.name)
            name = f"{point.dist.name} {point.dist.version}: {point.name}" if point.dist else point.name
            # A module that was imported before has declared its checks already, as those of this process.
            earlier = fault is None and not checks and any(check.home[0] == point.module for check in OWN)
            _KNOWN[key] = Source(name, "package") if earlier else _source(name, "package", checks, fault)
        sources.append(_KNOWN[key])
    return tuple(sources)


@lru_cache(maxsize=8)
def _entry_points(path: tuple[str, ...], changed: tuple[int, ...]) -> tuple[metadata.EntryPoint, ...]:
    """The entry points of the packages on `path`, read again where a folder of it has changed since."""
    return tuple(sorted(metadata.entry_points(group=GROUP), key=lambda point: (point.name, point.value)))


def _changed(folder: str) -> int:
    """When something was installed into a folder or removed, in nanoseconds; 0 for no folder."""
    try:
        return os.stat(folder or ".").st_mtime_ns
    except OSError:
        return 0


def _run(load: Callable[[], Any], module: str, name: str) -> tuple[tuple[Check, ...], str | None]:
    """Run the code of one source, which is `module`; its checks, and what went wrong, or None."""
    try:
        with OWN.loading(module) as declared:
            loaded = load()
    except (Exception, SystemExit) as fault:
        # Somebody else's code may raise anything; that is a finding about it, never the end of the run.
        logger.debug("own checks of %s broke", name, exc_info=True)
        words = fault.message if isinstance(fault, CheckError) else str(fault)
        return (), f"{type(fault).__name__}: {words}"[:300]
    # A source may also use the decorator that only makes checks; those stand in its namespace.
    named = checks_of(loaded) if isinstance(loaded, types.ModuleType) else ()
    return tuple(dict.fromkeys([*declared, *named])), None


def _source(
    name: str,
    kind: Literal["python", "package"],
    checks: tuple[Check, ...],
    fault: str | None,
    content: bytes | None = None,
) -> Source:
    if fault is None and not checks:
        fault = "it declares no check"
    return Source(name, kind, content, checks, fault)


def broken_check(source: Source, number: int) -> Check:
    """A check that is an ERROR on every server: `source` could not be used."""
    message = f"{source.name}: {source.fault}"

    def judge(servers: Any) -> Any:
        raise CheckError(message)

    return Check(
        id=f"{BROKEN}-{number:03d}",
        title=f"Own checks of {source.name} can be used"[:100],
        severity="high",
        area="Evidence",
        rationale="Checks that somebody counts on were not run.",
        remediation=f"Own checks: correct {source.name}, then run again.",
        function=judge,
        tables=("servers",),
        reads={"servers": ("server",)},
        optional={},
        aggregates=frozenset(),
        fallback=frozenset(),
        expected=None,
        json_path=None,
        about="server",
        cause=default_cause("servers"),
        examples=(),
        model=model_of(BROKEN, judge),
        reserved=reserved_of(judge),
    )
