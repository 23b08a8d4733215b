"""Every dataset of the catalogue, in every revision, by every role, against the simulator's truth."""

from __future__ import annotations

from typing import Any

import pytest

from vbr_audit.collection.run_folder import differences, load
from vbr_audit.datasets import DATASETS, SPECS, Shape
from vbr_audit.datasets.roles import Role
from vbr_audit.revisions import KNOWN
from vbr_audit.simulator import DEMO_PASSWORD

ALL = tuple(DATASETS)
FEW: dict[str, Any] = {"datasets": ALL, "jobs": 3, "sessions": 60}
"""All datasets of a server that ran its jobs for some days."""
ROLES = {
    "Administrator": Role.ADMINISTRATOR,
    "BackupOperator": Role.BACKUP_OPERATOR,
    "RestoreOperator": Role.RESTORE_OPERATOR,
    "SecurityAdministrator": Role.SECURITY_ADMINISTRATOR,
    "Viewer": Role.VIEWER,
}


@pytest.mark.parametrize("revision", KNOWN)
def test_an_administrator_reads_all_that_the_revision_offers(collected_once, revision, tmp_path):
    snapshot, simulator = collected_once(revision=revision, role="Administrator", **FEW)
    assert [record.name for record in snapshot.manifest.datasets] == list(ALL)
    truth = simulator.truth(revision)
    for record in snapshot.manifest.datasets:
        dataset = DATASETS[record.name]
        if not dataset.is_offered(revision):
            assert (record.status, record.pages) == ("absent", 0)
            assert record.reason == f"revision {revision} does not offer it (first in {dataset.first_revision})"
            continue
        if record.status == "absent":
            assert dataset.first_revision not in KNOWN[: KNOWN.index(revision) + 1]
            continue
        assert record.status == "complete" or _files_refused(record, revision), (record.name, record.reason)
        shape = dataset.at(revision).shape
        if shape in (Shape.PAGES, Shape.EACH) and record.status == "complete" and dataset.period is None:
            rows = truth.rows(record.name)
            assert record.rows_kept == record.api_total == len(rows)
            ids = snapshot.tables[record.name][SPECS[record.name].key[1]].dropna()
            assert set(ids) >= {row[dataset.key[0]] for row in rows}
    again = load(snapshot.save(tmp_path / "run"))
    assert differences(tmp_path / "run") == []
    for name, frame in snapshot.tables.items():
        assert frame.equals(again.tables[name]), name


def _files_refused(record, revision):
    """Revision 1.3-rev0 answers 400 for the objects of file backups."""
    return record.name == "backup_objects" and revision == "1.3-rev0" and "HTTP 400" in record.reason


@pytest.mark.parametrize("revision", ["1.2-rev1", "1.3-rev0", "1.3-rev1", "1.3-rev2"])
@pytest.mark.parametrize("role", ROLES)
def test_each_role_gets_all_it_may_read_and_a_plain_account_of_the_rest(collected_once, role, revision):
    snapshot, _ = collected_once(revision=revision, role=role, **FEW)
    for record in snapshot.manifest.datasets:
        dataset = DATASETS[record.name].at(revision)
        if not dataset.is_offered(revision):
            assert record.status == "absent", record.name
        elif dataset.access.allows(ROLES[role], revision):
            assert record.status in ("complete", "partial"), (record.name, record.reason)
        else:
            assert record.status == "denied", record.name
            assert "denied to this account" in record.reason
            assert all(snapshot.tables[table].empty for table in dataset.tables), record.name


@pytest.mark.parametrize("revision", ["1.1-rev0", "1.2-rev1", "1.3-rev2"])
def test_no_secret_of_the_server_is_kept_anywhere(collected_once, revision, tmp_path):
    snapshot, _ = collected_once(revision=revision, role="Administrator", **FEW)
    assert any(record.redacted for record in snapshot.manifest.datasets)
    folder = snapshot.save(tmp_path / "run")
    for file in snapshot.evidence.values():
        for name in ALL:
            for body in file.pages(name):
                assert b"SIM-SECRET" not in body, name
                assert DEMO_PASSWORD.encode() not in body, name
    assert "SIM-SECRET" not in (folder / "manifest.json").read_text("utf-8")
    for name, frame in snapshot.tables.items():
        assert "SIM-SECRET" not in frame.to_csv(), name


def test_masked_accounts_are_in_no_table_and_no_evidence(collected_once):
    plain, _ = collected_once(role="Administrator", **FEW)
    masked, _ = collected_once(role="Administrator", **FEW, mask_accounts=True)
    names = set(plain.credentials["username"].dropna()) | set(plain.encryption_passwords["hint"].dropna())
    names = {name for name in names if len(name) > 4}
    assert names
    assert masked.manifest.run.accounts_masked
    for table in ("credentials", "encryption_passwords", "users"):
        assert len(masked.tables[table]) == len(plain.tables[table])
        text = masked.tables[table].to_csv()
        assert not [name for name in names if name in text], table
    assert masked.manifest.servers[0].account.startswith("account-")


def test_odd_values_everywhere_are_counted_and_nothing_crashes(collect):
    for revision in ("1.1-rev0", "1.2-rev1", "1.3-rev2"):
        snapshot, _ = collect(revision=revision, role="Administrator", **FEW, hostile=True)
        notes = {record.name: record.notes for record in snapshot.manifest.datasets}
        assert notes["repositories"]["uncastable"]
        assert notes["credentials"]["assumed_dates"]
        for frame in snapshot.tables.values():
            assert "object" not in set(frame.dtypes.astype(str))


def test_job_states_that_an_old_revision_cannot_tell_come_from_the_sessions(collect, tmp_path):
    snapshot, _simulator = collect("states-500", revision="1.3-rev2", pinned="1.2-rev1")
    record = snapshot.manifest.dataset("vbr01", "job_states")
    assert record.status == "partial"
    assert "EJobStatus" in record.reason
    assert record.reason.endswith("the last run of each job was taken from its sessions instead")
    assert any("could not report the job states" in line for line in snapshot.manifest.warnings)
    states, sessions = snapshot.job_states, snapshot.sessions
    assert len(states)
    for job_id, told in states.set_index("job_id").iterrows():
        own = sessions[sessions["job_id"] == job_id]
        assert told["last_run"] == own["created"].max()
    assert set(snapshot.jobs["seen_in"]) <= {"jobs", "jobs+backups"}
    again = load(snapshot.save(tmp_path / "run"))
    assert again.job_states.equals(states)
    assert again.jobs.equals(snapshot.jobs)


def test_job_states_are_read_when_the_newest_revision_is_used(collect):
    snapshot, _ = collect("states-500", revision="1.3-rev2")
    assert snapshot.manifest.dataset("vbr01", "job_states").status == "complete"


def test_a_revision_newer_than_ours_is_noted_and_the_newest_common_one_is_used(collect):
    snapshot, _ = collect("newer-revision", revision="1.3-rev2")
    assert snapshot.manifest.servers[0].revision == "1.3-rev2"
    assert [line for line in snapshot.manifest.warnings if "1.4-rev0, which this version does not know" in line]


def test_a_pattern_of_jobs_narrows_what_belongs_to_them(collect):
    snapshot, _ = collect(role="Administrator", datasets=ALL, jobs_pattern="SQL*")
    jobs, backups = set(snapshot.jobs["job_id"]), set(snapshot.backups["backup_id"])
    assert jobs
    assert set(snapshot.backups["job_id"].dropna()) <= jobs
    for table in ("backup_objects", "backup_files", "restore_points"):
        assert len(snapshot.tables[table])
        assert set(snapshot.tables[table]["backup_id"].dropna()) <= backups
    assert set(snapshot.task_sessions["session_id"]) <= set(snapshot.sessions["session_id"])
    assert len(snapshot.repositories)


def test_a_parent_that_cannot_be_read_is_said_of_what_stands_below_it(collect):
    snapshot, _ = collect("denied=backups", role="Administrator", datasets=("backup_files",))
    files, backups = (snapshot.manifest.dataset("vbr01", name) for name in ("backup_files", "backups"))
    assert backups.status == files.status == "denied"
    assert files.reason.startswith("it is read below each of the backups, and those were denied")


def test_datasets_broken_for_ever_leave_the_others_whole(collect):
    for broken in (("repositories", "best_practices"), ("backup_files", "config_backup")):
        snapshot, _ = collect(*(f"broken={name}" for name in broken), role="Administrator", **FEW)
        status = {record.name: record.status for record in snapshot.manifest.datasets}
        assert [status.pop(name) for name in broken] == ["failed", "failed"]
        offered = {each for each in status if DATASETS[each].is_offered(snapshot.manifest.servers[0].revision)}
        assert {status[each] for each in offered} == {"complete"}


def test_unknown_datasets_are_refused_with_the_nearest_name(collect):
    with pytest.raises(Exception, match="unknown dataset repositorys") as caught:
        collect(datasets=("repositorys",))
    assert "Did you mean repositories?" in str(caught.value)
