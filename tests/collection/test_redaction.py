"""Secrets never reach the evidence; names of accounts only when they may."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from vbr_audit.api.client import Answer
from vbr_audit.api.hiding import Hiding
from vbr_audit.collection.redaction import REMOVED, Redaction
from vbr_audit.datasets import DATASETS

SECRET = "S3cret-must-go"
CREDENTIALS, USERS, OPTIONS = DATASETS["credentials"], DATASETS["users"], DATASETS["general_options"]
SECRET_KEYS = ("password", "Passphrase", "privateKey", "clientSecret", "communityString", "handshakeCode", "secret")


def answer(document: Any) -> Answer:
    body = orjson.dumps(document)
    return Answer(body, orjson.loads(body))


def page(*rows: Any) -> dict[str, Any]:
    return {"data": list(rows), "pagination": {"total": len(rows), "count": len(rows)}}


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_a_secret_is_removed_from_body_and_document(key):
    given_row = {"id": "1", "username": "sa", "linux": {key: SECRET, "port": 22}}
    cleaned, paths = Redaction().clean(answer(page(given_row)), CREDENTIALS)
    assert SECRET.encode() not in cleaned.body
    assert orjson.loads(cleaned.body) == cleaned.document
    assert cleaned.document["data"][0]["linux"] == {key: REMOVED, "port": 22}
    assert paths == {f"linux.{key}"}


def test_a_secret_that_is_not_set_stays_null():
    cleaned, paths = Redaction().clean(answer(page({"id": "1", "passphrase": None, "secret": ""})), CREDENTIALS)
    assert cleaned.document["data"][0] == {"id": "1", "passphrase": None, "secret": ""}
    assert not paths


def test_an_object_of_secrets_loses_every_text_in_it():
    row = {"id": "1", "singleUseCredentials": {"username": "root", "key": [SECRET, 7], "useSudo": True}}
    cleaned, paths = Redaction().clean(answer(page(row)), DATASETS["managed_servers"])
    inside = cleaned.document["data"][0]["singleUseCredentials"]
    assert inside == {"username": REMOVED, "key": [REMOVED, REMOVED], "useSudo": True}
    assert paths == {"singleUseCredentials"}


def test_an_object_without_pages_is_cleaned_too():
    document = {"emailSettings": {"server": {"clientSecret": SECRET}}, "snmp": [{"communityString": SECRET}]}
    cleaned, paths = Redaction().clean(answer(document), OPTIONS)
    assert SECRET.encode() not in cleaned.body
    assert paths == {"emailSettings.server.clientSecret", "snmp[].communityString"}


def test_ids_of_passwords_are_no_secrets():
    body = answer(page({"id": "1", "encryptionPasswordId": "2", "passwordId": "3"}))
    assert Redaction().clean(body, DATASETS["jobs"]) == (body, set())


def test_account_names_stay_unless_asked():
    body = answer(page({"id": "1", "name": "HANSA\\backupadmin"}))
    assert Redaction().clean(body, USERS) == (body, set())


def test_a_masked_account_is_the_same_everywhere_in_a_run_and_another_in_the_next():
    run, row = Redaction(mask_accounts=True), {"id": "1", "name": "HANSA\\backupadmin", "isServiceAccount": True}
    masked, paths = run.clean(answer(page(row)), USERS)
    pseudonym = masked.document["data"][0]["name"]
    assert paths == {"name"}
    assert "backupadmin" not in masked.body.decode()
    assert pseudonym == run.pseudonym("hansa\\BackupAdmin")
    assert pseudonym != Redaction(mask_accounts=True).pseudonym("HANSA\\backupadmin")
    assert run.mask_text("vbr-audit audit --username sa", ["sa"]) == f"vbr-audit audit --username {run.pseudonym('sa')}"


def test_the_author_in_a_description_is_masked_with_the_accounts():
    run, row = Redaction(mask_accounts=True), {"id": "1", "description": "Created by HANSA\\admin at 1/2/2026 9:00 AM."}
    masked, paths = run.clean(answer(page(row)), DATASETS["jobs"])
    assert masked.document["data"][0]["description"] == (
        f"Created by {run.pseudonym('HANSA' + chr(92) + 'admin')} at 1/2/2026 9:00 AM."
    )
    assert paths == {"description"}
    assert Redaction().clean(answer(page(row)), DATASETS["jobs"])[1] == set()


def test_the_key_of_the_pseudonyms_is_not_shown():
    assert "_key" not in repr(Redaction(mask_accounts=True))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@given(json_values, st.sampled_from(SECRET_KEYS), st.booleans())
def test_whatever_stands_around_it_the_secret_goes_and_the_rest_stays(around, key, masked):
    row = {"id": "1", "around": around, "deep": [{"inner": {key: SECRET}}]}
    cleaned, paths = Redaction(mask_accounts=masked).clean(answer(page(row)), CREDENTIALS)
    assert SECRET.encode() not in cleaned.body
    assert f"deep[].inner.{key}" in paths
    kept = cleaned.document["data"][0]
    assert kept["deep"] == [{"inner": {key: REMOVED}}]
    if not any(name in orjson.dumps(around).lower().decode() for name in map(str.lower, SECRET_KEYS)):
        assert kept["around"] == orjson.loads(orjson.dumps(around))


@pytest.mark.parametrize("key", ["PASSWORD", "adminPassword", "SMTPPassword", "user_pwd", "Access_Token", "apiKey"])
def test_a_secret_under_a_name_of_its_own_goes_too(key):
    cleaned, paths = Redaction().clean(answer({"server": [{"More": {key: SECRET}}]}), OPTIONS)
    assert SECRET.encode() not in cleaned.body
    assert paths == {f"server[].More.{key}"}


def test_a_key_that_is_written_in_escapes_is_read_like_any_other():
    body = b'{"pass\\u0077ord": "S3cret-must-go"}'
    cleaned, _ = Redaction().clean(Answer(body, orjson.loads(body)), OPTIONS)
    assert SECRET.encode() not in cleaned.body


def test_a_password_where_nobody_expects_one_goes_too():
    cleaned, paths = Redaction().clean(answer(page({"id": "1", "password": SECRET})), DATASETS["sessions"])
    assert SECRET.encode() not in cleaned.body
    assert paths == {"password"}


def test_accounts_are_masked_wherever_they_stand_and_only_once():
    row = {"id": "1", "initiatedBy": "CORP\\anna", "more": [{"UserName": "CORP\\anna", "recipients": ["CORP\\anna"]}]}
    redaction = Redaction(mask_accounts=True)
    cleaned, paths = redaction.clean(answer(page(row)), DATASETS["sessions"])
    masked = redaction.pseudonym("CORP\\anna")
    expected = {"id": "1", "initiatedBy": masked, "more": [{"UserName": masked, "recipients": [masked]}]}
    assert cleaned.document["data"][0] == expected
    assert paths == {"initiatedBy", "more[].UserName", "more[].recipients"}


@pytest.mark.parametrize("text", ["CORP\\anna failed", "'CORP\\\\anna' failed", "ANNA failed", "no anna"])
def test_an_account_is_masked_in_a_text_in_every_spelling(text):
    masked = Redaction(mask_accounts=True).mask_text(text, ["CORP\\anna"])
    assert masked is not None
    assert "anna" not in masked.lower()


def test_a_part_of_another_word_is_no_account():
    assert Redaction(mask_accounts=True).mask_text("/api/v1/jobs", ["a"]) == "/api/v1/jobs"


def test_accounts_in_the_texts_of_events_and_addresses_of_mail_are_masked():
    redaction, anna = Redaction(mask_accounts=True), "CORP\\anna"
    event = {"id": "1", "description": f"{anna} was given a role by {anna}; see \\\\nas\\share and C:\\logs"}
    cleaned, _ = redaction.clean(answer(page(event)), DATASETS["authorization_events"])
    masked = redaction.pseudonym(anna)
    text = cleaned.document["data"][0]["description"]
    assert text == f"{masked} was given a role by {masked}; see \\\\nas\\share and C:\\logs"
    mail = {"emailSettings": {"from": "vbr@corp.example", "to": "team@corp.example", "subject": "to"}}
    cleaned, _ = redaction.clean(answer(mail), OPTIONS)
    assert cleaned.document["emailSettings"]["from"] == redaction.pseudonym("vbr@corp.example")
    assert b"corp.example" not in cleaned.body


def test_what_was_removed_is_not_masked_as_well():
    row = {"id": "1", "singleUseCredentials": {"username": "root"}}
    cleaned, _ = Redaction(mask_accounts=True).clean(answer(page(row)), DATASETS["managed_servers"])
    assert cleaned.document["data"][0]["singleUseCredentials"] == {"username": REMOVED}


def repeated(document: Any, *secrets: str) -> tuple[Answer, set[str]]:
    """What is kept of an answer to a client with this password and these tokens."""
    password, *tokens = secrets
    hiding = Hiding(SecretStr(password), username="auditor")
    for token in tokens:
        hiding.add_token(SecretStr(token))
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    return Redaction().clean(Answer(body, orjson.loads(body), hiding), DATASETS["jobs"])


@pytest.mark.parametrize(
    "spelt",
    ["Gött/in & Co", "G%C3%B6tt%2Fin+%26%20Co", r"G\u00f6tt\/in \u0026 Co", "G&#246;tt/in &amp; Co", "Gött\\/in & Co"],
)
def test_a_secret_of_the_session_is_taken_out_of_rows_however_it_is_spelt(spelt):
    cleaned, paths = repeated(page({"name": "J", "description": f"a{spelt}b"}), "Gött/in & Co")
    assert cleaned.document["data"][0] == {"name": "J", "description": "a(hidden)b"}
    assert orjson.loads(cleaned.body) == cleaned.document
    assert paths == {"description"}


def test_a_password_of_digits_goes_as_a_number_too():
    row = {"id": "1", "pin": 4711081512340, "sizes": [4711081512340, 47110815123401], "ok": True}
    cleaned, paths = repeated(page(row), "4711081512340")
    assert cleaned.document["data"][0] == row | {"pin": "(hidden)", "sizes": ["(hidden)", 47110815123401]}
    assert orjson.loads(cleaned.body) == cleaned.document
    assert paths == {"pin", "sizes[]"}


def test_a_short_secret_goes_where_it_is_told_to_be_one_and_leaves_words_alone():
    row = {"name": "Backup", "type": "Backup", "description": "password=Backup for the Backup of 'Backup'"}
    cleaned, paths = repeated(page(row), "Backup")
    assert cleaned.document["data"][0] == row | {"description": "password=(hidden) for the Backup of '(hidden)'"}
    assert paths == {"description"}


@pytest.mark.parametrize("secret", ["", "é", "x", "no-such-thing-here", "Backup"])
def test_rows_without_a_secret_are_kept_as_received(secret):
    row = b'{ "data": [{"name": "Backup x", "path": "C:\\\\users\\\\x%20y", "note": "caf\\u00e9 password=mine"}] }'
    cleaned, paths = repeated(row, secret, "token-" * 8)
    assert cleaned.body == row
    assert not paths


def test_a_token_is_known_by_its_beginning_and_one_of_an_earlier_sign_in_is_too():
    first, second = "eyJhbGciOi-first-0123456789", "eyJhbGciOi-second-9876543210"
    texts = {"a": f"Bearer {first}", "b": second[:20] + "...", "c": "eyJhbGci is how they begin"}
    cleaned, _ = repeated(page(texts), "no-such-thing", first, second)
    assert cleaned.document["data"][0] == texts | {"a": "Bearer (hidden)", "b": "(hidden)"}


SPOKEN = st.text(st.sampled_from("password 12\"\\/&%'<>;u0é😀\n"), max_size=12)


@given(
    secret=st.sampled_from(["demo-password", "47110815", 'G"t/in\\&', "!?=()!?=", "pässwörd😀"]),
    around=st.lists(st.tuples(SPOKEN, SPOKEN), min_size=1, max_size=3),
    escaped=st.sets(st.sampled_from('pd"\\/&%é😀')),
)
def test_a_secret_among_texts_full_of_its_words_and_of_escapes_goes_and_they_stay(secret, around, escaped):
    """However JSON writes them: a body is read around what may be a part of a secret, and nowhere else."""
    texts = [f"{before}{secret}{after}" for before, after in around] + [before for before, _ in around]

    def written(text: str) -> str:
        def unit(sign: str) -> str:
            code = sign.encode("utf-16-be").hex()
            in_code = "".join(f"\\u{code[at : at + 4]}" for at in range(0, len(code), 4))
            return in_code if sign in escaped else orjson.dumps(sign).decode()[1:-1]

        return '"' + "".join(map(unit, text)) + '"'

    body = '{"data": [{"id": "1", "texts": [' + ", ".join(map(written, texts)) + "]}]}"
    assert orjson.loads(body)["data"][0]["texts"] == texts
    cleaned, _ = repeated(body.encode(), secret)
    kept = cleaned.document["data"][0]["texts"]
    assert all(secret not in text for text in kept)
    assert kept == [text.replace(secret, "(hidden)") for text in texts]
