"""The command: what it prints, how it ends, and that no secret is in it."""

from __future__ import annotations

import base64
import json
import re
from email.parser import BytesParser
from email.policy import SMTP
from pathlib import Path

import estates
import pytest
from command_line import invoke, write
from delivery_files import CANARY, MAIL, posting, smtp
from original_names import original_names
from receivers import PostOffice, Receiver

from vbr_audit.scrub.free_text import own_text
from vbr_audit.simulator.certificate import Certificate

EVERY = ("teams", "slack", "webhook")


@pytest.fixture
def file(tmp_path: Path, receiver: Receiver, office: PostOffice, certificate: Certificate, monkeypatch) -> Path:
    """A file with a channel of every kind."""
    monkeypatch.setenv("TOKEN", CANARY)
    receiver.reply = lambda got: (201, b'{"key": "BCK-1"}')
    tables = [posting(kind, receiver) for kind in EVERY]
    tables += [smtp(office.port, certificate), f'name = "disk"\nkind = "eml"\nfolder = "mail"\n{MAIL}']
    tables.append(
        f'name = "desk"\nkind = "tickets"\nsystem = "jira"\nurl = "{receiver.url}"\ntoken_env = "TOKEN"\nmost_new = 2\n'
        f'ca_file = "{receiver.ca_file}"\nseverity = "info"\n'
        'values = {project = "P", issue_type = "Task", close_transition = 1, reopen_transition = 2}\n'
    )
    return write(tmp_path / "deliver.toml", "".join(f"[[channel]]\n{table}\n" for table in tables))


@pytest.mark.parametrize("name", ["later", "hostile", "scrubbed"])
def test_every_channel_is_told_once(runs: Path, file: Path, receiver: Receiver, office: PostOffice, name: str) -> None:
    done = invoke("deliver", runs / name, "--to", file, "--debug")
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    assert done.stdout.count(": sent: ") == 7
    assert "teams (localhost): sent: message" in done.stdout
    assert (len(receiver.got), len(office.taken)) == (5, 1)
    again = invoke("deliver", runs / name, "--to", file)
    assert again.exit_code == 0
    assert again.stdout.count("nothing to send: the same state was told already") == 5
    assert invoke("deliver", "--to", file, "-q").output == ""
    kept = b"".join(path.read_bytes() for path in file.parent.rglob("*") if path.is_file() and path != file)
    told = b"".join(got.body for got in receiver.got) + office.taken[0].content
    assert CANARY.encode() not in kept + told
    assert CANARY not in done.output + again.output
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", done.output)


@pytest.mark.parametrize("status", [201, 500])
def test_no_channel_and_no_outbox_of_a_scrubbed_run_holds_a_name(
    runs: Path, file: Path, receiver: Receiver, office: PostOffice, status: int
) -> None:
    names = [name for name in original_names(estates.incomplete()) if name.lower() not in own_text()]
    assert len(names) > 100
    receiver.reply = lambda got: (status, b'{"key": "BCK-1"}')
    done = invoke("deliver", runs / "scrubbed", "--to", file)
    again = invoke("deliver", runs / "scrubbed", "--to", file, "--dry-run")
    assert done.exit_code == (0 if status == 201 else 6)
    outbox = (file.parent / "outbox").rglob("*.json")
    items = [json.loads(path.read_bytes()) for path in outbox if path.parent.name == "items"]
    mails = [*(envelope.content for envelope in office.taken), *map(Path.read_bytes, (file.parent / "mail").iterdir())]
    parts = [part for mail in mails for part in BytesParser(policy=SMTP).parsebytes(mail).walk()]
    texts = [done.output, again.output, *(got.body.decode() for got in receiver.got)]
    texts += [part.get_content() for part in parts if part.get_content_maintype() == "text"]
    texts += [base64.b64decode(item["content"]).decode() for item in items] + [repr(items)]
    assert (len(mails), bool(items)) == (2, status == 500)
    assert estates.found_in("\n".join(texts), names) == []


def test_a_rehearsal_prints_all_and_sends_nothing(runs: Path, file: Path, receiver: Receiver, office) -> None:
    done = invoke("deliver", runs / "later", "--to", file, "--dry-run")
    assert (done.exit_code, receiver.got, office.taken) == (0, [], [])
    assert done.stdout.count(": would be sent: ") == 7
    assert "Subject: Backup audit" in done.stdout
    assert '"type": "AdaptiveCard"' in done.stdout
    assert CANARY not in done.output
    assert {path.name for path in file.parent.iterdir()} == {"deliver.toml"}


def test_the_settings_may_name_the_file(runs: Path, file: Path, receiver: Receiver, office, monkeypatch) -> None:
    monkeypatch.chdir(file.parent)
    assert "no file of channels is given" in invoke("deliver", runs / "later", "--dry-run").stderr
    named = write(file.parent / "settings.toml", 'deliver = "deliver.toml"\n')
    done = invoke("deliver", runs / "later", "--dry-run", "--config", named)
    assert (done.exit_code, done.stdout.count(": would be sent: ")) == (0, 7), done.output


def test_what_is_not_delivered_ends_in_6_and_is_sent_later(runs: Path, file: Path, receiver: Receiver) -> None:
    well, receiver.reply = receiver.reply, lambda got: (500, b"")
    done = invoke("deliver", runs / "first", "--to", file, "--debug")
    assert done.exit_code == 6
    assert "teams (localhost): not sent, waits for the next delivery: message: localhost answered 500" in done.stderr
    assert "post (127.0.0.1): sent: mail" in done.stdout
    assert CANARY not in done.output
    receiver.reply = well
    assert invoke("deliver", "--to", file).exit_code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--unsure", "perhaps"), "--unsure takes resend or arrived"),
        (("--dry-run",), "--dry-run needs a run"),
    ],
)
def test_a_wrong_command_line(file: Path, words: tuple[str, ...], said: str) -> None:
    done = invoke("deliver", "--to", file, *words)
    assert (done.exit_code, said in done.stderr) == (2, True)


def test_a_folder_that_is_no_run(file: Path, tmp_path: Path) -> None:
    assert invoke("deliver", tmp_path, "--to", file).exit_code == 4
    assert not (tmp_path / "outbox").exists()
