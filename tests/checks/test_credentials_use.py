"""Which stored credentials are seen in use, beyond the examples of SEC-013."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from vbr_audit.checks.catalogue.security.credentials_use import credentials_used
from vbr_audit.checks.engine.tables import TABLES
from vbr_audit.tables.build.schema import conform


def table(name: str, /, **columns: Sequence[Any]) -> pd.DataFrame:
    size = max((len(values) for values in columns.values()), default=0)
    return conform({"server": ["vbr01"] * size, **columns}, TABLES[name])[0]


CREDENTIALS = table("credentials", credentials_id=["a", "b", "c", "d"])


def test_each_use_is_named_and_the_rest_is_said_to_be_unseen() -> None:
    outcome = credentials_used(
        CREDENTIALS,
        table("jobs", credentials_ids=["a,b", ""], type=["VSphereBackup", "BackupCopy"]),
        table("managed_servers", credentials_id=["a", "x"], vi_credentials_ids=[None, "c,y"]),
        table("repositories", credentials_id=["b", None]),
        table("general_options", credentials_id=["a"]),
    )
    assert outcome.ok.tolist() == [True, True, True, False]
    assert list(outcome.observed) == [
        "used by jobs, managed servers, mail",
        "used by jobs, repositories",
        "used by managed servers",
        "no use seen in jobs, managed servers, repositories, mail",
    ]


def test_what_is_seen_stays_seen_where_something_else_does_not_tell() -> None:
    outcome = credentials_used(
        CREDENTIALS,
        table("jobs", credentials_ids=["a", None], type=["VSphereBackup", "Unknown"]),
        table("managed_servers", credentials_id=[None, None], type=["LinuxHost", "ViHost"]),
        table("repositories"),
        table("general_options"),
    )
    assert outcome.ok.tolist() == [True, pd.NA, pd.NA, pd.NA]
    assert list(outcome.reason)[1] == (
        "which credentials are used is not reported for 1 of the jobs; which credentials are used is not reported for "
        "2 of the managed servers; whether mail uses credentials is not reported"
    )
