"""SQL over the runs of a history: one SELECT, in memory, over tables whose hashes were checked.

DuckDB reads no file and reaches nothing: it is given Arrow tables, external access is off and cannot be turned on
again. What is not one SELECT by DuckDB's own parser is refused before it runs, as `COPY … TO` would write.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from vbr_audit.errors import ConfigurationError

_SET: Final = {
    "TimeZone": "'UTC'",  # the same query has the same answer on every machine
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
    "temp_directory": "''",
    "memory_limit": "'2GB'",
    "enable_external_access": "false",
}
_MOST_LENGTH: Final = 100_000
_MOST_SECONDS: Final = 120.0


def demand_duckdb() -> Any:
    """The package duckdb; raises `ConfigurationError` where it is not installed."""
    try:
        import duckdb
        import pyarrow  # noqa: F401 - the tables are handed over as Arrow tables
    except ImportError as error:
        raise ConfigurationError(
            f"SQL over a history needs the package {error.name}",
            hint="Install it with: pip install 'vbr-audit[history]'",
        ) from None
    return duckdb


def select(query: str, tables: Mapping[str, Any], *, most_rows: int | None = None) -> pd.DataFrame:
    """The answer to one SELECT over Arrow `tables` by name; with `most_rows`, so many of its rows and one more.

    Raises `ConfigurationError` for anything but one SELECT, and for one that DuckDB refuses.
    """
    duckdb = demand_duckdb()
    if len(query) > _MOST_LENGTH:
        raise ConfigurationError(f"the query is longer than {_MOST_LENGTH:,} characters", hint="Shorten it.")
    connection = duckdb.connect(":memory:", config={"threads": "2"})
    # A SELECT may ask for more rows than there are atoms.
    limit = threading.Timer(_MOST_SECONDS, connection.interrupt)
    limit.start()
    try:
        for name, table in tables.items():
            connection.register(name, table)
        for setting, value in _SET.items():
            connection.execute(f"SET {setting} = {value}")
        connection.execute("SET lock_configuration = true")
        statements = connection.extract_statements(query)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise ConfigurationError(
                "only one SELECT is answered, and this is none"
                if len(statements) == 1
                else "only one SELECT is answered",
                hint="SHOW TABLES and DESCRIBE findings list tables and columns.",
            )
        connection.execute(statements[0])
        frame = _fetched(connection, most_rows)
    except duckdb.InterruptException:
        raise ConfigurationError(
            f"the query took longer than {_MOST_SECONDS:.0f} seconds", hint="Ask for less."
        ) from None
    except duckdb.Error as error:
        raise ConfigurationError(
            f"the query was refused: {error}", hint="SHOW TABLES and DESCRIBE findings list tables and columns."
        ) from None
    finally:
        limit.cancel()
        connection.close()
    return frame


def _fetched(connection: Any, most_rows: int | None) -> pd.DataFrame:
    """The rows of the answer; of a long one only the first are taken, and one more that tells that there are others."""
    if most_rows is None:
        whole: pd.DataFrame = connection.fetch_df()
        return whole
    parts: list[pd.DataFrame] = [connection.fetch_df_chunk()]
    while len(parts[-1]) and sum(map(len, parts)) <= most_rows:
        parts.append(connection.fetch_df_chunk())
    first = pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
    return first.head(most_rows + 1)
