"""Any table of pandas in a notebook with search and sorting, without a network (extra `notebook`: itables)."""

from __future__ import annotations

import datetime as dt
import importlib
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
from markupsafe import escape

from vbr_audit.config.settings import load_settings
from vbr_audit.display import count, is_known, number, plain, time_zone
from vbr_audit.errors import ConfigurationError

MOST_ROWS: Final = 10_000
"""Rows that are shown: a notebook holds every one of them."""
_CLOCK: Final = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True)
class SearchableTable:
    """A table with search and sorting; it shows itself in a notebook, and asks nothing of a network."""

    html: str
    rows: int
    total: int

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return f"<SearchableTable of {count(self.total, 'row')}>"


def searchable(frame: pd.DataFrame, *, caption: str = "", timezone: str | None = None) -> SearchableTable:
    """Show any DataFrame in a notebook with search, sorting and pages of rows; works offline.

    An index with a name becomes the first columns. Instants are shown on the clock of `timezone`, an IANA name such as
    `snapshot.timezone`; without it, of the setting `timezone`, else UTC: the header names it. NA is an empty cell, text
    is shown as text. Of more than 10,000 rows, the first ones are shown, and the caption says so. Each table holds the
    script that it needs (some 600 KB), so that a saved notebook shows it wherever it is opened and trusted.

    Raises `ConfigurationError` where itables is not installed, and for a zone that does not exist.
    """
    itables = _itables()
    name = timezone or load_settings().timezone or "UTC"
    try:
        zone = time_zone(name)
    except ValueError as error:
        raise ConfigurationError(str(error), hint="Give an IANA name such as Europe/Berlin.") from None
    named = [level for level in frame.index.names if level is not None]
    table = frame.reset_index(level=named) if named else frame
    shown = _as_shown(table.head(MOST_ROWS), zone, name)
    parts = [plain(caption)] if caption else []
    if len(table) > MOST_ROWS:
        parts.append(f"the first {number(MOST_ROWS)} of {count(len(table), 'row')}")
    script = importlib.import_module("itables.javascript").generate_init_offline_itables_html(itables.options.dt_bundle)
    body = itables.to_html_datatable(
        shown,
        caption=str(escape(": ".join(parts))) or None,  # itables takes it as HTML
        connected=False,
        allow_html=False,
        display_logo_when_loading=False,
        maxBytes=0,
        maxRows=0,
        maxColumns=0,
        showIndex=False,
    )
    return SearchableTable(script + body, len(shown), len(table))


def _itables() -> Any:
    try:
        return importlib.import_module("itables")
    except ImportError:
        raise ConfigurationError(
            "searchable tables need itables, which is not installed", hint='pip install "vbr-audit[notebook]"'
        ) from None


def _as_shown(frame: pd.DataFrame, zone: dt.tzinfo, name: str) -> pd.DataFrame:
    """The cells as a reader sees them: numbers and truth values keep their kind, all else is text."""
    columns: dict[str, Any] = {}
    labels: list[Any] = list(frame.columns)
    for place, label in enumerate(labels):
        values = frame.iloc[:, place]
        header = plain(" ".join(map(str, label)) if isinstance(label, tuple) else label)
        if isinstance(values.dtype, pd.DatetimeTZDtype):
            header = f"{header} ({name})"
            values = values.dt.tz_convert(zone).dt.strftime(_CLOCK)
        free = header
        while free in columns:
            free += " "
        columns[free] = _cells(values)
    return pd.DataFrame(columns)


def _cells(values: pd.Series) -> list[Any]:
    kinds = pd.api.types
    if kinds.is_numeric_dtype(values.dtype) or kinds.is_bool_dtype(values.dtype):
        return [value if is_known(value) else None for value in values.tolist()]
    return [plain(value) if is_known(value) else "" for value in values.tolist()]
