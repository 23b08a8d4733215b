"""Audits of a fleet on real worker processes of Dask: none is lost, none is doubled, none holds up the rest."""

from __future__ import annotations

import dataclasses
import os
import pickle
import shutil
import signal
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import estates
import pytest
from command_line import invoke, write
from fleet_servers import PASSWORD, TERMS, fleet_of
from history_texts import history_texts
from original_names import KEY
from raw_server import Asked, document

import vbr_audit as va
from vbr_audit.errors import ConfigurationError, ConnectError, OutputError
from vbr_audit.fleets import dask_cluster
from vbr_audit.fleets.dask_cluster import SchedulerTls
from vbr_audit.fleets.fleet import audit_fleet, load_fleet
from vbr_audit.fleets.picture import picture_of
from vbr_audit.fleets.scrubbing import KeyPlace
from vbr_audit.fleets.servers_file import load_servers
from vbr_audit.fleets.shards import Shard
from vbr_audit.fleets.summaries import MOST_BYTES, Outcome, ServerSummary
from vbr_audit.fleets.tasks import ServerTask, audit_server, batch_folder, held_batch
from vbr_audit.histories.pruning import collect_garbage
from vbr_audit.scrub.pseudonyms import Pseudonyms

BATCH = "abcdef0123456789"
pytestmark = [pytest.mark.fleet, pytest.mark.filterwarnings("ignore::ResourceWarning")]


def servers_in(history: Path) -> Counter[str]:
    """How many runs each server has in a history."""
    return Counter(name for run in va.history(history).runs["servers"] for name in run.split(", "))


def test_each_server_is_audited_once_though_a_worker_is_killed(workers: Any, tmp_path: Path) -> None:
    names = [f"vbr{number:02}" for number in range(4)]
    done: list[ServerSummary] = []

    def kill_one(summary: ServerSummary) -> None:
        done.append(summary)
        if len(done) == 2:
            os.kill(next(iter(workers.workers.values())).pid, signal.SIGKILL)

    with fleet_of(names, tmp_path) as servers:
        fleet = audit_fleet(servers, history=tmp_path / "history", cluster=workers, on_done=kill_one, **TERMS)
    assert [summary.server for summary in fleet.summaries] == names
    assert fleet.counts[Outcome.NOT_AUDITED] == 0
    assert servers_in(tmp_path / "history") == Counter(dict.fromkeys(names, 1))
    assert not batch_folder(tmp_path / "history", fleet.batch).exists()
    collect_garbage(tmp_path / "history")  # the worker may have been killed while it added a run
    assert not list((tmp_path / "history").glob(".*"))


def test_a_server_that_refuses_or_dies_costs_no_other_its_audit(workers: Any, tmp_path: Path) -> None:
    def refusing(asked: Asked) -> bytes | None:
        if asked.path == "/api/oauth2/token":
            return document({"errorCode": "AccessDenied", "message": "wrong password"}, status="401 Unauthorized")
        return None

    def dying(asked: Asked) -> Any:
        return (lambda stream: stream.close()) if "/sessions" in asked.path else None

    def hung(asked: Asked) -> Any:
        return lambda stream: ending.wait(60)

    def stuck(asked: Asked) -> Any:
        return hung(asked) if "/sessions" in asked.path else None

    ending = threading.Event()
    names = ["good1", "refusing", "dying", "hung", "stuck", "good2"]
    answering = {"refusing": refusing, "dying": dying, "hung": hung, "stuck": stuck}
    bounds = dict.fromkeys(("dying", "hung", "stuck"), 'deadline = "2s"\n')
    with fleet_of(names, tmp_path, answering=answering, more=bounds) as servers:
        fleet = audit_fleet(servers, history=tmp_path / "history", cluster=workers, **TERMS)
        ending.set()
    found = {summary.server: summary for summary in fleet.summaries}
    assert found["refusing"].outcome is Outcome.NOT_AUDITED
    assert "refused" in found["refusing"].reasons[0]
    assert found["dying"].outcome is Outcome.INCOMPLETE
    assert any("sessions" in reason for reason in found["dying"].reasons)
    for name in ("good1", "good2"):
        assert found[name].point is not None
        assert found[name].point.counts["PASS"] > 0
    assert found["hung"].outcome is Outcome.NOT_AUDITED
    assert found["stuck"].outcome is Outcome.INCOMPLETE
    assert any("2 s" in reason for reason in found["stuck"].reasons), found["stuck"].reasons
    assert max(found["hung"].seconds, found["stuck"].seconds) < 2 + 10
    assert fleet.coverage == 4 / 6
    assert set(servers_in(tmp_path / "history")) == {"good1", "good2", "dying", "stuck"}


def test_the_findings_do_not_depend_on_where_they_were_made(workers: Any, tmp_path: Path, password: str) -> None:
    distributed = pytest.importorskip("distributed")
    made, terms = {}, TERMS | {"policy": "minimal"}
    with (
        fleet_of(["vbr01", "vbr02", "vbr03"], tmp_path) as servers,
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address="127.0.0.1:0"
        ) as threads,
    ):
        whole = audit_fleet(servers, history=tmp_path / "threads", cluster=threads, **terms)
        made["threads of one worker"] = va.history(tmp_path / "threads").findings()
        for number in (1, 2):
            how = {"shard": Shard(number, 2), "history": tmp_path / "shards", "cluster": workers}
            audit_fleet(servers, **how, **terms).save(tmp_path / f"part{number}")
        made["shards by two processes"] = va.history(tmp_path / "shards").findings()
        with held_batch(tmp_path / "here", BATCH):
            for task in tasks_of(servers, tmp_path / "here", policy="minimal"):
                audit_server(task)
        made["here"] = va.history(tmp_path / "here").findings()
    keys = ["server", "check_id", "object_id", "object_name", "status", "severity", "finding_id"]
    frames = {name: frame[keys].sort_values(keys).reset_index(drop=True) for name, frame in made.items()}
    assert len(frames["here"]) > 50
    assert [name for name, frame in frames.items() if not frame.equals(frames["here"])] == []
    parts = [load_fleet(tmp_path / f"part{number}") for number in (1, 2)]
    assert sorted(len(part.summaries) for part in parts) == [1, 2]  # two at once, and another file beside it
    merged = load_fleet(*(tmp_path / f"part{number}" for number in (1, 2)))
    own = ["run_id", "folder", "now", "seconds"]
    numbers = [each.table.drop(columns=own).sort_values("server", ignore_index=True) for each in (merged, whole)]
    assert numbers[0].equals(numbers[1])
    assert merged.matrix.sort_index().equals(whole.matrix.sort_index())


def tasks_of(servers: Path, history: Path, policy: str = TERMS["policy"], **changes: Any) -> list[ServerTask]:
    """The tasks of a file of servers, as `audit_fleet` makes them."""
    from vbr_audit.fleets.travelling_rules import packed_rules
    from vbr_audit.rules import Rules

    rules = packed_rules(Rules.load(policy=policy))
    terms = {"month": "2026-10", "timezone": "Europe/Berlin"}
    options = {"rules": rules, "history": str(history), "batch": BATCH, "terms": terms} | changes
    return [ServerTask(server, **options) for server in load_servers(servers, environ={}, password_given=True)]


def test_no_secret_is_in_a_task_a_log_a_result_or_an_artefact(workers: Any, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with fleet_of(["vbr01", "vbr02"], tmp_path) as servers, distributed.Client(workers, set_as_default=False) as client:
        assert all(PASSWORD.encode() not in pickle.dumps(task) for task in tasks_of(servers, tmp_path))
        fleet = audit_fleet(servers, history=tmp_path / "history", cluster=client, **TERMS)
        logs = f"{client.get_scheduler_logs()}{client.get_worker_logs()}{client.get_events()}"
    assert fleet.counts[Outcome.NOT_AUDITED] == 0
    assert PASSWORD not in logs
    assert PASSWORD.encode() not in fleet.to_json()
    fleet.save(tmp_path / "out")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert not [path for path in files if PASSWORD.encode() in path.read_bytes()]
    assert all(len(summary.to_json()) <= MOST_BYTES for summary in fleet.summaries)


def test_a_scrubbed_fleet_keeps_and_reports_no_name(workers: Any, tmp_path: Path) -> None:
    names, tenant, key_file = ["Hansa-Kontor 7", "Zwiebelturm", "Elbphil-9"], "Nordwind & Töchter", tmp_path / "a.key"
    key_file.write_text(KEY.secret.hex())
    key_file.chmod(0o600)

    def refusing(asked: Asked) -> bytes | None:
        if asked.path == "/api/oauth2/token":
            return document({"message": "Zwiebelturm knows no auditor@hansa.example"}, status="401 Unauthorized")
        return None

    listed = write(tmp_path / "cmdb.csv", f"name,tenant\n{names[0]},{tenant}\nKatzenstein,{tenant}\n")
    tenants, answers = {names[0]: tenant, names[1]: tenant}, {names[1]: refusing}
    history, out = tmp_path / "kept" / "history", tmp_path / "kept" / "out"
    with fleet_of(names, tmp_path, tenants=tenants, answering=answers) as servers:
        told = invoke(
            *("fleet", "audit", "--servers", servers, "--history", history, "--out", out, "--policy", "minimal"),
            *(
                "--month",
                TERMS["month"],
                "--timezone",
                TERMS["timezone"],
                "--population",
                listed,
                "--min-coverage",
                "0",
            ),
            *("--scheduler", workers.scheduler_address, "--scrub", "--scrub-key", key_file, "--fail-on", "never"),
            *("--title", f"Servers of {tenant}"),
        )
    assert told.exit_code == 0, told.output
    fleet = load_fleet(out)
    pseudonyms = Pseudonyms(KEY)
    assert [summary.server for summary in fleet.summaries] == [pseudonyms.name("server", name) for name in names]
    assert [summary.is_audited for summary in fleet.summaries] == [True, False, True]
    canaries = [*names, tenant, "Nordwind", "Töchter", "Katzenstein", "Kontor", "127.0.0.1", "hansa", "cmdb"]
    canaries += [f"Nightly of {name}" for name in names]
    texts = history_texts(tmp_path / "kept") | {"told": told.output, "fleet": repr(fleet) + str(fleet.table.to_csv())}
    leaks = {name: estates.found_in(text, canaries) for name, text in texts.items()}
    assert {name: found for name, found in leaks.items() if found} == {}
    assert len(texts) > 40
    page = (out / "fleet.html").read_text("utf-8")
    assert "replaced by pseudonyms on purpose" in page
    assert picture_of(fleet).names_note in page
    listed_as = [pseudonyms.name("server", name) for name in (names[0], "Katzenstein")]
    assert all(name in page for name in listed_as)
    assert len(list((out / "tenants").iterdir())) == 1


def test_masked_accounts_are_in_no_run_and_in_no_reason(tmp_path: Path, password: str) -> None:
    def refusing(asked: Asked) -> bytes | None:
        if asked.path == "/api/oauth2/token":
            return document({"message": "not with that password"}, status="401 Unauthorized")
        return None

    history, terms = tmp_path / "history", {"month": "2026-10", "timezone": "Europe/Berlin", "mask_accounts": True}
    with fleet_of(["vbr01", "vbr02"], tmp_path, answering={"vbr02": refusing}) as servers, held_batch(history, BATCH):
        whole, refused = map(audit_server, tasks_of(servers, history, terms=terms))
    assert ServerSummary.model_validate_json(whole).is_audited
    assert b"the server refused to sign in 'account-" in refused
    (manifest,) = history.glob("*/manifest.json")
    assert b"auditor" not in whole + refused + manifest.read_bytes()


def test_a_scrubbed_server_is_compared_with_its_scrubbed_run_before(tmp_path: Path, password: str) -> None:
    place, history = tmp_path / "a.key", tmp_path / "history"
    place.write_text(KEY.secret.hex())
    place.chmod(0o600)
    told = []
    for day in ("01", "02"):
        with fleet_of(["vbr01"], tmp_path, now=f"2026-11-{day}T06:00:00+01:00") as servers, held_batch(history, BATCH):
            (task,) = tasks_of(servers, history)
            content = audit_server(dataclasses.replace(task, scrub=KeyPlace.of(place)))
        told.append(ServerSummary.model_validate_json(content))
    first, second = told
    assert (first.is_audited, first.earlier_run, first.changes) == (True, None, {})
    assert second.earlier_run == first.run_id
    assert (first.server, first.server_id) == (second.server, second.server_id)
    assert va.history(history).runs["servers"].tolist() == [first.server] * 2


def test_a_worker_with_another_key_or_none_audits_nobody(tmp_path: Path, password: str) -> None:
    place = tmp_path / "a.key"
    place.write_text(KEY.secret.hex())
    place.chmod(0o600)
    meant = KeyPlace.of(place)
    with fleet_of(["vbr01"], tmp_path) as servers, held_batch(tmp_path / "history", BATCH):
        (task,) = tasks_of(servers, tmp_path / "history")
        for change, words in (
            (lambda: place.write_text("ab" * 32), "another key for pseudonyms"),
            (place.unlink, "cannot use the key file"),
        ):
            change()
            told = ServerSummary.model_validate_json(audit_server(dataclasses.replace(task, scrub=meant)))
            assert words in told.reasons[0]
    assert servers_in(tmp_path / "history") == Counter()
    assert KEY.secret.hex() not in repr(task) + repr(meant)


def test_a_task_that_runs_again_finds_the_run_that_it_kept(tmp_path: Path, password: str) -> None:
    with fleet_of(["vbr01"], tmp_path) as servers, held_batch(tmp_path / "history", BATCH):
        (task,) = tasks_of(servers, tmp_path / "history")
        first = audit_server(task)
        again = audit_server(task)
    assert ServerSummary.model_validate_json(first) == ServerSummary.model_validate_json(again)
    assert servers_in(tmp_path / "history") == Counter({"vbr01": 1})


def test_a_task_that_died_before_its_run_was_kept_audits_again(tmp_path: Path, password: str) -> None:
    with fleet_of(["vbr01"], tmp_path) as servers, held_batch(tmp_path / "history", BATCH):
        (task,) = tasks_of(servers, tmp_path / "history")
        place = batch_folder(task.history, task.batch) / "vbr01"
        (place / "run").mkdir(parents=True)
        (place / "run" / "manifest.json").write_text("{half")
        summary = ServerSummary.model_validate_json(audit_server(task))
        assert summary.folder is not None
        for name in (summary.folder, "seals"):  # as if it had died between the two last steps
            shutil.rmtree(tmp_path / "history" / name)
        again = ServerSummary.model_validate_json(audit_server(task))
    assert summary.outcome is not Outcome.NOT_AUDITED
    assert again.folder == summary.folder
    assert servers_in(tmp_path / "history") == Counter({"vbr01": 1})


def test_a_worker_of_another_version_is_refused_by_name(workers: Any, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")

    def set_version(version: str) -> None:  # within, so that it travels by value: a worker knows no test
        from vbr_audit.fleets import dask_cluster

        dask_cluster.__version__ = version

    with fleet_of(["vbr01"], tmp_path) as servers, distributed.Client(workers, set_as_default=False) as client:
        worker = next(iter(client.scheduler_info()["workers"]))
        client.run(set_version, "0.0.1", workers=[worker])
        try:
            with pytest.raises(ConfigurationError, match=f"{worker} has vbr-audit 0.0.1"):
                audit_fleet(servers, history=tmp_path / "history", cluster=client, **TERMS)
        finally:
            client.run(set_version, va.__version__, workers=[worker])
        (task,) = tasks_of(servers, tmp_path / "history", tool_version="0.0.1")
        summary = ServerSummary.model_validate_json(audit_server(task))
    assert summary.outcome is Outcome.NOT_AUDITED
    assert "0.0.1" in summary.reasons[0]


def test_a_history_that_cannot_be_written_is_an_error_before_any_server_is_asked(workers: Any, tmp_path: Path) -> None:
    asked: list[str] = []

    def listening(request: Asked) -> None:
        asked.append(request.path)

    (tmp_path / "file").write_text("")
    with fleet_of(["vbr01"], tmp_path, answering={"vbr01": listening}) as servers:
        for cluster in (workers, workers.scheduler_address):
            with pytest.raises(OutputError, match=r"history|cannot use"):
                audit_fleet(servers, history=tmp_path / "file" / "history", cluster=cluster, **TERMS)
    assert asked == []


def test_a_scheduler_without_tls_is_refused_beyond_loopback_and_one_that_is_silent_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_cluster, "CONNECT_S", 1)
    with fleet_of(["vbr01"], tmp_path) as servers:
        for address in ("tcp://10.0.0.9:8786", "tcp://scheduler.example:8786"):
            with pytest.raises(ConfigurationError, match="not encrypted"):
                audit_fleet(servers, history=tmp_path / "history", cluster=address, **TERMS)
        for address in ("scheduler.example:8786", "http://127.0.0.1:1", "tls://:8786", "tls://scheduler.example"):
            with pytest.raises(ConfigurationError, match="no address"):
                audit_fleet(servers, history=tmp_path / "history", cluster=address, **TERMS)
        with pytest.raises(ConfigurationError, match="needs a CA"):
            audit_fleet(servers, history=tmp_path / "history", cluster="tls://scheduler.example:8786", **TERMS)
        with pytest.raises(ConnectError, match="does not answer"):
            audit_fleet(servers, history=tmp_path / "history", cluster="tcp://127.0.0.1:1", **TERMS)


def test_a_fleet_is_audited_over_a_scheduler_with_tls(tmp_path: Path, password: str) -> None:
    distributed = pytest.importorskip("distributed")
    security = distributed.Security.temporary()
    files = {name: tmp_path / f"{name}.pem" for name in ("ca_file", "cert_file", "key_file")}
    files["ca_file"].write_text(security.tls_ca_file)
    files["cert_file"].write_text(security.tls_client_cert)
    files["key_file"].write_text(security.tls_client_key)
    with (
        fleet_of(["vbr01"], tmp_path) as servers,
        distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            processes=False,
            protocol="tls://",
            security=security,
            dashboard_address="127.0.0.1:0",
            host="127.0.0.1",
        ) as cluster,
    ):
        assert cluster.scheduler_address.startswith("tls://")
        fleet = audit_fleet(
            servers,
            history=tmp_path / "history",
            cluster=cluster.scheduler_address,
            tls=SchedulerTls(**files),
            **TERMS,
        )
    assert fleet.counts[Outcome.NOT_AUDITED] == 0
    fleet.save(tmp_path / "out")
    assert load_fleet(tmp_path / "out").summaries == fleet.summaries
