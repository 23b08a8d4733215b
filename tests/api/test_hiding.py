"""Secrets that a server echoes: none comes out, however it is spelt, and other words stay as they are."""

from __future__ import annotations

import base64
import html
import json
import string
from collections.abc import Callable
from urllib.parse import quote, quote_plus, urlencode

import httpx
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from vbr_audit.api.client import Client
from vbr_audit.api.hiding import HIDDEN, Hiding, hidden_from_all
from vbr_audit.errors import VbrAuditError

PROSE = (
    "/api/v1/things: expected a page with data and pagination.total, got nothing",
    "below 1 of 2 backups nothing could be read: /api/v1/backups/f0b31e6f/objects answered HTTP 400",
    "12 different rows came, and the server does not state how many there are (after 3 tries)",
    "/api/v1/jobs is denied to this account (HTTP 403): The user has no right to read jobs, ask an administrator.",
)


def as_it_is(secret: str) -> str:
    return secret


def in_json(secret: str) -> str:
    return json.dumps(secret)[1:-1]


def in_url(secret: str) -> str:
    return quote(secret, safe="")


def in_escapes(secret: str) -> str:
    return "".join(f"\\u{ord(sign):04X}" if sign < "\uffff" else sign for sign in secret)


ECHOES: dict[str, tuple[str, Callable[[str], str], str]] = {
    "json": ('{"grant_type": "g", "password": "', in_json, '", "next": 1}'),
    "json, unescaped": ('{"password":"', lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1], '"}'),
    "json in json": ('{"message": "{\\"password\\": \\"', lambda secret: in_json(in_json(secret)), '\\"}"}'),
    "any value in json": ('{"value": "', in_json, '"}'),
    "escapes as .NET writes them": ('{"password":"', in_escapes, '"}'),
    "form": ("grant_type=g&password=", quote_plus, "&next=1"),
    "query": ("/login?password=", in_url, "&user=auditor"),
    "query, small letters": ("?password=", lambda text: "".join(f"%{byte:02x}" for byte in text.encode()), "&user=me"),
    "query, encoded twice": ("?password=", lambda secret: in_url(in_url(secret)), "&user=auditor"),
    "header": ("X-Password: ", as_it_is, "\r\n"),
    "bearer": ("Authorization: Bearer ", as_it_is, "\r\n"),
    "basic": (
        "Authorization: Basic ",
        lambda secret: base64.b64encode(f"auditor:{secret}".encode()).decode().rstrip("="),
        "\r\n",
    ),
    "url": ("cannot read https://auditor:", in_url, "@vbr01/"),
    "quotes": ("login of 'auditor' with '", as_it_is, "' failed"),
    "html": ("<p>Password: ", html.escape, "</p>"),
    "html value": ('<input name="x" value="', html.escape, '">'),
    "python": ("{'password': '", lambda secret: repr(f'"{secret}')[2:-1], "'}"),
}
printable = st.text(st.sampled_from(string.printable[:95]), min_size=1, max_size=14)
any_text = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)
RARE = "ZQXJ57"
"""Letters that stand in no echo's own words."""


@settings(max_examples=30)
@given(secret=printable | any_text)
@example(secret='"')
@example(secret="\\")
@example(secret="a b")
@example(secret="%41")
def test_an_echoed_secret_never_comes_out(secret: str) -> None:
    hiding = Hiding(SecretStr(secret), username="auditor")
    for echo, (before, spell, after) in ECHOES.items():
        text = f"refused: {before}{spell(secret)}{after} ."
        for shown in (hiding.hide(text), hiding.hide_in_sentence(text)):
            assert HIDDEN in shown, echo
            left = shown.replace(HIDDEN, "")
            assert left.count(spell(secret)) < text.count(spell(secret)) or secret in "(hidden)", echo
            assert len(secret) < 3 or spell(secret) not in left, echo


@settings(max_examples=20)
@given(secret=st.text(st.sampled_from(RARE), min_size=1, max_size=14))
def test_what_stands_around_an_echoed_secret_stays(secret: str) -> None:
    hiding = Hiding(SecretStr(secret), username="auditor")
    for echo, (before, spell, after) in ECHOES.items():
        for said in (hiding.hide, hiding.hide_in_sentence):
            shown = said(f"refused: {before}{spell(secret)}{after} .")
            assert shown == f"refused: {before}{HIDDEN}{after} .", echo


@pytest.mark.parametrize("length", [3, 4, 7, 8, 20])
def test_what_is_no_single_letter_is_hidden_wherever_the_server_says_it(length: int) -> None:
    secret = "Zq7!vW-x9Kd_3mP.r5Ty"[:length]
    for text in (f"wrong: {secret}", f"{secret}, sorry", f"tried {secret} thrice", f"({secret})", f"x={secret};y"):
        assert Hiding(SecretStr(secret)).hide(text) == text.replace(secret, HIDDEN)


def test_a_password_of_one_letter_leaves_all_words_alone() -> None:
    for secret in string.printable[:94]:
        hiding = Hiding(SecretStr(secret))
        for text in PROSE:
            assert hiding.hide(text) == hiding.hide_in_sentence(text) == text


@pytest.mark.parametrize("secret", ["page", "jobs", "data", "HTTP", "403", "total", "server", "of", "it", "an"])
def test_a_password_that_is_a_word_leaves_our_own_sentences_alone(secret: str) -> None:
    for text in PROSE:
        assert Hiding(SecretStr(secret)).hide_in_sentence(text) == text


@settings(max_examples=20)
@given(secret=st.text(st.sampled_from(string.ascii_letters + string.digits), min_size=1, max_size=7))
def test_a_short_secret_inside_of_other_words_is_no_secret(secret: str) -> None:
    text = f"ex{secret}ted and {secret}s, un{secret}"
    assert Hiding(SecretStr(secret)).hide(text) == text


def test_a_secret_is_hidden_by_what_stands_beside_it() -> None:
    hiding = Hiding(SecretStr("x"))
    assert hiding.hide("expected text: 'x'") == "expected text: '(hidden)'"
    assert hiding.hide('{"password":"x","next":1}') == '{"password":"(hidden)","next":1}'
    assert hiding.hide("password=x&expected=1") == "password=(hidden)&expected=1"
    assert hiding.hide("the password is x, not y") == "the password is (hidden), not y"
    assert Hiding(SecretStr("Secret-1")).hide("userSecret-1!") == "user(hidden)!"


def test_the_password_of_another_account_goes_by_its_key() -> None:
    hiding = Hiding(SecretStr("own"))
    assert hiding.hide("client_secret=abc&b=1") == "client_secret=(hidden)&b=1"
    assert hiding.hide('{"Password": "p\\"q", "a": "b"}') == '{"Password": "(hidden)", "a": "b"}'
    assert hiding.hide('{"password":null,"encryptionPasswordId":"7"}') == (
        '{"password":null,"encryptionPasswordId":"7"}'
    )


def test_of_a_token_the_beginning_is_enough() -> None:
    hiding = Hiding(SecretStr("own"))
    hiding.add_token(SecretStr("eyJ0eXAiOiJKV1Qi.payload.signature"))
    hiding.add_token(SecretStr("tok"))
    assert hiding.hide("Bearer eyJ0eXAiOiJKV1Qi.payl") == "Bearer (hidden)"
    assert hiding.hide("refused token tok") == "refused token (hidden)"


def test_no_line_of_a_log_holds_a_secret_of_a_client_in_use() -> None:
    kept = Hiding(SecretStr("Zq7!vW-x9"))
    assert hidden_from_all("headers=[(b'X-Echo', b'Zq7!vW-x9')]") == "headers=[(b'X-Echo', b'(hidden)')]"
    assert kept.hide("") == ""


def echoing(status: int, form: Callable[[str], bytes]) -> httpx.MockTransport:
    """A server that answers every read with what it was given to sign in."""
    given: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            given.append(dict(httpx.QueryParams(request.content.decode()))["password"])
            return httpx.Response(200, json={"access_token": "A1b2C3d4E5f6", "expires_in": 900})
        return httpx.Response(status, content=form(given[0]), headers={"X-Echo": "x"})

    return httpx.MockTransport(answer)


@pytest.mark.parametrize("status", [200, 403])
@pytest.mark.parametrize("secret", ["x", "pw", "hunter2", 'a"b\\c&d%e', "a long and winding secret"])
@pytest.mark.parametrize(
    "form",
    [
        lambda secret: orjson.dumps({"errorCode": secret, "message": f"no: password={secret}"}),
        lambda secret: orjson.dumps({"errorCode": "E", "message": json.dumps({"password": secret})}),
        lambda secret: f"<html><b>{html.escape(secret)}</b>".encode(),
        lambda secret: urlencode({"password": secret}).encode(),
    ],
)
def test_no_error_of_the_client_repeats_the_password(status: int, secret: str, form: Callable[[str], bytes]) -> None:
    transport = echoing(status, form)
    client = Client("http://127.0.0.1", username="auditor", password=SecretStr(secret), transport=transport)
    try:
        answer = client.get("/api/v1/jobs")
        told = answer.beginning
    except VbrAuditError as error:
        told = f"{error.message} {getattr(error, 'code', '')}"
    plain = Hiding(SecretStr("another")).hide(told)
    assert len(secret) < 3 or secret not in told
    for spelling in (f"password={secret}", f'"{secret}"', f">{secret}<", f"'{secret}'"):
        assert spelling not in plain
