"""Keys and certificates for tests, made by an authority of their own."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

DAY = dt.timedelta(days=1)


def name_of(text: str) -> x509.Name:
    """A name that has nothing but this."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@dataclass(frozen=True)
class Issued:
    """A key with its certificate."""

    key: Any
    certificate: x509.Certificate

    def pem(self, password: str | None = None) -> bytes:
        """The key, locked by the password."""
        locked = NoEncryption() if password is None else BestAvailableEncryption(password.encode())
        return bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))

    def certificate_pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.PEM)

    def p12(self, password: str | None, chain: tuple[x509.Certificate, ...] = ()) -> bytes:
        """Both as PKCS#12; `chain` are further certificates."""
        locked = NoEncryption() if password is None else BestAvailableEncryption(password.encode())
        return pkcs12.serialize_key_and_certificates(b"signer", self.key, self.certificate, chain, locked)


def issued(
    subject: str,
    *,
    by: Issued | None = None,
    key: Any = None,
    days: tuple[int, int] = (-1, 30),
    signs: bool = True,
) -> Issued:
    """A certificate that is valid from and until so many days from now, by itself where no issuer is given.

    With `signs` false its key is for nothing but agreeing on keys.
    """
    own = key or ec.generate_private_key(ec.SECP256R1())
    now, is_root = dt.datetime.now(dt.UTC), by is None
    usage = dict.fromkeys(("key_encipherment", "data_encipherment", "encipher_only", "decipher_only"), False)
    usage |= {"digital_signature": signs, "content_commitment": signs, "key_agreement": not signs}
    builder = (
        x509.CertificateBuilder()
        .subject_name(name_of(subject))
        .issuer_name(name_of(subject) if by is None else by.certificate.subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + days[0] * DAY)
        .not_valid_after(now + days[1] * DAY)
        .add_extension(x509.BasicConstraints(is_root, None), critical=True)
        .add_extension(x509.KeyUsage(**usage, key_cert_sign=is_root, crl_sign=is_root), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
    )
    signing = own if by is None else by.key
    is_edwards = not hasattr(signing, "curve") and not hasattr(signing, "key_size")
    return Issued(own, builder.sign(signing, None if is_edwards else hashes.SHA256()))
