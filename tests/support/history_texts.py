"""All that can be read in a history, whatever its files are packed in."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
from estates import texts_of


def history_texts(history: Path) -> dict[str, str]:
    """The text of every file below `history` by its path there, tables unpacked, with the path itself."""
    files = (path for path in sorted(history.rglob("*")) if path.is_file())
    return {name: f"{name}\n{_text(path)}" for path in files if (name := path.relative_to(history).as_posix())}


def _text(path: Path) -> str:
    if path.suffix == ".parquet":
        return pd.read_parquet(path).to_csv()
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes()).decode()
    if path.suffix in (".sig", ".tsr"):
        return path.read_bytes().decode("latin-1")
    return texts_of(path)
