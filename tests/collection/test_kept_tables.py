"""The tables that a large run keeps: the same as of its evidence, and believed only where they follow from it."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import estates
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import vbr_audit as va
from vbr_audit.collection import kept_tables, run_folder
from vbr_audit.collection.snapshot import Snapshot, untouched
from vbr_audit.datasets import SPECS
from vbr_audit.errors import EvidenceError
from vbr_audit.tables.build.arrays import DTYPES
from vbr_audit.tables.build.schema import conform
from vbr_audit.verifying import verify_run

Collect = Callable[..., tuple[Snapshot, Any]]
NOW = dt.datetime(2026, 11, 1, 6, 0, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def every_run_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_tables, "LEAST_ROWS", 0)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved run with its tables, judged."""
    folder = tmp_path_factory.mktemp("kept") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept_tables, "LEAST_ROWS", 0)
        estates.small().save(folder, formats=["json"])
    return folder


@pytest.fixture(scope="module")
def opened(saved: Path) -> Snapshot:
    """The saved run. Nobody writes to it."""
    return va.load(saved)


@pytest.fixture
def run(saved: Path, tmp_path: Path) -> Path:
    return shutil.copytree(saved, tmp_path / "run")


def of_file(path: Path, snapshot: Snapshot) -> kept_tables.Kept | None:
    """What is kept at `path`, if it is believed to be that of `snapshot`."""
    return kept_tables.read(path, snapshot.manifest, {name: file.path for name, file in snapshot.evidence.items()})


@pytest.fixture(scope="module")
def entries(saved: Path) -> dict[str, bytes]:
    """What the zip of its tables holds. Nobody writes to it."""
    with zipfile.ZipFile(saved / "tables.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


Rewrite = Callable[[Path, Callable[[dict[str, bytes]], object]], None]


@pytest.fixture
def rewritten(entries: dict[str, bytes]) -> Rewrite:
    """Writes a zip of the tables with entries that were changed."""

    def rewrite(path: Path, change: Callable[[dict[str, bytes]], object]) -> None:
        own = dict(entries)
        change(own)
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in own.items():
                archive.writestr(name, content)

    return rewrite


def same(kept: kept_tables.Kept, snapshot: Snapshot) -> None:
    assert set(kept.tables) == set(SPECS)
    for name, frame in kept.tables.items():
        pd.testing.assert_frame_equal(frame, snapshot.as_read[name], obj=name)
    assert set(kept.positions) == set(snapshot.positions)
    for server, positions in snapshot.positions.items():
        assert positions.equals(kept.positions[server])
        jobs = snapshot.as_read["jobs"]
        ids = jobs.loc[jobs["server"].eq(server), "job_id"].tolist()
        assert kept.positions[server].places("jobs", ids) == positions.places("jobs", ids)


ESTATES = {"ordinary": {"jobs": 20, "sessions": 200}, "hostile": {"hostile": True, "jobs": 4, "sessions": 60}}


@pytest.mark.parametrize("estate", ESTATES)
def test_what_is_kept_is_what_was_read(estate: str, tmp_path: Path) -> None:
    snapshot = estates.snapshot_of(**ESTATES[estate])
    is_kept = kept_tables.keep(tmp_path / "tables.zip", snapshot)
    if not is_kept:  # a text that has no UTF-8: such a run is opened from its evidence
        assert estate == "hostile"
        assert not (tmp_path / "tables.zip").exists()
        return
    kept = of_file(tmp_path / "tables.zip", snapshot)
    assert kept is not None
    same(kept, snapshot)


def test_a_saved_run_is_opened_from_its_tables_with_the_same_outcome(run: Path) -> None:
    assert "  tables.zip\n" in (run / "SHA256SUMS").read_text()
    opened, read = va.load(run), run_folder.load(run, from_evidence=True)
    same(kept_tables.Kept(dict(opened.as_read), dict(opened.positions)), read)
    assert verify_run(run) == []
    findings = (run / "findings.json").read_bytes()
    va.load_audit(run).write("json", run / "again.json")
    assert (run / "again.json").read_bytes() == findings


def test_evidence_that_was_changed_is_not_covered_up(run: Path) -> None:
    (evidence,) = (run / "evidence").glob("*.zip")
    evidence.write_bytes(b"gone")
    with pytest.raises(EvidenceError):
        va.load(run)


def test_terms_that_were_changed_are_heeded(run: Path) -> None:
    before = va.load(run)
    document = json.loads((run / "manifest.json").read_text())
    document["run"]["since"] = "2026-10-30T00:00:00Z"
    (run / "manifest.json").write_text(json.dumps(document))
    after = va.load(run)
    assert 0 < len(after.sessions) < len(before.sessions)


def test_other_code_reads_the_evidence(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = va.load(run)
    assert of_file(run / "tables.zip", snapshot) is not None
    monkeypatch.setattr(kept_tables, "_this_code", lambda: "another release")
    assert of_file(run / "tables.zip", snapshot) is None
    assert va.load(run).jobs.equals(snapshot.jobs)


def renamed_job(entries: dict[str, bytes]) -> None:
    entries["jobs/name.texts"] = entries["jobs/name.texts"].replace(b'["', b'["Renamed ')


def test_a_table_that_does_not_follow_from_the_evidence_is_told(run: Path, rewritten: Rewrite) -> None:
    rewritten(run / "tables.zip", renamed_job)
    run_folder.seal(run)
    assert verify_run(run) == ["tables.zip: jobs is not what the evidence gives"]


def test_places_that_do_not_follow_from_the_evidence_are_told(run: Path, rewritten: Rewrite) -> None:
    def moved(entries: dict[str, bytes]) -> None:
        name = next(name for name in entries if name.endswith("/jobs.places"))
        entries[name] = entries[name][4:] + entries[name][:4]

    rewritten(run / "tables.zip", moved)
    run_folder.seal(run)
    assert verify_run(run) == [f"tables.zip: the places of the rows of {estates.SERVER} are not those in the evidence"]


def test_tables_that_are_not_what_was_written_are_not_believed(run: Path, rewritten: Rewrite) -> None:
    rewritten(run / "tables.zip", renamed_job)
    assert not va.load(run).jobs["name"].str.startswith("Renamed").any()
    assert "tables.zip was changed" in verify_run(run)


def index(entries: dict[str, bytes], **changed: Any) -> None:
    entries["index.json"] = json.dumps(json.loads(entries["index.json"]) | changed).encode()


def rows(number: int) -> Callable[[dict[str, bytes]], None]:
    def change(entries: dict[str, bytes]) -> None:
        index(entries, tables=json.loads(entries["index.json"])["tables"] | {"jobs": number})

    return change


def resized(ending: str, content: Callable[[bytes], bytes]) -> Callable[[dict[str, bytes]], None]:
    def change(entries: dict[str, bytes]) -> None:
        name = next(name for name in entries if name.endswith(ending))
        entries[name] = content(entries[name])

    return change


DAMAGES = {
    "no index": lambda entries: entries.pop("index.json"),
    "an index of another kind": lambda entries: entries.update({"index.json": b"[]"}),
    "an index of a later version": lambda entries: index(entries, version=2),
    "a table that is not known": lambda entries: index(entries, tables={"nothing": 3}),
    "too few rows": rows(1),
    "more rows than there are": rows(10**15),
    "a negative number of rows": rows(-8),
    "a column is missing": lambda entries: entries.pop("jobs/name.codes"),
    "a place without a text": resized("jobs/name.codes", lambda old: b"\xff" * len(old)),
    "texts that are no texts": resized("jobs/name.texts", lambda _: b"[1]"),
    "texts that are no list": resized("jobs/name.texts", lambda _: b"{}"),
    "no JSON": resized("jobs/name.texts", lambda _: b"["),
    "half a number": resized(".values", lambda old: old + b"\0"),
    "a page that is not there": resized("/jobs.pages", lambda old: struct.pack("<i", 10**6) + old[4:]),
    "hashes out of order": resized("/jobs.keys", lambda old: b"\xff" * 8 + old[8:]),
    "fewer places than hashes": resized("/jobs.places", lambda old: old[4:]),
    "another server": lambda entries: index(entries, pages={}),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_damaged_is_not_believed(opened: Snapshot, rewritten: Rewrite, tmp_path: Path, name: str) -> None:
    rewritten(tmp_path / "tables.zip", DAMAGES[name])
    assert of_file(tmp_path / "tables.zip", opened) is None


def test_what_is_written_again_as_it_was_is_believed(opened: Snapshot, rewritten: Rewrite, tmp_path: Path) -> None:
    rewritten(tmp_path / "tables.zip", len)
    assert of_file(tmp_path / "tables.zip", opened) is not None


@pytest.mark.parametrize("name", ["no JSON", "fewer places than hashes"])
def test_what_is_not_believed_is_read_from_the_evidence(run: Path, rewritten: Rewrite, name: str) -> None:
    rewritten(run / "tables.zip", DAMAGES[name])
    run_folder.seal(run)
    assert len(va.load(run).jobs) > 1


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"<html>"])
def test_no_zip_at_all(run: Path, content: bytes) -> None:
    (run / "tables.zip").write_bytes(content)
    run_folder.seal(run)
    assert len(va.load(run).jobs) > 1


def test_a_zip_that_would_unfold_to_too_much_is_not_opened(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_tables, "MOST_BYTES", 1000)
    monkeypatch.setattr(kept_tables, "_MOST_INDEX", 1000)
    assert of_file(run / "tables.zip", va.load(run)) is None
    assert not kept_tables.keep(run / "more.zip", va.load(run))
    assert not (run / "more.zip").exists()


def test_what_somebody_writes_into_a_table_is_not_kept(run: Path, tmp_path: Path) -> None:
    snapshot = va.load(run)
    name = snapshot.jobs["name"].iloc[0]
    snapshot.jobs.loc[0, "name"] = "Written over"
    snapshot.jobs["note"] = "mine"
    snapshot.save(tmp_path / "again")
    again = va.load(tmp_path / "again")
    assert of_file(tmp_path / "again" / "tables.zip", again) is not None
    assert again.jobs["name"].iloc[0] == name
    assert "note" not in again.jobs


def test_few_rows_are_not_kept(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    snapshot = va.load(run)
    snapshot.save(run, force=True)  # where they were kept before
    assert not (run / "tables.zip").exists()
    assert "tables.zip" not in (run / "SHA256SUMS").read_text()
    assert va.load(run).jobs.equals(snapshot.jobs)


def test_ready_made_frames_are_not_kept(tmp_path: Path) -> None:
    snapshot = va.Snapshot.from_tables({}, now=NOW, since=NOW, until=NOW)
    snapshot.save(tmp_path / "run")
    with zipfile.ZipFile(tmp_path / "run" / "tables.zip") as archive:
        assert archive.namelist() == ["index.json"]


VALUES = {
    "string": st.text(st.characters(exclude_categories=["Cs"]))
    | st.sampled_from(["", "\0", "NA", "nan", "😀", "\r\n"]),
    "Int64": st.integers(-(2**63), 2**63 - 1),
    "Float64": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "datetime": st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2100, 1, 1)).map(lambda at: at.isoformat() + "Z"),
}
WIDE = next(spec for spec in SPECS.values() if {column.dtype for column in spec.columns} == set(DTYPES))


def of_frame(frame: pd.DataFrame) -> Snapshot:
    """A snapshot of one table, as if it had been read."""
    made = va.Snapshot.from_tables({WIDE.name: frame}, now=NOW, since=NOW, until=NOW)
    return Snapshot(made.manifest, made.tables, as_read=untouched({name: made.tables[name] for name in SPECS}))


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    number = draw(st.integers(0, 12))
    cells = {kind: st.lists(st.none() | values, min_size=number, max_size=number) for kind, values in VALUES.items()}
    first = {column.dtype: column for column in WIDE.columns}
    data = {column.name: draw(cells[kind]) for kind, column in first.items()}
    return conform(data or {}, WIDE)[0]


ODD = {
    "string": ["", "\0", "NA", "nan", "😀", "\r\n", None],
    "Int64": [-(2**63), 2**63 - 1, 0, None],
    "Float64": [0.0, -1.5, 5e-324, 1.7e308, None],
    "boolean": [True, False, None],
    "datetime": ["1990-01-01T00:00:00Z", "2100-01-01T00:00:00.000001Z", None],
}


def odd_frame() -> pd.DataFrame:
    """A table of the values at the edges of what a cell may hold."""
    first = {column.dtype: column.name for column in WIDE.columns}
    return conform({name: (ODD[kind] * 7)[:7] for kind, name in first.items()}, WIDE)[0]


@example(frame=odd_frame())
@settings(max_examples=6)
@given(frame=frames())
def test_any_cells_come_back(frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> None:
    snapshot, path = of_frame(frame), tmp_path_factory.getbasetemp() / "any.zip"
    assert kept_tables.keep(path, snapshot)
    kept = of_file(path, snapshot)
    assert kept is not None
    pd.testing.assert_frame_equal(kept.tables[WIDE.name], frame)


@pytest.mark.parametrize("different", [255, 256, 2**16 - 1, 2**16])
def test_as_many_different_texts_as_there_are(different: int, tmp_path: Path) -> None:
    column = next(column.name for column in WIDE.columns if column.dtype == "string")
    frame, _ = conform({column: [None, *map(str, range(different)), None]}, WIDE)
    snapshot = of_frame(frame)
    assert kept_tables.keep(tmp_path / "many.zip", snapshot)
    kept = of_file(tmp_path / "many.zip", snapshot)
    assert kept is not None
    assert kept.tables[WIDE.name].equals(frame)


def test_a_text_without_utf_8_is_not_kept(tmp_path: Path) -> None:
    column = next(column.name for column in WIDE.columns if column.dtype == "string")
    snapshot = of_frame(conform({column: ["half a \ud83d pair"]}, WIDE)[0])
    assert not kept_tables.keep(tmp_path / "odd.zip", snapshot)
    assert not list(tmp_path.iterdir())
