"""Evidence that is interrupted while it is written, or damaged afterwards."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest

from vbr_audit.collection import run_folder
from vbr_audit.collection.evidence import MOST_WAITING, EvidenceFile, EvidenceWriter
from vbr_audit.collection.manifest import Manifest
from vbr_audit.errors import EvidenceError

needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")


def interrupt_soon() -> None:
    """Send Ctrl-C to this process a little later; a signal, because only that wakes a waiting thread."""
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()


@needs_signals
def test_an_interruption_while_a_page_is_written_leaves_hash_and_pages_in_step() -> None:
    writer = EvidenceWriter()
    pages = writer.dataset("jobs")
    writer.submit(lambda archive: time.sleep(0.5), MOST_WAITING)
    interrupt_soon()
    with pytest.raises(KeyboardInterrupt):
        pages.write(0, b"one")
    pages.write(1000, b"two")
    told = pages.sha256
    file = writer.finish()
    assert told == file.digests(["jobs"])["jobs"] == hashlib.sha256(b"two").hexdigest()
    assert pages.pages == 1
    file.discard()


@needs_signals
def test_the_hash_waits_for_a_page_whose_writing_was_interrupted() -> None:
    writer = EvidenceWriter()
    pages = writer.dataset("jobs")
    pages.write(0, b"one")
    writer.wait()
    slow = threading.Event()
    writer.submit(lambda archive: slow.wait(5) and None, MOST_WAITING)
    pages_written = threading.Thread(target=lambda: (time.sleep(0.3), slow.set()))
    interrupt_soon()
    pages_written.start()
    with pytest.raises(KeyboardInterrupt):
        writer.wait()
    assert pages.sha256 == hashlib.sha256(b"one").hexdigest()
    assert slow.is_set()
    pages_written.join()
    writer.finish().discard()


@pytest.mark.parametrize("place", range(40, 200, 8))
def test_damage_anywhere_in_a_page_is_evidence_that_cannot_be_read(tmp_path: Path, place: int) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("jobs/000000000.json", bytes(range(256)) * 4 + b"tail" * 200)
    body = bytearray(path.read_bytes())
    body[place] ^= 0xFF
    path.write_bytes(body)
    with pytest.raises(EvidenceError):
        list(EvidenceFile(path).pages("jobs"))
    assert EvidenceFile(path).digests(["jobs"]) == {"jobs": None}


def test_a_manifest_that_names_a_server_it_does_not_list_is_a_difference(collect, tmp_path: Path) -> None:
    snapshot, _ = collect(jobs=3, sessions=10)
    folder = snapshot.save(tmp_path / "run")
    manifest = run_folder.read_manifest(folder)
    odd = manifest.datasets[0].model_copy(update={"server": "elsewhere"})
    changed: Manifest = manifest.model_copy(update={"datasets": [odd, *manifest.datasets]})
    run_folder.write_manifest(folder, changed)
    assert any("elsewhere" in line for line in run_folder.differences(folder))
