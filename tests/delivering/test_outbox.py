"""Nothing is said twice and nothing is lost, whatever ends in between and however many deliver at once."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from delivery_files import CANARY, moved, posting
from receivers import Receiver

from vbr_audit.collection.files import alone
from vbr_audit.delivering.message import Message
from vbr_audit.delivering.outbox import opened
from vbr_audit.delivering.sending import Fate, Unsure, deliver_run
from vbr_audit.delivering.speaking import Reason, Silence, reason_to_speak, told_by
from vbr_audit.errors import DeliveryError, OutputError


def changed(message: Message, days: int, earlier: Message, **counts: int) -> Message:
    """A later run that is compared with `earlier`."""
    return moved(message, days, digest=f"other{days}", earlier_run=earlier.run_id, changed=counts)


def test_when_something_is_due(first: Message) -> None:
    told = told_by(first)
    assert reason_to_speak(first, {}) is Reason.FIRST
    assert reason_to_speak(first, told) is Silence.SAME
    assert reason_to_speak(moved(first, -1), told) is Silence.OLDER
    for state in ("NEW", "REGRESSED", "LOST_SIGHT", "WAIVER_ENDED"):
        assert reason_to_speak(changed(first, 1, first, **{state: 1}), told) is Reason.CHANGED
    assert reason_to_speak(changed(first, 1, first, FIXED=2, NEW=0), told) is Silence.QUIET
    assert reason_to_speak(moved(first, 1, digest="other"), told) is Reason.DIFFERS
    assert reason_to_speak(moved(first, 1), told) is Silence.SAME
    assert reason_to_speak(moved(first, 31), told) is Reason.MONTHLY


def test_a_quiet_run_is_remembered_so_that_the_next_change_is_told(plan, receiver: Receiver, first: Message) -> None:
    file = plan(posting("webhook", receiver))
    quiet = changed(first, 1, first, FIXED=1)
    loud = changed(first, 2, quiet, NEW=1)
    fates = [deliver_run(file, run)[0].fate for run in (first, quiet, quiet, loud, loud)]
    assert fates == [Fate.SENT, Fate.NOTHING, Fate.NOTHING, Fate.SENT, Fate.NOTHING]
    assert [got.document["reason"] for got in receiver.got] == ["first", "changed"]


def test_what_waits_is_sent_in_order_and_only_once(plan, receiver: Receiver, first: Message) -> None:
    file = plan(posting("webhook", receiver))
    next_run = changed(first, 1, first, NEW=1)
    receiver.reply = lambda got: (503, b"")
    assert [each.fate for each in deliver_run(file, first)] == [Fate.WAITING]
    assert [each.fate for each in deliver_run(file, first)] == [Fate.WAITING, Fate.NOTHING]
    assert [each.fate for each in deliver_run(file, next_run)] == [Fate.WAITING, Fate.WAITING]
    receiver.reply, receiver.got = (lambda got: (200, b"")), []
    assert [each.fate for each in deliver_run(file, None)] == [Fate.SENT, Fate.SENT]
    assert [got.document["run_id"] for got in receiver.got] == [first.run_id, next_run.run_id]
    assert deliver_run(file, None) == []


def test_one_channel_that_fails_does_not_stop_another(plan, receiver: Receiver, first: Message) -> None:
    dead = posting("teams", receiver, "timeout = 1\n").replace('url_env = "HOOK"', 'url_env = "NO_SUCH"')
    outcomes = deliver_run(plan(dead, posting("slack", receiver)), first)
    assert [each.fate for each in outcomes] == [Fate.WAITING, Fate.SENT]


def test_a_channel_that_left_the_file_is_named(plan, receiver: Receiver, first: Message) -> None:
    receiver.reply = lambda got: (503, b"")
    deliver_run(plan(posting("teams", receiver)), first)
    receiver.reply = lambda got: (200, b"")
    outcomes = deliver_run(plan(posting("slack", receiver)), first)
    assert [(each.channel, each.fate) for each in outcomes] == [("slack", Fate.SENT), ("teams", Fate.WAITING)]
    assert "no channel of this name" in outcomes[1].text


@pytest.mark.parametrize(("unsure", "requests"), [(Unsure.RESEND, 2), (Unsure.ARRIVED, 1)])
def test_a_process_that_ends_while_it_sends_leaves_it_unsure(
    plan, receiver: Receiver, first: Message, unsure: Unsure, requests: int
) -> None:
    file = plan(posting("webhook", receiver))

    channel, send = file.channels[0], file.channels[0].send

    def interrupted(*words: object) -> dict[str, object]:
        send(*words)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    channel.send = interrupted  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyboardInterrupt):
        deliver_run(file, first)
    channel.send = send  # type: ignore[method-assign]
    told, nothing = deliver_run(file, first)
    assert (told.fate, nothing.fate) == (Fate.UNSURE, Fate.NOTHING)
    assert "ended while it was sent" in told.text
    assert told.hint is not None
    assert "--unsure" in told.hint
    deliver_run(file, first, unsure=unsure)
    assert [each.fate for each in deliver_run(file, first)] == [Fate.NOTHING]
    assert len(receiver.got) == requests


def test_a_process_that_ends_just_after_sending_finishes_later(plan, receiver: Receiver, first: Message) -> None:
    file = plan(posting("webhook", receiver))
    receiver.reply = lambda got: (503, b"")
    deliver_run(file, first)
    with opened(file.outbox, 1) as outbox:
        (item,) = outbox.items()
        outbox.mark(item, "sent")
    assert [each.fate for each in deliver_run(file, first)] == [Fate.NOTHING]
    assert not list((file.outbox / "items").iterdir())


def test_two_deliveries_at_once_send_once(plan, receiver: Receiver, first: Message) -> None:
    file = plan(posting("webhook", receiver), posting("slack", receiver))
    receiver.delay = 0.05
    found: list[list[Fate]] = []
    threads = [
        threading.Thread(target=lambda: found.append([each.fate for each in deliver_run(file, first)]))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted([[Fate.SENT] * 2, [Fate.NOTHING] * 2])
    assert len(receiver.got) == 2


HOLDER = "import fcntl, os, sys; h = os.open(sys.argv[1], os.O_RDONLY); fcntl.flock(h, 2); print(flush=True); input()"


def test_another_process_at_work_is_waited_for_and_then_named(plan, receiver: Receiver, first: Message) -> None:
    file = dataclasses.replace(plan(posting("webhook", receiver)), timeout=0.05)
    file.outbox.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, file.outbox], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(DeliveryError, match="another delivery was at work"):
            deliver_run(file, first)
        holder.communicate("\n")
    assert [each.fate for each in deliver_run(file, first)] == [Fate.SENT]
    with alone(file.outbox):
        assert len(receiver.got) == 1


def test_an_outbox_that_somebody_changed_is_refused(plan, receiver: Receiver, first: Message) -> None:
    file = plan(posting("webhook", receiver))
    deliver_run(file, first)
    (file.outbox / "state.json").write_text("{}x", "utf-8")
    with pytest.raises(OutputError, match="not what vbr-audit wrote"):
        deliver_run(file, first)


def test_the_outbox_is_for_its_owner_and_holds_no_secret(
    plan, receiver: Receiver, first: Message, tmp_path: Path
) -> None:
    file = plan(posting("webhook", receiver))
    receiver.reply = lambda got: (500, CANARY.encode())
    deliver_run(file, first)
    assert file.outbox.stat().st_mode & 0o077 == 0
    (item,) = (file.outbox / "items").iterdir()
    assert CANARY not in item.read_text("utf-8") + json.dumps((file.outbox / "state.json").read_text("utf-8"))
