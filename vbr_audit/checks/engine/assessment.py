"""One check on one server: what its answer means for each object, and to which cause each finding belongs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.derived import DERIVED
from vbr_audit.checks.engine.answers import (
    ask,
    cells_of,
    expected_text,
    frames_for,
    governing_paths,
    shown_values,
    unknown_texts,
)
from vbr_audit.checks.engine.objects import KEYS, OBJECTS, UNREAD, Causes, default_cause
from vbr_audit.checks.engine.outcome import Outcome, Words
from vbr_audit.checks.engine.registry import Check
from vbr_audit.checks.engine.settings import SETTINGS_OF
from vbr_audit.checks.engine.tables import ALSO_LISTED_BY
from vbr_audit.checks.engine.views import NOT_GIVEN, ServerView
from vbr_audit.checks.logic.codes import Cells, repeated
from vbr_audit.checks.logic.dates import on_clock
from vbr_audit.checks.logic.three_valued import places_of, surely, surely_not, taken
from vbr_audit.tables.build.arrays import are_known, are_missing
from vbr_audit.tables.build.naming import marked
from vbr_audit.vocabulary import SEVERITIES

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Assessment:
    """The findings of one check on one server before waivers, as object arrays of equal length.

    `accepted` holds the words of whoever accepted a failing state outside of this tool, as in Veeam's own analyzer;
    `cause_kind`, `cause_key` and `cause_name` say what has to be changed.
    `population` counts the objects, None where they could not be read; `whole` says whether everything was read that
    the check asks for, and `why_not_whole` what was not; `broke` is set where the check itself failed. `set_aside`
    counts the objects for which the policy disables the check.
    """

    object_type: str
    object_id: Cells
    object_name: Cells
    result: Cells
    severity: Cells
    observed: Cells
    expected: Cells
    json_path: Cells
    reason: Cells
    accepted: Cells
    cause_kind: Cells
    cause_key: Cells
    cause_name: Cells
    population: int | None
    whole: bool
    why_not_whole: str | None
    broke: str | None = None
    set_aside: int = 0
    rule: Cells = field(default_factory=lambda: np.empty(0, dtype=object))
    """The digest of the parameters in force for each object; whoever asks the check puts it in."""


def assess(
    check: Check, view: ServerView, *, params: Mapping[str, Any], severity: str, severity_from_policy: bool = False
) -> Assessment:
    """Run `check` on one server; never raises because of the check.

    `severity` holds for every object but those for which the check says a lower or higher one; one that comes from a
    policy is never raised.
    """
    if check.recorded is not None:
        return _repeated(check, view, severity, severity_from_policy)
    if why_uncompared := view.uncompared(check.tables):
        return _set_aside(view, severity, why_uncompared)
    vital = [table for table in check.tables if table not in check.fallback]
    if gaps := _gap_text(view.marked_gaps(table, readable=True) for table in vital):
        return _unread(view, severity, f"could not be read: {gaps}")
    try:
        base = _open_questions(check, view, severity)
    except Exception as fault:
        # The population may be a derived table, whose maker can break on what nobody has seen yet.
        logger.debug("the population of %s broke on %s", check.id, view.name, exc_info=True)
        return _broken(_unread(view, severity, ""), fault)
    if not base.population:
        return base
    try:
        outcome = ask(check, view, frames_for(check, view), params)
    except Exception as fault:
        # A check may be anybody's code: whatever it raises is a finding of its own, never the end of the run.
        logger.debug("check %s broke on %s", check.id, view.name, exc_info=True)
        return _broken(base, fault)
    answered = _answered(check, view, base, outcome)
    _give_reasons(check, view, answered)

    def on_report_clock(texts: Cells) -> Cells:
        return on_clock(texts, view.zone, view.snapshot.timezone)

    expected = on_report_clock(_filled(outcome.expected, base.population, lambda: expected_text(check, params)))
    aside = answered.result == "NOT_APPLICABLE"
    if aside.any():
        expected = expected.copy()
        expected[aside] = pd.NA
    return replace(
        answered,
        severity=_severities(base.severity, outcome, severity_from_policy),
        observed=on_report_clock(_filled(outcome.observed, base.population, lambda: shown_values(check, view))),
        expected=expected,
        json_path=_filled(outcome.json_path, base.population, lambda: governing_paths(check, view)),
        reason=on_report_clock(answered.reason),
        accepted=cells_of(outcome.accepted, base.population),
    )


def _repeated(check: Check, view: ServerView, severity: str, from_policy: bool) -> Assessment:
    """The answers that a check gave when the run was judged; nothing is asked of it."""
    recorded = (check.recorded or {}).get(view.name)
    if recorded is None:
        return _unread(view, severity, "the code of this check is not at hand")
    cells: dict[str, Any] = dict(recorded.cells)
    outcome = Outcome(ok=pd.Series(dtype="boolean"), severity=pd.Series(cells["severity"], dtype=object))
    cells["severity"] = _severities(np.full(len(cells["result"]), severity, dtype=object), outcome, from_policy)
    return Assessment(
        object_type=recorded.object_type,
        **cells,
        population=recorded.population,
        whole=recorded.whole,
        why_not_whole=recorded.why_not_whole,
        broke=recorded.broke,
    )


def _give_reasons(check: Check, view: ServerView, answered: Assessment) -> None:
    """Say why there is no answer wherever the check did not, and what was not read whole beside."""
    unknown = np.flatnonzero(answered.result == "UNKNOWN")
    silent = unknown[pd.isna(answered.reason[unknown])]
    if len(silent):
        answered.reason[silent] = unknown_texts(check, view, silent)
    if gaps_beside := _gaps_beside(check, view):
        answered.reason[unknown] += f" (not read whole: {gaps_beside})"


def _broken(base: Assessment, fault: Exception) -> Assessment:
    """The same objects, each with ERROR and what went wrong."""
    broke = marked("server text", f"{type(fault).__name__}: {fault}"[:300])
    return replace(
        base,
        result=repeated("ERROR", len(base.result)),
        reason=repeated(f"the check broke: {broke}", len(base.result)),
        broke=broke,
    )


def _answered(check: Check, view: ServerView, base: Assessment, outcome: Outcome) -> Assessment:
    """Result and reason per object, from the check's answer, the map of settings and what was read in part."""
    result, own = base.result.copy(), cells_of(outcome.reason, len(base.result))
    result[surely(outcome.ok)] = "PASS"
    result[surely_not(outcome.ok)] = "FAIL"
    reason = own.copy()
    partial = _counted_in_part(check, view)
    concerned = _concerned(check, view) if partial else np.zeros(len(result), dtype=bool)
    if partial:
        result[concerned] = "UNKNOWN"
        reason[concerned] = f"cannot be answered from a part of the rows: {partial}"
    if outcome.applies is not None:
        result[are_missing(outcome.applies)] = "UNKNOWN"
        aside = surely_not(outcome.applies) & (outcome.applies_by_settings or ~concerned)
        result[aside], reason[aside] = "NOT_APPLICABLE", own[aside]
    if settings := SETTINGS_OF.get(check.population):
        absent = settings.absent(view, check.reads[check.population])
        result[absent], reason[absent] = "NOT_APPLICABLE", settings.why_absent(view, absent)
    return replace(base, result=result, reason=reason)


def _concerned(check: Check, view: ServerView) -> Cells:
    """A plain boolean array: the objects that rows which were not read may concern.

    All of them, unless the judged table itself says which of its rows are whole.
    """
    rows = len(view.frame(check.population))
    known = DERIVED[check.population].whole if check.population in DERIVED else ""
    beside = [table for table in check.tables if table in check.aggregates and table != check.population]
    if not known or _gap_text(view.marked_gaps(table) for table in beside):
        return np.ones(rows, dtype=bool)
    return ~surely(view.frame(check.population)[known])


def _counted_in_part(check: Check, view: ServerView) -> str:
    """The tables that the check counts over and that were read only in part; empty text for none."""
    return _gap_text(view.marked_gaps(table) for table in check.tables if table in check.aggregates)


def _gaps_beside(check: Check, view: ServerView) -> str:
    """The gaps of the tables beside the population that might have shown more; empty text for none.

    Not those that the tables counted over have as well: `_counted_in_part` names them.
    """
    counted = {gap for table in check.tables if table in check.aggregates for gap in view.marked_gaps(table)}
    beside = (view.marked_gaps(table) for table in _asked(check, view)[1:] if table not in check.aggregates)
    return _gap_text([gap for gap in gaps if gap not in counted] for gaps in beside)


def _asked(check: Check, view: ServerView) -> list[str]:
    """The tables that the check asks, without those that only a site file which nobody gave could fill.

    Where it has an answer without that file, nothing is missing.
    """
    blank = {
        table
        for table in check.fallback
        if any(reading.status == NOT_GIVEN for reading in view.readings_of(table).values())
    }
    return [table for table in check.tables if table not in blank]


def _gap_text(gaps: Iterable[Iterable[str]]) -> str:
    """Several lists of gaps as one text, each said once."""
    return "; ".join(dict.fromkeys(gap for several in gaps for gap in several))


def _open_questions(check: Check, view: ServerView, severity: str) -> Assessment:
    """One UNKNOWN without words per object of the population, and how whole that population is."""
    kind, objects = check.object_kind, view.frame(check.population)
    # What only another dataset lists belongs to the population as well: jobs that only /jobs/states has.
    tables = [*_asked(check, view), *ALSO_LISTED_BY.get(check.population, ())]
    gaps = _gap_text(view.marked_gaps(table) for table in tables)
    blank = repeated(pd.NA, len(objects))
    causes = causes_of_objects(check, view)
    return Assessment(
        object_type=kind.kind,
        object_id=view.text(check.population, kind.id_column).to_numpy(dtype=object),
        object_name=view.text(check.population, kind.name_column).to_numpy(dtype=object),
        result=repeated("UNKNOWN", len(objects)),
        severity=repeated(severity, len(objects)),
        observed=blank,
        expected=blank,
        json_path=blank,
        reason=blank,
        accepted=blank,
        cause_kind=causes.kind,
        cause_key=causes.key,
        cause_name=causes.name,
        population=len(objects),
        whole=not gaps,
        why_not_whole=f"not read whole: {gaps}" if gaps else None,
    )


def _unread(view: ServerView, severity: str, why: str) -> Assessment:
    """One UNKNOWN for the whole server."""
    blank, name = np.array([pd.NA], dtype=object), np.array([view.name], dtype=object)
    cause = cause_of_server(view)
    return Assessment(
        object_type="server",
        object_id=name,
        object_name=name,
        result=np.array(["UNKNOWN"], dtype=object),
        severity=np.array([severity], dtype=object),
        observed=blank,
        expected=blank,
        json_path=blank,
        reason=np.array([why], dtype=object),
        accepted=blank,
        cause_kind=cause.kind,
        cause_key=cause.key,
        cause_name=cause.name,
        population=None,
        whole=False,
        why_not_whole=why,
    )


def _set_aside(view: ServerView, severity: str, why: str) -> Assessment:
    """One NOT_APPLICABLE for the whole server, which has nothing to be compared with: nobody asked."""
    unread = _unread(view, severity, why)
    result = np.array(["NOT_APPLICABLE"], dtype=object)
    return replace(unread, result=result, population=0, whole=True, why_not_whole=None)


def _severities(given: Cells, outcome: Outcome, from_policy: bool) -> Cells:
    """The severity of each object: the check's word where it says one, but never above that of a policy."""
    if outcome.severity is None:
        return given
    given_severities = cells_of(outcome.severity, len(given)).copy()
    if from_policy:
        rank = {name: number for number, name in enumerate(SEVERITIES)}
        for position in np.flatnonzero(~pd.isna(given_severities)):
            given_severities[position] = max(given_severities[position], given[position], key=rank.__getitem__)
    gaps = pd.isna(given_severities)
    given_severities[gaps] = given[gaps]
    return given_severities


def _filled(words: Words, length: int, ask_default: Callable[[], Cells | str | None]) -> Cells:
    """What the check says, with the default in the gaps, asked for only where there are any."""
    if words is None:
        default = ask_default()
        return default if isinstance(default, np.ndarray) else cells_of(default, length)
    cells = cells_of(words, length)
    gaps = np.flatnonzero(pd.isna(cells)) if isinstance(words, pd.Series) else ()
    if len(gaps) and (default := ask_default()) is not None:
        cells = cells.copy()
        cells[gaps] = default if isinstance(default, str) else default[gaps]
    return cells


# What one remedy settles: each finding belongs to a cause, such as the job, the repository or the server's setting.
#
# A check declares where its remedy sits; the findings stay one per object. The machines of one job whose copies lack
# an off-site one are as many findings, and one cause.

_CAUSE_NAMES: Final[Mapping[str, tuple[tuple[str, str, str], ...]]] = {
    "job": (("jobs", "job_id", "name"), ("job_states", "job_id", "name"), ("backups", "job_id", "name")),
    "repository": (("repositories", "repository_id", "name"),),
    "encryption password": (("encryption_passwords", "encryption_password_id", "hint"),),
}
"""Where the name of a cause stands: table, column of its id and of its name; the first that knows it counts."""


def causes_of_objects(check: Check, view: ServerView) -> Causes:
    """The causes of the objects of `check`, not to be written to.

    That is what it declares, and the object itself where that is not known.
    """
    what = (check.population, check.cause)
    if what not in view.causes:
        view.causes[what] = _causes_of(*what, view)
    return view.causes[what]


def _causes_of(population: str, cause: str, view: ServerView) -> Causes:
    own = OBJECTS[population]
    ids, names = (view.text(population, name).to_numpy(dtype=object) for name in (own.id_column, own.name_column))
    kind = np.full(len(ids), default_cause(population), dtype=object)
    key, name = np.where(pd.isna(ids), names, ids), names.copy()
    column = KEYS.get((population, cause))
    if column is None:
        return Causes(kind, key, name)
    keys = view.frame(population)[column]
    known = are_known(keys)
    kind[known], key[known] = cause, keys.to_numpy(dtype=object)[known]
    name[known] = _cause_names(cause, keys, view)[known]
    return Causes(kind, key, name)


def _cause_names(kind: str, keys: pd.Series, view: ServerView) -> Cells:
    """The name of each cause; its key where no table tells one."""
    names = pd.Series(pd.NA, index=keys.index, dtype=keys.dtype)
    for table, key, name in _CAUSE_NAMES.get(kind, ()):
        if not len(frame := view.frame(table)):
            continue
        names = names.fillna(taken(frame[name], places_of(keys, frame[key]), keys.index))
    return names.fillna(keys).to_numpy(dtype=object)


def cause_of_server(view: ServerView) -> Causes:
    """The cause of the one finding that stands for all objects of a server which could not be read."""
    name = np.array([view.name], dtype=object)
    return Causes(np.array([UNREAD], dtype=object), name, name)
