"""The catalogue of what can be read: one line per dataset."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

ADMINISTRATOR = "Backup Administrator"
ANYONE = "anyone signed in"
READERS = "Backup Administrator, Operator, Restore Operator, Viewer; Security Administrator from 1.3-rev1"


class Shape(Enum):
    """How a dataset is answered."""

    PAGES = "pages"
    """Rows in pages, all of them."""
    FIRST = "first"
    """The first row of a collection in a given order."""
    OBJECT = "object"
    """One JSON object."""


@dataclass(frozen=True)
class Dataset:
    """One REST collection or object: its path, how it is read, since which revision, by whom, into which table."""

    name: str
    title: str
    path: str
    shape: Shape
    table: str
    roles: str
    key: tuple[str, ...] = ("id",)
    order: str | None = None
    by_period: bool = False
    first_revision: str = "1.1-rev0"


DATASETS: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        Dataset("server_time", "Server time", "/api/v1/serverTime", Shape.OBJECT, "servers", ANYONE),
        Dataset("server_info", "Server information", "/api/v1/serverInfo", Shape.OBJECT, "servers", ADMINISTRATOR),
        Dataset("jobs", "Jobs", "/api/v1/jobs", Shape.PAGES, "jobs", READERS, order="Name"),
        Dataset("job_states", "Job states", "/api/v1/jobs/states", Shape.PAGES, "job_states", READERS, order="Name"),
        Dataset(
            "session_history",
            "Oldest session",
            "/api/v1/sessions",
            Shape.FIRST,
            "session_history",
            READERS,
            order="CreationTime",
        ),
        Dataset(
            "sessions",
            "Sessions",
            "/api/v1/sessions",
            Shape.PAGES,
            "sessions",
            READERS,
            order="CreationTime",
            by_period=True,
        ),
    )
}
"""Every dataset by its name, in the order of reading."""
