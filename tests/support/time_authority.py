"""A small time-stamping authority on loopback: OpenSSL answers for it, or it lies in one of several ways."""

from __future__ import annotations

import contextlib
import datetime as dt
import secrets
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CONFIG = """\
[tsa]
serial = {folder}/serial
default_policy = 1.2.3.4
digests = sha256
signer_digest = sha256
ess_cert_id_alg = sha256
"""


def certificate(
    name: str,
    public: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey,
    issuer: str,
    signer: ec.EllipticCurvePrivateKey,
    *,
    days: tuple[int, int] = (-1, 30),
    ca: bool = False,
) -> x509.Certificate:
    """A certificate of a CA, or for time stamps, valid from and until so many days from now."""
    named = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)]) for each in (name, issuer)]
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(named[0])
        .issuer_name(named[1])
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + dt.timedelta(days=days[0]))
        .not_valid_after(now + dt.timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if not ca:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(signer, SHA256())


@dataclass
class Authority:
    """What stands behind the address: its folder, its CA, and what it does with a request."""

    folder: Path
    url: str = ""
    lie: Callable[[Authority, bytes], bytes | int] | None = None
    asked: list[bytes] = field(default_factory=list)

    @property
    def ca(self) -> Path:
        """The certificate that its tokens lead to."""
        return self.folder / "ca.pem"

    def reply(self, query: bytes, signer: str = "tsa") -> bytes:
        """The token that OpenSSL makes of a request."""
        asked = self.folder / f"query-{secrets.token_hex(4)}"  # two may be answered at once
        asked.write_bytes(query)
        words = ["ts", "-reply", "-config", self.folder / "tsa.cnf", "-section", "tsa", "-queryfile"]
        words += [asked, "-signer", self.folder / f"{signer}.pem", "-inkey", self.folder / "tsa.key"]
        made = subprocess.run(["openssl", *map(str, words)], capture_output=True, check=True, timeout=20)
        return made.stdout


def made_authority(folder: Path) -> Authority:
    """An authority with its keys and certificates in `folder`; `expired.pem` is one that is not valid any more."""
    folder.mkdir()
    root, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    made = {
        "ca": certificate("Test CA", root.public_key(), "Test CA", root, ca=True, days=(-400, 400)),
        "tsa": certificate("Test Time", own.public_key(), "Test CA", root),
        "expired": certificate("Test Time", own.public_key(), "Test CA", root, days=(-30, -2)),
    }
    for name, each in made.items():
        (folder / f"{name}.pem").write_bytes(each.public_bytes(Encoding.PEM))
    (folder / "tsa.key").write_bytes(own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder))
    (folder / "serial").write_text("01")
    return Authority(folder)


@contextmanager
def serving(authority: Authority) -> Iterator[Authority]:
    """Within, the authority answers at its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            authority.asked.append(query)
            answer = authority.lie(authority, query) if authority.lie else authority.reply(query)
            with contextlib.suppress(ConnectionError):  # of a client that did not wait
                self.send_response(answer if isinstance(answer, int) else 200)
                self.end_headers()
                if isinstance(answer, bytes):
                    self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        authority.url = f"http://127.0.0.1:{server.server_address[1]}/"
        yield authority
        server.shutdown()
        thread.join()


@dataclass(frozen=True)
class KeyPair:
    """Files of an ed25519 key and its public half."""

    private: Path
    public: Path


def key_pair(folder: Path, name: str, passphrase: bytes | None = None) -> KeyPair:
    """A new key in `folder`."""
    key = ed25519.Ed25519PrivateKey.generate()
    lock = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    pair = KeyPair(folder / f"{name}.pem", folder / f"{name}.pub.pem")
    pair.private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
    pair.public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return pair
