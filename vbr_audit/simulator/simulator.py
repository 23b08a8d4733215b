"""The server behind the HTTP: its estate, its clock, its tokens, its faults, and what it has counted."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import RLock

import orjson

from vbr_audit.simulator.churn import Churn
from vbr_audit.simulator.clock import TICKS, to_ticks
from vbr_audit.simulator.course import the_year
from vbr_audit.simulator.estate import HISTORY_DAYS, Estate, make_estate
from vbr_audit.simulator.faults import Faults
from vbr_audit.simulator.holdings.world import World
from vbr_audit.simulator.keeper import Holdings
from vbr_audit.simulator.options import SimulatorOptions
from vbr_audit.simulator.queries import Args
from vbr_audit.simulator.revisions import served_by
from vbr_audit.simulator.rows import select_jobs, select_states
from vbr_audit.simulator.session_views import SessionView
from vbr_audit.simulator.tokens import Tokens
from vbr_audit.simulator.year import month_end

Json = dict[str, object]


@dataclass(slots=True)
class Counts:
    """What the server was asked, for tests to look at."""

    sign_ins: int = 0
    failed_sign_ins: int = 0
    refreshes: int = 0
    failed_refreshes: int = 0
    sign_outs: int = 0
    data_requests: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    methods: Counter[str] = field(default_factory=Counter)
    revisions: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    log: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Truth:
    """What the server really holds, as one revision shows it; sessions stand oldest first."""

    jobs: list[Json]
    job_states: list[Json]
    sessions: list[Json]
    read: Callable[[str], Sequence[Json]] = field(repr=False, compare=False)

    def rows(self, dataset: str) -> list[Json]:
        """All rows of one dataset, below whatever parents; a dataset that is one object has one row or none."""
        own = {"jobs": self.jobs, "job_states": self.job_states, "sessions": self.sessions}
        return list(own[dataset] if dataset in own else self.read(dataset))

    @property
    def job_ids(self) -> set[str]:
        """The ids of the jobs that have a document."""
        return {str(row["id"]) for row in self.jobs}

    @property
    def state_ids(self) -> set[str]:
        """The ids of all jobs that have a state."""
        return {str(row["id"]) for row in self.job_states}

    @property
    def session_ids(self) -> set[str]:
        """The ids of all sessions."""
        return {str(row["id"]) for row in self.sessions}


class Simulator:
    """One simulated backup server."""

    def __init__(self, options: SimulatorOptions) -> None:
        self._world: World | None = None
        if options.month is not None:
            options, self._world = _in_month(options, options.month)
        self.options = options
        self.faults = Faults.parse(options.faults)
        self.counts = Counts()
        self.churn = Churn(self.faults.count("churn"))
        self.lock = RLock()
        self.revisions = served_by(options.revision)
        if "newer-revision" in self.faults:
            self.revisions += ("1.4-rev0",)
        self.tokens = Tokens(options.username, options.password, self.faults)
        self.estate = self._make_estate()
        self.holdings = self._make_holdings()
        self._views: dict[str, SessionView] = {}
        self._documents: dict[str, list[Json]] = {}
        self._states: dict[str, list[Json]] = {}
        self._grown: set[str] = set()

    def now(self) -> int:
        """The server's clock in ticks: frozen if the options name a moment, else the real one."""
        moment = self.options.now or datetime.now(UTC)
        return to_ticks(moment) + int(self.faults.seconds("clock-skew") * TICKS)

    def jobs(self, args: Args, revision: str) -> list[Json]:
        """The jobs that a query asks for."""
        with self.lock:
            if revision not in self._documents:
                self._documents[revision] = self.estate.documents(revision)
            return select_jobs(self._documents[revision], args, revision)

    def job(self, job_id: str, revision: str) -> Json | None:
        """The document of one job, or None when the revision shows none."""
        return next((row for row in self.jobs(Args(), revision) if row["id"] == job_id), None)

    def states(self, args: Args, revision: str) -> list[Json]:
        """The job states that a query asks for."""
        with self.lock:
            if revision not in self._states:
                self._states[revision] = self.estate.states(revision)
            rows = self._states[revision]
            high_priority = frozenset(job.id for job in self.estate.jobs if job.plan.high_priority)
        ignored = "ignored-filter" in self.faults
        return select_states(rows, args, revision, high_priority=high_priority, dates_ignored=ignored)

    def sessions(self, args: Args, revision: str) -> list[bytes]:
        """The encoded sessions that a query asks for."""
        with self.lock:
            return self.view(revision).select(
                args,
                dates_ignored="ignored-filter" in self.faults,
                always=frozenset(self._grown) if self.faults.growth_is_unfiltered else frozenset(),
            )

    def view(self, revision: str) -> SessionView:
        """The sessions as a revision shows them, encoded on first use."""
        with self.lock:
            if revision not in self._views:
                self._views[revision] = SessionView(revision, self.estate.sessions)
            return self._views[revision]

    def move_on(self) -> None:
        """Let time pass after a page of sessions: some appear, some are deleted, if the faults say so."""
        growth, loss = self.faults.growth, self.faults.count("shrinking")
        if not growth and not loss:
            return
        with self.lock:
            self._states.clear()
            if growth:
                made = self.estate.new_sessions(growth, self.now())
                self._grown |= {session.id for session in made}
                for view in self._views.values():
                    view.append(made)
            if loss:
                del self.estate.sessions[:loss]
                for view in self._views.values():
                    view.drop_oldest(loss)

    def forget(self) -> None:
        """Drop all that was spelt out of the estate, after a write has changed it."""
        self._documents.clear()
        self._states.clear()
        self._views.clear()

    def truth(self, revision: str | None = None) -> Truth:
        """All that the server holds right now, as `revision` (default: the newest) shows it."""
        chosen = revision or self.options.revision
        with self.lock:
            oldest_first = self.view(chosen).select(Args([("orderColumn", "CreationTime")]))
            return Truth(
                jobs=self.jobs(Args(), chosen),
                job_states=self.estate.states(chosen),
                sessions=[orjson.loads(row) for row in oldest_first],
                read=lambda dataset: self.holdings.rows(dataset, chosen),
            )

    def _make_holdings(self) -> Holdings:
        estate, options = self.estate, self.options
        world = self._world or World(seed=options.seed, now=estate.now, jobs=estate.jobs, sessions=estate.sessions)
        return Holdings(world, empty=options.empty, hostile=options.hostile)

    def _make_estate(self) -> Estate:
        options, world = self.options, self._world
        if world is not None:
            return Estate(seed=world.seed, now=world.now, jobs=world.jobs, sessions=world.sessions)
        now = to_ticks((options.now or datetime.now(UTC)).replace(microsecond=0))
        if options.empty:
            return Estate(seed=options.seed, now=now, jobs=[], sessions=[])
        return make_estate(
            jobs=options.jobs,
            sessions=options.sessions,
            seed=options.seed,
            revision=options.revision,
            now=now,
            days=self.faults.count("short-history") or HISTORY_DAYS,
            hostile=options.hostile,
        )


def _in_month(options: SimulatorOptions, month: int) -> tuple[SimulatorOptions, World]:
    """The options and the world of a server as it stood after a month."""
    now = options.now or datetime.now(UTC)
    year = the_year(
        end=to_ticks(month_end(now, 0)),
        seed=options.seed,
        revision=options.revision,
        jobs=options.jobs,
        sessions=options.sessions,
    )
    return options.in_month(now, month), year.world(month)
