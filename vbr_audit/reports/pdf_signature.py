"""The signature of a PDF: whose key signs, and what is added to the file. Needs the extra `sign-pdf`.

What signs is a PKCS#12 file, a PEM file with key and certificate, or a TOML file that names them:

    key = "signer.p12"                        # PKCS#12 or PEM, relative to this file
    certificate = "signer.pem"                # where the key is PEM and stands alone; issuers may follow
    password_env = "SIGNER_PASSWORD"          # or _file, _command (a list of words), _keyring (true)
    reason = "Monthly report of the backup team"
"""

from __future__ import annotations

import datetime as dt
import io
import os
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from vbr_audit.config.given_file import demand_content
from vbr_audit.config.secret_sources import SecretSource, named_source
from vbr_audit.config.settings import KEYRING_SERVICE
from vbr_audit.config.toml_file import SECRETS, TomlFile
from vbr_audit.config.yaml_file import Problem, model_problems, raise_problems
from vbr_audit.display import day, plain
from vbr_audit.errors import ConfigurationError, OutputError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from cryptography.x509 import Certificate

PASSWORD: Final = "VBR_AUDIT_SIGN_PDF_PASSWORD"  # noqa: S105 - the name of a variable, not what is in it
"""The variable of the environment with the password of the key, where no file names another place."""
KEYRING_PLACE: Final = "sign-pdf"
"""What stands in the place of an address where the keyring is asked; the account is the name of the key's file."""
FIELD: Final = "Signature"
_MOST: Final = 1024 * 1024
_LEAST_RSA_BITS: Final = 2048
_CURVES: Final = ("secp256r1", "secp384r1", "secp521r1")
_HINT: Final = "docs/evidence.md says what can sign a PDF, and how to make it."
_RENEW: Final = "Sign with a certificate that is valid today, or correct the clock of this machine."
_REFUSED: Final = (
    "a password does not belong in this file; name its place: password_env, password_file, password_command or "
    "password_keyring"
)
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class SignatureDocument(BaseModel):
    """The shape of a TOML file that says what signs."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    key: Text
    certificate: Text | None = None
    reason: Text | None = None
    password_env: Text | None = None
    password_file: Text | None = None
    password_command: Annotated[list[str], Field(min_length=1)] | None = None
    password_keyring: Literal[True] | None = None


@dataclass(frozen=True, repr=False)
class PdfSigner:
    """A key with its certificate and those of its issuers, as far as given; it has no readable form.

    `reason` is written into the signature. The key signs as long as its certificate is valid.
    """

    key: PrivateKeyTypes
    certificate: Certificate
    chain: tuple[Certificate, ...]
    name: str
    reason: str | None = None

    def sign(self, pdf: bytes) -> bytes:
        """`pdf` with a signature (PAdES B-B) added behind it, so that all that was there stays byte for byte.

        Raises `ConfigurationError` where the certificate is no longer valid, `OutputError` where nothing can be added.
        """
        _refuse_dates(self.certificate, self.name)
        with ThreadPoolExecutor(1) as aside:  # the loop that pyHanko runs may not run within that of a notebook
            return aside.submit(_signed, pdf, self).result()


def taken_signer(given: PdfSigner | str | Path | None) -> PdfSigner | None:
    """The signer, read where a file was `given`; raises `ConfigurationError`."""
    return given if given is None or isinstance(given, PdfSigner) else load_pdf_signer(Path(given))


def is_signed(pdf: bytes) -> bool:
    """Whether a PDF holds a signature of any kind, good or not."""
    return re.search(rb"/ByteRange\s*\[", pdf) is not None


def load_pdf_signer(path: Path, *, environ: Mapping[str, str] = os.environ) -> PdfSigner:
    """What signs, from a PKCS#12 file, a PEM file, or a TOML file that names them and the place of the password.

    Raises `ConfigurationError` for whatever could not sign now: no message holds anything of key or password.
    """
    demand_pyhanko()
    document, file, source = _described(path)
    folder = path.parent
    key_path = path if document is None else folder / document.key
    password = _password(source, key_path.name, environ)
    content = demand_content(key_path, "the signing key", most=_MOST)
    if b"-----BEGIN " in content:
        beside = None if document is None or document.certificate is None else folder / document.certificate
        key, own, chain = _from_pem(content, key_path, password, beside)
    elif document is not None and document.certificate is not None:
        raise ConfigurationError(
            f"{file}: certificate: a PKCS#12 file holds its own", hint="Remove the line, or give the key as PEM."
        )
    else:
        key, own, chain = _from_pkcs12(content, key_path, password)
    _refuse_key(key, key_path)
    _refuse_usage(own, key_path)
    _refuse_dates(own, str(key_path))
    return PdfSigner(key, own, chain, str(key_path), None if document is None else document.reason)


def demand_pyhanko() -> None:
    """Raise `ConfigurationError` where what signs and checks PDFs is not installed."""
    try:
        import pyhanko.sign  # noqa: F401 - whether it is there is the question
    except ImportError as error:
        raise ConfigurationError(
            f"signing a PDF needs the package {error.name}", hint="Install it with: pip install 'vbr-audit[sign-pdf]'"
        ) from None


def _described(path: Path) -> tuple[SignatureDocument | None, str, SecretSource | None]:
    """What a TOML file says, its name, and the place of the password; nothing for a file that is the key itself."""
    if path.suffix.lower() != ".toml":
        return None, path.name, None
    file = TomlFile.read(path, error=ConfigurationError, default_name=path.name)
    content = file.content(hint=_HINT)
    problems = list(_problems(content))
    if problems:
        raise_problems(file, problems, error=ConfigurationError, hint=_HINT)
    return SignatureDocument(**content), file.name, named_source(content, "password", path.parent)


def _problems(content: Mapping[str, Any]) -> Iterator[Problem]:
    for problem in model_problems(SignatureDocument, content):
        secret = isinstance(problem.path[0], str) and SECRETS.fullmatch(problem.path[0])
        yield Problem(problem.path, _REFUSED) if secret else problem
    places = [name for name in content if name.startswith("password_")]
    if len(places) > 1:
        yield Problem((places[1],), "the password has one place, and another one is named above")


def _password(source: SecretSource | None, name: str, environ: Mapping[str, str]) -> bytes | None:
    """The password from its named place, else from the environment, else none."""
    if source is None:
        return environ.get(PASSWORD, "").encode() or None
    try:
        return source.resolve(name, KEYRING_PLACE, environ=environ).get_secret_value().encode()
    except ConfigurationError as error:
        hint = f"keyring set {KEYRING_SERVICE} {name}@{KEYRING_PLACE}" if source.kind == "keyring" else error.hint
        raise ConfigurationError(f"the password of {name}: {error.message}", hint=hint) from None


Loaded = tuple["PrivateKeyTypes", "Certificate", tuple["Certificate", ...]]


def _from_pkcs12(content: bytes, path: Path, password: bytes | None) -> Loaded:
    from asn1crypto.pkcs12 import Pfx
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

    try:
        is_pkcs12 = Pfx.load(content)["version"].native == "v3"
    except (ValueError, TypeError):
        is_pkcs12 = False
    if not is_pkcs12:
        raise ConfigurationError(f"cannot sign with {path}: it is neither PKCS#12 nor PEM", hint=_HINT)
    for each in (password, None, b""):  # what is not locked may be opened, whatever the environment holds
        try:
            key, certificate, others = load_key_and_certificates(content, each)
            break
        except (ValueError, TypeError, UnsupportedAlgorithm):  # their texts may quote the file
            continue
    else:
        raise _locked(path, password)
    if key is None or certificate is None:
        what = "no key" if key is None else "no certificate of its key"
        raise ConfigurationError(f"cannot sign with {path}: it holds {what}", hint=_HINT)
    if certificate.public_key() != key.public_key():
        raise _mismatch(path)
    return key, certificate, tuple(others)


def _from_pem(content: bytes, path: Path, password: bytes | None, beside: Path | None) -> Loaded:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if b"PRIVATE KEY-----" not in content:
        raise ConfigurationError(f"cannot sign with {path}: it holds no private key", hint=_HINT)
    is_locked = b"ENCRYPTED" in content
    try:
        key = load_pem_private_key(content, password if is_locked else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        if is_locked:
            raise _locked(path, password) from None
        raise ConfigurationError(f"cannot sign with {path}: its private key cannot be read", hint=_HINT) from None
    place = path if beside is None else beside
    try:
        text = content if beside is None else demand_content(beside, "the certificate", most=_MOST)
        certificates = x509.load_pem_x509_certificates(text) if b"BEGIN CERTIFICATE-" in text else []
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigurationError(f"cannot sign with {path}: {place} holds a broken certificate", hint=_HINT) from None
    if not certificates:
        raise ConfigurationError(
            f"cannot sign with {path}: {place} holds no certificate",
            hint='Put it below the key, or name it in a TOML file: certificate = "signer.pem".',
        )
    own = next((each for each in certificates if each.public_key() == key.public_key()), None)
    if own is None:
        raise _mismatch(path)
    return key, own, tuple(each for each in certificates if each is not own)


def _locked(path: Path, password: bytes | None) -> ConfigurationError:
    if password is None:
        return ConfigurationError(
            f"{path} has a password, and none is given",
            hint=f"Set {PASSWORD}, or name its place in a TOML file: password_env, _file, _command or _keyring.",
        )
    return ConfigurationError(
        f"cannot open {path}: its password is another one, or it is broken",
        hint="Try it: openssl pkcs12 -info -in FILE",
    )


def _mismatch(path: Path) -> ConfigurationError:
    return ConfigurationError(
        f"cannot sign with {path}: the certificate is of another key", hint="Give the certificate of this key."
    )


def _refuse_key(key: PrivateKeyTypes, path: Path) -> None:
    """Raise `ConfigurationError` for a key whose signatures the usual readers of PDFs cannot check, or should not."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    fits = (isinstance(key, RSAPrivateKey) and key.key_size >= _LEAST_RSA_BITS) or (
        isinstance(key, EllipticCurvePrivateKey) and key.curve.name in _CURVES
    )
    if not fits:
        raise ConfigurationError(
            f"cannot sign with {path}: its key is of a kind that readers of PDFs do not check",
            hint=f"Use RSA of {_LEAST_RSA_BITS} bits or more, or the curve P-256, P-384 or P-521.",
        )


def _refuse_usage(certificate: Certificate, path: Path) -> None:
    """Raise `ConfigurationError` for a certificate that says that it does not sign."""
    from cryptography import x509

    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return
    except (ValueError, x509.DuplicateExtension):
        raise ConfigurationError(f"cannot sign with {path}: its certificate is broken", hint=_HINT) from None
    if not usage.digital_signature and not usage.content_commitment:
        raise ConfigurationError(
            f"cannot sign with {path}: its certificate is not made for signatures",
            hint="Its key usage must have digitalSignature or nonRepudiation.",
        )


def _refuse_dates(certificate: Certificate, name: str) -> None:
    """Raise `ConfigurationError` where a certificate is not valid now."""
    now, begin, end = dt.datetime.now(dt.UTC), certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if end < now:
        raise ConfigurationError(f"cannot sign with {name}: its certificate expired on {day(end)}", hint=_RENEW)
    if begin > now:
        raise ConfigurationError(f"cannot sign with {name}: its certificate is valid from {day(begin)} on", hint=_RENEW)


def _signed(pdf: bytes, signer: PdfSigner) -> bytes:
    from asn1crypto.keys import PrivateKeyInfo
    from asn1crypto.x509 import Certificate as Asn1Certificate
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.pdf_utils.misc import PdfError
    from pyhanko.sign.fields import SigSeedSubFilter
    from pyhanko.sign.general import SigningError
    from pyhanko.sign.signers import PdfSignatureMetadata, SimpleSigner, sign_pdf
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    class Appended(IncrementalPdfFileWriter):  # type: ignore[misc, unused-ignore]
        """Adds the signature, and changes nothing that the file says of itself: PDF/A-3 is PDF 1.7, with its dates."""

        def ensure_output_version(self, version: tuple[int, int]) -> None:
            """Stay with the version of the file."""

        def register_extension(self, ext: Any) -> None:
            """Declare no extension of PDF 2.0."""

        def _update_meta(self) -> None:
            """Leave title, producer and claims as they are."""

    issuers = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    issuers.register_multiple([Asn1Certificate.load(each.public_bytes(Encoding.DER)) for each in signer.chain])
    der = signer.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    own = Asn1Certificate.load(signer.certificate.public_bytes(Encoding.DER))
    pades = SigSeedSubFilter.PADES
    what = PdfSignatureMetadata(field_name=FIELD, md_algorithm="sha256", subfilter=pades, reason=signer.reason)
    try:
        key = SimpleSigner(signing_cert=own, signing_key=PrivateKeyInfo.load(der), cert_registry=issuers)
        made = sign_pdf(Appended(io.BytesIO(pdf)), what, key).getvalue()
    except (SigningError, PdfError, ValueError) as error:
        raise OutputError(f"the PDF cannot be signed: {plain(error)}", hint="Write it without --sign-pdf.") from error
    if not made.startswith(pdf) or not is_signed(made):
        raise OutputError("the PDF cannot be signed: what was made of it is another file", hint=_HINT)
    return bytes(made)
