"""Each protected object in one row: its last restore point against its RPO, its copies, its size, its restore tests."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.derived import protection
from vbr_audit.checks.engine.views import views_of
from vbr_audit.checks.logic.three_valued import Cells, any_of, places_of, surely, taken, worded
from vbr_audit.datasets.card import YEAR
from vbr_audit.display import is_known
from vbr_audit.histories import restores
from vbr_audit.histories.evidence import RunTables
from vbr_audit.reports.record import raw_text
from vbr_audit.tables.build.arrays import STRING
from vbr_audit.tables.build.schema import Column, conform

if TYPE_CHECKING:
    from vbr_audit.collection.snapshot import Snapshot
    from vbr_audit.findings.results import Results
    from vbr_audit.histories.own_period import PeriodTables

FRESHNESS_CHECK: Final = "RPO-001"
"""The check that says of each object whether its newest restore point is too old."""
IN_TIME, LATE, UNCLEAR, NOT_ASKED = "in time", "late", "not known", "not judged"
_ANSWERS: Final = {"PASS": IN_TIME, "FAIL": LATE, "UNKNOWN": UNCLEAR, "ERROR": UNCLEAR}
GOOD, FAILED = "succeeded", "failed"
NONE_IN_A_YEAR, NONE_SEEN = "none in the year before the reading", "none seen, not all of the year is known"

_RPO: Final = ("rpo_h", "owed_h", "covered_h", "late_h", "unknown_h", "covered_share", "covered_at_least")
ADDED: Final = (
    Column("age_h", "Float64", "The time from its newest restore point to the server's clock.", "hours"),
    Column(
        "rpo_state",
        "string",
        f"Whether its newest restore point is recent enough, as {FRESHNESS_CHECK} answers before waivers: {IN_TIME}, "
        f"{LATE}, {UNCLEAR}; {NOT_ASKED} if the check does not apply or is disabled.",
        holds="kept",
    ),
    Column("rpo_h", "Float64", "The longest time without a new restore point that tier or policy allow.", "hours"),
    Column("owed_h", "Float64", "Hours of the period, or since the object began, for which that holds.", "hours"),
    Column("covered_h", "Float64", "Of these, hours with a restore point that was recent enough.", "hours"),
    Column("late_h", "Float64", "Of these, hours in which there was surely none.", "hours"),
    Column("unknown_h", "Float64", "The others: evidence or promise are not known.", "hours"),
    Column("covered_share", "Float64", "The covered share of the owed hours; NA if some are not known."),
    Column("covered_at_least", "Float64", "The same share if none of the unknown hours was covered."),
    Column("rpo_reason", "string", "Why hours are not known.", holds="own text"),
    Column("last_test", "datetime", "The start of its latest restore in the year before the reading."),
    Column(
        "last_test_result",
        "string",
        f"How that ended: {GOOD}, {FAILED}, {UNCLEAR}; or {NONE_IN_A_YEAR}; or {NONE_SEEN}. The API names a restored "
        "object only by its name.",
        holds="kept",
    ),
    Column("last_good_test", "datetime", "The start of its latest restore of the year that succeeded."),
)
"""What stands beside the columns of `protected_objects`."""
SPEC: Final = replace(protection.SPEC, name="shown_objects", columns=(*protection.SPEC.columns, *ADDED), kind=None)
ORDER_WORDS: Final = (
    "without a restore point, with a late one, with late hours in the period, with something not known, then the others"
)
"""In which order the objects stand, in words."""


@dataclass(frozen=True)
class Copy:
    """One place of the backups of an object, as `object_copies` has it; None is not known."""

    repository: str
    is_current: bool | None
    is_offsite: bool | None
    is_locked: bool | None
    lock_is_over: bool
    locked_until: dt.datetime | None


@dataclass(frozen=True, eq=False)
class ShownObjects:
    """The protected objects, the worst first (`ORDER_WORDS`), with the columns of `SPEC`, and the copies of each row.

    `copies` has those that hold today's data, or may, before those that are too old.
    """

    frame: pd.DataFrame
    copies: tuple[tuple[Copy, ...], ...]


def shown_objects(snapshot: Snapshot, results: Results, period: PeriodTables) -> ShownObjects:
    """The protected objects of a run with what is known of them; nothing where no check asks for them."""
    objects = results.protected.reset_index(drop=True)
    columns: dict[str, Any] = {str(name): objects[name] for name in objects} | _age(snapshot, objects)
    columns |= _rpo(objects, period.rpo) | {"rpo_state": _states(objects, results.findings)}
    columns |= _tests(snapshot, objects)
    frame = conform(columns, SPEC)[0]
    keys = object_codes(frame)
    owner = places_of(object_codes(results.copies), keys)
    locked = any_of(owner, results.copies["is_current"] & results.copies["is_locked"], frame.index)
    order = _order(frame, locked)
    frame = frame.iloc[order].reset_index(drop=True)
    return ShownObjects(frame, _copies(frame, results.copies))


def object_codes(rows: pd.DataFrame) -> pd.Series:
    """A text for the server and the key of the object of each row."""
    return rows["server"].astype(STRING) + "\n" + rows["object_key"].astype(STRING)


def _age(snapshot: Snapshot, objects: pd.DataFrame) -> dict[str, Any]:
    """The age of the newest restore point by the clock of its server, as `protected` gives it."""
    clocks = {view.name: pd.Timestamp(view.now) for view in views_of(snapshot, frozenset())}
    now = pd.to_datetime(objects["server"].map(clocks).fillna(pd.Timestamp(snapshot.now)), utc=True)
    return {"age_h": ((now - objects["latest_point"]).dt.total_seconds() / 3600).astype("Float64")}


def _rpo(objects: pd.DataFrame, rpo: pd.DataFrame) -> dict[str, Any]:
    """What the table `period_rpo` says of each object."""
    place = places_of(object_codes(objects), object_codes(rpo.rename(columns={"object_id": "object_key"})))
    columns = {name: taken(rpo[name], place, objects.index) for name in _RPO}
    return columns | {"rpo_reason": taken(rpo["reason"], place, objects.index)}


def _states(objects: pd.DataFrame, findings: pd.DataFrame) -> pd.Series:
    """The answer of `FRESHNESS_CHECK` for each object, in words."""
    own = findings[surely(findings["check_id"] == FRESHNESS_CHECK)].rename(columns={"object_id": "object_key"})
    answers = own["result"].map(_ANSWERS).astype(STRING)
    place = places_of(object_codes(objects), object_codes(own))
    return taken(answers.reset_index(drop=True), place, objects.index).fillna(NOT_ASKED)


def _tests(snapshot: Snapshot, objects: pd.DataFrame) -> dict[str, Any]:
    """The latest restore of each object, by its name; and whether one that is missing is known to be missing."""
    tables = restores.restore_tables(snapshot)
    tests = tables[restores.SPEC.name]
    tests = tests[surely(tests["kind"] == restores.OBJECT)].sort_values("created", kind="stable", na_position="first")
    names = _named(objects["server"], objects["name"])
    last, good = (
        rows.assign(key=_named(rows["server"], rows["name"])).drop_duplicates("key", keep="last").reset_index(drop=True)
        for rows in (tests, tests[surely(tests["is_good"])])
    )
    at, at_good = places_of(names, last["key"]), places_of(names, good["key"])
    is_good = taken(last["is_good"], at, objects.index)
    run = RunTables(snapshot.manifest.run_id, snapshot.now, tables)
    unknown = _unknown_days(run)
    missing = objects["server"].map(unknown).fillna(1.0).to_numpy(dtype=float) > 0
    doubt = missing | objects["name"].isna().to_numpy() | objects["server"].isin(_nameless(tests)).to_numpy(dtype=bool)
    result = worded(
        objects.index,
        ((at >= 0) & surely(is_good), GOOD),
        ((at >= 0) & surely(~is_good), FAILED),
        (at >= 0, UNCLEAR),
        (doubt, NONE_SEEN),
        default=NONE_IN_A_YEAR,
    )
    return {
        "last_test": taken(last["created"], at, objects.index),
        "last_test_result": result,
        "last_good_test": taken(good["created"], at_good, objects.index),
    }


def _named(servers: pd.Series, names: pd.Series) -> pd.Series:
    """The server and the name of each row: a name is the same in capitals and in small letters."""
    return servers.astype(STRING) + "\n" + names.str.casefold().astype(STRING)


def _nameless(tests: pd.DataFrame) -> list[Any]:
    """The servers with a test without a name: it may be of any object of theirs."""
    return list(tests.loc[tests["name"].isna().to_numpy(), "server"].unique())


def _unknown_days(run: RunTables) -> dict[str, float]:
    """How many days of the year before the reading each server's restored objects are not known of."""
    evidence = run.table(restores.EVIDENCE_SPEC)
    own = evidence[surely(evidence["kind"] == restores.OBJECT)]
    begins = own["until"] - pd.Timedelta(YEAR)
    late = (own["since"] - begins).dt.total_seconds() / 86_400
    days = late.fillna(float(YEAR.days)).clip(lower=0.0)
    return dict(zip(own["server"].tolist(), days.tolist(), strict=True))


def _order(frame: pd.DataFrame, locked: pd.Series) -> Cells:
    """The positions of the rows, the worst first."""
    late = surely(frame["rpo_state"] == LATE)
    missed = surely(frame["late_h"] > 0)
    unclear = surely(frame["rpo_state"] == UNCLEAR) | frame["covered_share"].isna().to_numpy()
    ranks = np.select([surely(frame["points_count"] == 0), late, missed, unclear], [0, 1, 2, 3], default=4)
    excess = np.where(late, (frame["age_h"] / frame["rpo_h"]).to_numpy(dtype=float, na_value=0.0), 0.0)
    keys = pd.DataFrame(
        {
            "rank": ranks,
            "excess": -excess,
            "late": -frame["late_h"].to_numpy(dtype=float, na_value=0.0),
            "locked": surely(locked),
            "name": frame["name"].str.casefold(),
            "server": frame["server"],
            "object_key": frame["object_key"],
        }
    )
    return np.asarray(keys.sort_values([str(name) for name in keys], kind="stable").index)


def _copies(frame: pd.DataFrame, copies: pd.DataFrame) -> tuple[tuple[Copy, ...], ...]:
    """The copies of each row, those that hold today's data first, then by name."""
    owner = places_of(object_codes(copies), object_codes(frame))
    stale = surely(~copies["is_current"])
    rows = copies.assign(owner=owner, stale=stale)[owner >= 0]
    rows = rows.sort_values(["owner", "stale", "repository", "place_id"], kind="stable")
    made: list[list[Copy]] = [[] for _ in range(len(frame))]
    names = ("owner", "repository", "is_current", "is_offsite", "is_locked", "lock_is_over", "locked_until")
    for place, repository, *flags, over, until in zip(*(rows[name].tolist() for name in names), strict=True):
        current, offsite, locked = (bool(flag) if is_known(flag) else None for flag in flags)
        end = until.to_pydatetime() if is_known(until) else None
        made[place].append(Copy(raw_text(repository), current, offsite, locked, bool(is_known(over) and over), end))
    return tuple(map(tuple, made))
