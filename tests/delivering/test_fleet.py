"""A fleet that is delivered: one message about all servers, tickets by the runs, and nothing twice."""

from __future__ import annotations

import json
import shutil
from email.parser import BytesParser
from email.policy import SMTP
from pathlib import Path

import pytest
from command_line import invoke, write
from delivery_files import MAIL, posting
from hostile_answers import CORE, LEADS
from made_fleet import made_fleet, made_summary
from original_names import KEY
from receivers import Receiver

from vbr_audit.delivering.channels.posting import as_json
from vbr_audit.delivering.channels.slack import MOST_SIGNS
from vbr_audit.delivering.channels.teams import MOST_BYTES
from vbr_audit.delivering.fleet_message import FleetMessage, read_fleet_message
from vbr_audit.errors import EvidenceError
from vbr_audit.fleets.fleet import Fleet
from vbr_audit.fleets.picture import picture_of
from vbr_audit.fleets.summaries import NewsGroup, ServerSummary, not_audited

NAMES = ("hamburg", "ulm", "graz")


def summary(name: str, month: int = 1, **facts: object) -> ServerSummary:
    """A server that was audited each month, with the run before."""
    made = made_summary(name, share=0.2)
    first = {"run_id": f"{name}{month}", "earlier_run": f"{name}{month - 1}" if month > 1 else None, "digest": "same"}
    return made.model_copy(update={**first, "folder": f"run-{name}", **facts})


def news(state: str, name: str) -> NewsGroup:
    return NewsGroup(
        state=state, severity="high", check_id="JOB-003", title="Jobs run", kind="job", objects=5, names=(name, "b")
    )


def written(folder: Path, *summaries: ServerSummary) -> Path:
    made_fleet(*summaries).save(folder)
    return folder


@pytest.fixture
def file(tmp_path: Path, receiver: Receiver) -> Path:
    """A file with a channel for each way to say something."""
    tables = [posting(kind, receiver) for kind in ("teams", "slack", "webhook")]
    tables.append(f'name = "disk"\nkind = "eml"\nfolder = "mail"\nattach = ["report.html", "fleet.html"]\n{MAIL}')
    return write(tmp_path / "deliver.toml", "".join(f"[[channel]]\n{table}\n" for table in tables))


def test_every_channel_is_told_of_a_fleet_with_the_numbers_of_its_report(file: Path, receiver: Receiver) -> None:
    fleet = made_fleet(*map(summary, NAMES), not_audited("turin", "it did not answer"))
    fleet.write(file.parent / "october")
    done = invoke("deliver", file.parent / "october", "--to", file)
    assert (done.exit_code, done.stderr, done.stdout.count(": sent: ")) == (0, "", 4), done.output
    *_, facts = (got.document for got in receiver.got)
    picture = picture_of(fleet)
    points = [line.summary.point for line in picture.lines if line.summary.point is not None]
    assert facts["servers_total"] == picture.total == 4
    assert facts["gaps"] == ["turin was not audited: it did not answer"]
    assert facts["causes_total"] == sum(line.summary.causes_total for line in picture.lines)
    assert facts["failing_by_severity"]["high"] == sum(point.failing["high"] for point in points)
    assert facts["numbers"]["Audited"] == "3 (75.0 %)"
    told = {grade: facts["numbers"].get(f"Servers rated {grade}", "0") for grade in "ABCDE"}
    assert told == {grade: str(many) for grade, many in picture.grades.items() if len(grade) == 1}
    assert "INCOMPLETE, 1 not audited" in facts["subject"]
    (mail,) = (file.parent / "mail").iterdir()
    parsed = BytesParser(policy=SMTP).parsebytes(mail.read_bytes())
    assert [part.get_filename() for part in parsed.iter_attachments()] == ["fleet.html"]
    again = invoke("deliver", file.parent / "october", "--to", file)
    assert again.stdout.count("nothing to send: the same state was told already") == 4


def test_a_fleet_speaks_on_what_is_new_on_any_server_and_is_silent_else(tmp_path: Path, receiver: Receiver) -> None:
    file = write(tmp_path / "deliver.toml", f"[[channel]]\n{posting('webhook', receiver)}\n")

    def told(*summaries: ServerSummary) -> tuple[str, list[str]]:
        receiver.got = []
        shutil.rmtree(tmp_path / "fleet", ignore_errors=True)
        done = invoke("deliver", written(tmp_path / "fleet", *summaries), "--to", file)
        assert done.exit_code == 0, done.output
        documents = [got.document for got in receiver.got]
        return (
            documents[0]["reason"] if documents else "",
            [one["names"] for each in documents for one in each["news"]],
        )

    assert told(*map(summary, NAMES))[0] == "first"
    assert told(*(summary(name, 2) for name in NAMES)) == ("", [])
    fixed = [summary(name, 3, digest="fewer", changes={"FIXED": 2}) for name in NAMES]
    assert told(*fixed) == ("", [])
    lost = summary("graz", 4, digest="x", changes={"LOST_SIGHT": 5}, news=(news("LOST_SIGHT", "c"),))
    new = summary("ulm", 4, digest="y", changes={"NEW": 5}, news=(news("NEW", "a"),))
    assert told(summary("hamburg", 4, digest="fewer"), new, lost) == ("changed", ["a, b and 3 more", "c, b and 3 more"])
    gone = not_audited("ulm", "it did not answer")
    assert told(summary("hamburg", 5, digest="fewer"), gone, summary("graz", 5, digest="x"))[0] == "differs"
    assert told(summary("hamburg", 6, digest="fewer"), gone, summary("graz", 6, digest="x")) == ("", [])
    back = summary("ulm", 5, digest="z", changes={"FIXED": 1})
    assert told(summary("hamburg", 7, digest="fewer"), back, summary("graz", 7, digest="x"))[0] == "differs"


def test_tickets_are_kept_by_the_runs_of_a_fleet(runs: Path, tmp_path: Path, receiver: Receiver, monkeypatch) -> None:
    monkeypatch.setenv("TOKEN", "t")
    receiver.reply = lambda got: (201, b'{"id": 7}')
    table = f'name = "desk"\nkind = "tickets"\nsystem = "servicenow"\nurl = "{receiver.url}"\ntoken_env = "TOKEN"\n'
    table += f'ca_file = "{receiver.ca_file}"\nmost_new = 2\nvalues = {{assignment_group = "B", close_code = "S"}}\n'
    receiver.reply = lambda got: (201, b'{"result": {"sys_id": "7"}}')
    file = write(tmp_path / "deliver.toml", f"[[channel]]\n{table}\n")
    fleet = written(tmp_path / "fleet", summary("hamburg", folder="first"), not_audited("turin", "silent"))
    words = ("deliver", fleet, "--to", file)
    assert "desk keeps tickets, by the runs of the fleet" in invoke(*words).stderr
    assert "first is not in" in invoke(*words, "--history", tmp_path).stderr
    done = invoke(*words, "--history", runs)
    assert (done.exit_code, done.stdout.count("sent: open the ticket of")) == (0, 2), done.output
    alone = invoke("deliver", runs / "first", "--to", file)
    assert "nothing to send" in alone.stdout.splitlines()[0] or "open the ticket" in alone.stdout
    opened = {got.document["correlation_id"] for got in receiver.got}
    assert len(opened) == len(receiver.got)


def test_a_large_and_hostile_fleet_keeps_within_the_limits(file: Path, receiver: Receiver) -> None:
    texts = [*LEADS, CORE, "n" * 290]
    summaries = [
        summary(
            f"{place} {texts[place % len(texts)]}", news=(news("NEW", texts[place % len(texts)]),), changes={"NEW": 1}
        )
        for place in range(300)
    ]
    summaries += [not_audited(f"gone {place}", texts[place % len(texts)]) for place in range(100)]
    folder = file.parent / "fleet"
    made_fleet(*summaries).save(folder)
    done = invoke("deliver", folder, "--to", file)
    assert done.stdout.count(": sent: ") == 4, done.output
    card, blocks, facts = receiver.got
    assert len(card.body) <= MOST_BYTES
    assert len(as_json(blocks.document["blocks"]).decode()) <= MOST_SIGNS
    assert (len(facts.document["servers"]), facts.document["servers_total"]) == (100, 400)
    (mail,) = (file.parent / "mail").iterdir()
    parsed = BytesParser(policy=SMTP).parsebytes(mail.read_bytes())
    parts = [part for part in parsed.walk() if part.get_content_maintype() == "text"]
    assert sum(len(part.get_content().encode()) for part in parts) <= 80_000
    assert "<script" not in parts[-1].get_content()


def test_a_scrubbed_fleet_says_so_and_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    clean: Fleet = made_fleet(*map(summary, NAMES)).scrub(KEY)
    clean.save(tmp_path / "clean")
    message = read_fleet_message(tmp_path / "clean")
    assert (message.is_scrubbed, message.runs) == (True, ())
    assert not any(name in repr(message) for name in NAMES)
    for content in ("{}", "[]", json.dumps({"schema": 2}), "no"):
        write(tmp_path / "other" / "fleet.json", content)
        with pytest.raises(EvidenceError, match="is not what this version of vbr-audit writes of a fleet"):
            read_fleet_message(tmp_path / "other")
    assert isinstance(message, FleetMessage)
