"""The datasets of jobs: their settings and their states."""

from __future__ import annotations

from typing import Final

from vbr_audit.datasets import roles
from vbr_audit.datasets.card import Dataset
from vbr_audit.tables.build.schema import OwnTable
from vbr_audit.tables.jobs import settings, states
from vbr_audit.tables.jobs import table as jobs

CARDS: Final = (
    Dataset(
        OwnTable(jobs.SPEC),
        "Jobs",
        "jobs",
        access=roles.READERS_AND_SECURITY,
        order="Name",
        sensitive=True,
        beside=(settings.SPEC,),
    ),
    Dataset(
        OwnTable(states.SPEC, states.builder),
        "Job states",
        "jobs/states",
        access=roles.READERS_AND_SECURITY,
        order="Name",
    ),
)
