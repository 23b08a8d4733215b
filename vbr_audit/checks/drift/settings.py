"""The tables `settings` and `settings_read`: every setting of a server as one row, and how whole each kind was read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import orjson
import pandas as pd

from vbr_audit.checks.drift.sources import COLLECTED, JOB, JOBS, TABLES_OF_SETTINGS, Collected, SettingsTable
from vbr_audit.checks.logic.codes import Cells
from vbr_audit.datasets import DATASETS
from vbr_audit.tables.build.arrays import are_known
from vbr_audit.tables.build.fields import SEPARATOR
from vbr_audit.tables.build.fields import Table as FieldTable
from vbr_audit.tables.build.schema import ZERO_GUID, Column, TableSpec, conform, empty
from vbr_audit.tables.jobs.table import SCOPE_FIELDS

_ID: Final = Column(
    "server_id", "string", "The server's own id; its name in the run if the server did not report one.", holds="id"
)
_SERVER: Final = Column("server", "string", "The server's name in the run.", holds="server")
_REVISION: Final = Column("revision", "string", "The revision in which the server was read.", holds="kept")

SPEC: Final = TableSpec(
    "settings",
    ("server_id", "object_type", "object_id", "object_name", "control"),
    (
        _ID,
        _SERVER,
        _REVISION,
        Column("object_type", "string", "What the object is, for example job or repository.", holds="kept"),
        Column("object_id", "string", "The object's id; NA for settings of the server.", holds="id"),
        Column("object_name", "string", "The object's name.", holds="object"),
        Column("control", "string", "The setting's canonical name.", holds="kept"),
        Column("value", "string", "The value as JSON; NA if it is not known.", holds="json"),
        Column("json_path", "string", "Where the response of the server keeps it; NA if it is derived.", holds="kept"),
        Column("supported", "boolean", "The object has this setting in this revision; NA if that is not known."),
    ),
    "One row per server, object and setting: jobs, repositories, users and the server's own settings.",
)

READ_SPEC: Final = TableSpec(
    "settings_read",
    ("server_id", "object_type"),
    (
        _ID,
        _SERVER,
        _REVISION,
        Column("object_type", "string", "What the objects are.", holds="kept"),
        Column(
            "status",
            "string",
            "How far they were read: complete, partial, narrowed to some jobs, denied, absent, failed, not collected.",
            holds="kept",
        ),
        Column("reason", "string", "Why they were not read completely.", holds="server text"),
    ),
    "One row per server and kind of object in `settings`: whether all objects of that kind were read.",
)

_NOT_KNOWN: Final[Any] = None
COMPLETE: Final = "complete"
ABSENT: Final = "absent"
NARROWED: Final = "narrowed"
NOT_COLLECTED: Final = "not collected"


class Tables(Protocol):
    """The tables of one server, and how far each was read."""

    def frame(self, table: str) -> pd.DataFrame:
        """The rows of `table` of this server."""
        ...

    def status(self, dataset: str) -> tuple[str, str | None]:
        """How far `dataset` was read, and why no further."""
        ...


@dataclass(frozen=True)
class ServerId:
    """A server over time: its own id, or its name where that is not known; its name and revision in this run."""

    id: str
    name: str
    revision: str | None = None


def settings_of_server(server: ServerId, tables: Tables) -> pd.DataFrame:
    """The rows of `settings` of one server."""
    parts = [_job_settings(tables), *(_of_table(each, tables) for each in TABLES_OF_SETTINGS)]
    parts += [_of_list(each, tables) for each in COLLECTED]
    parts = [part for part in parts if len(part)]
    if not parts:
        return empty(SPEC)
    frame = pd.concat(parts, ignore_index=True)
    for name, value in (("server_id", server.id), ("server", server.name), ("revision", server.revision)):
        frame[name] = value
    return conform(frame, SPEC)[0]


def settings_read_of_server(server: ServerId, tables: Tables) -> pd.DataFrame:
    """The rows of `settings_read` of one server."""
    statuses = {kind: _status_of(sources, tables) for kind, sources in KINDS.items()}
    columns: dict[str, Any] = {
        "server_id": [server.id] * len(statuses),
        "server": [server.name] * len(statuses),
        "revision": [server.revision] * len(statuses),
        "object_type": list(statuses),
        "status": [status for status, _ in statuses.values()],
        "reason": [reason for _, reason in statuses.values()],
    }
    return conform(columns, READ_SPEC)[0]


def _sources_by_kind() -> Mapping[str, tuple[tuple[str, ...], ...]]:
    """For each kind of object the datasets that show it, each with the older ones that may stand in for it."""
    sources: dict[str, list[tuple[str, ...]]] = {JOB: [("jobs",)]}
    for each in TABLES_OF_SETTINGS:
        sources.setdefault(each.kind, []).append((each.table, each.older) if each.older else (each.table,))
    for item in COLLECTED:
        dataset = _DATASETS.get(item.table, item.table)
        sources.setdefault(item.kind, []).append((dataset,))
    return {kind: tuple(dict.fromkeys(names)) for kind, names in sources.items()}


_DATASETS: Final = {"scale_out_extents": "scale_out_repositories"}
KINDS: Final = _sources_by_kind()
"""The kinds of objects that have settings, with the datasets that show them."""


def _status_of(sources: Sequence[tuple[str, ...]], tables: Tables) -> tuple[str, str | None]:
    """The worst status of the datasets; of a dataset and the older one that stands in for it, the better one."""
    answers = []
    for names in sources:
        each = [tables.status(name) for name in names]
        answers.append(next((answer for answer in each if answer[0] == COMPLETE), each[0]))
    lacking = [answer for answer in answers if answer[0] != COMPLETE]
    return lacking[0] if lacking else (COMPLETE, None)


# The settings of each table, one column after the other.


def _job_settings(tables: Tables) -> pd.DataFrame:
    """The rows of `job_settings` under the names of their jobs; a zero id is none."""
    settings, jobs = tables.frame("job_settings"), tables.frame("jobs")
    if settings.empty:
        return pd.DataFrame()
    named = jobs.dropna(subset=["job_id"]).drop_duplicates("job_id").set_index("job_id")["name"]
    value = settings["value"].astype(object)
    return pd.DataFrame(
        {
            "object_type": JOB,
            "object_id": settings["job_id"],
            "object_name": settings["job_id"].map(named).astype(object),
            "control": settings["control"],
            "value": value.mask(settings["value"].eq(f'"{ZERO_GUID}"').fillna(False), "null"),
            "json_path": settings["json_path"],
            "supported": settings["supported"],
        }
    )


def _of_table(source: SettingsTable, tables: Tables) -> pd.DataFrame:
    """The rows of one table, all controls of one object after the other."""
    frame = tables.frame(source.table)
    if source.older:
        frame = _with_older(source, frame, tables.frame(source.older))
    if source is JOBS:
        frame = frame[are_known(frame["settings_profile"])]
    rows, width = len(frame), len(source.controls)
    if not rows:
        return pd.DataFrame()
    whole = _status_of([(source.table, source.older) if source.older else (source.table,)], tables)[0] == COMPLETE
    values = np.empty((rows, width), dtype=object)
    for place, control in enumerate(source.controls):
        values[:, place] = _json_texts(frame[control], is_list=control in source.lists)
        if whole and control in source.none_if_missing:
            values[pd.isna(values[:, place]), place] = "null"
    supported = np.where(pd.isna(values), _NOT_KNOWN, True)
    for control in ("immutability_days", "immutability_mode") if "immutability_supported" in frame else ():
        place = source.controls.index(control)
        supported[_are_false(frame["immutability_supported"]), place] = False
    paths = _paths_of(source)
    return pd.DataFrame(
        {
            "object_type": source.kind,
            "object_id": _cells(frame, source.id_column, None).repeat(width),
            "object_name": _cells(frame, source.name_column, source.kind).repeat(width),
            "control": np.tile(np.array(source.controls, dtype=object), rows),
            "value": values.ravel(),
            "json_path": np.tile(np.array([paths.get(name) for name in source.controls], dtype=object), rows),
            "supported": supported.ravel(),
        }
    )


def _are_false(values: pd.Series) -> Cells:
    return values.eq(False).to_numpy(dtype=bool, na_value=False)


def _cells(frame: pd.DataFrame, column: str, otherwise: str | None) -> Cells:
    return frame[column].to_numpy(dtype=object) if column else np.full(len(frame), otherwise, dtype=object)


def _with_older(source: SettingsTable, frame: pd.DataFrame, older: pd.DataFrame) -> pd.DataFrame:
    """`frame` with what it lacks taken from the table of older revisions; both have one row at most."""
    names = dict(source.renamed)
    columns = {}
    for control in source.controls:
        column = names.get(control, control)
        values = [
            each[name].iloc[0] for each, name in ((frame, control), (older, column)) if name in each and len(each)
        ]
        columns[control] = [next((value for value in values if not pd.isna(value)), None)] if values else []
    return pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})


def _json_texts(values: pd.Series, *, is_list: bool = False) -> Cells:
    """Each value as JSON text, NA where it is not known; each different value is written once."""
    rows = np.flatnonzero(are_known(values))
    known = values.array.take(rows).astype(object).tolist()
    written = {value: _json_of(value, is_list) for value in set(known)}
    texts = np.full(len(values), None, dtype=object)
    texts[rows] = [written[value] for value in known]
    return texts


def _json_of(value: Any, is_list: bool) -> str:
    if is_list:
        return list_text(items_of(value))
    plain = value.item() if isinstance(value, np.generic) else value
    return orjson.dumps(plain).decode()


def items_of(text: str) -> list[str]:
    """The items of a list that is one text; addresses may stand between semicolons."""
    parts = text.replace(";", SEPARATOR).split(SEPARATOR)
    return [part.strip() for part in parts if part.strip()]


def list_text(items: Sequence[str]) -> str:
    """A list as JSON, each item once, in the order of the alphabet."""
    return orjson.dumps(sorted(set(items))).decode()


def _paths_of(source: SettingsTable) -> dict[str, str | None]:
    """The JSON path of each control; of several that may hold it, all."""
    if source is JOBS:
        return {field.name: " or ".join(field.paths) for field in SCOPE_FIELDS}
    tables = [DATASETS[name].table for name in (source.older, source.table) if name]
    fields = [field for table in tables if isinstance(table, FieldTable) for field in table.fields]
    return {field.name: " or ".join(field.paths) or None for field in fields}


def _of_list(source: Collected, tables: Tables) -> pd.DataFrame:
    """A list over the rows of a table; of a table that was not read whole, it is not known."""
    dataset = _DATASETS.get(source.table, source.table)
    whole = tables.status(dataset)[0] == COMPLETE
    frame = tables.frame(source.table)
    owners = tables.frame(dataset) if source.owner else None
    if owners is None and not whole and frame.empty:
        return pd.DataFrame()
    rows = list(_lists_by_owner(source, frame, owners))
    texts = [list_text(items) if whole and items is not None else None for _, _, items in rows]
    return pd.DataFrame(
        {
            "object_type": source.kind,
            "object_id": np.array([owner for owner, _, _ in rows], dtype=object),
            "object_name": np.array([name for _, name, _ in rows], dtype=object),
            "control": source.control,
            "value": np.array(texts, dtype=object),
            "json_path": None,
            "supported": np.array([None if text is None else True for text in texts], dtype=object),
        }
    )


def _lists_by_owner(
    source: Collected, frame: pd.DataFrame, owners: pd.DataFrame | None
) -> Iterator[tuple[Any, Any, list[str] | None]]:
    """The owner's id and name, and its items; None for items of which one has no name."""
    items = _items(source, frame)
    if owners is None:
        yield None, source.kind, _whole_list(items["item"])
        return
    groups = {owner: group["item"] for owner, group in items.groupby("owner", sort=False)}
    for owner, name in zip(owners[source.owner].tolist(), owners["name"].tolist(), strict=True):
        group = None if owner is pd.NA else groups.get(owner)
        yield owner, name, [] if group is None else _whole_list(group)


def _items(source: Collected, frame: pd.DataFrame) -> pd.DataFrame:
    """The items, NA where an item is not known, with their owners."""
    names = frame[source.column]
    if source.otherwise:
        names = names.fillna(frame[source.otherwise])
    owner = frame[source.owner] if source.owner else names
    items = pd.DataFrame({"item": names.astype(object), "owner": owner.astype(object)})
    if source.each:
        lists = [pd.NA if text is pd.NA else items_of(text) or [""] for text in frame[source.each].tolist()]
        items = items.assign(each=pd.Series(lists, index=items.index, dtype=object)).explode("each")
        known = items["item"].notna() & items["each"].notna()
        pairs = [f"{name}: {each}" for name, each in zip(items["item"], items["each"], strict=True)]
        items["item"] = [pair if sure else pd.NA for pair, sure in zip(pairs, known, strict=True)]
    column, word = source.only
    if column:
        items = items[frame[column].eq(word).fillna(False).to_numpy(dtype=bool)]
    return items


def _whole_list(names: pd.Series) -> list[str] | None:
    return None if names.isna().any() else [str(name) for name in names]
