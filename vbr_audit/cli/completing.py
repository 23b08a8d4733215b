"""Words for the completion of a shell, which waits for them: they are found without the libraries of a real run.

The names of checks, datasets and policies stand in `completion.json`, which is written with the reference pages: to
import what declares them takes longer than a reader of a prompt waits.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.resources import files
from typing import cast


def check_ids(incomplete: str) -> list[str]:
    """The shipped checks whose ids begin so."""
    return [check_id for check_id in _words("checks") if check_id.startswith(incomplete)]


def dataset_lists(incomplete: str) -> list[str]:
    """Lists of datasets that go on from what is written: `jobs,ba` as `jobs,backups` and others."""
    return _continued(incomplete, ("all", *_words("datasets")))


def format_lists(incomplete: str) -> list[str]:
    """Lists of formats that go on from what is written."""
    from vbr_audit.reports.interface import FORMATS

    return _continued(incomplete, FORMATS)


def severities(incomplete: str) -> list[str]:
    """What `--fail-on` takes."""
    from vbr_audit.vocabulary import THRESHOLDS

    return [word for word in THRESHOLDS if word.startswith(incomplete)]


def profiles(incomplete: str) -> list[str]:
    """The shipped policies; the shell itself offers files where none fits."""
    return [name for name in _words("policies") if name.startswith(incomplete)]


def _words(kind: str) -> list[str]:
    words = json.loads(files("vbr_audit.cli").joinpath("completion.json").read_text("utf-8"))
    return cast("list[str]", words[kind])


def _continued(incomplete: str, words: Iterable[str]) -> list[str]:
    written, comma, begun = incomplete.rpartition(",")
    taken = written.split(",")
    return [f"{written}{comma}{word}" for word in words if word.startswith(begun) and word not in taken]
