"""What is shipped: a wheel and a source archive that hold everything, on each Python that this machine has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

import vbr_audit

ROOT = Path(__file__).parents[2]
MINORS = range(11, 16)
USE = """
import importlib.metadata, importlib.resources as resources, sys
import vbr_audit as va
from vbr_audit.cli import main
assert va.__file__.startswith(sys.argv[1]), va.__file__
assert importlib.metadata.version("vbr-audit") == va.__version__
assert (resources.files("vbr_audit") / "py.typed").is_file()
sys.argv = ["vbr-audit", "demo", "--policy", "minimal", "--format", "html,json", "--out", sys.argv[2], "--quiet"]
sys.argv += ["--jobs", "3", "--sessions", "60"]
main()
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source archive, built from what git would hold of the tree."""
    pytest.importorskip("hatchling", reason="needs hatchling, from pip install '.[test]'")
    place = tmp_path_factory.mktemp("dist")
    program = [sys.executable, "-m", "hatchling", "build", "-d", str(place)]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return place


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    """The wheel."""
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked; what Python compiles of it stays there, for each version of Python its own."""
    place = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    return place


def data_files() -> set[str]:
    """Every file of the package that is no Python, as the wheel should name it."""
    inside = {path for path in (ROOT / "vbr_audit").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    found = {path.relative_to(ROOT).as_posix() for path in inside if path.suffix != ".py"}
    templates = {path for path in (ROOT / "report_templates").rglob("*") if path.is_file()}
    return found | {f"vbr_audit/{path.relative_to(ROOT).as_posix()}" for path in templates}


def test_the_wheel_holds_the_whole_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        metadata = message_from_bytes(archive.read(next(n for n in archive.namelist() if n.endswith("/METADATA"))))
    sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / "vbr_audit").rglob("*.py")}
    assert names == sources | data_files()
    assert "vbr_audit/py.typed" in names
    assert "vbr_audit/report_templates/compliance.html.j2" in names
    assert "vbr_audit/tables/controls.yaml" in names
    assert metadata["Version"] == vbr_audit.__version__
    assert metadata["Requires-Python"] == ">=3.11"


def test_the_version_stands_in_one_place() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    assert 'dynamic = ["version"]' in text
    assert not re.search(r"(?m)^version = ", text)
    assert re.search(
        rf"(?m)^## .*{re.escape(vbr_audit.__version__)}|^## .*[Uu]nreleased", (ROOT / "CHANGELOG.md").read_text("utf-8")
    )


def test_the_source_archive_gives_the_same_wheel(built: Path, wheel: Path, tmp_path: Path) -> None:
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    for name in ("LICENSE", "README.md", "CHANGELOG.md", "tests/conftest.py"):
        assert (folder / name).is_file()
    program = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "again")]
    subprocess.run(program, cwd=folder, capture_output=True, check=True)
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(tmp_path / "again" / wheel.name) as other:
        assert {name: one.read(name) for name in one.namelist()} == {n: other.read(n) for n in other.namelist()}


def python_of(minor: int) -> str | None:
    """The path of Python 3.`minor`, if this machine has one that starts, on the PATH or among pyenv's."""
    name = f"python3.{minor}"
    kept = Path(os.environ.get("PYENV_ROOT", "/nowhere")).glob(f"versions/3.{minor}.*/bin/{name}")
    for found in (shutil.which(name), *sorted(map(str, kept))):
        if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
            return found
    return None


@pytest.mark.parametrize("minor", MINORS)
def test_every_python_here_compiles_the_package(minor: int, site: Path) -> None:
    """No library is needed for this, so that it is tried on every Python that is installed, however new."""
    python = python_of(minor)
    if python is None:
        if minor == MINORS[0] and os.environ.get("CI"):
            pytest.fail("the oldest supported Python is not installed")
        pytest.skip(f"Python 3.{minor} is not installed")
    program = [python, "-W", "error", "-m", "compileall", "-q", str(site / "vbr_audit")]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
def test_the_wheel_works_where_the_tree_is_not(site: Path, tmp_path: Path) -> None:
    """The built package, with the libraries of this environment but without the tree.

    It writes nothing that is compiled, so that the test above compiles all of it whichever comes first.
    """
    libraries = [path for path in sys.path if Path(path).name == "site-packages"]
    environment = {"PYTHONPATH": os.pathsep.join((str(site), *libraries)), "PATH": os.environ["PATH"]}
    program = [sys.executable, "-S", "-B", "-c", USE, str(site), str(tmp_path / "run")]
    done = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "report.html").stat().st_size > 100_000
