"""The columns of `jobs` that say whose database logs a job backs up between its runs, and how often."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from vbr_audit.tables.build.schema import Column
from vbr_audit.tables.jobs.documents import JobDocuments

COLUMNS: Final = (
    Column(
        "log_backups_count",
        "Int64",
        "Number of its entries for applications that back up database logs; NA where one does not say so.",
        "entries",
    ),
    Column("log_backup_min", "Int64", "The longest time between two of these backups of logs.", "min"),
)

DATABASES: Final = ("oracle", "postgreSQL", "postgreSql")
"""The settings of an entry that say `backupLogs`; agents on Linux write the last one."""

SQL_WORDS: Final = frozenset({"truncate", "preserve", "backup", "nevertruncate"})


def read_logs(read: JobDocuments, rows: int) -> dict[str, Any]:
    """The columns of `COLUMNS`: of the documents whose settings are known, then NA up to `rows`."""
    known = zip(read.documents, read.profiles, strict=True)
    told = [(pd.NA, pd.NA) if profile is None else _logs_of(document) for document, profile in known]
    told += [(pd.NA, pd.NA)] * (rows - len(told))
    return {column.name: pd.array([each[at] for each in told], dtype="Int64") for at, column in enumerate(COLUMNS)}


def _logs_of(document: dict[str, Any]) -> tuple[Any, Any]:
    """How many entries of one job back up logs, and the longest pause of these."""
    guests = document.get("guestProcessing")
    aware = guests.get("appAwareProcessing") if type(guests) is dict else None
    entries = aware.get("appSettings") if type(aware) is dict else None
    if type(entries) is not list:
        return pd.NA, pd.NA
    without_sql = str(document.get("type")).startswith("Linux")
    answers = [_backs_up(entry, without_sql=without_sql) for entry in entries]
    minutes = [entry["backupMinsCount"] for found, entry in answers if found if _is_minutes(entry)]
    count = sum(found is True for found, _ in answers)
    unsaid = any(found is None for found, _ in answers)
    return pd.NA if unsaid and not count else count, max(minutes) if len(minutes) == count > 0 else pd.NA


def _backs_up(entry: Any, *, without_sql: bool) -> tuple[bool | None, dict[str, Any]]:
    """Whether one entry backs up logs, None where it does not say; and the settings that say so.

    An agent on Linux has no settings of SQL Server that could say it.
    """
    if type(entry) is not dict:
        return None, {}
    if str(entry.get("transactionLogs")).casefold() == "copyonly":
        return False, {}
    for name in DATABASES:
        database = entry.get(name)
        if type(database) is dict and database.get("backupLogs") is True:
            return True, database
    if without_sql:
        return False, {}
    sql = entry.get("sql")
    word = str(sql.get("logsProcessing")).casefold() if type(sql) is dict else ""
    return (word == "backup" if word in SQL_WORDS else None), sql if type(sql) is dict else {}


def _is_minutes(settings: dict[str, Any]) -> bool:
    minutes = settings.get("backupMinsCount")
    return type(minutes) is int and 0 < minutes <= 525_600
