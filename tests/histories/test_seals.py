"""The seals of a history: every way to tamper with a chained history is named, and nothing is called fine unseen."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from adding_processes import add_at_once
from made_runs import judged, made_run
from time_authority import Authority, KeyPair, certificate, key_pair, made_authority, serving

import vbr_audit as va
from vbr_audit.collection import run_folder
from vbr_audit.errors import ConfigurationError
from vbr_audit.histories import seals
from vbr_audit.histories.archive import RECORD, NewRun, add_run, open_archive, write_record
from vbr_audit.histories.pruning import prune_runs
from vbr_audit.histories.run_records import HistoryRecord
from vbr_audit.histories.seal_checks import Trust, check_seals
from vbr_audit.histories.seals import Sealer, numbers_in, read_seal, seal_history, seal_path
from vbr_audit.histories.signing import load_signing_key, load_trusted_keys
from vbr_audit.histories.time_stamps import load_roots, time_authority

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the time authority of the tests is OpenSSL's")
IDS = [f"{digit}" * 16 for digit in range(1, 7)]


def new_run(place: Path, number: int) -> NewRun:
    row = {"object_id": "1", "object_name": "Nightly", "status": "FAIL"}
    run = dataclasses.replace(judged([row], day=30 * number), run_id=IDS[number])
    return made_run(place / IDS[number], run)


@dataclasses.dataclass(frozen=True)
class World:
    """A history of four runs, signed and stamped, of which the first was pruned; who signs, and who forges."""

    history: Path
    key: KeyPair
    forger: KeyPair
    authority: Authority

    @property
    def trust(self) -> Trust:
        return Trust(load_trusted_keys([self.key.public]), load_roots(self.authority.ca))

    @property
    def sealer(self) -> Sealer:
        return Sealer(load_signing_key(self.key.private), time_authority(self.authority.url, self.authority.ca))

    @property
    def runs(self) -> list[Path]:
        return [entry.path for entry in open_archive(self.history).runs]

    def told(self, trust: Trust | None = None) -> list[str]:
        return [str(problem) for problem in va.history(self.history).verify(trust or self.trust)]


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    place = tmp_path_factory.mktemp("sealed")
    with serving(made_authority(place / "authority")) as authority:
        world = World(place / "history", key_pair(place, "signer"), key_pair(place, "forger"), authority)
        for number in range(4):
            add_run(world.history, new_run(place, number), sealer=world.sealer)
        prune_runs(open_archive(world.history), keep=3, sealer=world.sealer)
        yield world


@pytest.fixture
def world(original: World, tmp_path: Path) -> World:
    return dataclasses.replace(original, history=Path(shutil.copytree(original.history, tmp_path / "history")))


def forge(history: Path, changes: Callable[[int, dict[str, Any]], None], key: KeyPair | None = None) -> None:
    """Make the chain anew from its first seal on, as somebody does who can write the folder, signed with `key`."""
    previous = seals.NOTHING
    signer = load_signing_key(key.private) if key else None
    for number in numbers_in(history):
        path = seal_path(history, number)
        before = path.read_bytes()
        document = json.loads(before)
        changes(number, document)
        document |= {"previous": previous, "signed_by": signer.fingerprint if signer else document["signed_by"]}
        content = json.dumps(document, indent=2).encode() + b"\n"
        if content != before:
            path.write_bytes(content)
            if signer:
                path.with_suffix(".sig").write_bytes(signer.sign(content))
        previous = hashlib.sha256(content).hexdigest()


def edit(history: Path, number: int, **changes: Any) -> None:
    path = seal_path(history, number)
    path.write_text(json.dumps(json.loads(path.read_text()) | changes, indent=2) + "\n")


def resealed(run: Path) -> None:
    """Write another content and a list of hashes that fits it, as somebody does who knows the format."""
    manifest = run / run_folder.MANIFEST
    manifest.write_text(manifest.read_text().replace("auditor", "nobody!"))
    record = HistoryRecord.model_validate_json((run / RECORD).read_bytes())
    (run / RECORD).unlink()
    write_record(run, record)
    assert run.name in {entry.path.name for entry in open_archive(run.parent).runs}


def smuggled(world: World) -> None:
    place = world.history.parent
    added = add_run(place / "other", new_run(place, 5))
    shutil.copytree(added.folder, world.history / added.folder.name)


def swapped(history: Path) -> None:
    for ending in (".json", ".sig", ".tsr"):
        second, third = (seal_path(history, number, ending) for number in (2, 3))
        kept = second.read_bytes()
        second.write_bytes(third.read_bytes())
        third.write_bytes(kept)


def cut(history: Path, number: int, *, traces: bool = False) -> None:
    for ending in (".json",) if traces else (".json", ".sig", ".tsr"):
        seal_path(history, number, ending).unlink()


def backdated(number: int, document: dict[str, Any]) -> None:
    if number == 3:
        document["sealed_at"] = "2026-01-01T00:00:00Z"


def all_backdated(number: int, document: dict[str, Any]) -> None:
    document["sealed_at"] = "2026-01-01T00:00:00Z"


def unsigned(number: int, document: dict[str, Any]) -> None:
    document |= {"signed_by": None, "stamped": False}


def stripped(history: Path) -> None:
    forge(history, unsigned)
    for path in (*history.glob("seals/*.sig"), *history.glob("seals/*.tsr")):
        path.unlink()


def unsigned_tail(world: World) -> None:
    add_run(world.history, new_run(world.history.parent, 5))


def borrowed_token(history: Path) -> None:
    seal_path(history, 2, ".tsr").write_bytes(seal_path(history, 3, ".tsr").read_bytes())


TAMPERED: dict[str, tuple[Callable[[World], object], str, str]] = {
    "a file of a run is changed": (
        lambda w: (w.runs[1] / "manifest.json").write_text("{}"), "33333", "manifest.json was changed"),
    "a run is replaced by another that fits itself": (lambda w: resealed(w.runs[1]), "33333", "replaced"),
    "a run is removed": (lambda w: shutil.rmtree(w.runs[1]), "33333", "removed: it was sealed"),
    "a run is added": (smuggled, "66666", "added: no seal"),
    "a seal is changed": (lambda w: edit(w.history, 2, run_id="x"), "seals/000002", "changed after it was signed"),
    "a seal is removed": (lambda w: cut(w.history, 2), "seals/000002", "removed"),
    "the first seal is removed": (lambda w: cut(w.history, 1), "seals/000001", "removed"),
    "two seals are reordered": (lambda w: swapped(w.history), "seals/000002", "reordered"),
    "a seal is backdated by who has the key": (
        lambda w: forge(w.history, backdated, w.key), "seals/000003", "backdated: it says 2026-01-01 00:00Z"),
    "all seals are backdated by who has the key": (
        lambda w: forge(w.history, all_backdated, w.key), "seals/000001", "time stamp does not hold"),
    "all is signed anew with another key": (
        lambda w: forge(w.history, lambda *_: None, w.forger), "seals/000001", "signed with another key"),
    "all is made anew without signatures": (lambda w: stripped(w.history), "seals", "no seal is signed"),
    "a signature is removed": (
        lambda w: seal_path(w.history, 2, ".sig").unlink(), "seals/000002", "its signature was removed"),
    "a time stamp is removed": (
        lambda w: seal_path(w.history, 2, ".tsr").unlink(), "seals/000002", "its time stamp was removed"),
    "a time stamp is that of another seal": (
        lambda w: borrowed_token(w.history), "seals/000002", "it is about another hash"),
    "a run is added without the key": (unsigned_tail, "seals/000006", "not signed"),
    "what was left of a pruned run is removed": (
        lambda w: shutil.rmtree(w.history / "pruned"), "11111", "removed: it was pruned"),
    "the root of a pruned run is changed": (
        lambda w: next(w.history.glob("pruned/*/SHA256SUMS.run")).write_text("x"), "11111", "changed"),
    "the tail is cut and leaves a trace": (
        lambda w: cut(w.history, 5, traces=True), "seals/000005", "removed: its signature or time stamp"),
    "all seals are removed": (lambda w: shutil.rmtree(w.history / "seals"), "seals", "not sealed"),
}  # fmt: skip


def test_a_history_that_nobody_touched_holds(world: World) -> None:
    assert world.told() == []
    notes = "\n".join(check_seals(world.history, world.trust).notes)
    assert "5 seals signed with a given key." in notes
    assert "All up to seal 5 was there at" in notes
    assert "says CN=Test Time" in notes


@pytest.mark.parametrize("what", TAMPERED)
def test_what_was_tampered_with_is_named(world: World, what: str) -> None:
    damage, place, word = TAMPERED[what]
    damage(world)
    told = world.told()
    assert any(place in line and word in line for line in told), told


def test_a_cut_tail_is_found_by_an_anchor_and_else_said_to_be_unknown(world: World) -> None:
    head = check_seals(world.history).head
    assert world.told(dataclasses.replace(world.trust, anchor=head)) == []
    cut(world.history, 5)
    cut(world.history, 4)
    shutil.rmtree(world.runs[-1])
    shutil.rmtree(world.history / "pruned")
    told = world.told(dataclasses.replace(world.trust, anchor=head))
    assert any("its tail was cut" in line for line in told)
    assert "cannot be told without --anchor" in check_seals(world.history, world.trust).notes[-1]
    assert not [line for line in world.told() if "11111" not in line]


def test_an_anchor_of_before_holds_after_more_was_added(world: World) -> None:
    old = check_seals(world.history).head
    add_run(world.history, new_run(world.history.parent, 5), sealer=world.sealer)
    assert world.told(dataclasses.replace(world.trust, anchor=old)) == []
    for wrong in ("", "abc", "g" * 64):
        with pytest.raises(ConfigurationError, match="no hash"):
            Trust(anchor=wrong)


def test_a_run_with_an_older_clock_is_sealed_in_the_order_of_adding(world: World, tmp_path: Path) -> None:
    for number in (3, 1):
        add_run(tmp_path / "late", new_run(tmp_path, number))
    chain = [read_seal(seal_path(tmp_path / "late", number)).seal for number in (1, 2)]
    assert [seal.run_id for seal in chain] == [IDS[3], IDS[1]]
    assert check_seals(tmp_path / "late").problems == ()


def test_a_history_of_before_is_said_not_to_be_sealed_and_is_taken_in(world: World, tmp_path: Path) -> None:
    shutil.rmtree(world.history / "seals")
    assert [line for line in world.told(Trust()) if "not sealed" in line]
    add_run(world.history, new_run(tmp_path, 5), sealer=Sealer(load_signing_key(world.key.private)))
    kinds = [read_seal(seal_path(world.history, number)).seal.kind for number in numbers_in(world.history)]
    assert kinds == ["found", "found", "found", "pruned", "added"]
    report = check_seals(world.history, Trust(world.trust.keys))
    assert report.problems == ()
    assert any(note.startswith("Not sealed before") and "3 runs" in note for note in report.notes)


def test_a_run_that_came_past_the_chain_is_never_sealed_unasked(world: World) -> None:
    smuggled(world)
    add_run(world.history, new_run(world.history.parent / "further", 4), sealer=world.sealer)
    assert any("added: no seal" in line for line in world.told())
    with pytest.raises(ConfigurationError, match="no seal is of it"):
        seal_history(world.history, world.sealer)
    seal_history(world.history, world.sealer, take_in=True)
    assert world.told() == []


def test_the_seals_of_workers_without_the_key_are_vouched_for_afterwards(world: World) -> None:
    unsigned_tail(world)
    assert len(world.told()) == 1
    sealed = seal_history(world.history, world.sealer)
    assert world.told(dataclasses.replace(world.trust, anchor=sealed.head)) == []


def test_a_key_that_was_replaced_needs_both_and_a_certificate_its_days(world: World, tmp_path: Path) -> None:
    add_run(world.history, new_run(tmp_path, 5), sealer=Sealer(load_signing_key(world.forger.private)))
    assert any("signed with another key" in line for line in world.told())
    both = load_trusted_keys([world.key.public, world.forger.public])
    assert world.told(Trust(both)) == []
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding

    issuer = ec.generate_private_key(ec.SECP256R1())
    for name, days, told in (("valid", (-1, 1), 0), ("expired", (-9, -2), 5)):
        made = certificate(name, world.trust.keys[0].public, "CA", issuer, days=days)
        (tmp_path / f"{name}.pem").write_bytes(made.public_bytes(Encoding.PEM))
        keys = load_trusted_keys([tmp_path / f"{name}.pem", world.forger.public])
        assert len(world.told(Trust(keys))) == told


def test_an_interrupted_sealing_is_finished_by_the_next(world: World, tmp_path: Path) -> None:
    before = check_seals(world.history).head
    seal_path(world.history, 5).rename(world.history / "seals" / ".pending.json")
    report = check_seals(world.history, world.trust)
    assert report.problems == ()
    assert any("was interrupted" in note for note in report.notes)
    with seals.sealing(world.history) as chain:
        assert chain.sealed().head == before
    edit(world.history, 5, root="0" * 64)  # of a run that never came
    seal_path(world.history, 5).rename(world.history / "seals" / ".pending.json")
    add_run(world.history, new_run(tmp_path, 5), sealer=world.sealer)
    assert read_seal(seal_path(world.history, 5)).seal.run_id == IDS[5]


def test_a_damaged_last_seal_is_built_upon_by_nobody(world: World, tmp_path: Path) -> None:
    seal_path(world.history, 5).write_text("{}")
    with pytest.raises(ConfigurationError, match="nothing was added"):
        add_run(world.history, new_run(tmp_path, 5))
    assert len(world.runs) == 3
    assert not list(world.history.glob(".adding*"))


def test_hostile_files_among_the_seals_are_named(world: World) -> None:
    path = seal_path(world.history, 2)
    for content in (b"", b"\xff", b"[]", b"{" * 100_000, json.dumps({**json.loads(path.read_text()), "x": 1}).encode()):
        path.write_bytes(content)
        assert any("seals/000002" in line for line in world.told())
    edit(world.history, 3, folder="../../etc")
    assert any("seals/000003" in line for line in world.told())
    path.unlink()
    path.symlink_to("/etc/passwd")
    assert any("a link" in line for line in world.told())
    for content in (b"", b"\x30\x03\x02\x01\x00", bytes(range(256)) * 20):
        seal_path(world.history, 4, ".tsr").write_bytes(content)
        assert any("seals/000004" in line and "time stamp" in line for line in world.told())


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="processes are forked on POSIX alone")
def test_processes_that_add_at_once_make_one_chain(tmp_path: Path) -> None:
    row = {"object_id": "1", "object_name": "Nightly", "status": "FAIL"}
    runs = []
    for number in range(5):
        run = dataclasses.replace(judged([row], day=number, server=f"s{number}"), run_id=f"{number:016}")
        runs.append(made_run(tmp_path / run.run_id, run))
    assert add_at_once(tmp_path / "history", runs) == [0] * 5
    assert numbers_in(tmp_path / "history") == list(range(1, 6))
    assert va.history(tmp_path / "history").verify() == []


def test_a_machine_whose_clock_is_behind_says_so(world: World, tmp_path: Path) -> None:
    future = dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(hours=2)
    forge(
        world.history,
        lambda number, seal: seal.update(sealed_at=future.isoformat()) if number == 5 else None,
        world.key,
    )
    added = add_run(world.history, new_run(tmp_path, 5), sealer=world.sealer)
    assert any("clock of this machine is behind" in note for note in added.notes)
    assert any("backdated" in line for line in world.told())


WALK = Path(__file__).parents[2] / "docs" / "evidence.md"


def walk(world: World) -> subprocess.CompletedProcess[str]:
    script = WALK.read_text("utf-8").partition('```sh title="walk.sh"\n')[2].partition("```")[0]
    words = ["bash", "-euo", "pipefail", "-c", script, "walk.sh", world.history, world.key.public, world.authority.ca]
    return subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=60)


def test_the_walk_of_the_docs_shows_the_same_with_openssl_and_sha256sum_alone(world: World) -> None:
    done = walk(world)
    assert done.returncode == 0, done.stdout + done.stderr
    counts, last = done.stdout.splitlines()[-2:]
    assert counts == "seals: 5, signed: 5, stamped: 5"
    assert last == f"last seal: {check_seals(world.history).head}"
    assert done.stdout.count("Signature Verified Successfully") == 5
    assert done.stdout.count("Verification: OK") == 5


SEEN_BY_HAND = (
    "a file of a run is changed",
    "a run is replaced by another that fits itself",
    "a seal is changed",
    "a seal is removed",
    "a time stamp is that of another seal",
)


@pytest.mark.parametrize("what", SEEN_BY_HAND)
def test_the_walk_of_the_docs_ends_at_what_does_not_hold(world: World, what: str) -> None:
    TAMPERED[what][0](world)
    assert walk(world).returncode != 0
