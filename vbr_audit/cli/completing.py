"""Words for the completion of a shell, which waits for them: they are found without the libraries of a real run."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.resources import files

_CHECK = re.compile(r'@check\(\s*"([A-Z]+-\d+)"')
_DATASET = re.compile(r'(?:_object|Dataset)\(\s*"([a-z_]+)"')


def check_ids(incomplete: str) -> list[str]:
    """The shipped checks whose ids begin so; read from their sources, as importing them takes long."""
    sources = (
        entry for entry in files("vbr_audit").joinpath("checks", "catalogue").iterdir() if _is_source(entry.name)
    )
    found = {check_id for entry in sources for check_id in _CHECK.findall(entry.read_text("utf-8"))}
    return sorted(check_id for check_id in found if check_id.startswith(incomplete))


def dataset_lists(incomplete: str) -> list[str]:
    """Lists of datasets that go on from what is written: `jobs,ba` as `jobs,backups` and others."""
    source = files("vbr_audit").joinpath("collection", "datasets.py").read_text("utf-8")
    return _continued(incomplete, ("all", *dict.fromkeys(_DATASET.findall(source))))


def format_lists(incomplete: str) -> list[str]:
    """Lists of formats that go on from what is written."""
    from vbr_audit.reports.interface import FORMATS

    return _continued(incomplete, FORMATS)


def severities(incomplete: str) -> list[str]:
    """What `--fail-on` takes."""
    from vbr_audit.cli.options import SEVERITIES

    return [word for word in (*SEVERITIES, "never") if word.startswith(incomplete)]


def profiles(incomplete: str) -> list[str]:
    """The shipped policies; the shell itself offers files where none fits."""
    folder = files("vbr_audit").joinpath("checks", "profiles")
    names = sorted(entry.name.partition(".")[0] for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    return [name for name in names if name.startswith(incomplete)]


def _is_source(name: str) -> bool:
    return name.endswith(".py") and not name.startswith("_")


def _continued(incomplete: str, words: Iterable[str]) -> list[str]:
    written, comma, begun = incomplete.rpartition(",")
    taken = written.split(",")
    return [f"{written}{comma}{word}" for word in words if word.startswith(begun) and word not in taken]
