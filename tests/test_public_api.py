"""The public names, the shape of the tree, and what importing costs."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import vbr_audit as va

PACKAGE = Path(va.__file__).parent
ROOT = Path(__file__).parents[1]
WRITING = ("POST", "PUT", "DELETE", "PATCH")
MODULES = sorted((ROOT / "vbr_audit").rglob("*.py"))


@cache
def trees() -> dict[Path, ast.Module]:
    """Each module, parsed."""
    return {path: ast.parse(path.read_text("utf-8")) for path in MODULES}


def test_every_public_name_resolves_and_the_list_is_sorted() -> None:
    assert va.__all__ == sorted(va.__all__)
    assert set(va.__all__) == set(va._HOMES)
    for name in va.__all__:
        assert getattr(va, name) is not None
    assert set(va.__all__) <= set(dir(va))
    with pytest.raises(AttributeError, match="no attribute 'conect'"):
        _ = va.conect  # type: ignore[attr-defined]


def test_importing_the_package_loads_no_heavy_library() -> None:
    program = (
        "import vbr_audit, sys; print([n for n in ('pandas', 'pydantic', 'httpx', 'matplotlib') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_reading_and_checking_load_no_report_library() -> None:
    program = (
        "import vbr_audit as va, sys\n"
        "from vbr_audit.simulator import *\n"
        "with serve(jobs=2, sessions=5) as url, va.connect(url, username=DEMO_USERNAME, password=DEMO_PASSWORD) as c:\n"
        "    va.audit(va.collect(c)).findings\n"
        "print([n for n in ('matplotlib', 'openpyxl') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_no_public_function_shares_a_name_with_a_module() -> None:
    modules = {path.stem for path in MODULES} | {path.parent.name for path in MODULES if path.stem == "__init__"}
    public = [
        (path, node.name)
        for path, tree in trees().items()
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]
    assert [f"{path.relative_to(ROOT)}: {name}" for path, name in public if name in modules] == []


def functions_in(node: ast.AST) -> Iterator[ast.FunctionDef]:
    """All functions below a node, those within others too; they are statements, which no expression has in it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef):
            yield child
        if not isinstance(child, ast.expr):
            yield from functions_in(child)


def test_modules_and_functions_stay_short() -> None:
    for path, tree in trees().items():
        lines = path.read_text("utf-8").splitlines()
        assert len(lines) <= 600, f"{path.relative_to(ROOT)} has {len(lines)} lines"
        for node in functions_in(tree):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= 60, f"{path.relative_to(ROOT)}: {node.name} has {length} lines"


def test_every_public_function_and_class_has_a_docstring() -> None:
    bare = []
    for path, tree in trees().items():
        if ast.get_docstring(tree) is None:
            bare.append(str(path.relative_to(ROOT)))
        for node in tree.body:
            public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
            if public and ast.get_docstring(node) is None:
                bare.append(f"{path.relative_to(ROOT)}: {node.name}")
    assert bare == []


def test_no_write_method_of_http_is_named_outside_sign_in_and_the_jobs_section() -> None:
    # what is delivered goes to receivers of the user's; `lint-imports` holds that no server is asked there
    product = [(path, tree) for path, tree in trees().items() if not {"simulator", "delivering"} & set(path.parts)]
    writers = {
        path.relative_to(ROOT).as_posix()
        for path, tree in product
        if any(method in path.read_text("utf-8") for method in WRITING)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in WRITING
    }
    island, asks_no_server = "job_operations", "vbr_audit/histories/time_stamps.py"  # but a time authority, for a hash
    own = {f"vbr_audit/api/{name}.py" for name in ("auth", f"{island}/operations", f"{island}/writing")}
    assert writers == {*own, asks_no_server}


def test_completion_of_the_plots_offers_the_plots_and_nothing_else() -> None:
    own = {each.__name__ for each in vars(va.plot).values() if inspect.getmodule(each) is va.plot}
    assert set(dir(va.plot)) == {name for name in own if not name.startswith("_")}
