"""The tables `drift` and `not_compared`: what changed between the settings of two runs, and what cannot be compared."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.drift.directions import rule_of
from vbr_audit.checks.drift.matching import OBJECT_COLUMNS, Matching, match_objects, numbered
from vbr_audit.checks.drift.rules import UNKNOWN, Direction, Read
from vbr_audit.checks.drift.settings import ABSENT, COMPLETE, NARROWED, NOT_COLLECTED
from vbr_audit.checks.drift.settings import SPEC as SETTINGS
from vbr_audit.checks.drift.sides import Sides, is_paired_hours
from vbr_audit.checks.drift.values import compared_value, is_same
from vbr_audit.checks.logic.codes import Cells
from vbr_audit.tables.build.arrays import are_known
from vbr_audit.tables.build.schema import Column, ObjectKind, TableSpec, conform, empty

_OBJECT: Final = (
    Column("server_id", "string", "The server's own id; its name if the server did not report one.", holds="id"),
    Column("server", "string", "The server's name in the later run.", holds="server"),
    Column("object_type", "string", "What the object is, for example job or repository.", holds="kept"),
    Column("object_id", "string", "The object's id; NA for settings of the server.", holds="id"),
    Column("object_name", "string", "The object's name in the later run.", holds="object"),
    Column("control", "string", "The setting's canonical name.", holds="kept"),
)

SPEC: Final = TableSpec(
    "drift",
    ("server_id", "object_type", "object_id", "object_name", "control", "direction"),
    (
        *_OBJECT,
        Column("change_id", "string", "The object and its setting; the same in every run.", holds="id"),
        Column("before", "string", "The value in the earlier run, as JSON.", holds="json"),
        Column("after", "string", "The value in the later run, as JSON.", holds="json"),
        Column(
            "direction",
            "string",
            "weakening, strengthening, neutral, or unknown. A list that lost and gained items has two rows.",
            holds="kept",
        ),
        Column("json_path", "string", "Where the response of the server keeps the setting.", holds="kept"),
        Column("changed_after", "datetime", "The time of the earlier run."),
        Column("changed_before", "datetime", "The time of the later run."),
        Column("changed_at", "datetime", "The time of the event that the change is attributed to; NaT if none."),
        Column("who", "string", "The account of that event; NA if the change is not attributed.", holds="user"),
        Column("source", "string", "The events that fit, or `not attributed`.", holds="own text"),
        Column(
            "approval", "string", "approved or unapproved by the change register; NA without a register.", holds="kept"
        ),
        Column("approved_by", "string", "Who approved the change, by the register.", holds="user"),
        Column("ticket", "string", "The ticket of the approval, by the register.", holds="prose"),
    ),
    "One row per setting that changed between two runs.",
    kind=ObjectKind("setting", "change_id", "object_name", nouns=("changed setting", "changed settings")),
)

NOT_COMPARED: Final = TableSpec(
    "not_compared",
    ("server_id", "object_type", "object_id", "object_name", "control"),
    (
        *_OBJECT,
        Column(
            "kind",
            "string",
            "Why: not known before, not known now, newly visible, no longer visible, created, deleted, not read, "
            "out of scope, ambiguous, new server, server gone.",
            holds="kept",
        ),
        Column("reason", "string", "Why it was not compared, in words.", holds="own text"),
        Column("is_open", "boolean", "A change may have gone unnoticed."),
    ),
    "One row per setting, object or kind of object that could not be compared between two runs.",
)

NOT_BEFORE: Final = "not known before"
NOT_NOW: Final = "not known now"
NEWLY_VISIBLE: Final = "newly visible"
NO_LONGER_VISIBLE: Final = "no longer visible"
CREATED: Final = "created"
DELETED: Final = "deleted"
NOT_READ: Final = "not read"
AMBIGUOUS: Final = "ambiguous"
OUT_OF_SCOPE: Final = "out of scope"
NEW_SERVER: Final = "new server"
SERVER_GONE: Final = "server gone"

_REASONS: Final = {
    NOT_BEFORE: "the value is not known in the earlier run",
    NOT_NOW: "the value is not known in the later run",
    NEWLY_VISIBLE: "the earlier run could not show this setting",
    NO_LONGER_VISIBLE: "the later run does not show this setting",
    CREATED: "the earlier run has no such object",
    DELETED: "the later run has no such object",
    AMBIGUOUS: "several objects have the same id or, without one, the same name; or neither is known",
    NEW_SERVER: "the earlier run has no such server",
    SERVER_GONE: "the later run has no such server",
}
_OPEN: Final = frozenset({NOT_BEFORE, NOT_NOW, NO_LONGER_VISIBLE, NOT_READ, AMBIGUOUS})
_ACCOUNTS: Final = ("sender", "recipients", "roles_of_accounts")
"""The settings that hold names of accounts or addresses."""
NOT_ATTRIBUTED: Final = "not attributed"


def maker_text(who: Any, source: Any) -> str:
    """Who made a change, and when, by its cells `who` and `source`; empty where neither is known."""
    if source is None or source is pd.NA:
        return ""
    if source == NOT_ATTRIBUTED:
        return NOT_ATTRIBUTED
    return f"by {'an account that the event does not name' if who is None or who is pd.NA else who} ({source})"


@dataclass(frozen=True, eq=False)
class SettingsOfRun:
    """The settings of one run: the tables `settings` and `settings_read`, and the run's clock.

    `hides_accounts` says that names of accounts and addresses are pseudonyms.
    """

    now: dt.datetime
    settings: pd.DataFrame
    read: pd.DataFrame
    hides_accounts: bool = False

    def beside(self, other: SettingsOfRun) -> pd.DataFrame:
        """The settings as they can be compared with those of `other`: no pseudonyms with names."""
        frame = conform(self.settings, SETTINGS)[0]
        if not self.hides_accounts or other.hides_accounts:
            return frame
        return frame.assign(value=frame["value"].mask(frame["control"].isin(_ACCOUNTS).to_numpy(dtype=bool)))


@dataclass(frozen=True, eq=False)
class Drift:
    """What changed between two runs, and what could not be compared.

    `compared` counts the settings compared of each object of the later run: `server_id`, `server`, `object_type`,
    `object_id`, `object_name`, `compared`.
    """

    drift: pd.DataFrame
    not_compared: pd.DataFrame
    compared: pd.DataFrame


def drift_between(old: SettingsOfRun, new: SettingsOfRun) -> Drift:
    """What changed from the settings of the earlier run `old` to those of the later run `new`.

    Objects are the same by their id, or by their name where one run does not report an id. A setting whose value one
    run does not know, that only one of them shows, or whose object was created or deleted in between has not changed:
    `not_compared` names it. Raises `ValueError` where `old` is the later one.
    """
    if old.now > new.now:
        raise ValueError(f"the earlier run is of {old.now.isoformat()}, after the later one of {new.now.isoformat()}")
    before = numbered(old.beside(new), old.read)
    after = numbered(new.beside(old), new.read)
    matching = match_objects(before, after)
    pairs = _paired_rows(before.rows, after.rows, matching)
    changes = _changes(pairs, Sides(before.rows, after.rows, matching), old.now, new.now)
    gaps = [_unknown_values(pairs, before.rows, after.rows), *_unmatched(matching, old.read, new.read)]
    gaps.append(_not_read(old.read, new.read, matching))
    return Drift(changes, _joined(gaps), _compared(pairs, matching))


def _paired_rows(old: pd.DataFrame, new: pd.DataFrame, matching: Matching) -> pd.DataFrame:
    """The rows of both runs of objects that both have, side by side; a row of -1 is one that a run lacks."""
    columns = ["pair", "control"]
    sides = []
    for frame, pair_of in ((old, matching.pair_of_old), (new, matching.pair_of_new)):
        pair = pair_of[frame["object"].to_numpy()]
        kept = np.flatnonzero(pair >= 0)
        controls = frame["control"].to_numpy(dtype=object)[kept]
        sides.append(pd.DataFrame({"pair": pair[kept], "control": controls, "row": kept}))
    pairs = sides[0].merge(sides[1], on=columns, how="outer", suffixes=("_old", "_new"), sort=False)
    rows = {f"{name}_row": pairs[f"row_{name}"].fillna(-1).astype(np.int64) for name in ("old", "new")}
    pairs = pairs.assign(**rows)
    for name, frame in (("old", old), ("new", new)):
        values = _cells_at(frame, "value", pairs[f"{name}_row"].to_numpy())
        pairs[f"{name}_value"] = pd.Series(values, dtype=object)
    return pairs


def _cells_at(frame: pd.DataFrame, name: str, rows: Cells, missing: Any = pd.NA) -> Cells:
    """The values of a column in these rows; `missing` for the row -1."""
    cells = np.empty(len(frame) + 1, dtype=object)
    cells[:-1] = frame[name].to_numpy(dtype=object)
    cells[-1] = missing
    taken: Cells = cells[rows]
    return taken


def _changes(pairs: pd.DataFrame, sides: Sides, earlier: dt.datetime, later: dt.datetime) -> pd.DataFrame:
    """The rows of `drift`."""
    known = are_known(pairs["old_value"]) & are_known(pairs["new_value"])
    texts = [pairs[f"{name}_value"].where(known, "").to_numpy(dtype=object) for name in ("old", "new")]
    differ = known & (texts[0] != texts[1])
    differ |= known & is_paired_hours(pairs, differ)
    rows: list[int] = []
    directions: list[Direction] = []
    columns = (pairs[name].to_numpy()[differ] for name in ("pair", "control", "old_value", "new_value"))
    for row, *cells in zip(np.flatnonzero(differ).tolist(), *(column.tolist() for column in columns), strict=True):
        for direction in _directions(sides, *cells):
            rows.append(row)
            directions.append(direction)
    changed = pairs.iloc[rows]
    columns_of = sides.named(changed)
    columns_of |= {
        "before": changed["old_value"].to_numpy(),
        "after": changed["new_value"].to_numpy(),
        "direction": directions,
        "json_path": sides.path(changed),
        "changed_after": [earlier.isoformat()] * len(rows),
        "changed_before": [later.isoformat()] * len(rows),
        "source": [NOT_ATTRIBUTED] * len(rows),
    }
    keys = ("object_type", "object_id", "object_name", "control")
    columns_of["change_id"] = [change_id(*each) for each in zip(*(columns_of[name] for name in keys), strict=True)]
    order = ["server", "object_type", "object_name", "object_id", "control", "direction"]
    return conform(columns_of, SPEC)[0].sort_values(order, kind="stable", ignore_index=True)


def change_id(kind: str, object_id: Any, name: Any, control: str) -> str:
    """What identifies a change on its server: the object, by its id or else its name, and the setting."""
    return f"{kind} {name if pd.isna(object_id) else object_id}: {control}"


def _directions(sides: Sides, pair: int, control: str, before: str, after: str) -> tuple[Direction, ...]:
    """What a change means; nothing for values that only look unlike."""
    old, new, kind = sides.old(pair), sides.new(pair), sides.kind(pair)
    values: tuple[Read, Read] = (old.paired(control, before), new.paired(control, after))
    if None in values:
        values = compared_value(kind, control, before), compared_value(kind, control, after)
    if is_same(*values):
        return ()
    rule = rule_of(kind, control)
    return (UNKNOWN,) if rule is None else rule.directions(*values, old, new)


def _unknown_values(pairs: pd.DataFrame, old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """The settings of objects of both runs of which one does not know the value, or does not have it."""
    has_old, has_new = (are_known(pairs[f"{name}_value"]) for name in ("old", "new"))
    kinds = np.full(len(pairs), None, dtype=object)
    lacks_old, lacks_new = ~has_old & has_new, has_old & ~has_new
    kinds[lacks_old] = np.where(_is_shown(pairs, "old", old, new), NOT_BEFORE, NEWLY_VISIBLE)[lacks_old]
    kinds[lacks_new] = np.where(_is_shown(pairs, "new", new, old), NOT_NOW, NO_LONGER_VISIBLE)[lacks_new]
    lacking = np.flatnonzero(lacks_old | lacks_new)
    columns = {}
    for column in _OBJECT:
        rows = [pairs[f"{name}_row"].to_numpy()[lacking] for name in ("old", "new")]
        cells = [_cells_at(frame, column.name, each) for frame, each in zip((old, new), rows, strict=True)]
        columns[column.name] = np.where(rows[1] >= 0, cells[1], cells[0])
    return pd.DataFrame({**columns, "kind": kinds[lacking], "reason": [_REASONS[kind] for kind in kinds[lacking]]})


def _is_shown(pairs: pd.DataFrame, name: str, own: pd.DataFrame, other: pd.DataFrame) -> Cells:
    """Whether the run shows the settings for which it has no value.

    Where that is not known, it does if the other run, which has the value, was read in the same revision.
    """
    rows = pairs[f"{name}_row"].to_numpy()
    rows_of_other = pairs[f"{'old' if name == 'new' else 'new'}_row"].to_numpy()
    supported = _cells_at(own, "supported", rows, False)
    unsure = pd.isna(supported)
    revisions = _cells_at(own, "revision", rows)
    others = _cells_at(other, "revision", rows_of_other)
    same = np.array([a is not pd.NA and b is not pd.NA and a == b for a, b in zip(revisions, others, strict=True)])
    return (rows >= 0) & np.where(unsure, same.astype(bool), np.where(unsure, False, supported).astype(bool))


def _unmatched(matching: Matching, old: pd.DataFrame, new: pd.DataFrame) -> list[pd.DataFrame]:
    """The servers and the objects that only one run has, and the objects that cannot be told apart."""
    back = {new_id: old_id for old_id, new_id in matching.server_of.items()}
    sides = (
        (matching.old, matching.pair_of_old, matching.server_of, _status_by_kind(new), DELETED, "later"),
        (matching.new, matching.pair_of_new, back, _status_by_kind(old), CREATED, "earlier"),
    )
    parts = []
    for run, pair_of, server_of, statuses, gone, other in sides:
        left = run.objects[pair_of < 0]
        rows = []
        for row in left.to_dict("records"):
            if row["server_id"] in server_of:
                key = (server_of[row["server_id"]], row["object_type"])
                kind, reason = _why_single(statuses.get(key, (NOT_COLLECTED, None)), gone, other)
                kind, reason = (AMBIGUOUS, _REASONS[AMBIGUOUS]) if row.pop("is_ambiguous") else (kind, reason)
                rows.append({**row, "kind": kind, "reason": reason})
        missing = SERVER_GONE if other == "later" else NEW_SERVER
        rows += [
            {"server_id": server, "server": name, "kind": missing, "reason": _REASONS[missing]}
            for server, name in run.servers.items()
            if server not in server_of
        ]
        parts.append(pd.DataFrame(rows, dtype=object))
    return parts


def _why_single(status: tuple[str, Any], gone: str, other: str) -> tuple[str, str]:
    """Why an object has no partner, by how far the `other` run read objects of its kind."""
    if status[0] == COMPLETE:
        return gone, _REASONS[gone]
    if status[0] == ABSENT and other == "earlier":
        return NEWLY_VISIBLE, "the earlier run could not show such objects"
    if status[0] == NARROWED:
        return OUT_OF_SCOPE, f"the {other} run was narrowed to other jobs"
    return NOT_READ, _not_read_text(status, other)


def _not_read_text(status: tuple[str, Any], run: str) -> str:
    words, reason = status
    return f"not read completely in the {run} run: {words}" + ("" if pd.isna(reason) else f" ({reason})")


def _status_by_kind(read: pd.DataFrame) -> dict[tuple[Any, Any], tuple[str, Any]]:
    columns = (read[name].tolist() for name in ("server_id", "object_type", "status", "reason"))
    return {(server, kind): (status, reason) for server, kind, status, reason in zip(*columns, strict=True)}


def _not_read(old: pd.DataFrame, new: pd.DataFrame, matching: Matching) -> pd.DataFrame:
    """The kinds of objects that one of the runs did not read whole, on servers of both."""
    before, after = _status_by_kind(old), _status_by_kind(new)
    back = {new_id: old_id for old_id, new_id in matching.server_of.items()}
    rows = []
    for (server, kind), status in after.items():
        earlier = before.get((back.get(server), kind))
        if earlier is None or earlier[0] == status[0] == NOT_COLLECTED:
            continue
        if earlier[0] == ABSENT and status[0] in (ABSENT, COMPLETE):
            continue
        both = ((earlier, "earlier"), (status, "later"))
        texts = [_not_read_text(each, run) for each, run in both if each[0] not in (COMPLETE, NARROWED)]
        if texts:
            name = matching.new.servers.get(server, server)
            what = {"server_id": server, "server": name, "object_type": kind}
            rows.append({**what, "kind": NOT_READ, "reason": "; ".join(texts)})
    return pd.DataFrame(rows, dtype=object)


def _joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """The rows of `not_compared`."""
    filled = [part for part in parts if len(part)]
    if not filled:
        return empty(NOT_COMPARED)
    frame = pd.concat(filled, ignore_index=True).reindex(columns=list(NOT_COMPARED.names)).astype(object)
    frame = frame.where(frame.notna(), None)
    kinds = [_is_open(*each) for each in zip(frame["kind"], frame["object_type"], frame["control"], strict=True)]
    return conform(frame.assign(is_open=kinds), NOT_COMPARED)[0]


def _is_open(kind: str, object_type: Any, control: Any) -> bool:
    """Whether a change may have gone unnoticed, and could have weakened."""
    if kind not in _OPEN:
        return False
    rule = None if control is None else rule_of(object_type, control)
    return rule is None or rule.is_directed


def _compared(pairs: pd.DataFrame, matching: Matching) -> pd.DataFrame:
    """The objects of both runs, as the later one names them, with the number of their settings compared."""
    known = are_known(pairs["old_value"]) & are_known(pairs["new_value"])
    numbers = np.bincount(pairs["pair"].to_numpy()[known], minlength=len(matching.pairs))
    objects = matching.new.objects.iloc[[new for _, new in matching.pairs]]
    return objects[list(OBJECT_COLUMNS)].assign(compared=pd.array(numbers, dtype="Int64")).reset_index(drop=True)
