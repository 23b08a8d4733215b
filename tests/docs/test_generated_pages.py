"""`docs/tables.md`, `docs/datasets.md`, `docs/cli.md` and the words of the completion say what the code declares.

`VBR_AUDIT_UPDATE_DOCS=1 pytest tests/docs/test_generated_pages.py` rewrites them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands_page import render_commands
from datasets_page import render_datasets
from docs_cells import cell
from names_file import render_names
from tables_page import render_tables
from typer.main import get_command

from vbr_audit.checks.derived import DERIVED
from vbr_audit.checks.engine.tables import TABLES
from vbr_audit.cli import app
from vbr_audit.cli.cmd_config import _OTHER_VARIABLES
from vbr_audit.config.settings import FILE_KEYS
from vbr_audit.datasets import DATASETS
from vbr_audit.datasets.roles import Role
from vbr_audit.revisions import KNOWN, NEWEST
from vbr_audit.tables.jobs.control_list import CONTROLS

DOCS = Path(__file__).parents[2] / "docs"
UPDATE = os.environ.get("VBR_AUDIT_UPDATE_DOCS") == "1"
PAGES: dict[str, Callable[[], str]] = {
    "tables.md": render_tables,
    "datasets.md": render_datasets,
    "cli.md": render_commands,
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_declares(name: str) -> None:
    text = PAGES[name]()
    if UPDATE:
        (DOCS / name).write_text(text, encoding="utf-8")
    fresh = (DOCS / name).read_text(encoding="utf-8") == text
    assert fresh, "stale: VBR_AUDIT_UPDATE_DOCS=1 pytest tests/docs/test_generated_pages.py"


def test_the_words_of_the_completion_are_what_the_code_declares() -> None:
    file = DOCS.parent / "vbr_audit" / "names.json"
    if UPDATE:
        file.write_text(render_names(), encoding="utf-8")
    assert file.read_text(encoding="utf-8") == render_names(), "stale: VBR_AUDIT_UPDATE_DOCS=1 pytest tests/docs"


@pytest.mark.parametrize("name", PAGES)
def test_every_table_of_a_page_is_whole_and_every_link_leads_somewhere(name: str) -> None:
    text = PAGES[name]()
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(widths) == 1, block.splitlines()[0]
    titles = {title.strip("`").replace(" ", "-") for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= titles
    assert {page for page in re.findall(r"\]\((\w+\.md)\)", text) if not (DOCS / page).is_file()} == set()


def sections(text: str) -> dict[str, str]:
    """The text below each heading of the third level, by its title."""
    parts = re.split(r"^### (.+)$", text, flags=re.MULTILINE)
    return {title.strip("`"): body for title, body in zip(parts[1::2], parts[2::2], strict=True)}


def test_every_column_of_every_table_is_told() -> None:
    told = sections(render_tables())
    assert list(told) == [*(name for name in TABLES if name not in DERIVED), *DERIVED]
    for name, spec in TABLES.items():
        body = told[name].partition("\n## ")[0]
        assert re.findall(r"^\| `(\w+)` \|", body, re.MULTILINE) == list(spec.names), name
        assert all(column.help for column in spec.columns)


def test_where_a_table_comes_from() -> None:
    told = sections(render_tables())
    assert (
        "- From: `GET /api/v1/backupObjects`, before 1.3-rev2 `GET /api/v1/backups/{id}/objects`\n"
        in (told["backup_objects"])
    )
    assert "- Since: 1.3-rev1; roles: Veeam Backup Administrator\n" in told["users"]
    assert "- From: the manifest of the run\n" in told["servers"]
    assert "- Made of: [`sessions`](#sessions), " in told["job_runs"]
    assert "the site file" in told["site_window"] if "site_window" in told else True


def test_a_setting_of_jobs_says_since_when_and_for_which_types() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", sections(render_tables())["jobs"], re.MULTILINE))
    assert set(CONTROLS) <= set(rows)
    assert "From" not in rows["retry_enabled"]
    assert rows["kms_server_id"].endswith("From 1.1-rev1 on.")
    assert rows["schedule_type"].endswith("From 1.1-rev2 on. Of BackupCopy, FileBackupCopy, EntraIDTenantBackupCopy.")
    assert rows["retention_quantity"].startswith("Int64, `retention_type` |")


def test_every_dataset_role_and_revision_is_told() -> None:
    text = render_datasets()
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == list(DATASETS)
    told = sections(text)
    assert list(told) == [str(role) for role in Role]
    for role in Role:
        may = [name for name, dataset in DATASETS.items() if dataset.access.allows(role, NEWEST)]
        assert re.findall(r"`(\w+)`", told[role].partition("[Tables]")[0]) == may
    assert all(f"| {revision} |" in text for revision in KNOWN)


def test_every_command_option_and_setting_is_told() -> None:
    text = render_commands()
    told = sections(text.replace("#### ", "### "))

    def look(group: Any, path: str) -> None:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                look(command, f"{path} {name}")
                continue
            options = {each for parameter in command.params for each in parameter.opts if each.startswith("--")}
            body = told[f"{path} {name}"].partition("\n## ")[0]
            named = re.findall(r"--[\w-]+", " ".join(re.findall(r"^\* `(.+?)`", body, re.MULTILINE)))
            assert set(named) == options | {"--help"}

    look(get_command(app), "vbr-audit")
    variables = re.findall(r"VBR_AUDIT_\w+", text)
    assert {f"VBR_AUDIT_{name.upper()}" for name in (*FILE_KEYS, *_OTHER_VARIABLES, "password")} <= set(variables)
    assert "$ vbr-audit explain [OPTIONS] {RUN} {ID}" in text


def test_a_cell_breaks_no_table_and_is_no_tag() -> None:
    assert cell("a | b\n<c> `<d> | e`") == "a \\| b &lt;c> `<d> \\| e`"
