"""Run the notebooks as a reader would, and store what they say: `python tests/support/running_notebooks.py [NAME…]`."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

FOLDER = Path(__file__).parents[2] / "notebooks"
TIMEOUT_S = 300
"""Seconds that a cell may take: the longest, the audits of a year, needs about fifteen where nothing else runs."""
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
"""What every notebook holds of the kernel that ran it: nothing of the machine, nor of its version."""


def format_library() -> ModuleType:
    """The library of the format, which is slow to import: a worker that runs no notebook does not need it."""
    import nbformat

    return nbformat


def paths() -> list[Path]:
    """The notebooks in order."""
    return sorted(FOLDER.glob("*.ipynb"))


def run_notebook(path: Path, folder: Path) -> Any:
    """The notebook at `path` with the outputs of a fresh run in `folder`."""
    from nbclient import NotebookClient

    nbformat = format_library()
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    where = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, timeout=TIMEOUT_S, resources=where, record_timing=False, kernel_name="python3")
    # `!vbr-audit` is that of the Python which runs this, whether or not its environment is active.
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    client.execute(env=os.environ | {"PATH": places})
    notebook.metadata = nbformat.from_dict(METADATA)
    return notebook


def store(path: Path) -> None:
    """Put the outputs of a fresh run into the notebook at `path`."""
    with tempfile.TemporaryDirectory() as folder:
        notebook = run_notebook(path, Path(folder))
    format_library().write(notebook, path)


if __name__ == "__main__":
    for each in paths():
        if not sys.argv[1:] or any(each.name.startswith(name) for name in sys.argv[1:]):
            store(each)
            print(each.name, f"{each.stat().st_size / 1000:.0f} kB")
