"""Chats and webhooks over TLS: what arrives, what is refused, and that no word of a server is markup there."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
import re
from pathlib import Path
from typing import Any

import pytest
from command_line import write
from delivery_files import CANARY, posting
from receivers import Receiver, silent_port

from vbr_audit.delivering.channels.posting import as_json
from vbr_audit.delivering.channels.slack import MOST_SIGNS, escaped
from vbr_audit.delivering.channels.teams import MOST_BYTES
from vbr_audit.delivering.message import Message
from vbr_audit.delivering.sending import Fate, deliver_run
from vbr_audit.simulator.certificate import make_certificate

EVIL = "@channel <!here> <at>all</at> *bold* [x](http://evil.example) & {{DATE(2017-02-14T06:08:00Z)}}"


def sent(plan, receiver: Receiver, kind: str, message: Message, more: str = "", **options: str) -> Any:
    """The document that a channel posts."""
    (outcome,) = deliver_run(plan(posting(kind, receiver, more), **options), message)
    assert outcome.fate is Fate.SENT, outcome
    (got,) = receiver.got
    assert got.method == "POST"
    assert CANARY in got.path
    assert CANARY not in repr(outcome)
    return got.document


def named(message: Message) -> Message:
    """The message with a name that calls everybody."""
    causes = (dataclasses.replace(message.causes[0], name=EVIL), *message.causes[1:])
    return dataclasses.replace(message, servers=(EVIL,), causes=causes)


def nodes(document: Any) -> list[dict[str, Any]]:
    """All objects within a document."""
    if isinstance(document, dict):
        return [document, *(node for value in document.values() for node in nodes(value))]
    return [node for value in document for node in nodes(value)] if isinstance(document, list) else []


def test_a_card_for_teams_shows_every_text_as_it_stands(plan, receiver: Receiver, later: Message) -> None:
    document = sent(plan, receiver, "teams", named(later), head='link = "https://audit.example/{run}"\n')
    (attachment,) = document["attachments"]
    card = attachment["content"]
    assert (document["type"], attachment["contentType"], card["type"]) == (
        *("message", "application/vnd.microsoft.card.adaptive", "AdaptiveCard"),
    )
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    runs = [run["text"] for block in card["body"] for run in block["inlines"]]
    assert any("<at>all</at> *bold*" in text for text in runs)
    assert not any("{{" in text for text in runs)
    assert "entities" not in card["msteams"]
    assert card["actions"][0]["url"] == f"https://audit.example/{later.run_id}"
    assert later.headline in runs
    assert runs.index(next(text for text in runs if "incomplete" in text)) < runs.index(later.headline)


def test_a_card_is_small_enough_for_any_number_of_findings(plan, receiver: Receiver, hostile: Message) -> None:
    many = dataclasses.replace(hostile, causes=hostile.causes * 50, news=hostile.news * 50, gaps=("ü" * 400,) * 1000)
    sent(plan, receiver, "teams", many)
    assert len(receiver.got[0].body) <= MOST_BYTES


@pytest.mark.parametrize("name", ["later", "hostile"])
def test_blocks_for_slack_call_nobody_and_keep_within_its_limits(
    plan, receiver: Receiver, name: str, request: pytest.FixtureRequest
) -> None:
    document = sent(plan, receiver, "slack", named(request.getfixturevalue(name)))
    assert len(document["blocks"]) <= 50
    assert len(as_json(document["blocks"]).decode()) <= MOST_SIGNS
    texts = [node for node in nodes(document["blocks"]) if "text" in node and isinstance(node["text"], str)]
    assert {node["type"] for node in texts} == {"plain_text"}
    for text in [*(node["text"] for node in texts), document["text"]]:
        assert len(text) <= 3000
        assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)|@(?:here|channel|everyone)", text)
    assert len(document["blocks"][0]["text"]["text"]) <= 150


def test_the_escaping_of_slack() -> None:
    assert escaped("a & <!channel> @Here") == "a &amp; &lt;!channel&gt; @\u2060Here"


def test_a_webhook_gets_the_facts_and_a_signature(
    plan, receiver: Receiver, later: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", CANARY)
    document = sent(plan, receiver, "webhook", later, 'secret_env = "KEY"\n')
    assert (document["reason"], document["rating"], document["causes_total"]) == (
        *("first", later.rating, len(later.causes)),
    )
    (got,) = receiver.got
    moment, signature = got.headers["X-VBR-Audit-Timestamp"], got.headers["X-VBR-Audit-Signature"]
    expected = hmac.new(CANARY.encode(), moment.encode() + b"." + got.body, hashlib.sha256).hexdigest()
    assert signature == f"sha256={expected}"
    assert got.headers["X-VBR-Audit-Delivery"]
    assert CANARY.encode() not in got.body


def test_a_template_is_filled_by_values_not_by_text(plan, receiver: Receiver, later: Message, tmp_path: Path) -> None:
    shape = {"t": "{headline} {{x}}", "n": "{causes_total}", "s": "{servers}", "fix": [1, None]}
    write(tmp_path / "hook.json", json.dumps(shape))
    evil = dataclasses.replace(later, headline='","admin":true,"x":"{run_id}')
    document = sent(plan, receiver, "webhook", evil, 'template = "hook.json"\n')
    assert document == {
        "t": '","admin":true,"x":"{run_id} {x}',
        "n": len(later.causes),
        "s": list(later.servers),
        "fix": [1, None],
    }


@pytest.mark.parametrize(
    ("status", "fate", "words"),
    [
        (400, Fate.WAITING, "answered 400"),
        (404, Fate.WAITING, "no such webhook"),
        (500, Fate.WAITING, "answered 500"),
        (302, Fate.WAITING, "leads elsewhere"),
        (504, Fate.UNSURE, "answered 504"),
    ],
)
def test_an_answer_that_is_no_yes(
    plan, receiver: Receiver, first: Message, status: int, fate: Fate, words: str
) -> None:
    receiver.reply = lambda got: (status, CANARY.encode())
    (outcome,) = deliver_run(plan(posting("teams", receiver)), first)
    assert (outcome.fate, words in outcome.text, outcome.where) == (fate, True, "localhost")
    assert CANARY not in repr(outcome)


def test_silence_after_the_message_is_unsure_and_before_it_is_not(
    plan, receiver: Receiver, first: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = plan(posting("teams", receiver, "timeout = 0.1\n"))
    with silent_port() as port:
        monkeypatch.setenv("HOOK", f"https://127.0.0.1:{port}/{CANARY}")
        (outcome,) = deliver_run(file, first)
    assert (outcome.fate, "did not answer within 0.1 s" in outcome.text) == (Fate.WAITING, True)
    monkeypatch.setenv("HOOK", f"{receiver.url}/{CANARY}")
    receiver.delay = 0.3
    (outcome,) = deliver_run(file, None)
    assert (outcome.fate, "said nothing for 0.1 s" in outcome.text) == (Fate.UNSURE, True)
    assert CANARY not in repr(outcome)


def test_a_receiver_that_is_not_trusted_or_not_there(
    plan, receiver: Receiver, first: Message, monkeypatch: pytest.MonkeyPatch, tmp_path_factory
) -> None:
    other = make_certificate(tmp_path_factory.mktemp("other"))
    table = posting("slack", receiver).replace(str(receiver.ca_file), str(other.certificate_file))
    (outcome,) = deliver_run(plan(table), first)
    assert (outcome.fate, "TLS with localhost failed" in outcome.text) == (Fate.WAITING, True)
    for address, words in (
        (f"https://127.0.0.1:1/{CANARY}", "cannot be reached"),
        (f"http://chat.example/{CANARY}", "begins with https://"),
        (f"not an address {CANARY}", "begins with https://"),
    ):
        monkeypatch.setenv("HOOK", address)
        (outcome,) = deliver_run(plan(table), None)
        assert (outcome.fate, words in outcome.text) == (Fate.WAITING, True)
        assert CANARY not in repr(outcome)
    assert receiver.got == []
