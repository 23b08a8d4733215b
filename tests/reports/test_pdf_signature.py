"""Signed PDFs: a signature that others can check, over a file that stays what it was; keys that cannot sign."""

from __future__ import annotations

import asyncio
import builtins
import io
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from certificates import Issued, issued
from command_line import invoke, write
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from estates import attachments_of
from looking import pdf_facts
from shared import once, printed_run

from vbr_audit.errors import ConfigurationError
from vbr_audit.pipeline import load_audit
from vbr_audit.reports import pdf_signature
from vbr_audit.reports.html.rendering import Attached, print_page
from vbr_audit.reports.pdf_evidence import check_pdfs
from vbr_audit.reports.pdf_signature import PASSWORD, PdfSigner, load_pdf_signer

pytest.importorskip("pyhanko")
pytestmark = pytest.mark.usefixtures("weasyprint")
NeedTool = Callable[..., str]
SECRET = "correct-horse-7"
FIRST = "{# vbr-audit templates: 1 #}"
DOCS = Path(__file__).parents[2] / "docs"
PDFS = ("executive.pdf", "report.pdf")


@pytest.fixture(scope="module")
def root() -> Issued:
    return issued("Root of the tests")


@pytest.fixture(scope="module")
def own(root: Issued) -> Issued:
    return issued("Backup team", by=root)


@pytest.fixture(scope="module")
def keys(root: Issued, own: Issued, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of a signer, and those of keys that cannot sign."""
    folder = tmp_path_factory.mktemp("keys")
    other = issued("Another", by=root)
    small, edwards = rsa.generate_private_key(65537, 1024), ed25519.Ed25519PrivateKey.generate()
    command = f'["{sys.executable}", "-c", "print({SECRET!r})"]'
    files = {
        "ca.pem": root.certificate_pem(),
        "elsewhere.pem": issued("Another root").certificate_pem(),
        "signer.p12": own.p12(SECRET, (root.certificate,)),
        "open.p12": own.p12(None),
        "both.pem": own.pem(SECRET) + own.certificate_pem() + root.certificate_pem(),
        "key.pem": own.pem(),
        "cert.pem": root.certificate_pem() + own.certificate_pem(),
        "expired.p12": issued("Old", by=root, days=(-30, -2)).p12(SECRET),
        "early.p12": issued("New", by=root, days=(3, 30)).p12(SECRET),
        "other.pem": own.pem() + other.certificate_pem(),
        "lone.p12": serialize_key_and_certificates(b"x", own.key, None, None, NoEncryption()),
        "small.p12": issued("Small", by=root, key=small).p12(SECRET),
        "edwards.p12": issued("Edwards", by=root, key=edwards).p12(SECRET),
        "idle.p12": issued("Idle", by=root, signs=False).p12(SECRET),
        "garbage.p12": b"\x30\x82not a key",
        "broken.pem": b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "public.pem": own.certificate_pem(),
        "password.txt": f"{SECRET}\n".encode(),
        "file.toml": b'key = "signer.p12"\npassword_file = "password.txt"\nreason = "Monthly"\n',
        "pem.toml": b'key = "key.pem"\ncertificate = "cert.pem"\n',
        "told.toml": f'key = "signer.p12"\npassword = "{SECRET}"\n'.encode(),
        "twice.toml": b'key = "signer.p12"\npassword_file = "password.txt"\npassword_env = "X"\n',
        "nobody.toml": b'key = "signer.p12"\npassword_env = "NOT_SET_ANYWHERE"\n',
        "both.toml": b'key = "signer.p12"\ncertificate = "cert.pem"\npassword_file = "password.txt"\n',
        "typing.toml": b'kye = "signer.p12"\n',
        "command.toml": f'key = "both.pem"\npassword_command = {command}\n'.encode(),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def signer(keys: Path) -> PdfSigner:
    return load_pdf_signer(keys / "signer.p12", environ={PASSWORD: SECRET})


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small PDF of the kind that reports are."""

    def make(folder: Path) -> None:
        files = [Attached(name, b"{}", name, "Data") for name in ("findings.json", "manifest.json")]
        page = "<!doctype html><html lang=en><title>A report</title><h1>A report</h1><p>All is well</p></html>"
        (folder / "paper.pdf").write_bytes(print_page(page, "", files))

    return (once(tmp_path_factory, "small-paper", make) / "paper.pdf").read_bytes()


@pytest.fixture
def folder(tmp_path: Path, paper: bytes, signer: PdfSigner) -> Path:
    """A folder with a signed PDF, and what is attached to it."""
    (tmp_path / "report.pdf").write_bytes(signer.sign(paper))
    for name in ("findings.json", "manifest.json"):
        (tmp_path / name).write_bytes(b"{}")
    return tmp_path


def judged(pdf: bytes, root: Issued) -> Any:
    """What pyHanko's own validator finds, with the root of the tests as the only one to trust."""
    from asn1crypto.x509 import Certificate
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext

    trusted = Certificate.load(root.certificate.public_bytes(Encoding.DER))
    (signature,) = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
    return validate_pdf_signature(signature, ValidationContext(trust_roots=[trusted], allow_fetching=False))


def test_others_find_the_signature_good(
    folder: Path, paper: bytes, root: Issued, own: Issued, need_tool: NeedTool
) -> None:
    signed = (folder / "report.pdf").read_bytes()
    status = judged(signed, root)
    assert (status.bottom_line, status.intact, status.valid, status.trusted) == (True, True, True, True)
    assert status.coverage.name == "ENTIRE_FILE"
    assert status.signing_cert.sha256 == own.certificate.fingerprint(SHA256())
    command = [need_tool("pdfsig"), "-nocert", str(folder / "report.pdf")]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Signature is Valid." in told
    assert "Total document signed" in told
    assert "ETSI.CAdES.detached" in told


def test_what_was_there_stays_byte_for_byte(folder: Path, paper: bytes, need_tool: NeedTool) -> None:
    signed = (folder / "report.pdf").read_bytes()
    assert signed.startswith(paper)
    assert attachments_of(signed) == attachments_of(paper) == {"findings.json": b"{}", "manifest.json": b"{}"}
    facts = pdf_facts(folder / "report.pdf", need_tool)
    assert (facts["PDF version"], facts["Tagged"], facts["Title"]) == ("1.7", "yes", "A report")
    metadata = [need_tool("pdfinfo"), "-meta"]
    before = subprocess.run([*metadata, "-"], input=paper, capture_output=True, check=True).stdout
    assert subprocess.run([*metadata, "-"], input=signed, capture_output=True, check=True).stdout == before
    assert b'pdfaid:part="3"' in before
    assert b"/F 132" in signed[len(paper) :]  # the field is printed and locked, as PDF/A wants it


@pytest.mark.parametrize("place", ["paper", "attachment", "signature", "end"])
def test_a_changed_byte_is_found(place: str, folder: Path, paper: bytes, root: Issued) -> None:
    path = folder / "report.pdf"
    signed = bytearray(path.read_bytes())
    if place == "end":
        signed += b"\n% more\n"
    else:
        at = {"paper": paper.index(b"\n%") + 3, "attachment": paper.index(b"stream") + 9}
        at["signature"] = signed.index(b"/Contents <") + 600
        signed[at[place]] ^= 1
    path.write_bytes(signed)
    problems = check_pdfs(folder).problems
    assert [line for line in problems if line.startswith("report.pdf: ")] == list(problems) != []
    if place in ("paper", "end"):
        words = "was changed after it was signed" if place == "paper" else "something was added after it"
        assert words in problems[0]


def test_attachments_that_are_not_those_of_the_run_are_named(folder: Path, own: Issued) -> None:
    assert check_pdfs(folder).problems == ()
    of_run, by = check_pdfs(folder).notes
    assert of_run == "report.pdf: its attached files are those of the run"
    assert "Backup team" in by
    assert own.certificate.fingerprint(SHA256()).hex() in by
    (folder / "findings.json").write_bytes(b'{"findings": []}')
    assert check_pdfs(folder).problems == ("report.pdf: the findings.json attached to it is not that of the run",)


def test_a_pdf_without_a_signature_is_said_to_have_none(folder: Path, paper: bytes) -> None:
    (folder / "report.pdf").write_bytes(paper)
    (folder / "executive.pdf").write_bytes(b"%PDF-1.7 nothing")
    found = check_pdfs(folder)
    assert found.problems == ("executive.pdf: it cannot be read as a PDF of a run",)
    assert found.notes[-1] == "report.pdf: it is not signed"


@pytest.mark.parametrize("name", ["open.p12", "both.pem", "file.toml", "pem.toml", "command.toml"])
def test_keys_come_in_many_files(name: str, keys: Path, paper: bytes, root: Issued) -> None:
    signer = load_pdf_signer(keys / name, environ={PASSWORD: SECRET})
    signed = signer.sign(paper)
    assert judged(signed, root).bottom_line
    assert (b"/Reason (Monthly)" in signed) == (name == "file.toml")
    assert SECRET.encode() not in signed


def test_an_rsa_key_of_a_usual_size_signs_too(root: Issued, keys: Path, paper: bytes, tmp_path: Path) -> None:
    (tmp_path / "rsa.p12").write_bytes(issued("RSA", by=root, key=rsa.generate_private_key(65537, 2048)).p12(None))
    signed = load_pdf_signer(tmp_path / "rsa.p12", environ={}).sign(paper)
    assert judged(signed, root).bottom_line


def test_it_signs_within_the_loop_of_a_notebook(signer: PdfSigner, paper: bytes, root: Issued) -> None:
    async def cell() -> bytes:
        return signer.sign(paper)

    assert judged(asyncio.run(cell()), root).bottom_line


@pytest.mark.parametrize(
    ("name", "password", "told"),
    [
        ("missing.p12", SECRET, "cannot read the signing key"),
        ("signer.p12", "wrong-horse-8", "its password is another one"),
        ("signer.p12", None, "has a password, and none is given"),
        ("both.pem", "wrong-horse-8", "its password is another one"),
        ("both.pem", None, "has a password, and none is given"),
        ("expired.p12", SECRET, "its certificate expired on"),
        ("early.p12", SECRET, "its certificate is valid from"),
        ("other.pem", None, "the certificate is of another key"),
        ("lone.p12", None, "no certificate of its key"),
        ("key.pem", None, "holds no certificate"),
        ("public.pem", None, "holds no private key"),
        ("broken.pem", None, "its private key cannot be read"),
        ("small.p12", SECRET, "of a kind that readers of PDFs do not check"),
        ("edwards.p12", SECRET, "of a kind that readers of PDFs do not check"),
        ("idle.p12", SECRET, "is not made for signatures"),
        ("garbage.p12", SECRET, "neither PKCS#12 nor PEM"),
        ("told.toml", None, "told.toml:2: password: a password does not belong in this file"),
        ("twice.toml", None, "twice.toml:3: password_env: the password has one place"),
        ("nobody.toml", None, "the environment variable for the password holds no password"),
        ("both.toml", None, "a PKCS#12 file holds its own"),
        ("typing.toml", None, "typing.toml:1: kye: unknown key"),
    ],
)
def test_what_cannot_sign_is_told_before_anything_is_written(
    name: str, password: str | None, told: str, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VBR_AUDIT_PASSWORD", "x")
    monkeypatch.setenv(PASSWORD, password or "")
    out = tmp_path / "out"
    words = ("audit", "https://127.0.0.1:1", "-u", "x", "--format", "pdf", "--out", out)
    done = invoke(*words, "--sign-pdf", keys / name)
    assert done.exit_code == 2, done.output
    assert told in " ".join(done.stderr.split())
    assert "Next: " in done.stderr
    assert "Traceback" not in done.output
    assert not any(secret in done.output for secret in (SECRET, "wrong-horse-8"))
    assert not out.exists()


def test_a_certificate_that_ends_while_a_run_is_read_signs_no_more(root: Issued, paper: bytes) -> None:
    old = issued("Old", by=root, days=(-30, -2))
    signer = PdfSigner(old.key, old.certificate, (), "signer.p12")
    with pytest.raises(ConfigurationError, match="expired on"):
        signer.sign(paper)


def test_without_pyhanko_nothing_passes_as_signed(
    folder: Path, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    importing = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("pyhanko"):
            raise ModuleNotFoundError("No module named 'pyhanko'", name="pyhanko")
        return importing(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    done = invoke("demo", "--out", tmp_path / "o", "--sign-pdf", keys / "open.p12")
    assert done.exit_code == 2
    assert "pip install 'vbr-audit[sign-pdf]'" in done.stderr
    assert not (tmp_path / "o").exists()
    (note,) = check_pdfs(folder).notes
    assert note.startswith("report.pdf: neither attachments nor signatures compared")


@pytest.fixture(scope="module")
def signed_run(keys: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose PDFs are signed, printed by small templates; nobody writes into it."""
    folder = tmp_path_factory.mktemp("signed")
    for name in ("pdf", "compliance", "executive"):
        text = f'{FIRST}{{% extends "base.html.j2" %}}{{% block summary %}}<p>Our {name}</p>{{% endblock %}}'
        write(folder / "ours" / f"{name}.html.j2", text)
    copytree(printed_run(tmp_path_factory) / "run", folder / "run")
    done = reported(folder, keys, "--format", "executive-pdf,pdf")
    assert done.exit_code == 0, done.output
    assert SECRET not in done.output
    return folder


def reported(folder: Path, keys: Path, *words: object, sign: bool = True) -> Any:
    signing = ("--sign-pdf", keys / "signer.p12") if sign else ()
    words = ("report", folder / "run", *words, *signing, "--templates", folder / "ours", "--quiet")
    return invoke(*words, env={PASSWORD: SECRET})


def test_every_pdf_of_a_run_is_signed_and_sealed(signed_run: Path, root: Issued) -> None:
    run = signed_run / "run"
    files = {name: (run / name).read_bytes() for name in ("findings.json", "manifest.json")}
    for name in PDFS:
        content = (run / name).read_bytes()
        assert judged(content, root).bottom_line, name
        assert attachments_of(content) == files
        assert f"  {name}\n" in (run / "SHA256SUMS").read_text("utf-8")
    for path in run.rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes()
    done = invoke("verify", run)
    assert done.exit_code == 0, done.output
    assert "report.pdf: signed by Common Name: Backup team" in done.stdout
    assert "executive.pdf: its attached files are those of the run" in done.stdout


def test_verify_sees_a_forged_pdf_whose_sums_were_fitted(signed_run: Path, tmp_path: Path, paper: bytes) -> None:
    run = copytree(signed_run / "run", tmp_path / "run")
    old = (run / "report.pdf").read_bytes()
    (run / "report.pdf").write_bytes(paper)
    sums = (run / "SHA256SUMS").read_text("utf-8")
    (run / "SHA256SUMS").write_text(sums.replace(*(sha256(each).hexdigest() for each in (old, paper))), "utf-8")
    done = invoke("verify", run)
    assert done.exit_code == 4
    assert "report.pdf: the findings.json attached to it is not that of the run" in done.stderr


def test_the_full_pdf_is_signed_and_no_unsigned_one_takes_its_place(
    signed_run: Path, keys: Path, tmp_path: Path, root: Issued
) -> None:
    folder = copytree(signed_run, tmp_path / "it")
    assert reported(folder, keys, "--format", "pdf", "--pdf", "full").exit_code == 0
    full = (folder / "run" / "report.pdf").read_bytes()
    assert judged(full, root).bottom_line
    done = reported(folder, keys, "--format", "pdf", sign=False)
    assert done.exit_code == 2
    assert "report.pdf would lose its signature" in done.stderr
    assert (folder / "run" / "report.pdf").read_bytes() == full
    assert reported(folder, keys, "--format", "pdf", "--force", sign=False).exit_code == 0
    assert not pdf_signature.is_signed((folder / "run" / "report.pdf").read_bytes())


def test_a_settings_file_that_is_named_says_what_signs(
    signed_run: Path, keys: Path, tmp_path: Path, root: Issued
) -> None:
    folder = copytree(signed_run, tmp_path / "it")
    settings = write(folder / "s.toml", f"sign_pdf = '{keys / 'file.toml'}'\ntemplates = 'ours'\n")
    done = invoke("check", folder / "run", "--config", settings, "--quiet", "--fail-on", "never")
    assert done.exit_code == 0, done.output
    for name in PDFS:
        content = (folder / "run" / name).read_bytes()
        assert judged(content, root).bottom_line
        assert b"/Reason (Monthly)" in content


def test_python_signs_with_the_same_file(signed_run: Path, keys: Path, tmp_path: Path, root: Issued) -> None:
    audit = load_audit(signed_run / "run")
    path = audit.write("pdf", tmp_path / "x.pdf", templates=signed_run / "ours", sign_pdf=keys / "file.toml")
    assert judged(path.read_bytes(), root).bottom_line


def test_the_walk_of_the_page_about_evidence(signed_run: Path, keys: Path, tmp_path: Path, need_tool: NeedTool) -> None:
    for tool in ("pdfsig", "pdfdetach", "openssl"):
        need_tool(tool)
    text = (DOCS / "evidence.md").read_text("utf-8").partition('```sh title="pdf.sh"\n')[2].partition("```")[0]
    script = write(tmp_path / "pdf.sh", text)

    def walked(pdf: Path, ca: str = "ca.pem") -> subprocess.CompletedProcess[str]:
        command = ["bash", str(script), str(pdf), str(keys / ca)]
        return subprocess.run(
            command, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)}
        )

    run = signed_run / "run"
    for name in PDFS:
        done = walked(run / name)
        assert done.returncode == 0, done.stderr
        assert "CMS Verification successful" in done.stderr
        for carried in ("findings.json", "manifest.json"):
            assert f"{sha256((run / carried).read_bytes()).hexdigest()}  {carried}\n" in done.stdout
    signed = (run / "report.pdf").read_bytes()
    (tmp_path / "changed.pdf").write_bytes(signed.replace(b"/Lang (en)", b"/Lang (de)", 1))
    (tmp_path / "longer.pdf").write_bytes(signed + b"\n% more\n")
    assert walked(tmp_path / "changed.pdf").returncode != 0
    assert walked(tmp_path / "longer.pdf").returncode != 0
    assert walked(run / "report.pdf", "elsewhere.pem").returncode != 0
