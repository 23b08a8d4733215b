"""Tickets of three systems: opened once, commented and closed when fixed, reopened when it returns."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable

import pytest
from delivery_files import CANARY, moved
from receivers import Got, Receiver

from vbr_audit.delivering.message import Message
from vbr_audit.delivering.sending import Fate, Unsure, deliver_run
from vbr_audit.delivering.ticket_systems import SYSTEMS, shipped_system, ticket_system
from vbr_audit.errors import ConfigurationError

JIRA = 'values = {project = "BCK", issue_type = "Task", close_transition = 31, reopen_transition = "11"}\n'
VALUES = {
    "jira": JIRA,
    "jira-cloud": JIRA,
    "servicenow": 'values = {assignment_group = "B", close_code = "Solved"}\n',
    "glpi": "",
}


def answers(got: Got) -> tuple[int, bytes]:
    """What the three systems answer."""
    if got.path.endswith("initSession"):
        return 200, json.dumps({"session_token": f"session-{CANARY}"}).encode()
    number = int.from_bytes(got.body[-9:], "big") % 9999
    if got.path in ("/rest/api/2/issue", "/rest/api/3/issue"):
        return 201, json.dumps({"id": str(number), "key": "BCK-7"}).encode()
    if got.path == "/api/now/table/incident":
        return 201, json.dumps({"result": {"sys_id": "5a/7", "number": "INC7"}}).encode()
    if got.path == "/apirest.php/Ticket":
        return 201, b'{"id": 7, "message": ""}'
    return 200, b"{}"


@pytest.fixture
def tickets(plan, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    """A function that loads a file with one channel of a ticket system."""
    monkeypatch.setenv("TOKEN", CANARY)
    receiver.reply = answers

    def make(system: str = "jira", more: str = "") -> object:
        table = f'name = "desk"\nkind = "tickets"\nsystem = "{system}"\nurl = "{receiver.url}"\ntoken_env = "TOKEN"\n'
        return plan(f'{table}ca_file = "{receiver.ca_file}"\n{VALUES[system]}{more}')

    return make


def one_cause(message: Message) -> Message:
    """The message with its worst cause and the findings of it alone."""
    cause = message.causes[0]
    findings = tuple(one for one in message.findings if one.cause == cause.key)
    return dataclasses.replace(message, causes=(cause,), findings=findings)


def judged_as(message: Message, days: int, status: str, change: str = "") -> Message:
    """A later run in which all that failed has another status."""
    failed = {one.key for one in message.findings if one.status == "FAIL"}
    findings = tuple(
        dataclasses.replace(one, status=status, change=change) if one.key in failed else one for one in message.findings
    )
    causes = message.causes if status == "FAIL" else ()
    return moved(message, days, findings=findings, causes=causes, digest=f"{status}{days}")


def asked(receiver: Receiver) -> list[tuple[str, str]]:
    """The requests since the last look, without those for a session."""
    lines = [(got.method, got.path) for got in receiver.got if "initSession" not in got.path]
    receiver.got = []
    return lines


LIFE = {
    "jira": (
        [("POST", "/rest/api/2/issue")],
        [("POST", "/rest/api/2/issue/BCK-7/comment"), ("POST", "/rest/api/2/issue/BCK-7/transitions")],
    ),
    "jira-cloud": (
        [("POST", "/rest/api/3/issue")],
        [("POST", "/rest/api/3/issue/BCK-7/comment"), ("POST", "/rest/api/3/issue/BCK-7/transitions")],
    ),
    "servicenow": (
        [("POST", "/api/now/table/incident")],
        [("PATCH", "/api/now/table/incident/5a%2F7"), ("PATCH", "/api/now/table/incident/5a%2F7")],
    ),
    "glpi": (
        [("POST", "/apirest.php/Ticket")],
        [("POST", "/apirest.php/ITILFollowup"), ("PUT", "/apirest.php/Ticket/7")],
    ),
}


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_life_of_a_ticket(tickets, receiver: Receiver, first: Message, system: str) -> None:
    file, run = tickets(system), one_cause(first)
    opened, closed = LIFE[system]
    assert [each.fate for each in deliver_run(file, run)] == [Fate.SENT]
    assert run.causes[0].key.encode() in receiver.got[-1].body
    assert asked(receiver) == opened
    assert [each.fate for each in deliver_run(file, run)] == [Fate.NOTHING]
    assert [each.fate for each in deliver_run(file, judged_as(run, 1, "FAIL", "STILL"))] == [Fate.NOTHING]
    deliver_run(file, judged_as(run, 2, "PASS", "FIXED"))
    assert "fixed" in receiver.got[-2].body.decode() or "fixed" in receiver.got[-3].body.decode()
    assert asked(receiver) == closed
    assert [each.fate for each in deliver_run(file, judged_as(run, 3, "PASS", "STILL"))] == [Fate.NOTHING]
    deliver_run(file, judged_as(run, 4, "FAIL", "REGRESSED"))
    assert asked(receiver) == closed[::-1]
    (old,) = deliver_run(file, judged_as(run, 2, "PASS", "FIXED"))
    assert (old.fate, old.text) == (Fate.NOTHING, "a newer run was told already")


def test_what_could_not_be_looked_at_stays_open_and_is_commented_once(tickets, receiver, first: Message) -> None:
    file, run = tickets(), one_cause(first)
    deliver_run(file, run)
    receiver.got = []
    deliver_run(file, judged_as(run, 1, "UNKNOWN", "LOST_SIGHT"))
    (comment,) = receiver.got
    assert "Not known any more" in comment.document["body"].replace("\\", "")
    deliver_run(file, moved(run, 2, findings=(), causes=()))
    assert len(receiver.got) == 1
    gone = moved(run, 3, findings=(), causes=(), gone=frozenset(one.key for one in run.findings))
    deliver_run(file, gone)
    assert [got.path.rpartition("/")[2] for got in receiver.got[1:]] == ["comment", "transitions"]


def test_tickets_by_finding_and_by_severity_and_no_more_than_wanted(tickets, receiver, first: Message) -> None:
    outcomes = deliver_run(tickets(more='by = "finding"\nseverity = "info"\nmost_new = 3\n'), first)
    assert [each.fate for each in outcomes] == [Fate.SENT] * 3
    labels = {got.document["fields"]["labels"][1].removeprefix("vbr-audit-") for got in receiver.got}
    assert labels <= {one.key for one in first.findings if one.status == "FAIL"}
    assert len(deliver_run(tickets(more='by = "finding"\nseverity = "info"\nmost_new = 3\n'), first)) == 3


def test_what_is_less_severe_than_wanted_opens_none(tickets, receiver: Receiver, first: Message) -> None:
    mild = dataclasses.replace(first, causes=tuple(dataclasses.replace(one, severity="low") for one in first.causes))
    assert [each.fate for each in deliver_run(tickets(), mild)] == [Fate.NOTHING]


def test_a_ticket_that_somebody_removed_is_opened_anew(tickets, receiver: Receiver, first: Message) -> None:
    file, run = tickets(), one_cause(first)
    deliver_run(file, run)
    receiver.reply = lambda got: (404, b"{}")
    assert {each.fate for each in deliver_run(file, judged_as(run, 1, "PASS", "FIXED"))} == {Fate.SENT}
    receiver.reply, receiver.got = answers, []
    deliver_run(file, judged_as(run, 2, "FAIL", "REGRESSED"))
    assert asked(receiver) == [("POST", "/rest/api/2/issue")]


def test_a_ticket_whose_number_is_not_told_is_unsure_and_stops_what_comes_after(tickets, receiver, first) -> None:
    file = tickets(more="most_new = 2\n")
    receiver.reply = lambda got: (201, b"<html>")
    lost, behind = deliver_run(file, first)
    assert (lost.fate, behind.fate, behind.text) == (Fate.UNSURE, Fate.WAITING, "1 delivery behind that")
    receiver.reply, receiver.got = answers, []
    assert {each.fate for each in deliver_run(file, first)} == {Fate.UNSURE, Fate.WAITING}
    assert receiver.got == []
    outcomes = deliver_run(file, first, unsure=Unsure.RESEND)
    assert {each.fate for each in outcomes} == {Fate.SENT}
    assert CANARY not in repr(outcomes)


def test_a_ticket_that_a_person_found_is_not_opened_again(tickets, receiver: Receiver, first: Message) -> None:
    file, run = tickets(), one_cause(first)
    receiver.reply = lambda got: (201, b"")
    assert [each.fate for each in deliver_run(file, run)] == [Fate.UNSURE]
    assert [each.fate for each in deliver_run(file, run, unsure=Unsure.ARRIVED)] == [Fate.NOTHING]
    assert [each.fate for each in deliver_run(file, judged_as(run, 1, "PASS", "FIXED"))] == [Fate.NOTHING]
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    ("system", "text", "shown"),
    [
        ("jira", "[~admin] !http://x! {code}", r"\[\~admin\] \!http://x\! \{code\}"),
        (
            "jira-cloud",
            "[~admin]\n\n{code}",
            {
                "type": "doc",
                "version": 1,
                "content": [
                    {"type": "paragraph", "content": [{"type": "text", "text": "[~admin]"}]},
                    {"type": "paragraph", "content": [{"type": "text", "text": "{code}"}]},
                ],
            },
        ),
        ("glpi", "<script>a</script>\n&", "&lt;script&gt;a&lt;/script&gt;<br>&amp;"),
        ("servicenow", "[code]<b>[/CODE]", "[ code]<b>[ /CODE]"),
    ],
)
def test_the_markup_of_a_system_is_escaped(system: str, text: str, shown: str) -> None:
    values = re.findall(r"(\w+) =", VALUES[system])
    assert ticket_system(shipped_system(system), values, system).escaped(text) == shown


def test_headers_of_the_users_are_sent_and_their_values_are_nowhere_else(
    tickets, receiver: Receiver, first: Message, monkeypatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("APP", f"app-{CANARY}")
    file = tickets("glpi", 'most_new = 2\nheaders = [{name = "App-Token", value_env = "APP"}]\n')
    with caplog.at_level("DEBUG"):
        outcomes = deliver_run(file, first)
    assert [each.fate for each in outcomes] == [Fate.SENT] * 2
    assert {got.headers["App-Token"] for got in receiver.got} == {f"app-{CANARY}"}
    # One session is enough for all that is sent at once.
    assert [got.path.rpartition("/")[2] for got in receiver.got] == ["initSession", "Ticket", "Ticket"]
    assert [("Authorization" in got.headers, "Session-Token" in got.headers) for got in receiver.got] == [
        *((True, False), (False, True), (False, True)),
    ]
    kept = b"".join(path.read_bytes() for path in file.outbox.rglob("*") if path.is_file())
    assert CANARY.encode() not in kept
    assert CANARY not in caplog.text + repr(outcomes)
    monkeypatch.setenv("APP", "a\x07é")
    (wrong, _) = deliver_run(
        tickets("glpi", 'most_new = 4\nheaders = [{name = "App-Token", value_env = "APP"}]\n'), first
    )
    assert "is no text that a header can hold" in wrong.text


def test_a_session_that_is_not_known_any_more_is_begun_anew(tickets, receiver: Receiver, first: Message) -> None:
    file, run = tickets("glpi", "most_new = 1\n"), one_cause(first)
    receiver.reply = lambda got: answers(got) if "initSession" in got.path else (401, b"[]")
    assert [each.fate for each in deliver_run(file, run)] == [Fate.WAITING]
    receiver.reply, receiver.got = answers, []
    assert [each.fate for each in deliver_run(file, run)] == [Fate.SENT, Fate.NOTHING]
    assert [got.path.rpartition("/")[2] for got in receiver.got] == ["initSession", "Ticket"]


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ('{name = "Authorization", value_env = "A"}', "is set by vbr-audit"),
        ('{name = "X-Key"}', "needs one place of its value"),
        ('{name = "X-Key", value_env = "A", value_file = "b"}', "needs one place of its value"),
        (f'{{name = "X-Key", value = "{CANARY}"}}', "value"),
        ('{name = "X Key", value_env = "A"}', "name"),
    ],
)
def test_wrong_headers_are_told_with_their_line(tickets, headers: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        tickets("servicenow", f"headers = [{headers}]\n")
    assert CANARY not in str(caught.value)


def test_hostile_findings_reach_a_ticket_as_text(tickets, receiver: Receiver, hostile: Message) -> None:
    assert {each.fate for each in deliver_run(tickets("glpi", "most_new = 20\n"), hostile)} == {Fate.SENT}
    for got in receiver.got:
        if got.path.endswith("Ticket"):
            content = got.document["input"]["content"].replace("<br>", "")
            assert not re.search("[<>\x00-\x1f\u202e]", content)
        assert CANARY.encode() not in got.body
