"""Signatures with ed25519: the key that signs, and the keys that an auditor trusts. Needs the extra `seal`."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vbr_audit.config.given_file import demand_content
from vbr_audit.errors import ConfigurationError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PASSPHRASE: Final = "VBR_AUDIT_SIGN_PASSPHRASE"  # noqa: S105 - the name of a variable, not what is in it
"""The variable of the environment with the passphrase of the signing key, unless another one is named."""
_MOST: Final = 64 * 1024
_MAKE: Final = "Make one with: openssl genpkey -algorithm ed25519 -out key.pem"


@dataclass(frozen=True, repr=False)
class SigningKey:
    """A private key; its text is never part of a message, and it has no readable form."""

    private: Ed25519PrivateKey
    fingerprint: str

    def sign(self, content: bytes) -> bytes:
        """The signature over `content`, of 64 bytes."""
        return self.private.sign(content)


@dataclass(frozen=True)
class TrustedKey:
    """A public key that signatures are checked by; of a certificate also from when to when it may be used."""

    public: Ed25519PublicKey
    fingerprint: str
    name: str
    valid_from: dt.datetime | None = None
    valid_until: dt.datetime | None = None

    def holds(self, signature: bytes, content: bytes) -> bool:
        """Whether `signature` was made over `content` with the private half of this key."""
        from cryptography.exceptions import InvalidSignature

        try:
            self.public.verify(signature, content)
        except InvalidSignature:
            return False
        return True

    def usable_at(self, moment: dt.datetime) -> bool:
        """Whether the certificate of the key, where there is one, was valid then."""
        return (self.valid_from is None or self.valid_from <= moment) and (
            self.valid_until is None or moment <= self.valid_until
        )


def demand_cryptography() -> None:
    """Raise `ConfigurationError` where what signs and checks signatures is not installed."""
    try:
        import cryptography  # noqa: F401 - whether it is there is the question
    except ImportError as error:
        raise ConfigurationError(
            f"signatures need the package {error.name}", hint="Install it with: pip install 'vbr-audit[seal]'"
        ) from None


def load_signing_key(path: Path, passphrase_variable: str = PASSPHRASE) -> SigningKey:
    """The ed25519 key in a PEM file, with the passphrase in a variable of the environment where it has one.

    Raises `ConfigurationError`; no message holds anything of the key or the passphrase.
    """
    demand_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    content = demand_content(path, "the signing key", most=_MOST)
    passphrase = os.environ.get(passphrase_variable)
    if passphrase is None and passphrase_variable != PASSPHRASE:
        raise ConfigurationError(
            f"the environment has no variable {passphrase_variable}", hint="Set it to the passphrase of the key."
        )
    is_locked = b"ENCRYPTED" in content
    if is_locked and not passphrase:
        raise ConfigurationError(
            f"the signing key {path} has a passphrase, and none is given",
            hint=f"Set {passphrase_variable}, or name another variable with --sign-passphrase.",
        )
    try:
        key = load_pem_private_key(content, passphrase.encode() if is_locked and passphrase else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # their texts may quote the file
        why = "its passphrase is another one" if is_locked else "it is no private key in PEM form"
        raise ConfigurationError(f"cannot use the signing key {path}: {why}", hint=_MAKE) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"cannot use the signing key {path}: it is not of the kind ed25519", hint=_MAKE)
    return SigningKey(key, _fingerprint(key.public_key()))


def load_trusted_keys(paths: Iterable[Path]) -> tuple[TrustedKey, ...]:
    """The public keys, or certificates, in PEM files; raises `ConfigurationError`."""
    return tuple(_trusted(path) for path in paths)


def _trusted(path: Path) -> TrustedKey:
    demand_cryptography()
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    content = demand_content(path, "the key", most=_MOST)
    if b"PRIVATE KEY" in content:
        raise ConfigurationError(
            f"{path} is a private key, which nobody but the signer should have",
            hint="Give its public half: openssl pkey -in key.pem -pubout -out public.pem",
        )
    span: tuple[dt.datetime, dt.datetime] | tuple[None, None] = (None, None)
    public: object
    try:
        if b"BEGIN CERTIFICATE" in content:
            certificate = x509.load_pem_x509_certificate(content)
            span = certificate.not_valid_before_utc, certificate.not_valid_after_utc
            public = certificate.public_key()
        else:
            public = load_pem_public_key(content)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigurationError(
            f"cannot use the key {path}: it is no public key or certificate in PEM form",
            hint="Make it with: openssl pkey -in key.pem -pubout -out public.pem",
        ) from None
    if not isinstance(public, Ed25519PublicKey):
        raise ConfigurationError(f"cannot use the key {path}: it is not of the kind ed25519", hint=_MAKE)
    return TrustedKey(public, _fingerprint(public), path.name, *span)


def _fingerprint(public: Ed25519PublicKey) -> str:
    """The SHA-256 of the public key in DER: `openssl pkey -pubin -in public.pem -outform DER | sha256sum`."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
