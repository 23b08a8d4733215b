"""Random faults at once, against random small estates: what the manifest calls complete holds all that stayed."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

NUMBERED = {
    "unavailable": (2, 6),
    "throttle": (2, 6),
    "cut-body": (2, 6),
    "cut-json": (2, 6),
    "reset": (2, 6),
    "token-calls": (2, 9),
    "growing": (1, 9),
    "shrinking": (1, 6),
    "churn": (1, 4),
    "total-high": (1, 12),
    "total-low": (1, 12),
}
PLAIN = ("refuse-refresh", "empty-401", "duplicates", "ignored-filter")
STRIKING = ("ignored-skip", "broken", "denied", "missing", "html", "cut-json-forever")
SMALL = ("jobs", "job_states", "sessions")


def numbered(name: str) -> st.SearchStrategy[str]:
    """The fault with any of its numbers."""
    return st.integers(*NUMBERED[name]).map(lambda number: f"{name}={number}")


SCHEDULES = st.lists(
    st.one_of(
        st.sampled_from(sorted(NUMBERED)).flatmap(numbered),
        st.sampled_from(PLAIN),
        st.builds("{}={}".format, st.sampled_from(STRIKING), st.sampled_from(SMALL)),
    ),
    max_size=4,
    unique_by=lambda fault: fault.partition("=")[0],
)


@settings(max_examples=20)
@given(
    faults=SCHEDULES,
    cap=st.integers(2, 12),
    jobs=st.integers(0, 12),
    sessions=st.integers(0, 40),
    seed=st.integers(1, 5),
    workers=st.integers(1, 4),
)
def test_random_faults_lose_nothing_unsaid(
    collected: Any, faults: list[str], cap: int, jobs: int, sessions: int, seed: int, workers: int
) -> None:
    given_size: dict[str, int] = {"jobs": jobs, "sessions": sessions, "seed": seed}
    outcome = collected(f"limit-cap={cap}", *faults, workers=workers, datasets=SMALL, **given_size)
    outcome.check_honesty()
