"""Every notebook runs, says today what its stored outputs say, and shows nothing of the machine that ran it."""

from __future__ import annotations

import base64
import getpass
import json
import re
import socket
import tempfile
from pathlib import Path
from typing import Any

import pytest
from running_notebooks import FOLDER, METADATA, format_library, paths, run_notebook

from vbr_audit.simulator import DEMO_PASSWORD

NOTEBOOKS = paths()
MOST_BYTES = 500_000
MOST_WORDS = 20_000
NAMES = [path.name for path in NOTEBOOKS]

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def stored(path: Path) -> Any:
    """The notebook as it is stored."""
    return format_library().read(path, as_version=4)


def shown(notebook: Any) -> list[list[dict[str, Any]]]:
    """The outputs of every cell; pictures by their presence only, since fonts differ between machines."""
    return [[_shown(output) for output in cell.get("outputs", [])] for cell in notebook.cells]


def _shown(output: Any) -> dict[str, Any]:
    data = {kind: "a picture" if kind == "image/png" else value for kind, value in output.get("data", {}).items()}
    return {"type": output.output_type, "text": output.get("text"), **data}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@each_notebook
def test_a_notebook_runs_and_its_stored_outputs_hold(path: Path, tmp_path: Path) -> None:
    fresh = run_notebook(path, tmp_path)
    assert shown(fresh) == shown(stored(path)), (
        f"store what it says now: python tests/support/running_notebooks.py {path.stem[:2]}"
    )
    assert list(tmp_path.iterdir()) == [], "it leaves files where it is opened"


@each_notebook
def test_a_notebook_is_small_and_opens_with_one_paragraph(path: Path) -> None:
    notebook = stored(path)
    format_library().validate(notebook)
    assert path.stat().st_size <= MOST_BYTES
    assert json.loads(path.read_text())["metadata"] == METADATA
    first, last = notebook.cells[0], notebook.cells[-1]
    heading, _, rest = first.source.partition("\n\n")
    assert first.cell_type == "markdown"
    assert re.fullmatch(r"# [^\n]+", heading)
    assert rest.strip()
    assert "\n\n" not in rest.strip()
    assert last.cell_type == "markdown"
    assert "**Where next:**" in last.source


@each_notebook
def test_a_notebook_holds_outputs_without_errors_or_streams(path: Path) -> None:
    notebook = stored(path)
    ran = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in ran] == list(range(1, len(ran) + 1))
    kinds = {output.output_type for cell in ran for output in cell.outputs}
    assert kinds <= {"display_data", "execute_result"}
    for cell in ran:
        for output in cell.outputs:
            words = "".join(str(value) for kind, value in output.data.items() if kind != "image/png")
            assert len(words) <= MOST_WORDS


@each_notebook
def test_a_notebook_shows_nothing_of_the_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    notebook = stored(path)
    outputs = "\n".join(str(row) for row in shown(notebook))
    pictures = [
        base64.b64decode(output.data["image/png"])
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    for secret in (DEMO_PASSWORD, str(FOLDER.parent), str(Path.home()) + "/", tempfile.gettempdir() + "/"):
        assert secret not in text
        assert not any(secret.encode() in picture for picture in pictures)
    assert not re.search(rf"\b{re.escape(socket.gethostname())}\b", outputs)
    if (user := getpass.getuser()) != "root":
        assert not re.search(rf"\b{re.escape(user)}\b", outputs)
    assert not re.search(r"127\.0\.0\.1:\d{4,}|localhost:\d+", outputs)


@each_notebook
def test_the_links_of_a_notebook_lead_somewhere(path: Path) -> None:
    notebook = stored(path)
    words = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for link in re.findall(r"\]\(([^)]+)\)", words):
        assert link.startswith("https://") or (path.parent / link).is_file(), link


def test_the_notebooks_are_numbered_without_a_gap() -> None:
    assert [name[:3] for name in NAMES] == [f"{number:02}_" for number in range(1, 10)]
