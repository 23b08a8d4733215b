"""Own checks as code: plain Python files of a folder, and installed packages with an entry point.

A file is compiled from the bytes that are hashed, so the record names what ran. Whatever its code raises is kept as
the fault of that one source; none of its checks is then used.
"""

from __future__ import annotations

import hashlib
import logging
import sys
import types
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Final, Literal

from vbr_audit.checks.engine.cause_kinds import default_cause
from vbr_audit.checks.engine.params import model_of, reserved_of
from vbr_audit.checks.engine.registry import OWN, Check, Declarations, declaring_into
from vbr_audit.config.given_file import read_given
from vbr_audit.display import encodable
from vbr_audit.errors import CheckError, ConfigurationError

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
    taker = Declarations()
    fault = _run(lambda: _execute(path, content), taker, path.name)
    return _source(encodable(path.name), "python", taker, fault, content)


def _execute(path: Path, content: bytes) -> None:
    name = f"vbr_audit_own_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}_{path.stem}"
    module = types.ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    exec(compile(content, str(path), "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - it is the user's file


_KNOWN: dict[tuple[str, str], Source] = {}


def installed_sources() -> tuple[Source, ...]:
    """The checks of the installed packages that name an entry point; each is imported once in a process."""
    found = []
    for point in sorted(metadata.entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        key = (point.name, point.value)
        if key not in _KNOWN:
            taker = Declarations()
            fault = _run(point.load, taker, point.name)
            name = f"{point.dist.name} {point.dist.version}: {point.name}" if point.dist else point.name
            # A module that was imported before has declared its checks already, as those of this process.
            earlier = fault is None and not taker.checks and any(check.home[0] == point.module for check in OWN)
            _KNOWN[key] = Source(name, "package") if earlier else _source(name, "package", taker, fault)
        found.append(_KNOWN[key])
    return tuple(found)


def _run(load: Any, taker: Declarations, name: str) -> str | None:
    """Run the code of one source, its declarations going to `taker`; what went wrong, or None."""
    try:
        with declaring_into(taker):
            load()
    except (Exception, SystemExit) as fault:
        # Somebody else's code may raise anything; that is a finding about it, never the end of the run.
        logger.debug("own checks of %s broke", name, exc_info=True)
        words = fault.message if isinstance(fault, CheckError) else str(fault)
        return f"{type(fault).__name__}: {words}"[:300]
    return None


def _source(
    name: str, kind: Literal["python", "package"], taker: Declarations, fault: str | None, content: bytes | None = None
) -> Source:
    if fault is None and not taker.checks:
        fault = "it declares no check"
    return Source(name, kind, content, () if fault else tuple(taker.checks), fault)


def broken_check(source: Source, number: int) -> Check:
    """A check that is an ERROR on every server: `source` could not be used."""
    told = f"{source.name}: {source.fault}"

    def judge(servers: Any) -> Any:
        raise CheckError(told)

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
