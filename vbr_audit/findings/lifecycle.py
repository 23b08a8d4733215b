"""The life of a finding over several runs: what became of it since it was looked at last.

Every finding is in exactly one state, which one table decides (`decide`): nothing is called fixed that was not looked
at again, whole, under the same parameters and by the same meaning of its check. What is known of the findings after a
run, `Lives`, is carried forward: `step` makes the next of it and of what the next run found.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from functools import cached_property
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from vbr_audit.findings.compared import ASKED_SPEC, Judged
from vbr_audit.tables.build.arrays import are_known, are_missing, strings_of
from vbr_audit.tables.build.schema import Column, TableSpec, empty, from_arrays

Cells: TypeAlias = npt.NDArray[Any]


class State(StrEnum):
    """What became of a finding, as one run sees it."""

    FIRST = "FIRST"
    """Answered for the first time: nothing earlier to compare with."""
    NEW = "NEW"
    """Fails, and did not when it was looked at last."""
    STILL = "STILL"
    """As it was: it still fails, is still good, or still has no answer."""
    FIXED = "FIXED"
    """Failed or was accepted; the same object was judged again from whole data, by the same rule, and passes."""
    REGRESSED = "REGRESSED"
    """Fails again, after it had been fixed or gone."""
    LOST_SIGHT = "LOST_SIGHT"
    """Had an answer, and could not be looked at whole this time."""
    OBJECT_GONE = "OBJECT_GONE"
    """Its object is not there any more, or the check no longer applies to it."""
    POLICY_CHANGED = "POLICY_CHANGED"
    """Its answer differs, and so do the parameters, or the policy no longer asks."""
    METHOD_CHANGED = "METHOD_CHANGED"
    """Its answer differs, and so does what the check means."""
    ACCEPTED = "ACCEPTED"
    """Fails, and a waiver accepts it."""
    WAIVER_ENDED = "WAIVER_ENDED"
    """Fails again, as nothing accepts it any more."""

    @property
    def meaning(self) -> str:
        """What the state says, in one sentence for a reader."""
        return _MEANINGS[self]


_MEANINGS: Final[Mapping[State, str]] = {
    State.FIRST: "answered for the first time; there is nothing earlier to compare with",
    State.NEW: "fails, and did not when it was last looked at",
    State.STILL: "as it was when it was last looked at",
    State.FIXED: "failed; the same object was judged again, whole, by the same rule, and passes",
    State.REGRESSED: "fails again, after it had been fixed or its object had gone",
    State.LOST_SIGHT: "had an answer, and could not be looked at whole this time",
    State.OBJECT_GONE: "its object is not there any more, or the check no longer applies to it",
    State.POLICY_CHANGED: "the answer differs, and so do the parameters, or the policy no longer asks",
    State.METHOD_CHANGED: "the answer differs, and so does what the check means",
    State.ACCEPTED: "fails, and a waiver accepts it",
    State.WAIVER_ENDED: "fails again, as no waiver accepts it any more",
}

STATES: Final = tuple(State)
TURNED_BAD: Final = (State.NEW, State.REGRESSED, State.WAIVER_ENDED)
"""The states of what fails now and did not, by the same rule, when it was last looked at."""
SPEAKS: Final = (*TURNED_BAD, State.LOST_SIGHT)
"""What became of a finding so that somebody is to be told."""


class Before(IntEnum):
    """What was known of a finding before a run."""

    NEVER = 0
    """Nothing: nobody looked, or not at all of it."""
    UNANSWERED = 1
    """It was asked, and had no answer yet."""
    ABSENT = 2
    """It was looked for in whole data, and its object was not there."""
    FINE = 3
    """It passed, or did not apply."""
    OPEN = 4
    """It failed."""
    ACCEPTED = 5
    """It failed, and a waiver accepted it."""


class Now(IntEnum):
    """What a run says of a finding."""

    NONE = 0
    """Nothing: there is no such finding."""
    PASS = 1
    NOT_APPLICABLE = 2
    UNKNOWN = 3
    """No answer, be it that data was missing or that the check broke."""
    FAIL = 4
    WAIVED = 5


class Rule(IntEnum):
    """Whether a finding was judged by the same rule as when it was answered last.

    Of a finding that is not there, `POLICY` says that the policy no longer asks, `METHOD` that the check is gone.
    """

    SAME = 0
    POLICY = 1
    METHOD = 2


def decide(before: Before, now: Now, *, gone: bool, whole: bool, rule: Rule, was_open: bool) -> State | None:
    """The state of a finding; None for what never had an answer and is not there any more.

    `gone` says of a finding that is not there that its object surely is not there either; `whole` that everything was
    read that the check asks for; `was_open` that it failed at some time before it was good or gone.
    """
    known = before in (Before.FINE, Before.OPEN, Before.ACCEPTED)
    changed = {Rule.SAME: None, Rule.POLICY: State.POLICY_CHANGED, Rule.METHOD: State.METHOD_CHANGED}[rule]
    if now is Now.WAIVED:
        return State.ACCEPTED
    if now is Now.FAIL:
        return _of_a_failing_one(before, changed, rule, was_open)
    if now is Now.UNKNOWN:
        if before is Before.ABSENT:
            return State.FIRST
        return State.LOST_SIGHT if known else State.STILL if before is Before.UNANSWERED else State.FIRST
    if now is Now.NONE:
        if before in (Before.NEVER, Before.UNANSWERED):
            return None
        if before is Before.ABSENT:
            return State.OBJECT_GONE
        return changed or (State.OBJECT_GONE if whole and gone else State.LOST_SIGHT)
    if not known:
        return State.FIRST
    if before is Before.FINE:
        return State.STILL
    good = State.FIXED if now is Now.PASS else State.OBJECT_GONE
    return changed or (good if whole else State.LOST_SIGHT)


def _of_a_failing_one(before: Before, changed: State | None, rule: Rule, was_open: bool) -> State:
    if before is Before.OPEN:
        return State.STILL
    if before is Before.ACCEPTED:
        return State.WAIVER_ENDED
    if before in (Before.NEVER, Before.UNANSWERED):
        return State.FIRST
    # A policy is no reason why an object appears: one that was not there is new whatever the parameters are.
    if changed is not None and not (before is Before.ABSENT and rule is Rule.POLICY):
        return changed
    return State.REGRESSED if was_open else State.NEW


_NO_STATE: Final = -1


def _every_cell() -> npt.NDArray[np.int8]:
    """What `decide` says of every combination, as codes of `STATES`: before, now, gone, whole, rule, was_open."""
    cells = np.full((len(Before), len(Now), 2, 2, len(Rule), 2), _NO_STATE, dtype=np.int8)
    for before, now, gone, whole, rule, was_open in itertools.product(
        Before, Now, (False, True), (False, True), Rule, (False, True)
    ):
        state = decide(before, now, gone=gone, whole=whole, rule=rule, was_open=was_open)
        if state is not None:
            cells[before, now, int(gone), int(whole), rule, int(was_open)] = STATES.index(state)
    return cells


_CELLS: Final = _every_cell()

LIVES_SPEC: Final = TableSpec(
    name="state",
    key=("key",),
    help="One row per finding of a history that ever had an answer or failed: what is known of it after a run.",
    columns=(
        Column("key", "string", "What names the finding over time: server, check and object.", holds="digest"),
        Column("finding_id", "string", "Its id in the last run that had it.", holds="digest"),
        Column("server_id", "string", "The server's own id, or its name where it reports none.", holds="digest"),
        Column("server", "string", "The server's name in the last run that read it.", holds="server"),
        Column("check_id", "string", "The check.", holds="kept"),
        Column("title", "string", "The good state that the check asks for.", holds="kept"),
        Column("severity", "string", "The severity when it was last found.", holds="kept"),
        Column("object_type", "string", "What kind of object it is about.", holds="kept"),
        Column("object_id", "string", "The object's id.", holds="id"),
        Column("object_name", "string", "The object's name in the last run that had it.", holds="prose"),
        Column("state", "string", "What became of it, one of the lifecycle states.", holds="kept"),
        Column("state_since", "datetime", "The run that brought the state."),
        Column("status_before", "string", "Its answer before the run: the last one that it had.", holds="kept"),
        Column("status", "string", "Its status in the run; NA where the run has no such finding.", holds="kept"),
        Column("answer", "string", "The last answer that was whole: PASS, FAIL, NOT_APPLICABLE, WAIVED.", holds="kept"),
        Column("rule", "string", "The digest of the parameters under which that answer was given.", holds="digest"),
        Column("meaning", "string", "The meaning of the check by which that answer was given.", holds="kept"),
        Column("policy", "string", "The digest of the rules as a whole then, for runs without `rule`.", holds="digest"),
        Column("revision", "string", "The API revision in which that answer was read.", holds="kept"),
        Column("first_seen", "datetime", "The first run in which it failed or was accepted."),
        Column("last_seen", "datetime", "The last run in which it failed or was accepted."),
        Column("open_since", "datetime", "The run since which it has been failing; NA where it is not open."),
        Column("fixed_at", "datetime", "The run in which it was last seen fixed."),
        Column("fix_days", "Float64", "How long it had been open when it was last seen fixed.", unit="days"),
        Column("times_reopened", "Int64", "How often it failed again after it had been fixed or gone."),
        Column("hint", "string", "What else is known: that the object was made anew under another id.", holds="kept"),
    ),
)
"""What is carried forward of each finding."""
AGED_SPEC: Final = TableSpec(
    name=LIVES_SPEC.name,
    key=LIVES_SPEC.key,
    help=LIVES_SPEC.help,
    columns=(
        *LIVES_SPEC.columns,
        Column("as_of", "datetime", "The clock of the last run that read its server."),
        Column("days_open", "Float64", "How long it had been failing by then; NA where it is not open.", unit="days"),
    ),
)
"""The same with the age of what is open."""


@dataclass(frozen=True, eq=False)
class Lives:
    """What is known of all findings after a run.

    `findings` has the columns of `LIVES_SPEC`, `asked` those of `ASKED_SPEC`: what each check was asked of each server
    when it last was. `as_of` is the clock of the last run of each server, by the server's id.
    """

    findings: pd.DataFrame = field(default_factory=lambda: empty(LIVES_SPEC))
    asked: pd.DataFrame = field(default_factory=lambda: empty(ASKED_SPEC))
    as_of: Mapping[str, dt.datetime] = field(default_factory=dict)

    @property
    def aged(self) -> pd.DataFrame:
        """The findings with the age of what is open, by the clock of the last run of its server (`AGED_SPEC`)."""
        rows = self.findings
        moments = {server: pd.Timestamp(moment).as_unit("us") for server, moment in self.as_of.items()}
        as_of = pd.to_datetime(rows["server_id"].map(moments), utc=True).astype("datetime64[us, UTC]")
        days = (as_of - rows["open_since"]).dt.total_seconds() / 86_400
        return rows.assign(as_of=as_of, days_open=days.astype("Float64"))

    def of(self, servers: Iterable[str]) -> Lives:
        """What concerns the servers with these ids."""
        ids = set(servers)
        kept = self.findings["server_id"].isin(ids).to_numpy(dtype=bool)
        asked = self.asked["server_id"].isin(ids).to_numpy(dtype=bool)
        return Lives(
            self.findings[kept].reset_index(drop=True),
            self.asked[asked].reset_index(drop=True),
            {server: moment for server, moment in self.as_of.items() if server in ids},
        )

    def without(self, servers: Iterable[str]) -> Lives:
        """What concerns all other servers."""
        return self.of(set(self.as_of) - set(servers))

    def beside(self, other: Lives) -> Lives:
        """Both, of different servers, as one."""
        if not self.as_of or not other.as_of:
            return self if self.as_of else other
        return Lives(
            pd.concat([self.findings, other.findings], ignore_index=True),
            pd.concat([self.asked, other.asked], ignore_index=True),
            {**self.as_of, **other.as_of},
        )


def step(before: Lives, judged: Judged) -> Lives:
    """What is known after the run `judged`, which follows on what was known `before`.

    Servers that the run is not about stay as they were.
    """
    ids = [server.server_id for server in judged.servers]
    mine = before.of(ids)
    made = _Step(mine, judged).made()
    return before.without(ids).beside(Lives(made, _asked_after(mine, judged), dict.fromkeys(ids, judged.now)))


def _asked_after(before: Lives, judged: Judged) -> pd.DataFrame:
    """What was last asked of each server: what the run asked, and of the rest what was known."""
    both = pd.concat([before.asked, judged.asked], ignore_index=True)
    return both.drop_duplicates(["server_id", "check_id"], keep="last", ignore_index=True)


class _Step:
    """One step for the servers of one run, column by column over the findings of before and of now."""

    def __init__(self, before: Lives, judged: Judged) -> None:
        self._judged, self._old_rows, self._new_rows = judged, before.findings, judged.findings
        old, new = (pd.Index(rows["key"].to_numpy(dtype=object)) for rows in (self._old_rows, self._new_rows))
        keys = old.append(new[old.get_indexer(new) < 0])
        self._keys = keys.to_numpy(dtype=object)
        self._at_old, self._at_new = old.get_indexer(keys), new.get_indexer(keys)
        self._was_there, self._is_there = self._at_old >= 0, self._at_new >= 0
        self._server, self._check = self._either("server_id"), self._either("check_id")
        pairs = self._server + "\0" + self._check
        self._asked_old, self._asked_new = _Asked(before.asked, pairs), _Asked(judged.asked, pairs)
        by_server = {server.server_id: server.revision for server in judged.servers}
        self._revision = np.array([by_server.get(server, "") for server in self._server], dtype=object)

    def made(self) -> pd.DataFrame:
        """The findings after the run."""
        parts = (self._before, self._now, self._gone, self._asked_new.whole, self._rule, self._was_open)
        codes = _CELLS[tuple(np.asarray(part).astype(np.intp) for part in parts)]
        # What never failed and is gone was reported once; what failed at some time is remembered if it comes back.
        over = (self._before == Before.ABSENT) & ~self._is_there & ~self._was_open
        rows = np.flatnonzero((codes != _NO_STATE) & ~over)
        frame = self._frame(np.array([*STATES, pd.NA], dtype=object)[codes])
        return _with_hints(frame.take(rows).reset_index(drop=True), self._judged.now)

    def _old(self, name: str) -> Cells:
        """A text of before for every finding; NA where there was none."""
        return np.asarray(np.append(self._old_rows[name].to_numpy(dtype=object), [pd.NA])[self._at_old])

    def _new(self, name: str) -> Cells:
        """A text of the run for every finding; NA where there is none."""
        return np.asarray(np.append(self._new_rows[name].to_numpy(dtype=object), [pd.NA])[self._at_new])

    def _either(self, name: str) -> Cells:
        """As it is now, else as it was."""
        return np.where(self._is_there, self._new(name), self._old(name))

    def _moments(self, name: str) -> pd.Series:
        """A moment of before for every finding; NaT where there was none."""
        none = pd.Series([pd.NaT], dtype=self._old_rows[name].dtype)
        known = pd.concat([self._old_rows[name], none], ignore_index=True)
        return known.take(np.where(self._was_there, self._at_old, len(known) - 1)).reset_index(drop=True)

    def _everywhere(self, word: str) -> Cells:
        return np.full(len(self._keys), word, dtype=object)

    @cached_property
    def _was_open(self) -> Cells:
        return are_known(self._moments("first_seen"))

    @cached_property
    def _before(self) -> Cells:
        answer = self._old("answer")
        code = np.full(len(self._keys), Before.NEVER, dtype=np.int8)
        code[self._was_there] = Before.UNANSWERED
        code[_is(answer, "PASS") | _is(answer, "NOT_APPLICABLE")] = Before.FINE
        code[_is(answer, "FAIL")] = Before.OPEN
        code[_is(answer, "WAIVED")] = Before.ACCEPTED
        # Another revision shows settings and objects that could not be seen before.
        unlike = ~_equal(self._old("revision"), self._revision)
        code[_is(answer, "NOT_APPLICABLE") & unlike & self._is_there] = Before.UNANSWERED
        code[_is(self._old("state"), State.OBJECT_GONE) & pd.isna(self._old("status"))] = Before.ABSENT
        looked = self._asked_old.whole & _is(self._asked_old.text("scope"), self._judged.scope)
        looked &= _equal(self._asked_old.text("revision"), self._revision)
        code[~self._was_there & looked] = Before.ABSENT
        return code

    @cached_property
    def _now(self) -> Cells:
        status = self._new("status")
        code = np.full(len(self._keys), Now.UNKNOWN, dtype=np.int8)
        for word in (Now.PASS, Now.NOT_APPLICABLE, Now.FAIL, Now.WAIVED):
            code[_is(status, word.name)] = word
        code[~self._is_there] = Now.NONE
        return code

    @cached_property
    def _rule(self) -> Cells:
        code = np.full(len(self._keys), Rule.SAME, dtype=np.int8)
        old, new = self._old("rule"), self._new("rule")
        alike = _equal(self._old("policy"), self._everywhere(self._judged.policy))
        same = np.where(pd.isna(old) | pd.isna(new), alike, _equal(old, new)).astype(bool)
        code[self._was_there & self._is_there & ~same] = Rule.POLICY
        unasked = ~self._is_there & ~self._asked_new.there
        code[unasked] = Rule.POLICY
        code[unasked & ~np.isin(self._check.astype(str), sorted(self._judged.known_checks))] = Rule.METHOD
        meant = np.where(pd.isna(self._old("answer")), self._asked_old.text("meaning"), self._old("meaning"))
        other = self._asked_new.there & ~_equal(meant, self._asked_new.text("meaning"))
        code[other & (self._was_there | self._asked_old.there)] = Rule.METHOD
        return code

    @cached_property
    def _gone(self) -> Cells:
        """Whether the object of a finding that is not there surely is gone: others of its kind are still there."""
        same_scope = _is(self._asked_old.text("scope"), self._judged.scope)
        return np.asarray(self._asked_new.there & (self._asked_new.population > 0) & same_scope)

    def _frame(self, words: Cells) -> pd.DataFrame:
        columns: dict[str, Any] = {"key": strings_of(self._keys)}
        for name in ("finding_id", "server_id", "server", "check_id", "title", "severity"):
            columns[name] = strings_of(self._either(name))
        columns |= {name: strings_of(self._either(name)) for name in ("object_type", "object_id", "object_name")}
        columns["state"] = strings_of(words)
        columns["status_before"] = strings_of(self._old("answer"))
        columns["status"] = strings_of(self._new("status"))
        columns["hint"] = strings_of(self._old("hint"))
        columns |= self._answers(words) | self._dates(words)
        return from_arrays({name: columns[name] for name in LIVES_SPEC.names}, len(self._keys))

    def _answers(self, words: Cells) -> dict[str, Any]:
        """The last whole answer, and by which rule it was given."""
        anew = ~np.isin(self._now, (Now.NONE, Now.UNKNOWN)) & ~_is(words, State.LOST_SIGHT)
        fresh = {
            "answer": self._new("status"),
            "rule": self._new("rule"),
            "meaning": self._asked_new.text("meaning"),
            "policy": self._everywhere(self._judged.policy),
            "revision": self._revision,
        }
        return {name: strings_of(np.where(anew, cells, self._old(name))) for name, cells in fresh.items()}

    def _dates(self, words: Cells) -> dict[str, Any]:
        moment = pd.Timestamp(self._judged.now).as_unit("us")
        bad = np.isin(self._now, (Now.FAIL, Now.WAIVED))
        first, opened = self._moments("first_seen"), self._moments("open_since")
        good = np.isin(self._now, (Now.PASS, Now.NOT_APPLICABLE)) | _is(words, State.OBJECT_GONE)
        closed, fixed = good & ~_is(words, State.LOST_SIGHT), _is(words, State.FIXED)
        days = ((moment - opened).dt.total_seconds() / 86_400).clip(lower=0).to_numpy(dtype=float)
        keeps = _equal(words, self._old("state")) & self._lasts(words)
        times = np.append(self._old_rows["times_reopened"].to_numpy(dtype=np.int64, na_value=0), [0])[self._at_old]
        earlier = np.append(self._old_rows["fix_days"].to_numpy(dtype=float, na_value=np.nan), [np.nan])[self._at_old]
        fix_days = np.where(fixed, days, earlier)
        return {
            "state_since": self._moments("state_since").where(keeps, moment).array,
            "first_seen": first.where(~(bad & are_missing(first)), moment).array,
            "last_seen": self._moments("last_seen").where(~bad, moment).array,
            "open_since": opened.where(~(bad & are_missing(opened)), moment).where(~closed).array,
            "fixed_at": self._moments("fixed_at").where(~fixed, moment).array,
            "fix_days": pd.arrays.FloatingArray(np.nan_to_num(fix_days), np.isnan(fix_days)),
            "times_reopened": pd.array(times + _is(words, State.REGRESSED), dtype="Int64"),
        }

    def _lasts(self, words: Cells) -> Cells:
        """The states that last from run to run; the others are what happened in one run."""
        lasting = (State.STILL, State.LOST_SIGHT, State.ACCEPTED, State.OBJECT_GONE)
        unasked = ~self._is_there & ~self._asked_new.there
        is_lasting = np.logical_or.reduce([_is(words, state) for state in lasting])
        other_rule = _is(words, State.POLICY_CHANGED) | _is(words, State.METHOD_CHANGED)
        return np.asarray(is_lasting | (unasked & other_rule))


class _Asked:
    """What was asked by each pair of server and check, for every finding."""

    def __init__(self, asked: pd.DataFrame, pairs: Cells) -> None:
        known = asked["server_id"].to_numpy(dtype=object) + "\0" + asked["check_id"].to_numpy(dtype=object)
        self._asked, self._at = asked, pd.Index(known).get_indexer(pd.Index(pairs))
        self.there = self._at >= 0
        self.whole = np.append(asked["whole"].to_numpy(dtype=bool, na_value=False), [False])[self._at]
        self.population = np.append(asked["population"].to_numpy(dtype=np.int64, na_value=-1), [-1])[self._at]

    def text(self, name: str) -> Cells:
        """A text for every finding; NA where nothing was asked."""
        return np.asarray(np.append(self._asked[name].to_numpy(dtype=object), [pd.NA])[self._at])


def _is(cells: Cells, word: str) -> Cells:
    """Which cells are this word, as a plain boolean array."""
    known = ~pd.isna(cells)
    same = np.zeros(len(cells), dtype=bool)
    same[known] = cells[known] == str(word)
    return same


def _equal(one: Cells, other: Cells) -> Cells:
    """Which cells are known on both sides and the same, as a plain boolean array."""
    known = ~(pd.isna(one) | pd.isna(other))
    same = np.zeros(len(one), dtype=bool)
    same[known] = one[known] == other[known]
    return same


MADE_ANEW: Final = "made anew: an object of this name went, and one with another id came"


def _with_hints(frame: pd.DataFrame, now: dt.datetime) -> pd.DataFrame:
    """The findings of objects that went and of those that came by the same name say so."""
    recent = (frame["state_since"] == pd.Timestamp(now).as_unit("us")).to_numpy(dtype=bool)
    state = frame["state"].to_numpy(dtype=object)
    went = recent & _is(state, State.OBJECT_GONE)
    came = recent & np.logical_or.reduce([_is(state, each) for each in (State.NEW, State.FIRST, State.ACCEPTED)])
    both = np.flatnonzero((went | came) & are_known(frame["object_name"]))
    columns = (frame[name].iloc[both].tolist() for name in ("server_id", "check_id", "object_type", "object_name"))
    labels = list(zip(*columns, strict=True))
    twice = {label for label, gone in zip(labels, went[both], strict=True) if gone}
    twice &= {label for label, new in zip(labels, came[both], strict=True) if new}
    hints = frame["hint"].to_numpy(dtype=object).copy()
    hints[[place for place, label in zip(both, labels, strict=True) if label in twice]] = MADE_ANEW
    return frame.assign(hint=strings_of(hints))
