"""Mail through a real server over STARTTLS, and every way in which that can fail."""

from __future__ import annotations

import email
from email.policy import SMTP
from pathlib import Path

import pytest
from delivery_files import ACCOUNT, CANARY, smtp
from receivers import PostOffice, Receiver, post_office, silent_port

from vbr_audit.delivering.message import Message
from vbr_audit.delivering.sending import Fate, Outcome, deliver_run
from vbr_audit.simulator.certificate import Certificate, make_certificate


def kept(tmp_path: Path) -> bytes:
    """All bytes of the outbox."""
    return b"".join(path.read_bytes() for path in (tmp_path / "outbox").rglob("*") if path.is_file())


def only(outcomes: list[Outcome]) -> Outcome:
    (outcome,) = outcomes
    assert CANARY not in repr(outcome)
    return outcome


def test_a_mail_arrives_once(
    plan, first: Message, office: PostOffice, certificate: Certificate, tmp_path: Path
) -> None:
    file = plan(smtp(office.port, certificate))
    assert only(deliver_run(file, first)).fate is Fate.SENT
    assert only(deliver_run(file, first)).fate is Fate.NOTHING
    (envelope,) = office.taken
    assert envelope.rcpt_tos == ["team@example.com", "boss@example.com"]
    mail = email.message_from_bytes(envelope.content, policy=SMTP)
    assert mail["Subject"] == first.subject
    assert CANARY.encode() not in envelope.content + kept(tmp_path)


def test_a_mail_over_tls_from_the_first_byte(plan, first: Message, certificate: Certificate, monkeypatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", CANARY)
    with post_office(certificate, {ACCOUNT: CANARY}, implicit=True) as office:
        assert only(deliver_run(plan(smtp(office.port, certificate, 'security = "tls"\n')), first)).fate is Fate.SENT
    assert len(office.taken) == 1


def test_a_wrong_password_waits_and_is_sent_once_it_is_right(
    plan, first: Message, office: PostOffice, certificate: Certificate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = plan(smtp(office.port, certificate))
    monkeypatch.setenv("MAIL_PASSWORD", f"wrong-{CANARY}")
    refused = only(deliver_run(file, first))
    assert (refused.fate, "refused the account (535)" in refused.text) == (Fate.WAITING, True)
    monkeypatch.delenv("MAIL_PASSWORD")
    assert "the environment variable for the password holds no password" in only(deliver_run(file, None)).text
    monkeypatch.setenv("MAIL_PASSWORD", CANARY)
    assert [each.fate for each in deliver_run(file, first)] == [Fate.SENT, Fate.NOTHING]
    assert len(office.taken) == 1
    assert CANARY.encode() not in kept(tmp_path)


def test_one_unknown_recipient_stops_the_mail_for_all(
    plan, first: Message, office: PostOffice, certificate: Certificate
) -> None:
    office.unknown = {"boss@example.com"}
    outcome = only(deliver_run(plan(smtp(office.port, certificate)), first))
    assert outcome.fate is Fate.WAITING
    assert "refused 1 of 2 recipients, and nobody was sent the mail (550)" in outcome.text
    assert office.taken == []


def test_a_refused_mail_waits(plan, first: Message, office: PostOffice, certificate: Certificate) -> None:
    office.refuses = f"552 too much, {CANARY}"
    outcome = only(deliver_run(plan(smtp(office.port, certificate)), first))
    assert (outcome.fate, "refused the mail (552)" in outcome.text) == (Fate.WAITING, True)


def test_a_server_that_is_not_trusted_sees_no_password(
    plan, first: Message, office: PostOffice, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = make_certificate(tmp_path_factory.mktemp("other"))
    outcome = only(deliver_run(plan(smtp(office.port, other)), first))
    assert (outcome.fate, "TLS with 127.0.0.1 failed" in outcome.text) == (Fate.WAITING, True)
    assert office.taken == []


def test_a_server_that_is_not_there_or_says_nothing(plan, first: Message, office, certificate: Certificate) -> None:
    assert "cannot be reached" in only(deliver_run(plan(smtp(1, certificate)), first)).text
    with silent_port() as port:
        silent = only(deliver_run(plan(smtp(port, certificate, "timeout = 0.1\n")), None))
    assert (silent.fate, "said nothing for 0.1 s" in silent.text) == (Fate.WAITING, True)


def test_another_service_on_the_port_is_told(
    plan, first: Message, receiver: Receiver, office, certificate: Certificate
) -> None:
    port = int(receiver.url.rpartition(":")[2])
    outcome = only(deliver_run(plan(smtp(port, certificate, "timeout = 0.2\n")), first))
    assert outcome.fate is Fate.WAITING
