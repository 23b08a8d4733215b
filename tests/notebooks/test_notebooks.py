"""Every notebook runs, and says today what its stored outputs say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))

pytestmark = pytest.mark.slow


def texts(notebook: Any) -> list[str]:
    """The outputs of a notebook as text; pictures by their presence only."""
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            found.append(str(data.get("text/plain", output.get("text", ""))))
            found += sorted(data)
    return found


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs_and_its_stored_outputs_hold(path: Path, tmp_path: Path) -> None:
    stored = nbformat.read(path, as_version=4)
    fresh = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(fresh, timeout=120, resources=resources, record_timing=False).execute()
    assert texts(fresh) == texts(stored)
    assert path.stat().st_size < 500_000
    errors = [output for cell in fresh.cells for output in cell.get("outputs", []) if output.output_type == "stream"]
    assert errors == []


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS
