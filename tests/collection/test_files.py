"""Files that appear whole or not at all, in folders that hold nobody else's work."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbr_audit.collection.files import slug, write_bytes, write_with
from vbr_audit.collection.run_folder import clear, evidence_names, prepare
from vbr_audit.errors import ConfigurationError, OutputError


def test_a_failing_writer_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text("old")

    def fail(path: Path) -> None:
        path.write_text("half")
        raise ValueError("broken in the middle")

    with pytest.raises(ValueError, match="broken"):
        write_with(target, fail)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_folder_that_is_a_file_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        write_bytes(tmp_path / "file" / "report.html", b"")


@given(st.text(max_size=400))
def test_a_slug_is_a_safe_file_name_whatever_the_server_is_called(name: str) -> None:
    text = slug(name)
    assert 1 <= len(text) <= 90
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")
    assert not text.startswith((".", "-"))
    assert text.split(".")[0] not in {"con", "nul", "prn", "aux", "com1", "lpt1"}


@given(st.lists(st.text(max_size=20), unique=True, max_size=20))
def test_two_servers_never_share_a_file(names: list[str]) -> None:
    files = evidence_names(names)
    assert len(set(files.values())) == len(names)


def test_a_folder_with_something_in_it_is_refused_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("mine")
    with pytest.raises(ConfigurationError, match="not empty"):
        prepare(tmp_path, force=False)
    prepare(tmp_path, force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.doc"]


def test_an_out_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(ConfigurationError, match="is a file"):
        prepare(tmp_path / "out", force=True)


def test_clearing_removes_the_tools_own_files_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "evidence").mkdir()
    outside = tmp_path.parent / "outside.zip"
    outside.write_text("not ours")
    for name in ("manifest.json", "report.html", "notes.txt", "evidence/vbr01.zip", "evidence/mine.zip"):
        (tmp_path / name).write_text("")
    (tmp_path / "SHA256SUMS").write_text("00  evidence/vbr01.zip\n00  evidence/../../outside.zip\n00  notes.txt\n")
    clear(tmp_path)
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["evidence/mine.zip", "notes.txt"]
    assert outside.exists()
