"""The tables of a large run, kept beside its evidence: a saved run is opened again without reading all pages anew.

They are a copy, and believed only where they follow from what is there: made of these files of evidence under this
manifest, by this very code. Else the evidence is read, as it always is when a run is verified. A zip holds the cells of
each column as numbers; of texts, the different ones as JSON and where each stands.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson
import pandas as pd
from pydantic import BaseModel, ConfigDict

from vbr_audit.collection.evidence import DAMAGE, FAST, KeptPage, content_of, entry_of
from vbr_audit.collection.files import replacing, sha256_of
from vbr_audit.collection.manifest import Manifest
from vbr_audit.collection.row_positions import Positions
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.datasets import SPECS
from vbr_audit.tables.build.arrays import dates_of, known_strings
from vbr_audit.tables.build.schema import TableSpec, empty, from_arrays, is_table_of

Numbers = npt.NDArray[Any]

LEAST_ROWS: Final = 50_000
"""Rows from which on tables are kept: so many are read again from the evidence within about a second."""
MOST_BYTES: Final = 2 * 1024**3
"""Bytes of all cells; what would be more is not kept, nor read: a zip could make them of very few."""
_INDEX: Final = "index.json"
_MOST_INDEX: Final = 128 * 1024 * 1024
_UNKNOWN: Final = 2
"""What stands for NA where no and yes are 0 and 1."""
_DAMAGE: Final = (*DAMAGE, KeyError, IndexError)
"""What reading a file may raise that is damaged, or made to mislead."""


class _Index(BaseModel):
    """What the zip holds: `tables` with their rows, `pages` as entry and SHA-256, by server and dataset."""

    model_config = ConfigDict(extra="forbid", strict=True)

    version: Literal[1] = 1
    made_by: str
    made_of: str
    tables: dict[str, int]
    pages: dict[str, dict[str, list[tuple[str, str]]]]


class Kept(NamedTuple):
    """What was kept of a run: its tables, but for those of its provenance, and the places of rows by server."""

    tables: dict[str, pd.DataFrame]
    positions: dict[str, Positions]


def keep(path: Path, snapshot: Snapshot) -> bool:
    """Write the tables of `snapshot`, as they were read, to `path`; whether there were enough of them, and all fit in.

    Raises `OutputError`.
    """
    frames = {name: frame for name, frame in snapshot.as_read.items() if len(frame)}
    if sum(map(len, frames.values())) < LEAST_ROWS or set(snapshot.evidence) != set(snapshot.positions):
        return False
    try:
        with replacing(path) as temporary:
            _write_all(temporary, frames, snapshot)
    except _DoesNotFit:
        return False
    return True


def _write_all(path: Path, frames: Mapping[str, pd.DataFrame], snapshot: Snapshot) -> None:
    index = _Index(
        made_by=_this_code(),
        made_of=_made_of(snapshot.manifest, _paths(snapshot)),
        tables={name: len(frame) for name, frame in frames.items()},
        pages={server: _pages_of(positions) for server, positions in snapshot.positions.items()},
    )
    room = MOST_BYTES
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(entry_of(_INDEX), index.model_dump_json().encode(), compresslevel=FAST)
        for name, content in _entries(frames, snapshot.positions):
            room -= len(content)
            if room < 0:
                raise _DoesNotFit
            archive.writestr(entry_of(name), content, compresslevel=FAST)


def read(path: Path, manifest: Manifest, evidence: Mapping[str, Path]) -> Kept | None:
    """What `keep` wrote to `path`; None where it does not follow from `manifest` and the files of `evidence` by server.

    None also for a file that is not there, or is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MOST_BYTES + _MOST_INDEX:
                return None
            index = _Index.model_validate_json(content_of(archive, _INDEX, most=_MOST_INDEX))
            if index.made_by != _this_code() or index.made_of != _made_of(manifest, evidence):
                return None
            tables = {name: empty(spec) for name, spec in SPECS.items()}
            tables |= {name: _table(archive, SPECS[name], rows) for name, rows in index.tables.items()}
            positions = {server: _positions(archive, server, pages) for server, pages in index.pages.items()}
    except _DAMAGE:
        return None
    return Kept(tables, positions) if set(positions) == set(evidence) else None


def differences(path: Path, snapshot: Snapshot) -> Iterator[str]:
    """Which tables that are kept at `path` are others than those of `snapshot`, which was read from the evidence.

    Tables that are not believed anyway are not compared.
    """
    kept = read(path, snapshot.manifest, _paths(snapshot))
    for name, frame in kept.tables.items() if kept else ():
        if not frame.equals(snapshot.as_read[name]):
            yield f"{path.name}: {name} is not what the evidence gives"
    for server, positions in kept.positions.items() if kept else ():
        if not positions.equals(snapshot.positions[server]):
            yield f"{path.name}: the places of the rows of {server} are not those in the evidence"


class _DoesNotFit(Exception):  # noqa: N818 - no error: such tables are not kept
    """A text or a size that the zip cannot hold."""


@cache
def _this_code() -> str:
    """A hash of this package and what it is made with: other code may make other tables of the same pages."""
    digest = hashlib.sha256(f"{pd.__version__} {np.__version__}\n".encode())
    for name, content in sorted(_files(resources.files("vbr_audit"), "")):
        digest.update(f"{name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _paths(snapshot: Snapshot) -> dict[str, Path]:
    return {name: file.path for name, file in snapshot.evidence.items()}


def _files(folder: Traversable, place: str) -> Iterator[tuple[str, bytes]]:
    for item in folder.iterdir():
        if item.is_dir():
            yield from _files(item, f"{place}{item.name}/")
        elif item.name.endswith((".py", ".yaml", ".json", ".txt")):
            yield place + item.name, item.read_bytes()


def _made_of(manifest: Manifest, evidence: Mapping[str, Path]) -> str:
    """A hash of what tables follow from: the evidence, and the terms under which it is read.

    Raises `OSError` for evidence that cannot be read.
    """
    facts = {
        "run": manifest.run.model_dump(mode="json", include={"now", "since", "until", "jobs_pattern"}),
        "servers": [record.model_dump(mode="json") for record in manifest.servers],
        "datasets": [record.model_dump(mode="json") for record in manifest.datasets],
        "evidence": {name: sha256_of(path) for name, path in evidence.items()},
    }
    return hashlib.sha256(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)).hexdigest()


# How cells become bytes, and again cells.


def _entries(frames: Mapping[str, pd.DataFrame], positions: Mapping[str, Positions]) -> Iterator[tuple[str, bytes]]:
    for name, frame in frames.items():
        if not is_table_of(frame, SPECS[name]):
            raise _DoesNotFit
        for column in SPECS[name].columns:
            for part, content in _PARTS_OF[column.dtype](frame[column.name]):
                yield f"{name}/{column.name}.{part}", content
    for server, own in positions.items():
        for dataset in own.datasets:
            for part, numbers in zip(_PLACES, own.numbers(dataset), strict=True):
                yield f"{_place(server, dataset)}.{part}", numbers.astype(_PLACES[part]).tobytes()


def _table(archive: zipfile.ZipFile, spec: TableSpec, rows: int) -> pd.DataFrame:
    arrays = {}
    for column in spec.columns:
        cells = _Cells(archive, f"{spec.name}/{column.name}", rows)
        arrays[column.name] = _ARRAY_OF[column.dtype](cells)
    return from_arrays(arrays, rows)


class _Cells(NamedTuple):
    """The parts of one column in the zip."""

    archive: zipfile.ZipFile
    name: str
    rows: int

    def numbers(self, part: str, dtype: str) -> Numbers:
        """A part as an array of `rows` numbers; raises `ValueError` for one of another length."""
        size = self.rows * np.dtype(dtype).itemsize
        content = content_of(self.archive, f"{self.name}.{part}", most=size)
        if len(content) != size:
            raise ValueError(f"{self.name}.{part} has {len(content)} bytes")
        return np.frombuffer(content, dtype).astype(np.dtype(dtype).newbyteorder("="))

    def texts(self, part: str) -> list[str]:
        """A part as a list of texts; raises `ValueError` for anything else."""
        listed = orjson.loads(content_of(self.archive, f"{self.name}.{part}", most=MOST_BYTES))
        if type(listed) is not list or not set(map(type, listed)) <= {str}:
            raise ValueError(f"{self.name}.{part} is no list of texts")
        return listed


def _text_parts(column: pd.Series) -> Iterable[tuple[str, bytes]]:
    codes, texts = pd.factorize(column.array)
    try:
        yield "texts", orjson.dumps(texts.to_numpy(dtype=object).tolist())
    except TypeError:  # a lone surrogate, which has no UTF-8
        raise _DoesNotFit from None
    yield "codes", np.where(codes < 0, len(texts), codes).astype(_code_dtype(len(texts))).tobytes()


def _text_array(cells: _Cells) -> Any:
    texts = cells.texts("texts")
    different = np.empty(len(texts) + 1, dtype=object)
    different[:-1], different[-1] = texts, pd.NA
    return known_strings(different[cells.numbers("codes", _code_dtype(len(texts)))].tolist())


def _code_dtype(texts: int) -> str:
    """The smallest dtype for the places of so many texts and of NA, which is behind them."""
    return next(dtype for dtype, most in (("<u1", 2**8), ("<u2", 2**16), ("<u4", 2**32)) if texts < most)


def _number_parts(column: pd.Series, dtype: str) -> Iterable[tuple[str, bytes]]:
    mask = column.isna().to_numpy()
    yield "values", column.to_numpy(dtype=dtype, na_value=0).tobytes()
    yield "missing", np.packbits(mask).tobytes()


def _mask(cells: _Cells) -> Numbers:
    size = -(-cells.rows // 8)
    bits = _Cells(cells.archive, cells.name, size).numbers("missing", "u1")
    return np.unpackbits(bits, count=cells.rows).astype(bool)


def _truth_parts(column: pd.Series) -> Iterable[tuple[str, bytes]]:
    yield "values", column.astype("Int64").to_numpy(dtype="u1", na_value=_UNKNOWN).tobytes()


def _truth_array(cells: _Cells) -> Any:
    values = cells.numbers("values", "u1")
    return pd.arrays.BooleanArray(values == 1, values == _UNKNOWN)


def _date_parts(column: pd.Series) -> Iterable[tuple[str, bytes]]:
    yield "values", column.dt.tz_localize(None).to_numpy("datetime64[us]").astype("<i8").tobytes()


_PARTS_OF: Final = {
    "string": _text_parts,
    "Int64": lambda column: _number_parts(column, "<i8"),
    "Float64": lambda column: _number_parts(column, "<f8"),
    "boolean": _truth_parts,
    "datetime": _date_parts,
}
_ARRAY_OF: Final[Mapping[str, Any]] = {
    "string": _text_array,
    "Int64": lambda cells: pd.arrays.IntegerArray(cells.numbers("values", "<i8"), _mask(cells)),
    "Float64": lambda cells: pd.arrays.FloatingArray(cells.numbers("values", "<f8"), _mask(cells)),
    "boolean": _truth_array,
    "datetime": lambda cells: dates_of(cells.numbers("values", "<i8")),
}
"""By the short dtype of a column: its cells as named parts, and an array of those."""

_PLACES: Final = {"keys": "<u8", "pages": "<i4", "places": "<i4"}


def _place(server: str, dataset: str) -> str:
    return f"places/{hashlib.sha256(server.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}/{dataset}"


def _pages_of(positions: Positions) -> dict[str, list[tuple[str, str]]]:
    return {name: [(page.entry, page.sha256) for page in positions.pages(name)] for name in positions.datasets}


def _positions(archive: zipfile.ZipFile, server: str, pages: Mapping[str, Iterable[tuple[str, str]]]) -> Positions:
    positions = Positions()
    for dataset, named in pages.items():
        place = _place(server, dataset)
        rows = archive.getinfo(f"{place}.keys").file_size // np.dtype(_PLACES["keys"]).itemsize
        cells = _Cells(archive, place, rows)
        keys, numbers, places = (cells.numbers(part, dtype) for part, dtype in _PLACES.items())
        positions.restore(dataset, [KeptPage(*page) for page in named], (keys, numbers, places))
    return positions
