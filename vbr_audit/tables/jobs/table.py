"""The table `jobs`: every job that the server lists, with its settings under their canonical names.

Jobs come from their documents (`/jobs`); those that only have a state (`/jobs/states`), or only backups of a type
that has no documents (`/backups`), are added with unknown settings, so that nothing the server knows is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.tables.build.arrays import strings_of, to_booleans, to_strings
from vbr_audit.tables.build.notes import Notes
from vbr_audit.tables.build.schema import Column, TableSpec, from_arrays
from vbr_audit.tables.jobs import logs as job_logs
from vbr_audit.tables.jobs import origins as job_origins
from vbr_audit.tables.jobs import scope as job_scope
from vbr_audit.tables.jobs import settings as job_settings
from vbr_audit.tables.jobs.control_list import CONTROLS, GFS_LEVELS, HEALTH_CHECK_TIMES, SCRIPTS, SUB_SCHEDULES
from vbr_audit.tables.jobs.control_values import control_array, without_zero_ids
from vbr_audit.tables.jobs.controls import support
from vbr_audit.tables.jobs.documents import READ_CONTROLS, JobDocuments, read_documents
from vbr_audit.tables.jobs.intervals import start_intervals

SPEC: Final = TableSpec(
    name="jobs",
    key=("server", "job_id"),
    help="One row per job that the server lists, with its settings under their canonical names.",
    columns=(
        Column("server", "string", "The server's name in this run."),
        Column("job_id", "string", "The job's id."),
        Column("name", "string", "The job's name."),
        Column("type", "string", "The job's type in its newest spelling."),
        Column("type_reported", "string", "The type as the server wrote it."),
        Column("description", "string", "The job's description."),
        Column("is_high_priority", "boolean", "The job is served first when resources are short."),
        Column("seen_in", "string", "Where the job was found: jobs, job_states, backups, joined by +."),
        Column(
            "settings_profile",
            "string",
            "Which entry of the controls map holds: revision, type and variant. NA when the settings are not "
            "known: type or revision not in the map, or the job has no document.",
        ),
        Column(
            "expected_to_run",
            "boolean",
            "It should run by itself: not disabled, and scheduled or of a kind that always runs.",
        ),
        Column(
            "start_interval_h",
            "Int64",
            "The longest time that its schedule lets pass between two starts; of a job that runs after another, that "
            "of the other. 0 where it never rests, NA where the schedule does not tell.",
            "h",
        ),
        *(control.column for control in CONTROLS.values()),
        *(column for field in job_scope.FIELDS for column in field.columns),
        *job_logs.COLUMNS,
        job_scope.CREDENTIALS,
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
    known_states = job_origins.distinct_states(states)
    only = job_origins.without_document(ids, known_states, backups, revision)
    arrays = _base_arrays(read, ids, only, server, notes)
    all_ids = [*ids, *only["job_id"]]
    arrays["seen_in"] = strings_of(job_origins.seen_in(all_ids, len(ids), known_states, backups))
    arrays |= job_scope.read_scope(read, len(all_ids), notes) | job_logs.read_logs(read, len(all_ids))
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
    said = [_says_disabled(word) for word in only["status"]]
    if said:
        disabled = disabled.copy()
        disabled[documents:] = pd.array(said, dtype="boolean")
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
        absent = (support(profiles, name) == False).fillna(False).to_numpy(dtype=bool)  # noqa: E712
        values = arrays[name].copy()
        values[absent] = False
        answer = answer | values
    return answer


def _where_supported(values: Any, profiles: pd.Series, control: str) -> Any:
    supported = support(profiles, control).fillna(False).to_numpy(dtype=bool)
    values = values.copy()
    values[~supported] = pd.NA
    return values


def _expected_to_run(arrays: dict[str, Any], profiles: pd.Series, states: pd.DataFrame | None) -> Any:
    """By settings; for a job whose settings are not known, a next run in its state counts as scheduled."""
    scheduled = arrays["is_scheduled"].copy()
    if states is not None:
        planned = set(states.loc[states["next_run"].notna(), "job_id"])
        unknown = profiles.isna().to_numpy(dtype=bool)
        due = np.array([type(i) is str and i in planned for i in arrays["job_id"]], dtype=bool)
        scheduled[unknown & due] = True
    return ~arrays["is_disabled"] & (scheduled | _always_runs(profiles))


def _always_runs(profiles: pd.Series) -> Any:
    """Whether each type has no schedule, because it follows what it copies all the time."""
    return ~support(profiles, "is_scheduled").array
