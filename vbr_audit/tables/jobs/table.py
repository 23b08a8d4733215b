"""The table `jobs`: every job that the server lists, with its settings under their canonical names.

Jobs come from their documents (`/jobs`); those that only have a state (`/jobs/states`), or only backups of a type
that has no documents (`/backups`), are added with unknown settings, so that nothing the server knows is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray

from vbr_audit.tables.build.arrays import are_missing, strings_of, to_array, to_booleans, to_strings
from vbr_audit.tables.build.enums import CONTROL_WORDS, SOUND_WORDS, Folding, fold_control_words
from vbr_audit.tables.build.fields import SEPARATOR, Field, Table, counted, ident, joined
from vbr_audit.tables.build.notes import Notes
from vbr_audit.tables.build.schema import ZERO_GUID, Column, ObjectKind, Sheet, TableSpec, conform, empty, from_arrays
from vbr_audit.tables.jobs import settings as job_settings
from vbr_audit.tables.jobs.control_list import (
    CONTROLS,
    GFS_LEVELS,
    HEALTH_CHECK_TIMES,
    ID_CONTROLS,
    LIST_CONTROLS,
    SCRIPTS,
    SUB_SCHEDULES,
)
from vbr_audit.tables.jobs.controls import get_map, has_and_unknown, known_revision, newest_known, support
from vbr_audit.tables.jobs.documents import READ_CONTROLS, JobDocuments, read_documents
from vbr_audit.tables.jobs.states import SPEC as STATES
from vbr_audit.tables.schedule import start_intervals

# The columns of `jobs` that say what a job takes in, leaves out and copies from, of the documents that tell it.

SCOPE_FIELDS: Final[tuple[Field, ...]] = (
    counted(
        "included_count",
        "Number of entries in its scope: machines, containers, computers or shares. NA for other types of jobs.",
        "virtualMachines.includes",
        "computers",
        "objects",
        unit="entries",
    ),
    counted(
        "excluded_count",
        "Number of entries that exclude machines; for a copy job, without excluded jobs.",
        "virtualMachines.excludes.vms",
        "sourceObjects.excludes.objects",
        "linkedJobs.excludes",
        unit="entries",
    ),
    counted(
        "excluded_jobs_count", "Copy jobs only: number of excluded jobs.", "sourceObjects.excludes.jobs", unit="jobs"
    ),
    joined(
        "disks_to_process",
        "The disk selection of each machine that has one: AllDisks, SystemOnly or SelectedDisks, joined by commas.",
        "virtualMachines.excludes.disks[].disksToProcess",
        known=("AllDisks", "SystemOnly", "SelectedDisks"),
    ),
    joined(
        "source_job_ids",
        "Copy jobs and content scans only: ids of the jobs whose backups they use, joined by commas.",
        "sourceObjects.includes.jobs[].id",
        "linkedJobs.includes[].id",
        holds="ids",
    ),
    joined(
        "source_repository_ids",
        "Copy jobs only: ids of the repositories whose backups they copy, joined by commas.",
        "sourceObjects.includes.repositories[].id",
        holds="ids",
    ),
    joined(
        "source_backup_ids",
        "Copy jobs only: ids of the backups that they copy, joined by commas. From 1.3-rev1 on.",
        "sourceObjects.includes.backups[].id",
        holds="ids",
    ),
    ident(
        "archive_repository_id",
        "File backup jobs only: the id of the archive repository. From 1.3-rev1 on.",
        "archiveRepository.archiveRepositoryId",
    ),
    counted(
        "secondary_targets_count",
        "Number of secondary targets for copies of its backups. From 1.3-rev2 on.",
        "secondaryTargets",
        unit="targets",
    ),
    counted(
        "app_settings_count",
        "Number of its machines or containers with application settings.",
        "guestProcessing.appAwareProcessing.appSettings",
        unit="entries",
    ),
)

CREDENTIALS: Final = Column(
    "credentials_ids",
    "string",
    "Ids of the credentials of its guest processing and its destination, joined by commas; empty text for none.",
    holds="ids",
)

_SCOPE_TABLE: Final = Table("jobs", "The scope of jobs.", SCOPE_FIELDS)
_PARTS_WITH_CREDENTIALS: Final = ("guestProcessing", "storage")
_NAMES_CREDENTIALS: Final = re.compile(r"cred(ential)?s_?id$", re.IGNORECASE)


def read_scope(read: JobDocuments, rows: int, notes: Notes) -> dict[str, Any]:
    """The columns of `SCOPE_FIELDS`: of the documents whose settings are known, then NA up to `rows`.

    What does not fit is counted in `notes`.
    """
    builder = _SCOPE_TABLE.builder("")
    known = zip(read.documents, read.profiles, strict=True)
    builder.add([{} if profile is None else document for document, profile in known])
    result = builder.finish()
    result.notes.unknown_fields.clear()
    result.notes.missing_keys = 0
    notes.merge(result.notes)
    frame = result.frame.reindex(pd.RangeIndex(rows))
    scope = {column.name: frame[column.name].array for field in SCOPE_FIELDS for column in field.columns}
    credentials = [_credentials_named(*each) for each in zip(read.documents, read.profiles, strict=True)]
    return scope | {CREDENTIALS.name: strings_of([*credentials, *[pd.NA] * (rows - len(credentials))])}


def _credentials_named(document: dict[str, Any], profile: str | None) -> Any:
    """The credentials that a job names as one text; NA where its kind works inside guests and it does not say how."""
    known = None if profile is None else get_map().profile(profile)
    if known is None or (known.supports("app_aware_enabled") is not False and not document.get("guestProcessing")):
        return pd.NA
    return SEPARATOR.join(dict.fromkeys(_credentials_in(document)))


def _credentials_in(document: dict[str, Any]) -> Iterator[str]:
    """The ids of all credentials that a job's document names, wherever its type and revision keep them."""
    waiting: list[Any] = [document.get(part) for part in _PARTS_WITH_CREDENTIALS]
    while waiting:
        value = waiting.pop()
        if type(value) is list:
            waiting += value
        elif type(value) is dict:
            waiting += value.values()
            for key, inner in value.items():
                if isinstance(inner, str) and inner != ZERO_GUID and _NAMES_CREDENTIALS.search(key):
                    yield inner


# The columns of `jobs` that say whose database logs a job backs up between its runs, and how often.

LOG_COLUMNS: Final = (
    Column(
        "log_backups_count",
        "Int64",
        "Number of its application entries that back up database logs; NA instead of 0 if an entry does not report it.",
        "entries",
    ),
    Column("log_backup_min", "Int64", "The longest interval of these log backups.", "min"),
)

DATABASES: Final = ("oracle", "postgreSQL", "postgreSql")
"""The settings of an entry that say `backupLogs`; agents on Linux write the last one."""

SQL_WORDS: Final = frozenset({"truncate", "preserve", "backup", "nevertruncate"})


def read_logs(read: JobDocuments, rows: int) -> dict[str, Any]:
    """The columns of `LOG_COLUMNS`: of the documents whose settings are known, then NA up to `rows`."""
    known = zip(read.documents, read.profiles, strict=True)
    logs = [(pd.NA, pd.NA) if profile is None else _logs_of(document) for document, profile in known]
    logs += [(pd.NA, pd.NA)] * (rows - len(logs))
    return {column.name: pd.array([each[at] for each in logs], dtype="Int64") for at, column in enumerate(LOG_COLUMNS)}


def _logs_of(document: dict[str, Any]) -> tuple[Any, Any]:
    """How many entries of one job back up logs, and the longest pause of these."""
    guests = document.get("guestProcessing")
    aware = guests.get("appAwareProcessing") if type(guests) is dict else None
    entries = aware.get("appSettings") if type(aware) is dict else None
    if type(entries) is not list:
        return pd.NA, pd.NA
    without_sql = str(document.get("type")).startswith("Linux")
    answers = [_backs_up(entry, without_sql=without_sql) for entry in entries]
    minutes = [entry["backupMinsCount"] for backs_up, entry in answers if backs_up if _is_minutes(entry)]
    count = sum(backs_up is True for backs_up, _ in answers)
    is_open = any(backs_up is None for backs_up, _ in answers)
    return pd.NA if is_open and not count else count, max(minutes) if len(minutes) == count > 0 else pd.NA


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


SPEC: Final = TableSpec(
    name="jobs",
    key=("server", "job_id"),
    help="One row per job that the server lists, with its settings under their canonical names.",
    columns=(
        Column("server", "string", "The server's name in this run.", holds="server"),
        Column("job_id", "string", "The job's id.", holds="id"),
        Column("name", "string", "The job's name.", holds="job"),
        Column("type", "string", "The job's type in its newest spelling.", holds="word"),
        Column("type_reported", "string", "The type as the server wrote it.", holds="word"),
        Column("description", "string", "The job's description.", holds="prose"),
        Column("is_high_priority", "boolean", "The job gets resources first when they are scarce."),
        Column("seen_in", "string", "Where the job was found: jobs, job_states, backups, joined by +.", holds="kept"),
        Column(
            "settings_profile",
            "string",
            "The entry of the controls map that applies: revision, type and variant. NA if the settings are not "
            "known: the type or revision is not in the map, or the job has no document.",
            holds="kept",
        ),
        Column(
            "expected_to_run",
            "boolean",
            "The job should run automatically: it is not disabled, and is scheduled or of a type that always runs.",
        ),
        Column(
            "start_interval_h",
            "Int64",
            "The longest time between two starts by its schedule; for a job that runs after another, that of the other "
            "job. 0 if it never pauses, NA if the schedule does not determine it.",
            "h",
        ),
        *(control.column for control in CONTROLS.values()),
        *(column for field in SCOPE_FIELDS for column in field.columns),
        *LOG_COLUMNS,
        CREDENTIALS,
    ),
    kind=ObjectKind(
        "job",
        "job_id",
        "name",
        causes=(
            ("repository", "repository_id"),
            ("encryption password", "encryption_password_id"),
        ),
    ),
    sheet=Sheet(
        first=(
            "server",
            "name",
            "type",
            "is_disabled",
            "is_scheduled",
            "retry_enabled",
            "retry_count",
            "retention_type",
            "retention_quantity",
            "gfs_enabled",
            "encryption_enabled",
            "health_check_enabled",
            "app_aware_enabled",
        ),
        always=True,
        rank=10,
    ),
)

_IDLE: Final = frozenset({"Inactive", "Stopped", "Enabled"})


@dataclass(frozen=True)
class JobTables:
    """`jobs`, and what could not be taken over; `job_settings` is built when it is first asked for."""

    jobs: pd.DataFrame
    notes: Notes
    read: JobDocuments
    server: str

    @cached_property
    def job_settings(self) -> pd.DataFrame:
        """One row per job document and control, with the value as received and its JSON path."""
        return job_settings.build_job_settings(self.read, server=self.server)


def build_jobs(
    documents: list[Any],
    states: pd.DataFrame | None,
    *,
    server: str,
    revision: str | None,
    server_revision: str | None = None,
    backups: pd.DataFrame | None = None,
) -> JobTables:
    """Build the tables of one server from decoded job documents, its `job_states` and its `backups` (None: not read).

    `revision` is the one that was asked for, `server_revision` the newest that the server speaks. Rows keep
    the order of the documents, then that of the states, then that of the backups. Nothing in the documents raises.
    """
    notes = Notes()
    read = read_documents(documents, revision=revision, server_revision=server_revision, notes=notes)
    ids = without_zero_ids([document.get("id") for document in read.documents])
    known_states = distinct_states(states)
    only = without_document(ids, known_states, backups, revision)
    arrays = _base_arrays(read, ids, only, server, notes)
    all_ids = [*ids, *only["job_id"]]
    arrays["seen_in"] = strings_of(seen_in(all_ids, len(ids), known_states, backups))
    arrays |= read_scope(read, len(all_ids), notes) | read_logs(read, len(all_ids))
    for name in READ_CONTROLS:
        arrays[name] = control_array(name, read.values[name] + [None] * len(only), notes)
    arrays["is_disabled"] = _with_status(arrays["is_disabled"], only, len(read.documents))
    profiles = pd.Series(arrays["settings_profile"])
    _add_computed(arrays, profiles)
    arrays["expected_to_run"] = _expected_to_run(arrays, profiles, known_states)
    arrays["start_interval_h"] = start_intervals(arrays, always_runs=_always_runs(profiles))
    notes.missing_keys += int(arrays["job_id"].isna().sum())
    frame = from_arrays({name: arrays[name] for name in SPEC.names}, len(profiles))
    return JobTables(frame, notes, read, server)


def _base_arrays(read: JobDocuments, ids: list[Any], only: pd.DataFrame, server: str, notes: Notes) -> dict[str, Any]:
    """The columns that every job has whatever its type, of the documents and then of the jobs without one."""

    def texts(column: str, own: list[Any]) -> Any:
        return to_strings(own + only[column].tolist(), column, notes)

    def reported(key: str) -> list[Any]:
        return [document.get(key) for document in read.documents]

    priority = only["is_high_priority"].tolist()
    return {
        "server": strings_of([server] * (len(ids) + len(only))),
        "job_id": texts("job_id", ids),
        "name": texts("name", reported("name")),
        "type": texts("type", list(read.types)),
        "type_reported": texts("type_reported", reported("type")),
        "description": texts("description", reported("description")),
        "is_high_priority": to_booleans(reported("isHighPriority") + priority, "is_high_priority", notes),
        "settings_profile": to_strings(read.profiles + [None] * len(only), "settings_profile", notes),
    }


def _with_status(disabled: Any, only: pd.DataFrame, documents: int) -> Any:
    """`is_disabled` with what the status of each job without a document says of it."""
    is_disabled = [_says_disabled(word) for word in only["status"]]
    if is_disabled:
        disabled = disabled.copy()
        disabled[documents:] = pd.array(is_disabled, dtype="boolean")
    return disabled


def _says_disabled(word: Any) -> Any:
    if not isinstance(word, str):
        return pd.NA
    return True if word == "Disabled" else False if word in _IDLE else pd.NA


def _add_computed(arrays: dict[str, Any], profiles: pd.Series) -> None:
    any_sub = _any(arrays, profiles, SUB_SCHEDULES)
    arrays["is_scheduled"] = _where_supported(arrays["run_automatically"] & any_sub, profiles, "is_scheduled")
    for name, inputs in (
        ("gfs_level_enabled", GFS_LEVELS),
        ("health_check_scheduled", HEALTH_CHECK_TIMES),
        ("script_enabled", SCRIPTS),
    ):
        arrays[name] = _where_supported(_any(arrays, profiles, inputs), profiles, name)


def _any(arrays: dict[str, Any], profiles: pd.Series, names: Sequence[str]) -> Any:
    """Yes if any of `names` is; no if all that the job has are no; else NA."""
    answer = pd.array(np.zeros(len(profiles), dtype=bool), dtype="boolean")
    for name in names:
        has, unknown = has_and_unknown(profiles, name)
        values = arrays[name].copy()
        values[~(has | unknown)] = False
        answer = answer | values
    return answer


def _where_supported(values: Any, profiles: pd.Series, control: str) -> Any:
    supported, _ = has_and_unknown(profiles, control)
    values = values.copy()
    values[~supported] = pd.NA
    return values


def _expected_to_run(arrays: dict[str, Any], profiles: pd.Series, states: pd.DataFrame | None) -> Any:
    """By settings; for a job whose settings are not known, a next run in its state counts as scheduled."""
    scheduled = arrays["is_scheduled"].copy()
    if states is not None:
        planned = set(states.loc[states["next_run"].notna(), "job_id"])
        unknown = are_missing(profiles)
        due = np.array([type(i) is str and i in planned for i in arrays["job_id"]], dtype=bool)
        scheduled[unknown & due] = True
    return ~arrays["is_disabled"] & (scheduled | _always_runs(profiles))


def _always_runs(profiles: pd.Series) -> Any:
    """Whether each type has no schedule, because it follows what it copies all the time."""
    return ~support(profiles, "is_scheduled").array


# Values of controls as received to the arrays of `jobs`: words folded, what several places say made one answer.


def control_array(name: str, values: list[Any], notes: Notes) -> ExtensionArray:
    """`values` of the control `name` in its dtype; a tuple is what several places or entries of a list say."""
    dtype = CONTROLS[name].dtype
    if dtype == "boolean":
        values = [_all_of(value) if type(value) is tuple else value for value in values]
    elif name in ID_CONTROLS:
        values = without_zero_ids(values)
    elif name in LIST_CONTROLS:
        values = [_joined(value) if type(value) is tuple else value for value in values]
    elif dtype == "string":
        values = _fold_words(name, values, notes)
    return to_array(values, dtype, name, notes)


def without_zero_ids(values: list[Any]) -> list[Any]:
    """`values` with None for the all-zero id, which means that there is none."""
    return [None if value == ZERO_GUID else value for value in values]


def _all_of(values: tuple[Any, ...]) -> Any:
    """Yes if all say yes, no if any says no; else a value that does not fit, or None."""
    if any(value is False for value in values):
        return False
    return next((value for value in values if value is not True), True if values else None)


def _joined(words: tuple[Any, ...]) -> Any:
    """The words joined by commas, capitalised; a value that does not fit if one of them is no text."""
    return next((word for word in words if not isinstance(word, str)), ",".join(map(str, words)).title())


def _fold_words(name: str, values: list[Any], notes: Notes) -> list[Any]:
    folding = fold_control_words().get(name)
    if folding is None:
        return values
    order = CONTROL_WORDS[name]
    folded = [
        _worst([_folded(part, folding) for part in value], order) if type(value) is tuple else _folded(value, folding)
        for value in values
    ]
    for value in values if folding.unknown else ():
        for part in value if type(value) is tuple else (value,):
            if isinstance(part, str) and part in folding.unknown:
                notes.count_unknown_value(name, part)
    return folded


def _folded(value: Any, folding: Folding) -> Any:
    return folding[value] if isinstance(value, str) else value


def _worst(words: list[Any], order: tuple[str, ...]) -> Any:
    """The first word of `order` that occurs; a sound one only if no entry leaves open whether it is worse."""
    worst = next((word for word in order if word in words), None)
    if worst is not None and worst not in SOUND_WORDS:
        return worst
    return next((word for word in words if word not in order), worst)


# Where a job is known from: its document, its state, its backups; and which jobs have no document.


def distinct_states(states: pd.DataFrame | None) -> pd.DataFrame | None:
    """The first state of each job id; None if states were not read."""
    if states is None:
        return None
    return states[states["job_id"].notna()].drop_duplicates("job_id")


def without_document(
    ids: Sequence[Any], states: pd.DataFrame | None, backups: pd.DataFrame | None, revision: str | None
) -> pd.DataFrame:
    """The jobs that have no document among `ids`, with the columns of `job_states`: by state, then by backup."""
    known = {value for value in ids if isinstance(value, str)}
    stated = empty(STATES) if states is None else states[~states["job_id"].isin(known).to_numpy(dtype=bool)]
    hidden = _hidden_jobs(backups, known | set(stated["job_id"]), revision)
    parts = [part for part in (stated, hidden) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else empty(STATES)


def seen_in(ids: Sequence[Any], documents: int, states: pd.DataFrame | None, backups: pd.DataFrame | None) -> list[str]:
    """For each job, the datasets that it was found in, joined by `+`; the first `documents` ids are of documents."""
    stated = set() if states is None else set(states["job_id"])
    backed_up = set() if backups is None else set(backups["job_id"].dropna())
    sources = []
    for row, job_id in enumerate(ids):
        named = isinstance(job_id, str)
        places = (
            ("jobs", row < documents),
            ("job_states", named and job_id in stated),
            ("backups", named and job_id in backed_up),
        )
        sources.append("+".join(name for name, there in places if there))
    return sources


def _hidden_jobs(backups: pd.DataFrame | None, known: set[str], revision: str | None) -> pd.DataFrame:
    """Jobs that only their backups name, because the server has no document of jobs of that type.

    A backup of an ordinary type whose job is not among those `known` is an orphan: its job is gone. Where the
    server does not report the type, a backup names no job.
    """
    if backups is None:
        return empty(STATES)
    hidden = backups[backups["job_id"].notna() & backups["job_type"].notna()].drop_duplicates("job_id")
    hidden = hidden[~hidden["job_id"].isin(known).to_numpy(dtype=bool)]
    without_model = {job_type for job_type in hidden["job_type"] if not _has_document_model(job_type, revision)}
    hidden = hidden[hidden["job_type"].isin(without_model).to_numpy(dtype=bool)]
    columns = {"server": hidden["server"], "job_id": hidden["job_id"], "name": hidden["name"]}
    return conform(columns | {"type": hidden["job_type"], "type_reported": hidden["job_type_reported"]}, STATES)[0]


def _has_document_model(job_type: str, revision: str | None) -> bool:
    controls = get_map()
    mapped = known_revision(revision) or newest_known(revision)
    return controls.has_type(mapped, job_type) if mapped is not None else job_type in controls.types
