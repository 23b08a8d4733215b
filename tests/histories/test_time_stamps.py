"""A time authority that lies, is down, or answers with another hash: nothing of it is kept, and the run is."""

from __future__ import annotations

import dataclasses
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import invoke
from made_runs import judged, made_run
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder
from time_authority import Authority, made_authority, serving

from vbr_audit.errors import ConfigurationError, TimeStampError
from vbr_audit.histories.archive import add_run, open_archive
from vbr_audit.histories.seal_checks import Trust, check_seals
from vbr_audit.histories.seals import Sealer
from vbr_audit.histories.time_stamps import MOST_TOKEN, load_roots, read_token, time_authority

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the time authority of the tests is OpenSSL's")
CONTENT = b"what is stamped"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    with serving(made_authority(tmp_path_factory.mktemp("tsa") / "authority")) as authority:
        yield authority


@pytest.fixture
def authority(served: Authority) -> Iterator[Authority]:
    yield served
    served.lie = None


def other_query(content: bytes, algorithm: HashAlgorithm = HashAlgorithm.SHA256) -> bytes:
    return TimestampRequestBuilder().data(content).hash_algorithm(algorithm).build().as_bytes()


def dripping(authority: Authority, query: bytes) -> bytes:
    time.sleep(0.4)
    return authority.reply(query)


LIES: dict[str, tuple[Callable[[Authority, bytes], bytes | int], str]] = {
    "another hash": (lambda a, _: a.reply(other_query(b"another")), "does not hold"),
    "another request": (lambda a, _: a.reply(other_query(CONTENT)), "it answers another request"),
    "an expired certificate": (lambda a, query: a.reply(query, "expired"), "had expired by the time that it states"),
    "an error": (lambda *_: 503, "HTTP 503"),
    "another place": (lambda *_: 302, "HTTP 302"),
    "a page": (lambda *_: b"<html>sign in</html>", "is no time stamp"),
    "nothing": (lambda *_: b"", "is no time stamp"),
    "no end": (lambda *_: b"0" * (MOST_TOKEN + 1), "longer than"),
    "too late": (dripping, "in time"),
    "half of it": (lambda a, query: a.reply(query)[:-200], "is no time stamp"),
    "a refusal": (lambda a, _: a.reply(other_query(CONTENT, HashAlgorithm.SHA512)), "refused the request"),
}


@pytest.mark.parametrize("lie", LIES)
def test_an_answer_that_does_not_hold_is_refused(authority: Authority, lie: str) -> None:
    authority.lie, told = LIES[lie]
    limit = 0.2 if lie == "too late" else 15.0
    with pytest.raises(TimeStampError, match=told):
        time_authority(authority.url, authority.ca, timeout_s=limit).stamp(CONTENT)


def test_a_token_of_an_authority_that_nobody_named_is_refused(authority: Authority, tmp_path: Path) -> None:
    other = made_authority(tmp_path / "other")
    with pytest.raises(TimeStampError, match="leads to none of the given authorities"):
        time_authority(authority.url, other.ca).stamp(CONTENT)
    token = time_authority(authority.url, authority.ca).stamp(CONTENT)
    assert read_token(token, CONTENT, load_roots(authority.ca)).by == "CN=Test Time"
    for content, roots in ((CONTENT + b".", load_roots(authority.ca)), (CONTENT, load_roots(other.ca))):
        with pytest.raises(TimeStampError):
            read_token(token, content, roots)


def test_what_is_sent_is_a_hash_and_no_name(authority: Authority) -> None:
    authority.asked.clear()
    time_authority(authority.url, authority.ca).stamp(CONTENT)
    (query,) = authority.asked
    assert CONTENT not in query
    assert len(query) < 100


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ftp://time.example", "is no address"),
        ("time.example", "is no address"),
        ("", "is no address"),
        ("http://", "is no address"),
        ("http://user:secret@time.example", "holds a user name or a password"),
    ],
)
def test_an_address_that_cannot_be_is_refused_before_anything_is_sent(
    authority: Authority, url: str, told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        time_authority(url, authority.ca)
    assert "secret" not in str(caught.value)


def test_the_certificates_of_the_authority_must_be_given(authority: Authority, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="needs --timestamp-ca"):
        time_authority(authority.url, None)
    (tmp_path / "empty.pem").write_text("no certificate")
    for path in (tmp_path / "empty.pem", tmp_path / "nowhere.pem", tmp_path, authority.folder / "tsa.key"):
        with pytest.raises(ConfigurationError, match="cannot read the CA file"):
            time_authority(authority.url, path)


@pytest.mark.parametrize("how", ["down", "another hash"])
def test_a_run_is_added_without_a_time_stamp_and_says_so(authority: Authority, tmp_path: Path, how: str) -> None:
    authority.lie = LIES["another hash"][0]
    url = "http://127.0.0.1:9/" if how == "down" else authority.url
    run = dataclasses.replace(judged([{"status": "FAIL"}]), run_id="ab" * 8)
    sealer = Sealer(None, time_authority(url, authority.ca))
    added = add_run(tmp_path / "history", made_run(tmp_path / "run", run), sealer=sealer)
    assert [note for note in added.notes if note.startswith("no time stamp: ")]
    assert len(open_archive(tmp_path / "history").runs) == 1
    assert not list((tmp_path / "history" / "seals").glob("*.tsr"))
    report = check_seals(tmp_path / "history")
    assert report.problems == ()
    assert any(note.startswith("No time stamp") for note in report.notes)
    told = check_seals(tmp_path / "history", Trust(authorities=load_roots(authority.ca))).problems
    assert [problem.reason for problem in told] == ["no seal has a time stamp"]


def test_pruning_tells_of_an_authority_that_is_down(authority: Authority, tmp_path: Path) -> None:
    for day in (0, 40):
        run = dataclasses.replace(judged([{"status": "FAIL"}], day=day), run_id=f"{day:016}")
        add_run(tmp_path / "history", made_run(tmp_path / f"{day}", run))
    words = ("history", "prune", tmp_path / "history", "--keep", 1, "--timestamp-ca", authority.ca)
    done = invoke(*words, "--timestamp", "http://127.0.0.1:9/")
    assert (done.exit_code, "no time stamp" in done.stderr, "removed" in done.stdout) == (4, True, True)
    assert check_seals(tmp_path / "history").problems == ()


def test_without_the_extra_runs_are_chained_and_what_is_missing_is_named(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("cryptography", "rfc3161_client"):
        monkeypatch.setitem(sys.modules, name, None)
    run = dataclasses.replace(judged([{"status": "FAIL"}]), run_id="ab" * 8)
    add_run(tmp_path / "history", made_run(tmp_path / "run", run))
    assert invoke("history", "verify", tmp_path / "history").exit_code == 0
    for words in (("--key", authority.ca), ("--timestamp-ca", authority.ca)):
        done = invoke("history", "verify", tmp_path / "history", *words)
        assert (done.exit_code, "pip install 'vbr-audit[seal]'" in done.stderr) == (2, True)
