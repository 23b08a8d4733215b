"""Framework files of one's own: read before anything else, kept with the run, and read again from there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vbr_audit.checks.engine.registry import REGISTRY, Registry
from vbr_audit.collection.manifest import FrameworkRecord
from vbr_audit.config.yaml_file import YamlFile
from vbr_audit.errors import EvidenceError, FrameworkError
from vbr_audit.findings.requirements import Framework, load_frameworks, read_framework

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
