"""Runs of shards merged are the run of all servers; what does not fit together is refused, and says why."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from command_line import invoke, write
from estates import found_in, texts_of
from fleet_runs import NAMES, PASSWORD, TENANT, Estate
from original_names import KEY, original_names

import vbr_audit as va
from vbr_audit.audited import Audit
from vbr_audit.collection import run_folder
from vbr_audit.collection.manifest import Manifest
from vbr_audit.errors import ConfigurationError, EvidenceError
from vbr_audit.scrub.free_text import own_text
from vbr_audit.scrub.pseudonyms import Pseudonyms
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME


@pytest.fixture(scope="module")
def merged(estate: Estate, tmp_path_factory: pytest.TempPathFactory) -> Audit:
    out = tmp_path_factory.mktemp("merged") / "run"
    done = invoke(
        *("fleet", "merge", *estate.shards, "--out", out, "--servers", estate.file),
        *("--format", "json", "--fail-on", "never"),
    )
    assert done.exit_code == 0, done.output
    assert "this run was merged from 3 runs" in done.stdout
    return va.load_audit(out)


@pytest.fixture(scope="module")
def whole(estate: Estate) -> Audit:
    """The run of all servers."""
    return va.load_audit(estate.whole)


def rows(frame: pd.DataFrame, *, without: tuple[str, ...] = ()) -> pd.DataFrame:
    left = frame.drop(columns=[name for name in without if name in frame])
    return left.sort_values(list(left.columns)[:8], ignore_index=True)


@pytest.fixture
def changed(estate: Estate, tmp_path: Path) -> Callable[..., Path]:
    """A function that copies the run of a shard, with another manifest, sealed again."""

    def make(shard: int, change: Callable[[dict[str, Any]], None]) -> Path:
        place = tmp_path / f"changed{shard}"
        shutil.copytree(estate.shards[shard], place)
        document = json.loads((place / run_folder.MANIFEST).read_bytes())
        change(document)
        (place / run_folder.MANIFEST).write_bytes(Manifest.model_validate(document).to_json())
        run_folder.seal(place)
        return place

    return make


def test_every_server_is_in_exactly_one_shard(estate: Estate) -> None:
    servers = [[server.name for server in run_folder.read_manifest(run).servers] for run in estate.shards]
    assert sorted(chain.from_iterable(servers)) == sorted(NAMES)
    assert all(servers)


def test_three_shards_merged_are_one_run(merged: Audit, whole: Audit) -> None:
    assert len(whole.findings) > 60
    assert rows(merged.findings).equals(rows(whole.findings))
    assert rows(merged.coverage).equals(rows(whole.coverage))
    assert merged.summary.counts == whole.summary.counts
    assert rows(merged.causes).equals(rows(whole.causes))
    times = ("started", "ended", "clock_skew_s")
    for name, table in whole.snapshot.tables.items():
        assert rows(merged.snapshot.tables[name], without=times).equals(rows(table, without=times)), name


def test_the_findings_do_not_depend_on_the_number_of_workers(estate: Estate, whole: Audit) -> None:
    with ExitStack() as stack:
        account = {"username": DEMO_USERNAME, "password": DEMO_PASSWORD}
        clients = [stack.enter_context(va.connect(url, name=name, **account)) for name, url in estate.urls.items()]
        how = {"workers": 1, "datasets": estate.needed, "progress": False}
        snapshot = va.collect(clients, month="2026-10", timezone="UTC", **how)
        stack.callback(snapshot.close)
        again = va.audit(snapshot, policy=estate.policy)
    assert rows(again.findings).equals(rows(whole.findings))


def test_whose_a_server_is_goes_with_it_but_not_into_a_run_without_names(merged: Audit, tmp_path: Path) -> None:
    assert {server.tenant for server in merged.snapshot.manifest.servers} == {TENANT}
    clean = merged.scrub(key_in(tmp_path)).snapshot.manifest
    (stand_in,) = {server.tenant for server in clean.servers}
    assert str(stand_in).startswith("company-")
    assert TENANT.encode() not in clean.to_json()
    nobody = merged.snapshot.manifest.servers[0].model_copy(update={"tenant": None})
    assert b"tenant" not in Manifest(run=clean.run, servers=[nobody]).to_json()


def test_runs_are_merged_into_one_without_names(estate: Estate, merged: Audit, tmp_path: Path) -> None:
    key = write(tmp_path / "a.key", KEY.secret.hex())
    key.chmod(0o600)
    out = tmp_path / "run"
    done = invoke(
        *("fleet", "merge", *estate.shards, "--out", out, "--servers", estate.file, "--format", "json,md"),
        *("--fail-on", "never", "--scrub", "--scrub-key", key),
    )
    assert done.exit_code == 0, done.output
    names = [*NAMES, *original_names(merged), TENANT, DEMO_USERNAME]
    names = [name for name in names if name.lower() not in own_text()]
    assert len(names) > 50
    assert [(path.name, found) for path in out.iterdir() if (found := found_in(texts_of(path), names))] == []
    assert not (out / "evidence").exists()
    servers = run_folder.read_manifest(out).servers
    assert {server.name for server in servers} == {Pseudonyms(KEY).name("server", name) for name in NAMES}
    same = json.loads((out / "findings.json").read_bytes())["summary"]["counts"]
    assert same == dict(merged.summary.counts)


def test_a_merged_run_is_a_run_like_any_other(merged: Audit, tmp_path: Path) -> None:
    assert merged.snapshot.is_complete
    folder = next(iter(merged.snapshot.evidence.values())).path.parents[1]
    assert va.verify(folder) == []
    assert len(list((folder / run_folder.EVIDENCE).iterdir())) == len(NAMES)
    assert PASSWORD.strip() not in (folder / run_folder.MANIFEST).read_text("utf-8")
    twice = va.merge_runs([folder], tmp_path / "again", formats=["json"])
    assert rows(twice.findings).equals(rows(merged.findings))


def test_a_server_that_no_run_is_about_is_told_not_forgotten(estate: Estate, tmp_path: Path) -> None:
    lost = [server.name for server in run_folder.read_manifest(estate.shards[1]).servers]
    runs, out = (estate.shards[0], estate.shards[2]), tmp_path / "run"
    words = ("--servers", estate.file, "--format", "json", "--fail-on", "never")
    done = invoke("fleet", "merge", *runs, "--out", out, *words)
    assert done.exit_code == 4
    assert "none of the merged runs is about this server" in done.stdout.lower()
    findings = va.load_audit(out).findings
    of_lost = findings[findings["server"].isin(lost)]
    assert set(of_lost["server"]) == set(lost)
    assert "PASS" not in set(of_lost["status"])
    assert va.verify(out) == []


def test_a_server_twice_is_refused_by_name_and_by_id(estate: Estate, changed: Any, tmp_path: Path) -> None:
    one = estate.shards[0]
    again = tmp_path / "again"
    shutil.copytree(one, again)
    with pytest.raises(ConfigurationError, match=r"is in .* and in "):
        va.merge_runs([one, again], tmp_path / "out")
    vbr_id = run_folder.read_manifest(one).servers[0].vbr_id
    twin = changed(1, lambda document: document["servers"][0].update(vbr_id=str(vbr_id).upper()))
    with pytest.raises(ConfigurationError, match="are the same server: both report the id"):
        va.merge_runs([one, twin], tmp_path / "out")
    with pytest.raises(ConfigurationError, match="one run twice"):
        va.merge_runs([one, one], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("since", "2026-10-02T00:00:00Z", "the period begins 2026-10-01 00:00 UTC in .*, 2026-10-02 00:00 UTC in"),
        ("until", "2026-10-31T00:00:00Z", "the period ends 2026-11-01 00:00 UTC in"),
        ("timezone", "Europe/Berlin", "the time zone is UTC in .*, Europe/Berlin in"),
        ("jobs_pattern", "SQL*", r"the jobs in scope are all in .*, SQL\* in"),
        ("accounts_masked", True, "accounts are masked: False in"),
        ("policy_sha256", "ab" * 32, "not judged by the same policy"),
        ("sample_size", 3, "not judged by the same sample"),
    ],
)
def test_other_terms_are_refused(estate: Estate, changed: Any, tmp_path: Path, key: str, value: Any, told: str) -> None:
    other = changed(1, lambda document: document["run"].update({key: value}))
    with pytest.raises(ConfigurationError, match=told) as caught:
        va.merge_runs([estate.shards[0], other], tmp_path / "out")
    assert caught.value.hint
    assert not (tmp_path / "out").exists()


def test_rules_that_are_given_hold_for_all(estate: Estate, changed: Any, tmp_path: Path) -> None:
    other = changed(1, lambda document: document["run"].update(policy_sha256="ab" * 32))
    audit = va.merge_runs([estate.shards[0], other], tmp_path / "out", formats=["json"], policy="minimal")
    assert audit.policy.name == "minimal profile"


def test_a_run_of_a_newer_version_and_a_scrubbed_one_are_refused(estate: Estate, changed: Any, tmp_path: Path) -> None:
    newer = changed(1, lambda document: document["run"].update(tool_version="99.0"))
    with pytest.raises(EvidenceError, match=r"written by vbr-audit 99\.0, and this is"):
        va.merge_runs([estate.shards[0], newer], tmp_path / "out")
    scrubbed = tmp_path / "scrubbed"
    va.load_audit(estate.shards[2]).scrub(key_in(tmp_path)).save(scrubbed, formats=["json"])
    with pytest.raises(EvidenceError, match="were scrubbed"):
        va.merge_runs([estate.shards[0], scrubbed], tmp_path / "out")


def key_in(folder: Path) -> Path:
    """A key file of this test's own."""
    return write(folder / "scrub.key", "ab" * 32 + "\n")


def test_a_damaged_run_is_refused(estate: Estate, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(estate.shards[1], damaged)
    evidence = next((damaged / run_folder.EVIDENCE).iterdir())
    evidence.write_bytes(evidence.read_bytes()[:-1])
    done = invoke("fleet", "merge", estate.shards[0], damaged, "--out", tmp_path / "out")
    assert done.exit_code == 4
    assert "is not as it was written: evidence/" in done.stderr


def test_own_rules_of_shards_must_be_the_same_files(estate: Estate, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(estate.shards[1], other)
    write(other / run_folder.SITE, "version: 1\n")
    run_folder.seal(other)
    with pytest.raises(ConfigurationError, match="not judged by the same site"):
        va.merge_runs([estate.shards[0], other], tmp_path / "out")


def test_what_each_run_was_compared_with_is_left_out_and_told(estate: Estate, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(estate.shards[1], other)
    done = invoke("check", other, "--baseline", estate.whole, "--fail-on", "never", "--quiet")
    assert done.exit_code == 0, done.output
    audit = va.merge_runs([estate.shards[0], other], tmp_path / "out", formats=["json"])
    assert audit.changes is None
    assert any("what the runs were compared with" in text for text in audit.snapshot.manifest.warnings)
