"""A format is known wherever formats are told: a run folder, the help, the file to start from, the docs."""

from __future__ import annotations

import pkgutil
import re
from importlib import import_module
from pathlib import Path

import pytest
from typer.main import get_command

from vbr_audit.cli import app
from vbr_audit.cli.cmd_init import SETTINGS
from vbr_audit.collection import run_folder
from vbr_audit.reports import exports, formats
from vbr_audit.reports.formats import DEFAULT_FORMATS, FORMATS, formats_in

MODULES = [
    formats,
    *(import_module(f"{exports.__name__}.{module.name}") for module in pkgutil.iter_modules(exports.__path__)),
]
DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", FORMATS)
def test_the_run_folder_knows_the_file_of_a_format_as_its_own(name: str) -> None:
    assert FORMATS[name].file_name in run_folder.FILES


def test_the_help_and_the_starting_file_name_every_format() -> None:
    commands = get_command(app).commands
    (option,) = [one for one in commands["audit"].params if "--format" in one.opts]
    assert f"of {','.join(FORMATS)} [{','.join(DEFAULT_FORMATS)}]" in (option.help or "")
    assert f"One or more of {', '.join(FORMATS)}." in SETTINGS


def test_the_page_of_reports_names_every_format() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| `([^`]+)`", (DOCS / "reports.md").read_text("utf-8"), re.MULTILINE)
    assert {(name, FORMATS[name].file_name) for name in FORMATS} <= set(rows)


def test_no_two_formats_share_a_name_a_file_or_a_rank() -> None:
    cards = list(FORMATS.values())
    for facts in ([card.file_name for card in cards], [card.rank for card in cards]):
        assert len(set(facts)) == len(facts)
    declared = [card for module in MODULES for card in formats_in(module)]
    assert sorted(card.name for card in declared) == sorted(FORMATS)
