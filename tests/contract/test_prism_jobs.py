"""The operations of the Jobs section against the vendor's specification: Prism checks path, query and body."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import vbr_audit as va
from vbr_audit.api.client import Client
from vbr_audit.api.job_operations import operations as jobs

pytestmark = [pytest.mark.prism, pytest.mark.slow]

JOB = "12345678-1234-1234-1234-123456789abc"


@pytest.fixture
def client(prism: tuple[str, str]) -> Iterator[Client]:
    url, revision = prism
    with va.connect(url, username="auditor", password="any", revision=revision, allow_writes=True) as client:
        yield client


def machine(revision: str) -> dict[str, str]:
    platform = "VSphere" if revision.startswith("1.3") else "VMware"
    return {
        "platform": platform,
        "size": "1 GB",
        "type": "VirtualMachine",
        "hostName": "vcenter01",
        "name": "srv01",
        "objectId": "vm-1",
    }


def test_lists_and_states(client: Client) -> None:
    assert jobs.list_jobs(client, limit=1, type_filter="Backup", name_filter="*a*").rows
    moment = dt.datetime(2026, 11, 1, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    listing = jobs.list_states(
        client,
        limit=1,
        order_column="LastRun",
        order_asc=False,
        id_filter=JOB,
        type_filter="VSphereBackup",
        last_result_filter="Success",
        status_filter="Running",
        workload_filter="Vm",
        last_run_after_filter=moment,
        last_run_before_filter=moment,
        is_high_priority_job_filter=True,
        repository_id_filter=JOB,
        objects_count_filter=3,
    )
    assert listing.rows
    assert jobs.get_job(client, JOB)["id"]


def test_what_creates_a_job_is_what_the_specification_wants(client: Client) -> None:
    made = jobs.create_job(
        client,
        {
            "type": "VSphereBackup",
            "name": "New job",
            "description": "by test",
            "virtualMachines": {"includes": [machine(client.revision)]},
        },
    )
    assert made["id"]


@pytest.mark.parametrize(
    "write",
    [
        jobs.start_job,
        jobs.stop_job,
        lambda client, job_id: jobs.start_job(client, job_id, perform_active_full=True, start_chained_jobs=True),
        lambda client, job_id: jobs.stop_job(client, job_id, graceful=False),
    ],
)
def test_starting_and_stopping_answers_a_session(client: Client, write: Callable[[Client, str], Any]) -> None:
    session = write(client, JOB)
    assert session is not None
    assert session["state"]


@pytest.mark.parametrize("write", [jobs.enable_job, jobs.disable_job, jobs.delete_job])
def test_what_answers_nothing(client: Client, write: Callable[[Client, str], None]) -> None:
    write(client, JOB)


def test_an_edit_sends_a_whole_document(client: Client) -> None:
    job = jobs.get_job(client, JOB)
    edited = jobs.edit_job(client, job["id"], {"name": "Renamed"})
    assert edited["id"]
