"""`--sign`, `--timestamp`, `seal`, `verify --key`: from the command line, with keys that are wrong, missing, locked."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import invoke, write
from core_checks import CORE_TEXT
from estates import found_in
from history_texts import history_texts
from time_authority import Authority, KeyPair, key_pair, made_authority, serving

import vbr_audit as va
from vbr_audit.collection import run_folder
from vbr_audit.histories.archive import open_archive
from vbr_audit.histories.seal_checks import Trust, check_run_seal
from vbr_audit.histories.signing import PASSPHRASE, load_trusted_keys
from vbr_audit.histories.time_stamps import load_roots
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, serve

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the time authority of the tests is OpenSSL's")
SECRET = "open-sesame-4711"
FORMATS, READ = "xlsx,json,csv", "jobs,sessions,users,credentials"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sealing")


@pytest.fixture(scope="module")
def authority(place: Path) -> Iterator[Authority]:
    with serving(made_authority(place / "authority")) as served:
        yield served


@pytest.fixture(scope="module")
def key(place: Path) -> KeyPair:
    return key_pair(place, "signer", SECRET.encode())


@pytest.fixture(scope="module")
def made(place: Path, authority: Authority, key: KeyPair) -> Path:
    """A run and its history, signed and stamped, all made where the umask hides nothing; nobody writes to them."""
    core = write(place / "core.yaml", CORE_TEXT)
    before = os.umask(0)
    try:
        with pytest.MonkeyPatch.context() as patch, serve(jobs=4, sessions=30, role="Administrator") as url:
            for name, value in (("USERNAME", DEMO_USERNAME), ("PASSWORD", DEMO_PASSWORD)):
                patch.setenv(f"VBR_AUDIT_{name}", value)
            patch.setenv("OTHER", SECRET)
            words = ("audit", url, "--out", place / "run", "--policy", core, "--history", place / "history")
            words += (
                "--format",
                FORMATS,
                "--mask-accounts",
                "--datasets",
                "all",
                "--fail-on",
                "never",
                "--allow-incomplete",
            )
            words += ("--sign", key.private, "--sign-passphrase", "OTHER", *stamped_by(authority))
            done = invoke(*words)
            with va.connect(url, username=DEMO_USERNAME, password=DEMO_PASSWORD) as client:
                known = va.collect(client, datasets=["users", "credentials"], progress=False)
            again = invoke("history", "sample", url, "--history", place / "history")
    finally:
        os.umask(before)
    names = {*known.users["name"], *known.credentials["username"]}
    write(place / "names.json", json.dumps([name for name in names if name.startswith("HANSA")]))
    assert done.exit_code == 0, done.output
    assert again.exit_code == 0, again.output
    assert "Seal: " in done.stdout
    return place


def stamped_by(authority: Authority) -> tuple[object, ...]:
    return ("--timestamp", authority.url, "--timestamp-ca", authority.ca)


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "run", tmp_path / "run"))


def test_a_run_and_its_history_are_verified_by_the_key_and_the_authority(
    made: Path, key: KeyPair, authority: Authority
) -> None:
    trusted = ("--key", key.public, "--timestamp-ca", authority.ca)
    done = invoke("history", "verify", made / "history", *trusted)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "1 seal signed with a given key." in done.stdout
    head = done.stdout.partition("the last is ")[2][:64]
    assert invoke("history", "verify", made / "history", *trusted, "--anchor", head).exit_code == 0
    assert invoke("history", "verify", made / "history", "--anchor", "0" * 64).exit_code == 4
    done = invoke("verify", made / "run", *trusted, "--anchor", head)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "says CN=Test Time" in done.stdout
    root = subprocess.run(["sha256sum", made / "run" / "SHA256SUMS"], capture_output=True, text=True, check=True)
    assert f"Root: {root.stdout.split()[0]}\n" in done.stdout


def test_a_sealed_run_that_was_changed_or_written_anew_says_so(run: Path, key: KeyPair) -> None:
    trust = Trust(load_trusted_keys([key.public]))
    assert check_run_seal(run, trust).problems == ()
    (run / "findings.json").write_text("{}")
    run_folder.seal(run)
    (problem,) = check_run_seal(run, trust).problems
    assert "changed or written anew after it was sealed" in str(problem)
    (run / "seal.json").unlink()
    assert [each.reason for each in check_run_seal(run).problems] == ["removed: seal.sig stands beside it"]
    assert [each.reason for each in check_run_seal(run, trust).problems] == ["it has no seal"]


def test_a_run_of_no_history_gets_a_seal_of_its_own(
    run: Path, key: KeyPair, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSPHRASE, SECRET)
    done = invoke("seal", run, "--sign", key.private)
    assert done.exit_code == 0, done.output
    assert json.loads((run / "seal.json").read_text())["kind"] == "single"
    assert not (run / "seal.tsr").exists()
    assert check_run_seal(run, Trust(load_trusted_keys([key.public]))).problems == ()
    told = check_run_seal(run, Trust(authorities=load_roots(authority.ca))).problems
    assert "without a time stamp" in [each.reason for each in told]
    (run / "findings.json").write_text("{}")
    done = invoke("seal", run, "--sign", key.private)
    assert (done.exit_code, "nothing was sealed" in done.stderr) == (4, True)


def test_an_authority_that_is_down_costs_the_stamp_and_is_told(run: Path, authority: Authority) -> None:
    done = invoke("seal", run, "--timestamp", "http://127.0.0.1:9/", "--timestamp-ca", authority.ca)
    assert done.exit_code == 4
    assert "no time stamp: the time authority cannot be reached" in done.stderr
    assert (run / "seal.json").is_file()


def bad_files(place: Path) -> dict[str, Path]:
    rsa = place / "rsa.pem"
    if not rsa.exists():
        subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-out", rsa], check=True, capture_output=True)
        (place / "words.pem").write_text("-----BEGIN PRIVATE KEY-----\nSECRETSECRET\n-----END PRIVATE KEY-----\n")
    return {"rsa": rsa, "words": place / "words.pem", "nowhere": place / "nowhere.pem", "folder": place}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("rsa", "not of the kind ed25519"),
        ("words", "no private key in PEM form"),
        ("nowhere", "cannot read the signing key"),
        ("folder", "cannot read the signing key"),
        ("public", "no private key in PEM form"),
        ("locked", "has a passphrase, and none is given"),
        ("wrong", "its passphrase is another one"),
    ],
)
def test_a_signing_key_that_cannot_be_used_is_told_before_anything_is_read(
    place: Path, key: KeyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, told: str
) -> None:
    if given == "wrong":
        monkeypatch.setenv(PASSPHRASE, "another-passphrase")
    paths = {**bad_files(place), "public": key.public, "locked": key.private, "wrong": key.private}
    done = invoke("audit", "https://nowhere.example", "--out", tmp_path / "out", "--sign", paths[given])
    assert (done.exit_code, done.stdout) == (2, "")
    assert told in done.stderr
    for secret in ("SECRETSECRET", "another-passphrase", key.private.read_text().splitlines()[2]):
        assert secret not in done.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--key", "{rsa}"), "is a private key"),
        (("--key", "{signer}"), "is a private key"),
        (("--key", "{core}"), "no public key or certificate"),
        (("--key", "{nowhere}"), "cannot read the key"),
        (("--key", "{ca}"), "not of the kind ed25519"),
        (("--timestamp-ca", "{core}"), "no certificate in PEM form"),
        (("--anchor", "12"), "no hash of a seal"),
    ],
)
def test_what_seals_are_checked_by_must_be_what_it_should(
    made: Path, key: KeyPair, authority: Authority, words: tuple[str, str], told: str
) -> None:
    names = {"core": made / "core.yaml", "ca": authority.ca, "signer": key.private, **bad_files(made)}
    for command in (("verify", made / "run"), ("history", "verify", made / "history")):
        done = invoke(*command, words[0], words[1].format(**names))
        assert (done.exit_code, done.stdout) == (2, ""), done.output
        assert told in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--timestamp", "http://time.example"), "needs --timestamp-ca"),
        (("--timestamp-ca", "{ca}"), "needs --timestamp"),
        (("--sign-passphrase", "NAME"), "needs --sign"),
        (("--sign", "{signer}", "--sign-passphrase", "NO_SUCH_NAME"), "no variable NO_SUCH_NAME"),
    ],
)
def test_options_that_belong_together_say_so(
    made: Path, key: KeyPair, authority: Authority, words: tuple[str, ...], told: str
) -> None:
    before = sorted((made / "history").rglob("*"))
    given = [word.format(ca=authority.ca, signer=key.private) for word in words]
    done = invoke("history", "seal", made / "history", *given)
    assert (done.exit_code, told in done.stderr) == (2, True), done.output
    assert sorted((made / "history").rglob("*")) == before


def test_history_seal_says_the_hash_to_keep(
    made: Path, tmp_path: Path, key: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSPHRASE, SECRET)
    history = Path(shutil.copytree(made / "history", tmp_path / "history"))
    done = invoke("history", "seal", history, "--sign", key.private)
    head = done.stdout.removeprefix("Seal: ").strip()
    assert done.exit_code == 0
    assert invoke("history", "verify", history, "--anchor", head).exit_code == 0
    done = invoke("history", "seal", tmp_path / "nowhere")
    assert (done.exit_code, "no such folder" in done.stderr) == (2, True)


def test_what_is_made_is_for_its_owner_alone_whatever_the_umask(made: Path) -> None:
    for place in (made / "run", made / "history"):
        paths = [place, *place.rglob("*")]
        assert {path.suffix for path in paths} >= {".json", ".sig", ".tsr"}
        wrong = [
            str(path) for path in paths if stat.S_IMODE(path.stat().st_mode) != (0o700 if path.is_dir() else 0o600)
        ]
        assert wrong == []


def test_masked_accounts_stay_masked_in_history_and_seals(made: Path) -> None:
    names = json.loads((made / "names.json").read_text())
    assert len(names) > 3
    assert open_archive(made / "history").runs[0].record.accounts_masked
    texts = history_texts(made / "history")
    assert {path: found for path, text in texts.items() if (found := found_in(text, names))} == {}


def test_the_settings_file_may_say_who_signs_and_stamps(
    run: Path, made: Path, key: KeyPair, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = {"sign": key.private, "timestamp": authority.url, "timestamp_ca": authority.ca}
    text = "".join(f"{name} = {json.dumps(str(value))}\n" for name, value in lines.items())
    file = write(tmp_path / "settings.toml", text)
    monkeypatch.setenv(PASSPHRASE, SECRET)
    history = shutil.copytree(made / "history", tmp_path / "history")
    for words in (("seal", run), ("history", "seal", history)):
        done = invoke(*words, "--config", file)
        assert (done.exit_code, done.stderr) == (0, ""), done.output
    trust = Trust(load_trusted_keys([key.public]), load_roots(authority.ca))
    assert check_run_seal(run, trust).problems == ()
    assert va.history(history).seals(trust).problems == ()
    assert "is not a setting" not in invoke("config", "show", "--config", file).stderr
    monkeypatch.chdir(tmp_path)
    file.rename("vbr_audit.toml")
    done = invoke("history", "seal", history)
    assert (done.exit_code, done.stderr.count("not taken from a file that nobody named")) == (2, 3)
