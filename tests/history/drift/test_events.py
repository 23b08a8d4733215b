"""Events of changed settings: read from XML and syslog, and laid over the changes."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from drift_runs import EARLIER, LATER, make_run, row
from hypothesis import given, settings
from hypothesis import strategies as st

from vbr_audit.checks.drift.compare import drift_between
from vbr_audit.checks.drift.events import ChangeEvent, ChangeEvents, event_file, read_events, with_events
from vbr_audit.errors import ConfigurationError

JOB = "71f36762-01bd-44a8-8422-29b9bc70183e"
CHANGES = (
    f'<changes><object id="{JOB}"><property name="Retry" internal="RetryEnabled" type="Boolean"><old>True</old>'
    "<new>False</new></property></object></changes>"
)
LINE = (
    '<14>1 2026-10-20T22:42:30.060794+02:00 VBRSRV01 Veeam_MP - - [origin enterpriseId="31023"] [categoryId=0 '
    f'instanceId=23050 JobID="{JOB}" JobType="0" Platform="0" JobName="Backup Job 02" ChangesXML="{CHANGES}" '
    'UserName="TECH\\user1" VbrHostName="vbrsrv01.tech.local" VbrVersion="13.0.1.180" Version="1" '
    "Description=\"Backup job 'Backup Job 02' has been modified.\"]"
)
AT = dt.datetime(2026, 10, 20, 20, 42, 30, 60794, tzinfo=dt.UTC)


def _xml(event_id: object = 23050, time: str = "2026-10-20T20:42:30.0607940Z", *, data: str = "") -> str:
    escaped = CHANGES.replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    data = data or (
        f'<Data Name="JobID">{JOB}</Data><Data Name="JobName">Backup Job 02</Data><Data Name="UserName">TECH\\user1'
        f'</Data><Data Name="ChangesXML">{escaped}</Data><Data Name="VbrHostName">vbrsrv01.tech.local</Data>'
    )
    return (
        '<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><Provider Name="Veeam MP"/>'
        f'<EventID Qualifiers="0">{event_id}</EventID><TimeCreated SystemTime="{time}"/>'
        f"<Computer>VBRSRV01</Computer></System><EventData>{data}</EventData></Event>"
    )


EXPECTED = ChangeEvent(
    23050, AT, "vbrsrv01.tech.local", JOB, "Backup Job 02", "TECH\\user1", (("RetryEnabled", "True", "False"),)
)


@pytest.mark.parametrize(
    "content",
    [
        LINE.encode(),
        f"{LINE}\r\n{LINE}\n".encode(),
        _xml().encode(),
        f'<?xml version="1.0" encoding="utf-16"?>\n<Events>{_xml()}</Events>'.encode("utf-16"),
        f"{_xml()}\n{_xml()}".encode("utf-8-sig"),
        LINE.removeprefix("<14>").encode(),
    ],
)
def test_both_formats_give_the_same_event(content: bytes) -> None:
    assert read_events(content) == ChangeEvents((EXPECTED,), {})


def test_data_without_names() -> None:
    data = f'<Data>JobID="{JOB}"</Data><Data>UserName=x</Data><Data>{CHANGES.replace("<", "&lt;")}</Data>'
    (event,) = read_events(_xml(data=data).encode()).events
    assert (event.object_id, event.user, event.host) == (JOB, "x", "VBRSRV01")
    assert event.changes == (("RetryEnabled", "True", "False"),)


def test_short_dates_need_a_zone_and_a_clock() -> None:
    line = LINE.replace("1 2026-10-20T22:42:30.060794+02:00", "Oct 20 22:42:30").encode()
    assert read_events(line) == ChangeEvents((), {"no valid date with its zone": 1})
    berlin, now = ZoneInfo("Europe/Berlin"), dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    (event,) = read_events(line, zone=berlin, now=now).events
    assert (event.at, event.host) == (AT.replace(microsecond=0), "vbrsrv01.tech.local")
    (event,) = read_events(line, zone=berlin, now=now.replace(month=5)).events
    assert event.at.year == 2025


def test_old_and_new_as_parameters() -> None:
    line = '<14>1 2026-10-20T22:42:30Z vbr01 Veeam_MP - - [instanceId=23050 JobName="A" user="u" old="1" new="2"]'
    (event,) = read_events(line.encode()).events
    assert (event.object_name, event.user, event.changes) == ("A", "u", (("", "1", "2"),))


def test_what_is_no_event_of_a_change_is_counted() -> None:
    lines = [
        "hello",
        "",
        LINE.replace("instanceId=23050", "instanceId=110"),
        LINE.replace("2026-10-20T", "2026-13-99T"),
        LINE.replace("2026-10-20T22:42:30.060794+02:00", "0001-01-01T00:00:00+14:00"),
        LINE + "x" * 300_000,
    ]
    assert read_events("\n".join(lines).encode()).skipped == {
        "no event of VBR": 1,
        "another event": 1,
        "no valid date with its zone": 2,
        "longer than 256 KB": 1,
    }
    xml = f"<Events>{_xml('9' * 30)}{_xml('x')}{_xml(time='yesterday')}<Event/></Events>"
    assert read_events(xml.encode()).skipped == {
        "another event": 2,
        "no valid date with its zone": 1,
        "no event of VBR": 1,
    }


@pytest.mark.parametrize(
    "content",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><Events>&b;</Events>',
        '<?xml version="1.0"?><!DOCTYPE x SYSTEM "file:///etc/passwd"><Events/>',
        "<Events>",
        "<Events>&a;</Events>",
        "<a>" * 5_000,
    ],
)
def test_hostile_xml_is_refused(content: str) -> None:
    with pytest.raises(ConfigurationError, match="events"):
        read_events(content.encode())


def test_an_entity_inside_a_value_stays_text() -> None:
    bomb = LINE.replace(CHANGES, '<changes><!DOCTYPE x [<!ENTITY a "b">]>&a;</changes>')
    (event,) = read_events(bomb.encode()).events
    assert event.changes == ()


def test_a_job_name_cannot_name_another_user() -> None:
    (event,) = read_events(LINE.replace("Backup Job 02", 'x" UserName="boss').encode()).events
    assert event.user is None


def test_a_missing_file_is_named(tmp_path: Any) -> None:
    with pytest.raises(ConfigurationError, match="cannot read"):
        event_file(tmp_path / "none.xml")


@settings(max_examples=60)
@given(st.binary(max_size=200), st.sampled_from([b"", b"<Events>", b"<14>1 ", LINE.encode()[:200]]))
def test_any_bytes_are_read_or_refused(content: bytes, head: bytes) -> None:
    try:
        found = read_events(head + content)
    except ConfigurationError:
        return
    assert all(event.at.tzinfo is dt.UTC for event in found.events)


# Who made which change.


def _event(at: dt.datetime, **facts: Any) -> ChangeEvent:
    return ChangeEvent(**{"event_id": 23050, "at": at, "object_id": "J1", "user": "x"} | facts)


def _attributed(*events: ChangeEvent, is_alone: bool = False, **columns: Any) -> tuple[Any, ...]:
    old, new = (make_run([row("is_disabled", v, **columns)], t) for v, t in ((False, EARLIER), (True, LATER)))
    drift = with_events(drift_between(old, new).drift, ChangeEvents(events), is_alone=is_alone)
    (change,) = drift.to_dict("records")
    assert drift.dtypes.equals(drift_between(old, new).drift.dtypes)
    return change["who"] if pd.notna(change["who"]) else None, change["source"], change["changed_at"]


MINUTE = dt.timedelta(minutes=1)


@pytest.mark.parametrize(
    ("at", "fits"),
    [
        (EARLIER - 6 * MINUTE, False),
        (EARLIER - 5 * MINUTE, False),
        (EARLIER - 4 * MINUTE, True),
        (LATER, True),
        (LATER + 5 * MINUTE, True),
        (LATER + 6 * MINUTE, False),
    ],
)
def test_an_event_between_the_runs_fits(at: dt.datetime, fits: bool) -> None:
    who, source, moment = _attributed(_event(at))
    assert (who, source == "not attributed") == (("x", False) if fits else (None, True))
    assert (moment == at) if fits else pd.isna(moment)


def test_the_latest_of_several_events_counts_and_all_are_named() -> None:
    first, second = AT, AT + 90 * MINUTE
    who, source, moment = _attributed(_event(second, user="late"), _event(first, user="early"))
    assert (who, moment) == ("late", second)
    assert source == "VBR event 23050 at 2026-10-20T22:12:30.060794Z; VBR event 23050 at 2026-10-20T20:42:30.060794Z"


def test_an_event_with_an_id_is_not_matched_by_name() -> None:
    assert _attributed(_event(AT, object_id="other", object_name="Nightly"))[1] == "not attributed"
    assert _attributed(_event(AT, object_id=None, object_name="Nightly"))[0] == "x"
    assert _attributed(_event(AT, object_id=None, object_name="nightly"))[1] == "not attributed"
    assert _attributed(_event(AT, object_id=None))[1] == "not attributed"


def test_an_event_of_another_kind_or_host_does_not_fit() -> None:
    assert _attributed(_event(AT, event_id=28100))[1] == "not attributed"
    elsewhere = _event(AT, object_id=None, object_name="Nightly", host="vbr02.example")
    assert _attributed(elsewhere)[1] == "not attributed"
    assert _attributed(elsewhere, is_alone=True)[0] == "x"
    assert _attributed(_event(AT, object_id=None, object_name="Nightly", host="VBR01.example"))[0] == "x"


def test_settings_of_the_server_have_events_of_their_own() -> None:
    changed = {"object_type": "configuration backup", "object_id": None, "object_name": "configuration backup"}
    assert _attributed(_event(AT, event_id=31500, object_id="99d1bf3d"), **changed)[0] == "x"
    assert _attributed(_event(AT), **changed)[1] == "not attributed"
