"""The tables of a run in a history, as files: Parquet where pyarrow is installed, else columns in compressed JSON.

Both are read back to the same frames. A file is read from bytes whose hash was checked, never from its path again.
"""

from __future__ import annotations

import gzip
import importlib.util
import io
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import orjson
import pandas as pd

from vbr_audit.errors import ConfigurationError, EvidenceError
from vbr_audit.tables.build.schema import Column, TableSpec, conform

PARQUET: Final = ".parquet"
JSON: Final = ".json.gz"
_MOST_UNPACKED: Final = 2 * 1024**3


def has_parquet() -> bool:
    """Whether pyarrow is installed."""
    return importlib.util.find_spec("pyarrow") is not None


def encoded(frame: pd.DataFrame, spec: TableSpec) -> tuple[str, bytes]:
    """The ending of the file's name and its content; the same frame gives the same bytes."""
    if has_parquet():
        return PARQUET, _to_parquet(frame, spec)
    return JSON, to_json(frame, spec)


def decoded(name: str, content: bytes, spec: TableSpec) -> pd.DataFrame:
    """The frame of a file called `name`; raises `EvidenceError` where it is not that of `spec`.

    A column that the file lacks is NA, one that `spec` lacks is left out; a column of another type is an error, as
    text that was read as a number would be a silent lie.
    """
    return _from_parquet(name, content, spec) if name.endswith(PARQUET) else from_json(name, content, spec)


def to_json(frame: pd.DataFrame, spec: TableSpec) -> bytes:
    """`to_document` as compressed JSON."""
    return packed(to_document(frame, spec))


def to_document(frame: pd.DataFrame, spec: TableSpec) -> dict[str, Any]:
    """The columns of `frame` for JSON: repeated texts once, moments as microseconds since 1970."""
    columns = {column.name: _column_to_json(frame[column.name], column) for column in spec.columns}
    return {"table": spec.name, "rows": len(frame), "columns": columns}


def packed(document: Any) -> bytes:
    """A document as compressed JSON; the same document gives the same bytes."""
    return gzip.compress(orjson.dumps(document, option=orjson.OPT_SORT_KEYS), compresslevel=6, mtime=0)


def _column_to_json(values: pd.Series, column: Column) -> dict[str, Any]:
    if column.dtype == "string":
        codes, words = pd.factorize(values.to_numpy(dtype=object), use_na_sentinel=True)
        return {"type": "string", "words": [_encodable(word) for word in words], "codes": codes.tolist()}
    if column.dtype == "datetime":
        known = values.notna().tolist()
        micros = values.dt.tz_convert(None).to_numpy(dtype="datetime64[us]").astype(np.int64).tolist()
        return {
            "type": "datetime",
            "values": [each if is_known else None for each, is_known in zip(micros, known, strict=True)],
        }
    cells = values.astype(object).where(values.notna(), None).tolist()
    return {"type": column.dtype, "values": cells}


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def from_json(name: str, content: bytes, spec: TableSpec) -> pd.DataFrame:
    """The frame that `to_json` made; raises `EvidenceError`."""
    try:
        return from_document(name, orjson.loads(unpacked(content)), spec)
    except ValueError as error:
        raise EvidenceError(f"{name}: not a table of this program ({type(error).__name__})", hint=_HINT) from None


def from_document(name: str, document: Any, spec: TableSpec) -> pd.DataFrame:
    """The frame that `to_document` made; raises `EvidenceError`."""
    try:
        columns, rows = document["columns"], int(document["rows"])
        data = {
            column.name: _column_from_json(name, columns[column.name], column, rows)
            for column in spec.columns
            if column.name in columns
        }
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise EvidenceError(f"{name}: not a table of this program ({type(error).__name__})", hint=_HINT) from None
    return conform(data or {spec.columns[0].name: [None] * rows}, spec)[0]


_HINT: Final = "The file was changed, or was written by another version of vbr-audit."


def unpacked(content: bytes) -> bytes:
    """The content of a compressed file; raises `EvidenceError` for one that is none, or that would fill the memory."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
            data = stream.read(_MOST_UNPACKED + 1)
    except (OSError, EOFError) as error:
        raise EvidenceError(f"not a compressed file: {error}", hint=_HINT) from None
    if len(data) > _MOST_UNPACKED:
        raise EvidenceError("a compressed file of more than 2 GB", hint=_HINT)
    return data


def _column_from_json(name: str, stored: Mapping[str, Any], column: Column, rows: int) -> Any:
    if stored["type"] != column.dtype:
        raise EvidenceError(f"{name}: {column.name} is {stored['type']}, not {column.dtype}", hint=_HINT)
    if column.dtype == "string":
        words = np.array([*stored["words"], None], dtype=object)
        if len(stored["codes"]) != rows:
            raise ValueError
        return words[np.array(stored["codes"], dtype=np.intp)].tolist()
    values = stored["values"]
    if len(values) != rows:
        raise ValueError
    if column.dtype == "datetime":
        return pd.Series(pd.to_datetime(values, unit="us", utc=True)).astype("datetime64[us, UTC]")
    return values


def _to_parquet(frame: pd.DataFrame, spec: TableSpec) -> bytes:
    import pyarrow.parquet as pq

    stream, table = io.BytesIO(), to_arrow_table(frame, spec)
    # A dictionary of words that hardly repeat, as ids and digests are, makes a file larger.
    repeated = [column.name for column in spec.columns if column.dtype != "string" or _repeats(table[column.name])]
    encodings = {column.name: "DELTA_LENGTH_BYTE_ARRAY" for column in spec.columns if column.name not in repeated}
    options: dict[str, Any] = {"use_dictionary": repeated, "column_encoding": encodings or None}
    pq.write_table(table, stream, compression="zstd", compression_level=6, version="2.6", **options)
    return stream.getvalue()


def _repeats(words: Any) -> bool:
    import pyarrow.compute as pc

    return bool(2 * pc.count_distinct(words).as_py() <= len(words))


def to_arrow_table(frame: pd.DataFrame, spec: TableSpec) -> Any:
    """`frame` as an Arrow table with the columns of `spec`."""
    import pyarrow as pa

    schema = pa.schema([(column.name, _arrow_type(column)) for column in spec.columns])
    arrays = [_to_arrow(frame[column.name], column) for column in spec.columns]
    return pa.Table.from_arrays(arrays, schema=schema)


def _arrow_type(column: Column) -> Any:
    import pyarrow as pa

    kinds = {"string": pa.string(), "Int64": pa.int64(), "Float64": pa.float64(), "boolean": pa.bool_()}
    return kinds.get(column.dtype, pa.timestamp("us", tz="UTC"))


def _to_arrow(values: pd.Series, column: Column) -> Any:
    import pyarrow as pa

    cells: Any = values.to_numpy(dtype=object) if column.dtype == "string" else values
    try:
        return pa.array(cells, type=_arrow_type(column), from_pandas=True)
    except UnicodeEncodeError:  # half of a pair of surrogates, which a server may answer and no file can hold
        texts = [_encodable(cell) if isinstance(cell, str) else None for cell in cells]
        return pa.array(texts, type=pa.string())


def arrow_table(name: str, content: bytes, spec: TableSpec) -> Any:
    """The Arrow table of a Parquet file in memory, with the columns of `spec`; raises `EvidenceError`, as `decoded`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(io.BytesIO(content), use_threads=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise EvidenceError(f"{name}: not a Parquet file: {error}", hint=_HINT) from None
    arrays = []
    for column in spec.columns:
        kind = _arrow_type(column)
        place = table.schema.get_field_index(column.name)
        if place < 0:
            arrays.append(pa.nulls(len(table), kind))
            continue
        if table.schema.field(place).type != kind:
            found = table.schema.field(place).type
            raise EvidenceError(f"{name}: {column.name} is {found}, not {kind}", hint=_HINT)
        arrays.append(table.column(place))
    return pa.Table.from_arrays(arrays, names=list(spec.names))


def _from_parquet(name: str, content: bytes, spec: TableSpec) -> pd.DataFrame:
    if not has_parquet():
        raise ConfigurationError(
            f"{name} is a Parquet file, which needs pyarrow", hint="Install it with: pip install 'vbr-audit[history]'"
        )
    table = arrow_table(name, content, spec)
    data: dict[str, Any] = {}
    for column in spec.columns:
        cells = table.column(column.name)
        if column.dtype == "datetime":
            data[column.name] = cells.to_pandas().astype("datetime64[us, UTC]")
        elif column.dtype == "string":
            data[column.name] = cells.to_pandas(types_mapper=None).astype(object).tolist()
        else:
            data[column.name] = cells.to_pylist()
    return conform(data, spec)[0]
