"""What goes wrong around the audit of a fleet: workers, folders, names, lists, interrupts, files of other versions."""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing.spawn
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import forked
import orjson
import pytest
from command_line import invoke
from fleet_servers import PASSWORD, TERMS, VARIABLE, fleet_of, small_server
from lone_worker import lone_worker
from made_fleet import made_fleet, made_summary, many_servers
from raw_server import Asked, raw_server

from vbr_audit.errors import ConfigurationError, EvidenceError, OutputError
from vbr_audit.fleets import dask_cluster
from vbr_audit.fleets.dask_cluster import history_fault
from vbr_audit.fleets.fleet import Fleet, audit_fleet, load_fleet
from vbr_audit.fleets.picture import picture_of
from vbr_audit.fleets.population import Listed, Population
from vbr_audit.fleets.reporting import tenant_files, write_fleet
from vbr_audit.fleets.servers_file import Server, check_names, load_servers
from vbr_audit.fleets.summaries import Outcome, ServerSummary, not_audited
from vbr_audit.fleets.tasks import ServerTask, audit_server, batch_folder, held_batch
from vbr_audit.fleets.travelling_rules import packed_rules
from vbr_audit.rules import Rules

BATCH = "0123456789abcdef"
WORDS = ("--month", TERMS["month"], "--timezone", TERMS["timezone"], "--policy", "minimal")


@pytest.fixture
def no_server(tmp_path: Path) -> Path:
    """A file with one server, which nobody can reach."""
    path = tmp_path / "servers.toml"
    path.write_text(f'[[server]]\nurl = "http://127.0.0.1:1"\nusername = "auditor"\npassword_env = "{VARIABLE}"\n')
    return path


def comes(found: Callable[[], bool], *, seconds: float = 15) -> bool:
    """Whether something is so within some seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found():
            return True
        time.sleep(0.03)
    return False


def is_gone(group: int) -> bool:
    """Whether no process of a group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def told_in(folder: Path) -> str:
    """What a process has written to stderr so far."""
    told = folder / "told"
    return told.read_text("utf-8") if told.exists() else ""


@dataclasses.dataclass(frozen=True)
class Interrupted:
    """How an audit of a fleet ended: exit code, what it told, what it left in the history, and whether all are gone."""

    code: int
    told: str
    left: list[Path]
    is_gone: bool


@pytest.fixture(scope="module", autouse=True)
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Future[Interrupted]]:
    """An audit by a worker of its own that a user interrupts: Dask takes its time, beside the tests of this module."""
    ending, folder = threading.Event(), tmp_path_factory.mktemp("interrupted")
    history = folder / "history"

    def interrupt() -> Interrupted:
        try:
            assert comes(lambda: "\n" in told_in(folder), seconds=60)
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
            code = forked.ended(process)
        finally:
            ending.set()
        gone = comes(lambda: is_gone(process.pid))
        return Interrupted(code, told_in(folder), list(history.glob(".*")), gone)

    with (
        fleet_of(["first", "hung"], folder, answering={"hung": lambda _: lambda _: ending.wait(60)}) as servers,
        ThreadPoolExecutor(1) as pool,
    ):
        words = ("fleet", "audit", "--servers", servers, "--history", history, "--out", folder / "out")
        process = forked.start(
            [*map(str, words), *WORDS, "--workers", "1"], folder / "told", env={VARIABLE: PASSWORD}, prepare=os.setsid
        )
        yield pool.submit(interrupt)


@pytest.mark.fleet
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_when_the_last_worker_is_gone_the_audit_ends_and_says_so(
    tmp_path: Path, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(dask_cluster, "LOOK_S", 0.1)
    monkeypatch.setattr(dask_cluster, "NO_WORKER_S", 0.5)
    ending = threading.Event()
    how = {
        "n_workers": 0,
        "processes": False,
        "protocol": "tcp://",
        "host": "127.0.0.1",
        "dashboard_address": "127.0.0.1:0",
    }
    with (
        fleet_of(["first", "hung"], tmp_path, answering={"hung": lambda _: lambda _: ending.wait(60)}) as servers,
        distributed.LocalCluster(**how) as cluster,
        lone_worker(cluster.scheduler_address, tmp_path / "log") as worker,
    ):
        fleet = audit_fleet(
            servers,
            history=tmp_path / "history",
            cluster=cluster.scheduler_address,
            on_done=lambda _: worker.kill(),
            **TERMS,
        )
        ending.set()
    first, hung = fleet.summaries
    assert first.is_audited
    assert hung.outcome is Outcome.NOT_AUDITED
    assert hung.reasons == ("no worker was left before the server was audited",)
    assert PASSWORD not in (tmp_path / "log").read_text("utf-8")
    assert not list((tmp_path / "history").glob(".*"))


def test_a_worker_process_does_not_run_the_script_that_started_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["__main__"], "__file__", __file__, raising=False)
    before = multiprocessing.spawn.get_preparation_data("worker")
    assert {"init_main_from_name", "init_main_from_path"} & set(before)
    with dask_cluster._script_left_alone():
        within = multiprocessing.spawn.get_preparation_data("worker")
    assert not {"init_main_from_name", "init_main_from_path"} & set(within)
    after = multiprocessing.spawn.get_preparation_data("worker")
    assert {key: after[key] for key in after if "main" in key} == {key: before[key] for key in before if "main" in key}


def test_a_history_that_a_worker_does_not_share_is_told(tmp_path: Path, no_server: Path, password: str) -> None:
    history = tmp_path / "history"
    assert "another folder" in history_fault(str(history), BATCH)
    (server,) = load_servers(no_server, environ={}, password_given=True)
    task = ServerTask(server, packed_rules(Rules.load(policy="minimal")), str(history), BATCH)
    summary = ServerSummary.model_validate_json(audit_server(task))
    assert summary.reasons == ("the worker does not see the history of this audit",)
    assert not history.exists()
    with held_batch(history, BATCH):
        assert history_fault(str(history), BATCH) == ""
        assert list(batch_folder(history, BATCH).iterdir()) == []
    assert history_fault(str(history), BATCH, opens=True) == ""
    dask_cluster.forget_batch(str(history), BATCH)
    assert list(history.iterdir()) == []


@pytest.mark.fleet
def test_a_server_under_two_names_is_counted_once_and_costs_no_other_its_audit(workers: Any, tmp_path: Path) -> None:
    entry = '[[server]]\nurl = "{}"\nname = "{}"\nusername = "auditor"\npassword_env = "{}"\ntenant = "{}"\n'
    with raw_server(honest=small_server("one")) as here, raw_server(honest=small_server("one")) as there:
        names = (("first", here, "Alpha"), ("alias", there, "Beta"))
        file = tmp_path / "servers.toml"
        file.write_text("".join(entry.format(url, name, VARIABLE, tenant) for name, url, tenant in names))
        fleet = audit_fleet(file, history=tmp_path / "history", cluster=workers, **TERMS)
    first, alias = fleet.summaries
    assert first.is_audited
    assert alias.outcome is Outcome.NOT_AUDITED
    assert "the same server is in the file as another name" in alias.reasons[0]
    fleet.save(tmp_path)
    assert load_fleet(tmp_path).summaries == fleet.summaries


@pytest.mark.fleet
def test_a_server_whose_audit_kills_its_worker_is_given_up_and_told(workers: Any, tmp_path: Path) -> None:
    def poison(_: Asked) -> bytes | None:
        for worker in workers.scheduler.workers.values():
            if any(str(task.key).endswith("-0") for task in worker.processing):
                os.kill(workers.workers[worker.name].pid, signal.SIGKILL)
        return None

    before, workers.scheduler.allowed_failures = workers.scheduler.allowed_failures, 0
    try:
        with fleet_of(["poison", "good"], tmp_path, answering={"poison": poison}) as servers:
            fleet = audit_fleet(servers, history=tmp_path / "history", cluster=workers, **TERMS)
    finally:
        workers.scheduler.allowed_failures = before
    killed, good = fleet.summaries
    assert killed.reasons == ("its worker died again and again while it was audited",)
    assert good.is_audited
    assert not list((tmp_path / "history").glob(".*"))


@pytest.mark.fleet
def test_two_audits_of_one_server_into_one_history_at_once_are_two_runs(tmp_path: Path, password: str) -> None:
    rules = packed_rules(Rules.load(policy=TERMS["policy"]))
    # The clock of the server stands, and what tells its runs apart is their period.
    months, history = {"aaaa": "2026-10", "bbbb": "2026-09"}, tmp_path / "history"
    with fleet_of(["vbr01"], tmp_path) as servers, contextlib.ExitStack() as stack:
        (server,) = load_servers(servers, environ={}, password_given=True)
        for batch in months:
            stack.enter_context(held_batch(history, batch))
        tasks = [
            ServerTask(server, rules, str(history), batch, {"month": month, "timezone": "UTC"})
            for batch, month in months.items()
        ]
        with ThreadPoolExecutor(2) as pool:
            summaries = [ServerSummary.model_validate_json(content) for content in pool.map(audit_server, tasks)]
    assert [summary.reasons for summary in summaries if not summary.is_audited] == []
    assert len({summary.run_id for summary in summaries}) == 2
    assert invoke("history", "verify", history).exit_code == 0
    assert sorted(run.name for run in history.glob("20*")) == sorted(str(summary.folder) for summary in summaries)


@pytest.mark.fleet
def test_shards_on_the_command_line_add_up_though_one_is_empty(workers: Any, tmp_path: Path) -> None:
    with fleet_of(["vbr01"], tmp_path, tenants={"vbr01": "Ärzte & Söhne"}) as servers:
        where = ("--servers", servers, "--history", tmp_path / "history", "--scheduler", workers.scheduler_address)
        for number in (1, 2, 3):
            how = ("--shard", f"{number}/3", "--out", tmp_path / f"part{number}", "--fail-on", "never")
            done = invoke("fleet", "audit", *where, *how, *WORDS)
            assert done.exit_code == 0, done.output
    parts = [tmp_path / f"part{number}" for number in (1, 2, 3)]
    done = invoke("fleet", "report", *parts, "--out", tmp_path / "out", "--fail-on", "never")
    assert done.exit_code == 0, done.output
    assert "The server was audited." in done.stdout
    (page,) = (tmp_path / "out" / "tenants").iterdir()
    assert "Ärzte &amp; Söhne" in page.read_text("utf-8")


def test_what_cannot_be_written_or_does_not_exist_is_told_before_a_server_is_asked(
    tmp_path: Path, no_server: Path
) -> None:
    (tmp_path / "file").write_text("")
    words = ("fleet", "audit", "--servers", no_server, "--history", tmp_path / "history")
    done = invoke(*words, "--out", tmp_path / "file", *WORDS)
    assert done.exit_code != 0
    assert "cannot use" in done.stderr
    done = invoke(*words, "--out", tmp_path / "out", "--shard", "1/3", "--population", no_server, *WORDS)
    assert done.exit_code == 2
    assert not (tmp_path / "history").exists()
    with pytest.raises(ConfigurationError, match="docx"):
        audit_fleet(no_server, history=tmp_path / "history", formats=["docx"], **TERMS)
    with pytest.raises(OutputError):
        write_fleet(many_servers(1), tmp_path / "file")
    assert not (tmp_path / "history").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document | {"schema": 2, "servers": {"in": "another shape"}},
        lambda document: document | {"schema": 2, "servers": None, "batch": 5},
        lambda document: document | {"servers": [{"schema": 99, "what": "a summary is then"}]},
    ],
)
def test_a_fleet_of_a_newer_version_is_called_so_whatever_it_looks_like(tmp_path: Path, change: Any) -> None:
    path = many_servers(1).save(tmp_path)
    path.write_bytes(orjson.dumps(change(orjson.loads(path.read_bytes()))))
    with pytest.raises(EvidenceError, match="newer version"):
        load_fleet(path)


def test_a_name_that_differs_in_case_alone_is_refused_before_the_audit() -> None:
    def named(*names: str) -> list[Server]:
        return [
            Server(f"https://vbr{place}.example", f"servers.toml:{place}", name) for place, name in enumerate(names)
        ]

    for pair in (("Hamburg", "HAMBURG"), ("Straße", "STRASSE"), ("ΣΑΣ", "σας")):
        with pytest.raises(ConfigurationError, match=r"servers\.toml:1"):
            check_names(named(*pair))
    check_names(named("Straße", "Strasze", "北京", "東京", "😀", "😁"))


def test_tenants_whose_names_differ_in_case_alone_have_a_page_each(tmp_path: Path) -> None:
    tenants = ("Northwind", "northwind", "NORTH/WIND", "../x", "北京", "con")
    names = tenant_files(tenants)
    assert len({name.casefold() for name in names.values()}) == len(tenants)
    assert all("/" not in name for name in names.values())
    servers = [made_summary(f"vbr{place}.example", tenant=tenant) for place, tenant in enumerate(tenants)]
    write_fleet(made_fleet(*servers), tmp_path, formats=("html",))
    for place, tenant in enumerate(tenants):
        page = (tmp_path / "tenants" / names[tenant]).read_text("utf-8")
        assert [other for other in range(len(tenants)) if f"vbr{other}.example" in page] == [place]


def test_a_list_without_tenants_counts_on_the_pages_of_tenants_too() -> None:
    fleet = many_servers(4, tenants=2)
    listed = Population(tuple(Listed(summary.server.upper()) for summary in fleet.summaries), "cmdb.csv")
    assert picture_of(fleet, listed, tenant="Tenant-00").population == ()
    # Whose a server is follows from the file of servers, where the list says otherwise.
    other = Population((Listed(fleet.summaries[1].server, "Tenant-00"), Listed("forgotten", "Tenant-00")), "cmdb.csv")
    picture = picture_of(fleet, other, tenant="Tenant-00")
    assert fleet.summaries[1].server not in {line.summary.server for line in picture.lines}
    assert [line.summary.server for line in picture.not_audited] == ["forgotten"]


def test_a_worker_that_gives_back_no_summary_costs_its_server_alone(no_server: Path, tmp_path: Path) -> None:
    @dataclasses.dataclass
    class Future:
        content: object
        status: str = "finished"

        def result(self) -> object:
            return self.content

    (server,) = load_servers(no_server, environ={}, password_given=True)
    task = ServerTask(server, {}, str(tmp_path), BATCH)
    for content in (b"{}", b"", b"\xff", "text", None, b"x" * 70_000):
        summary = dask_cluster._summary_of(Future(content), task)
        assert summary.reasons == ("the worker gave back something that is no summary",)


def test_a_file_of_a_thousand_servers_is_read_in_seconds_and_audits_nobody_twice(tmp_path: Path) -> None:
    entry = '[[server]]\nurl = "https://vbr{0:04}.example"\nname = "Büro {0:04}"\nusername = "auditor"\n'
    path = tmp_path / "servers.toml"
    path.write_text("\n".join(entry.format(number) for number in range(1000)), encoding="utf-8")
    servers = load_servers(path, environ={}, password_given=True)
    assert [server.place for server in servers[:2]] == ["servers.toml:3", "servers.toml:8"]
    assert len({server.shown_name for server in servers}) == 1000
    path.write_text(path.read_text("utf-8") + "\n" + entry.format(77), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"two servers are called 'Büro 0077'"):
        load_servers(path, environ={}, password_given=True)


def test_an_empty_fleet_and_one_of_lost_servers_say_no_number_that_is_not_known() -> None:
    lost = Fleet((not_audited("a", "gone"),), many_servers(0).now, BATCH)
    assert (lost.coverage, many_servers(0).coverage) == (0.0, None)
    assert lost.table["causes"].isna().all()


@pytest.mark.fleet
def test_an_interrupt_ends_a_fleet_audit_and_leaves_nothing_behind(interrupted: Future[Interrupted]) -> None:
    end = interrupted.result()
    assert end.told.splitlines()[0].startswith("first audited")
    assert end.code == 130, end.told
    assert "interrupted" in end.told
    assert "Traceback" not in end.told
    assert end.left == []
    assert end.is_gone
