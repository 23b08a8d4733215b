"""Sessions, encoded once for each revision and selected once for each query: deep paging stays fast."""

from collections.abc import Callable, Sequence

import orjson

from vbr_audit.simulator import queries
from vbr_audit.simulator.queries import Args
from vbr_audit.simulator.revisions import at_least
from vbr_audit.simulator.rows import RESULTS
from vbr_audit.simulator.sessions import Session, kind_name, writer

Test = Callable[[Session], bool]

_STATES = (
    "Stopped",
    "Starting",
    "Stopping",
    "Working",
    "Pausing",
    "Resuming",
    "WaitingTape",
    "Idle",
    "Postprocessing",
    "WaitingRepository",
    "WaitingSlot",
)
_COLUMNS = ("Name", "SessionType", "CreationTime", "EndTime", "State", "Result")
_KEPT_SELECTIONS = 8
_PAGING = {"skip", "limit"}


class SessionView:
    """The sessions as one revision shows them."""

    def __init__(self, revision: str, sessions: Sequence[Session]) -> None:
        self.revision = revision
        self._write = writer(revision)
        self._sessions = list(sessions)
        self._encoded = [self._encode(session) for session in self._sessions]
        self._selections: dict[tuple[tuple[str, str], ...], list[bytes]] = {}

    def _encode(self, session: Session) -> bytes:
        # A copy, because orjson's own result keeps a buffer many times its length alive.
        return memoryview(orjson.dumps(self._write(session))).tobytes()

    def append(self, sessions: Sequence[Session]) -> None:
        """Add sessions that have just happened."""
        self._sessions += sessions
        self._encoded += [self._encode(session) for session in sessions]
        self._selections.clear()

    def drop_oldest(self, count: int) -> None:
        """Forget the oldest sessions."""
        del self._sessions[:count], self._encoded[:count]
        self._selections.clear()

    def select(self, args: Args, *, dates_ignored: bool = False, always: frozenset[str] = frozenset()) -> list[bytes]:
        """Answer the encoded sessions that the query asks for; those in `always` pass every date filter."""
        key = tuple(sorted(item for item in args.items(multi=True) if item[0] not in _PAGING))
        selection = self._selections.get(key)
        if selection is None:
            selection = self._select(args, dates_ignored=dates_ignored, always=always)
            if len(self._selections) >= _KEPT_SELECTIONS:
                self._selections.clear()
            self._selections[key] = selection
        return selection

    def _select(self, args: Args, *, dates_ignored: bool, always: frozenset[str]) -> list[bytes]:
        dates = self._date_tests(args)
        tests = self._tests(args)
        if not dates_ignored:
            tests += [_unless(always, test) for test in dates] if always else dates
        chosen = range(len(self._sessions))
        places = [n for n in chosen if all(test(self._sessions[n]) for test in tests)] if tests else list(chosen)
        self._order(places, args)
        return [self._encoded[place] for place in places]

    def _tests(self, args: Args) -> list[Test]:
        newer = at_least(self.revision, "1.3-rev0")
        tests: list[Test] = []
        kinds = queries.enum_values(args, "typeFilter", None, many=newer)
        if kinds is not None:
            tests.append(lambda session: kind_name(self.revision, session.kind).lower() in kinds)
        states = queries.enum_values(args, "stateFilter", _STATES)
        if states is not None:
            tests.append(lambda session: session.state.lower() in states)
        results = queries.enum_values(args, "resultFilter", RESULTS, many=newer)
        if results is not None:
            tests.append(lambda session: (session.result or "None").lower() in results)
        job_id = queries.identifier(args, "jobIdFilter")
        if job_id is not None:
            tests.append(lambda session: session.job_id == job_id)
        matches = queries.name_pattern(args)
        if matches is not None:
            tests.append(lambda session: any(matches(text) for text in self._texts(session)))
        return tests

    def _texts(self, session: Session) -> tuple[str, ...]:
        texts = (session.name, session.id, kind_name(self.revision, session.kind), session.state)
        return (*texts, session.initiated_by) if at_least(self.revision, "1.3-rev0") else texts

    def _date_tests(self, args: Args) -> list[Test]:
        tests: list[Test] = []
        created_after = queries.moment(args, "createdAfterFilter")
        if created_after is not None:
            tests.append(lambda session: session.created >= created_after)
        created_before = queries.moment(args, "createdBeforeFilter")
        if created_before is not None:
            tests.append(lambda session: session.created <= created_before)
        ended_after = queries.moment(args, "endedAfterFilter")
        if ended_after is not None:
            tests.append(lambda session: session.ended is not None and session.ended >= ended_after)
        ended_before = queries.moment(args, "endedBeforeFilter")
        if ended_before is not None:
            tests.append(lambda session: session.ended is not None and session.ended <= ended_before)
        return tests

    def _order(self, places: list[int], args: Args) -> None:
        """Sort in place; without a column the newest come first."""
        newer = at_least(self.revision, "1.3-rev0")
        column = queries.column(args, (*_COLUMNS, "InitiatedBy") if newer else _COLUMNS)
        ascending = queries.flag(args, "orderAsc") is not False
        if column is None:
            places.reverse()
        elif column == "CreationTime":
            if not ascending:
                places.reverse()
        else:
            places.sort(key=lambda place: self._rank(self._sessions[place], column), reverse=not ascending)

    def _rank(self, session: Session, column: str) -> tuple[bool, int, str]:
        if column == "EndTime":
            return (session.ended is not None, session.ended or 0, "")
        text = {
            "Name": session.name,
            "SessionType": kind_name(self.revision, session.kind),
            "State": session.state,
            "Result": session.result or "None",
            "InitiatedBy": session.initiated_by,
        }[column]
        return (True, 0, text.lower())


def _unless(always: frozenset[str], test: Test) -> Test:
    return lambda session: session.id in always or test(session)
