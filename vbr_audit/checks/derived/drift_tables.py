"""The tables made of an earlier run: `compared_objects`, `drift`, `registered_changes`, `approved_changes`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import pandas as pd

from vbr_audit.checks.derived.material import EARLIER, Derived, Material
from vbr_audit.checks.drift.compare import NOT_READ, Drift, SettingsOfRun, drift_between, maker_text
from vbr_audit.checks.drift.compare import SPEC as DRIFT
from vbr_audit.checks.drift.events import rows_of
from vbr_audit.checks.drift.register import Approval, ChangeRegister, stands_for
from vbr_audit.checks.drift.rules import UNKNOWN, WEAKENING
from vbr_audit.checks.drift.sources import COLLECTED, TABLES_OF_SETTINGS
from vbr_audit.checks.drift.values import compared_value
from vbr_audit.display import shorten
from vbr_audit.tables.build.naming import marked, told
from vbr_audit.tables.build.schema import Column, ObjectKind, TableSpec, conform, empty

_MOST_SHOWN: Final = 5
SETTINGS_TABLES: Final = tuple(
    dict.fromkeys(
        (
            "job_settings",
            *(name for each in TABLES_OF_SETTINGS for name in (each.table, each.older) if name),
            *(each.table for each in COLLECTED),
        )
    )
)
"""The tables that hold settings."""


def drift_of(material: Material) -> Drift:
    """What changed on a server since the earlier run, with who did it and what the register says."""
    old, new, earlier = material.earlier.of_server(material.identity), material.settings, material.earlier
    if old is None:
        raise ValueError("there is no earlier run")
    found = drift_between(old, new)
    return replace(found, drift=earlier.attributed(found.drift, new.now, is_alone=not material.others))


# The table `compared_objects`.

OBJECTS_SPEC: Final = TableSpec(
    "compared_objects",
    ("object_key",),
    (
        Column("server", "string", "The server.", holds="server"),
        Column("object_key", "string", "The object's id; of settings of the server, what they are.", holds="id"),
        Column("object_type", "string", "What the object is, for example job or repository.", holds="kept"),
        Column("object_name", "string", "The object's name.", holds="object"),
        Column("compared", "Int64", "Number of settings that both runs show.", "settings"),
        Column("weakened", "Int64", "Number of settings whose change weakens.", "settings"),
        Column("unclear", "Int64", "Number of changed settings of which the direction is not known.", "settings"),
        Column("open", "Int64", "Number of settings that may have been weakened but could not be compared."),
        Column("changes", "string", "The weakening changes; NA for none.", holds="own text"),
        Column("gaps", "string", "What could not be compared or understood; NA for nothing.", holds="own text"),
        Column("json_path", "string", "Where the response keeps the first weakened setting.", holds="kept"),
    ),
    "One row per object with settings that this run and the earlier one show, or that one of them did not read.",
    kind=ObjectKind("configured object", "object_key", "object_name"),
)

_KEY: Final = ["object_type", "object_id", "object_name"]


def _make_objects(material: Material) -> pd.DataFrame:
    found = material.drift
    gaps = found.not_compared[found.not_compared["is_open"].fillna(False).to_numpy(dtype=bool)]
    weak = _by_object(found.drift[found.drift["direction"].eq(WEAKENING).to_numpy(dtype=bool)])
    unclear = _by_object(found.drift[found.drift["direction"].eq(UNKNOWN).to_numpy(dtype=bool)])
    open_ = _by_object(gaps)
    rows = {_key_of(each): int(each["compared"]) for each in rows_of(found.compared)}
    rows |= dict.fromkeys((key for key in open_ if key not in rows), 0)
    has_events = material.earlier.events is not None
    records = []
    for key, compared in rows.items():
        kind, object_id, name = key
        changed, vague, gone = weak.get(key, []), unclear.get(key, []), open_.get(key, [])
        texts = [*(f"{each['control']} changed" for each in vague), *(_gap_text(each) for each in gone)]
        records.append(
            {
                "server": material.identity.name,
                "object_key": object_id or (kind if name == kind else f"{kind} {name}"),
                "object_type": kind,
                "object_name": name or kind,
                "compared": compared,
                "weakened": len(changed),
                "unclear": len(vague),
                "open": len(gone),
                "changes": _listed([_change_text(each, tells_who=has_events) for each in changed]),
                "gaps": _listed(texts),
                "json_path": next((each["json_path"] for each in changed), None),
            }
        )
    return conform({name: [each[name] for each in records] for name in OBJECTS_SPEC.names}, OBJECTS_SPEC)[0]


def _key_of(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Kind, id and name of the object; objects of a kind that was not read go by that, as settings of the server do."""
    kind, object_id, name = (None if pd.isna(row[name]) else row[name] for name in _KEY)
    return kind, object_id, name or (kind if object_id is None else None)


def _by_object(rows: pd.DataFrame) -> dict[tuple[Any, ...], list[Mapping[str, Any]]]:
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows_of(rows):
        groups.setdefault(_key_of(row), []).append(row)
    return groups


def _change_text(change: Mapping[str, Any], *, tells_who: bool) -> str:
    before, after = (marked("json", shorten(change[name], 60)) for name in ("before", "after"))
    text, who = f"{change['control']}: {before} → {after}", change["who"]
    return (
        f"{text}, {maker_text(who if pd.isna(who) else marked('user', who), change['source'])}" if tells_who else text
    )


def _gap_text(gap: Mapping[str, Any]) -> str:
    reason = marked("server text", gap["reason"]) if gap["kind"] == NOT_READ else gap["reason"]
    return str(reason) if pd.isna(gap["control"]) else f"{gap['control']}: {reason}"


def _listed(texts: Sequence[str]) -> str | None:
    shown = list(dict.fromkeys(texts))
    more = len(shown) - _MOST_SHOWN
    return "; ".join(shown[:_MOST_SHOWN]) + (f"; and {more:,} more" if more > 0 else "") if shown else None


OBJECTS: Final = Derived(OBJECTS_SPEC, (EARLIER,), _make_objects, also=SETTINGS_TABLES)


# The tables `drift` and `registered_changes`: the same rows, the latter only where there is a register.

REGISTERED_SPEC: Final = TableSpec(
    "registered_changes",
    ("server_id", "change_id", "direction"),
    DRIFT.columns,
    "One row per changed setting in `drift`, where a change register is given.",
    kind=DRIFT.kind,
)


def _make_changes(material: Material) -> pd.DataFrame:
    return material.drift.drift


CHANGES: Final = Derived(DRIFT, (EARLIER,), _make_changes, also=SETTINGS_TABLES)
REGISTERED: Final = Derived(REGISTERED_SPEC, (EARLIER,), _make_changes, also=SETTINGS_TABLES, part="register")


# The table `approved_changes`.

APPROVED_SPEC: Final = TableSpec(
    "approved_changes",
    ("approval_id",),
    (
        Column("server", "string", "The server that has the object; the first one if none has it.", holds="server"),
        Column("approval_id", "string", "The setting and its new value, as in the register.", holds="id"),
        Column("object_name", "string", "The object, as the register calls it.", holds="object"),
        Column("change", "string", "The setting with the values before and after, by the register.", holds="own text"),
        Column("value", "string", "The value in this run, as JSON; NA if it is not known.", holds="json"),
        Column("is_due", "boolean", "The change may have been made by now."),
        Column(
            "is_made", "boolean", "The setting has, or had in the earlier run, the approved value; NA if not known."
        ),
        Column("approved_by", "string", "Who approved the change.", holds="user"),
        Column("ticket", "string", "The ticket of the approval.", holds="prose"),
    ),
    "One row per approval in the change register, and whether the change was made.",
    kind=ObjectKind("approved change", "approval_id", "object_name"),
)


def _make_approved(material: Material) -> pd.DataFrame:
    register, old = material.earlier.register, material.earlier.of_server(material.identity)
    if register is None or old is None:
        return empty(APPROVED_SPEC)
    now, before = _Values(material.settings), _Values(old)
    made = _made_since(material, register)
    here = [each for each in register.approvals if now.has(each)]
    if material.is_first:
        elsewhere = [_Values(other.settings) for other in material.others]
        here += [each for each in register.approvals if not any(values.has(each) for values in (now, *elsewhere))]
    records = [
        {
            **_approval_row(each, now, before, made),
            "server": material.identity.name,
            "is_due": each.is_due(material.now),
        }
        for each in here
    ]
    return conform({name: [each[name] for each in records] for name in APPROVED_SPEC.names}, APPROVED_SPEC)[0]


class _Values:
    """The known values of settings of a run by object, which a register calls by id or name."""

    def __init__(self, run: SettingsOfRun) -> None:
        self._found: dict[tuple[str, str], list[tuple[str, Any]]] = {}
        columns = (
            run.settings[name].tolist() for name in ("object_type", "object_id", "object_name", "control", "value")
        )
        for kind, object_id, name, control, value in zip(*columns, strict=True):
            for key in {str(each).casefold() for each in (object_id, name) if each is not pd.NA}:
                self._found.setdefault((key, control.casefold()), []).append((kind, value))

    def of(self, approval: Approval) -> list[tuple[str, Any]]:
        """The kinds and values of the settings that an approval may mean."""
        return self._found.get((approval.object.casefold(), approval.control.casefold()), [])

    def has(self, approval: Approval) -> bool:
        """Whether there is such a setting."""
        return bool(self.of(approval))

    def answers(self, approval: Approval) -> Iterator[bool | None]:
        """Whether each of these settings has the approved value; None where it is not known."""
        for kind, value in self.of(approval):
            control = approval.control.casefold()
            is_known = value is not pd.NA
            yield (
                stands_for(approval.after, kind, control, compared_value(kind, control, value)) if is_known else None
            )


def _made_since(material: Material, register: ChangeRegister) -> frozenset[Approval]:
    """The approvals that lead to a change since the earlier run."""
    changes = rows_of(material.drift.drift)
    return frozenset(way for each in changes for way in register.ways(each["object_type"], each, material.now))


def _approval_row(approval: Approval, now: _Values, before: _Values, made: frozenset[Approval]) -> dict[str, Any]:
    answers = [*now.answers(approval)]
    is_made: bool | None = None
    if approval in made or any(answer is True for answer in (*answers, *before.answers(approval))):
        is_made = True
    elif answers and all(answer is False for answer in answers):
        is_made = False
    known = [value for _, value in now.of(approval) if value is not pd.NA]
    values = [marked("json", value or "none") for value in (approval.before, approval.after)]
    change = f"{marked('word', approval.control)}: {' → '.join(values)}"
    return {
        "approval_id": f"{approval.object} {told(change)}",
        "object_name": approval.object,
        "change": change,
        "value": known[0] if len(known) == 1 else None,
        "is_made": is_made,
        "approved_by": approval.approved_by,
        "ticket": approval.ticket,
    }


APPROVED: Final = Derived(APPROVED_SPEC, (EARLIER,), _make_approved, also=SETTINGS_TABLES, part="register")
