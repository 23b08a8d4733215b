"""Whom the client trusts, over real TLS on loopback."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from vbr_audit.api.client import Client
from vbr_audit.api.tls import Tls, normal_fingerprint
from vbr_audit.errors import ConfigurationError, TlsError
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, ServerUrl, serve

TIME = "/api/v1/serverTime"


@pytest.fixture(scope="module")
def server() -> Iterator[ServerUrl]:
    with serve(tls=True, jobs=1, sessions=1) as url:
        yield url


def connect(url: str, tls: Tls) -> Client:
    return Client(url, username=DEMO_USERNAME, password=SecretStr(DEMO_PASSWORD), tls=tls)


def test_an_untrusted_certificate_is_refused_and_its_fingerprint_shown(server: ServerUrl) -> None:
    before = len(server.simulator.counts.log)
    with connect(server, Tls()) as client, pytest.raises(TlsError) as caught:
        client.get(TIME)
    assert caught.value.fingerprint == server.fingerprint
    assert str(server.fingerprint) in caught.value.message
    assert "--fingerprint" in (caught.value.hint or "")
    assert len(server.simulator.counts.log) == before


@pytest.mark.parametrize("spelling", [str, str.upper, lambda text: ":".join(text[i : i + 2] for i in range(0, 64, 2))])
def test_the_pinned_certificate_is_trusted(server: ServerUrl, spelling) -> None:
    assert server.fingerprint is not None
    with connect(server, Tls(fingerprint=spelling(server.fingerprint))) as client:
        client.get(TIME)
    assert "pinned SHA-256" in client.tls


def test_another_certificate_than_the_pinned_one_never_sees_a_byte(server: ServerUrl) -> None:
    before = len(server.simulator.counts.log)
    another = Tls(fingerprint=hashlib.sha256(b"another").hexdigest())
    with connect(server, another) as client, pytest.raises(TlsError, match="not the pinned one") as caught:
        client.get(TIME)
    assert caught.value.fingerprint == server.fingerprint
    assert len(server.simulator.counts.log) == before


def test_a_ca_file_is_enough_and_insecure_is_said(server: ServerUrl) -> None:
    with connect(server, Tls(ca_file=server.ca_file)) as client:
        client.get(TIME)
    with connect(server, Tls(insecure=True)) as client:
        client.get(TIME)
    assert client.tls.startswith("NOT VERIFIED")


def test_a_pin_through_a_tls_proxy_is_refused() -> None:
    context = Tls(fingerprint="00" * 32).context()
    with pytest.raises(ssl.SSLError, match="TLS proxy"):
        context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO())


def test_the_choices_exclude_each_other() -> None:
    with pytest.raises(ConfigurationError, match="exclude each other"):
        Tls(insecure=True, fingerprint="00" * 32)


@pytest.mark.parametrize("text", ["", "abc", "zz" * 32, "00" * 20])
def test_what_is_no_sha256_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="not a SHA-256"):
        normal_fingerprint(text or " ")


def test_an_unusable_ca_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for path in (tmp_path / "ca.pem", tmp_path / "missing.pem"):
        with pytest.raises(ConfigurationError, match=path.name):
            Tls(ca_file=path).context()
