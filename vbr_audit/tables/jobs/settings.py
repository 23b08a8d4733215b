"""The table `job_settings`: one row per job document and control, with the value as received and where it was."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import orjson
import pandas as pd

from vbr_audit.tables.build.arrays import strings_of, to_strings
from vbr_audit.tables.build.notes import Notes
from vbr_audit.tables.build.schema import ZERO_GUID, Column, Sheet, TableSpec, from_arrays
from vbr_audit.tables.jobs.controls import paths_and_support
from vbr_audit.tables.jobs.documents import MISFIT, READ_CONTROLS, JobDocuments

SPEC: Final = TableSpec(
    name="job_settings",
    key=("server", "job_id", "control"),
    help="One row per job that has a document and per control that is read (not for the computed ones).",
    columns=(
        Column("server", "string", "The server's name in this run.", holds="server"),
        Column("job_id", "string", "The job's id.", holds="id"),
        Column("control", "string", "The setting's canonical name.", holds="kept"),
        Column(
            "value", "string", "The value as received, in JSON; an inherited one is the primary job's.", holds="json"
        ),
        Column("json_path", "string", "Where the job's document keeps it.", holds="kept"),
        Column("supported", "boolean", "True: the kind of job has it; False: it has not; NA: not known."),
    ),
    sheet=Sheet(first=("server", "job_name", "control", "value"), frozen=3, always=True, rank=20),
)


def build_job_settings(read: JobDocuments, *, server: str) -> pd.DataFrame:
    """The table of one server from its read documents: job by job, controls in the order of `jobs`."""
    jobs, width = len(read.documents), len(READ_CONTROLS)
    notes = Notes()
    profiles = pd.Series(to_strings(read.profiles, "settings_profile", notes))
    ids = [None if document.get("id") == ZERO_GUID else document.get("id") for document in read.documents]
    paths, answers = paths_and_support(profiles, READ_CONTROLS)
    values = np.empty(jobs * width, dtype=object)
    for offset, control in enumerate(READ_CONTROLS):
        values[offset::width] = _json_texts(read.values[control])
    arrays: dict[str, Any] = {
        "server": strings_of([server] * (jobs * width)),
        "job_id": to_strings(ids, "job_id", notes).repeat(width),
        "control": strings_of(READ_CONTROLS * jobs),
        "value": strings_of(values),
        "json_path": strings_of(paths.ravel()),
        "supported": pd.array(answers.ravel().tolist(), dtype="boolean"),
    }
    return from_arrays(arrays, jobs * width)


def _json_texts(values: list[Any]) -> list[Any]:
    """Each value as JSON text; NA for none, and for what could not be read."""
    texts: dict[Any, str] = {}
    json_texts: list[Any] = []
    for value in values:
        if value is None or value is MISFIT:
            json_texts.append(pd.NA)
        elif isinstance(value, str | bool):
            if value not in texts:
                texts[value] = orjson.dumps(value).decode()
            json_texts.append(texts[value])
        elif isinstance(value, tuple):
            json_texts.append(_dump([None if part is MISFIT else part for part in value]))
        else:
            json_texts.append(_dump(value))
    return json_texts


def _dump(value: Any) -> Any:
    try:
        return orjson.dumps(value).decode()
    except (TypeError, orjson.JSONEncodeError):
        return pd.NA
