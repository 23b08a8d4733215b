"""Checks of traffic between the parts of the backup, and of the events that the server sends out."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome, explained
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.three_valued import (
    all_of,
    beside,
    listed,
    named,
    nullable,
    number_of,
    one_of,
    places_of,
    surely,
    surely_not,
    worded,
)
from vbr_audit.tables.build.enums import SYSLOG_PROTOCOLS

_FORWARDING: Final = ("servers", "general_options", "event_forwarding")
_EITHER: Final = ("general_options", "event_forwarding")
_SIEM = {"syslog_server": "siem.example"}
_OPTIONS_ON = {"syslog_events_enabled": True, **_SIEM}
_OPTIONS_OFF = {"syslog_events_enabled": False}
_ENCRYPTS = {"encryption_enabled": True}
_NOT_SENT: Final = "events are sent to no syslog server"
_NOT_REPORTED: Final = "whether events go to a syslog server is not reported"


@check(
    "SEC-014",
    "Network traffic rules enable encryption",
    severity="medium",
    tables=("servers", "traffic_rules"),
    aggregates=("traffic_rules",),
    reads=("traffic_rules.encryption_enabled", "server", "traffic_rules.server", "traffic_rules.name"),
    json_path="trafficRules.encryptionEnabled",
    expected="at least one rule, and encryption on in each",
    failure="{has} no network traffic rule, or one without encryption",
    consequence="could have backup data read on the network",
    remediation="Main menu > Network Traffic Rules: add a rule for each network, and enable encryption in it.",
    examples=(
        Example("PASS", {}, {"traffic_rules": [{"encryption_enabled": True}]}),
        Example("FAIL", {}, {"traffic_rules": [{"encryption_enabled": True}, {"encryption_enabled": False}]}),
        Example("FAIL", {}, {"traffic_rules": [{"encryption_enabled": None}, {"encryption_enabled": False}]}),
        Example("FAIL", {}),
        Example("UNKNOWN", {}, {"traffic_rules": [{"encryption_enabled": True}, {"encryption_enabled": None}]}),
        Example("UNKNOWN", {}, {"traffic_rules": [_ENCRYPTS]}, datasets={"traffic_rules": "partial"}),
        Example("UNKNOWN", {}, datasets={"traffic_rules": "denied"}),
    ),
)
def traffic_encrypted(servers: pd.DataFrame, rules: pd.DataFrame) -> Outcome:
    """Backups cross the network between proxies and repositories: a listener there gets the data of every machine."""
    index, owner = servers.index, places_of(rules["server"], servers["server"])
    encrypts = rules["encryption_enabled"]
    every = number_of(owner, np.ones(len(rules), dtype=bool), index).to_numpy(dtype=int)
    good = number_of(owner, surely(encrypts), index).to_numpy(dtype=int)
    empty = (every == 0) & (len(rules) == 0)
    ok = all_of(owner, encrypts, index).mask(every == 0).mask(empty, False)
    without = listed(owner, rules["name"].where(surely_not(encrypts)), index, holds="rule")
    counts = pd.Series([f"{a} of {b} rules encrypt" for a, b in zip(good, every, strict=True)], index, dtype="string")
    return explained(
        Outcome(
            ok,
            observed=worded(
                index,
                (empty, "the server has no traffic rule"),
                (without.notna(), counts + "; without encryption: " + without),
                default=counts,
            ),
            reason="encryptionEnabled of a rule is missing in the answer",
        )
    )


@check(
    "SEC-015",
    "Events are sent to a syslog server",
    severity="medium",
    tables=_FORWARDING,
    fallback=_EITHER,
    reads=(
        "general_options.syslog_events_enabled",
        "general_options.syslog_server",
        "event_forwarding.syslog_server",
        "server",
        "general_options.server",
        "event_forwarding.server",
    ),
    json_path="siemIntegration.SyslogEventsEnabled",
    expected="on, with a syslog server",
    failure="{does} not send events to a syslog server",
    consequence="could be attacked without leaving a trace elsewhere",
    remediation="Main menu > Options > Event Forwarding: add the syslog server of your SIEM.",
    examples=(
        Example("PASS", {}, {"general_options": [_OPTIONS_ON]}),
        Example("PASS", {}, {"event_forwarding": [_SIEM]}),
        Example("FAIL", {}, {"general_options": [_OPTIONS_OFF], "event_forwarding": [{"syslog_filters": 0}]}),
        Example("FAIL", {}, {"general_options": [_OPTIONS_OFF], "event_forwarding": [_SIEM]}),
        Example("UNKNOWN", {}, {"general_options": [{"syslog_events_enabled": True}]}),
        Example("UNKNOWN", {}, {"general_options": [_SIEM]}),
        Example("UNKNOWN", {}, {"event_forwarding": [{"syslog_server": ""}]}),
        Example("UNKNOWN", {}, {"event_forwarding": [{"syslog_filters": 0}]}),
        Example("UNKNOWN", {}, datasets={"general_options": "denied", "event_forwarding": "denied"}),
    ),
)
def events_sent_to_syslog(servers: pd.DataFrame, options: pd.DataFrame, forwarding: pd.DataFrame) -> Outcome:
    """An intruder can erase events that only the backup server records; a copy elsewhere stays and raises an alarm."""
    sent, receiver = _sent_to_syslog(servers, options, forwarding)
    return explained(
        Outcome(
            sent,
            observed=worded(servers.index, (surely_not(sent), "off"), (sent, "on, to " + named(receiver, "host"))),
            reason=_NOT_REPORTED,
        )
    )


@check(
    "SEC-016",
    "Events are sent to the syslog server over TLS",
    severity="low",
    tables=_FORWARDING,
    fallback=_EITHER,
    reads=(
        "event_forwarding.syslog_protocol",
        "event_forwarding.syslog_server",
        "general_options.syslog_protocol",
        "general_options.syslog_server",
        "general_options.syslog_events_enabled",
        "server",
        "general_options.server",
        "event_forwarding.server",
    ),
    json_path="syslogServer.transportProtocol",
    expected="Tls",
    failure="{sends|send} events to the syslog server without TLS",
    consequence="could have {its} events read or changed on the way",
    remediation="Main menu > Options > Event Forwarding > syslog server: choose TLS, and trust its certificate.",
    examples=(
        Example("PASS", {}, {"event_forwarding": [{**_SIEM, "syslog_protocol": "Tls"}]}),
        Example("PASS", {}, {"general_options": [{**_OPTIONS_ON, "syslog_protocol": "Tls"}]}),
        Example("FAIL", {}, {"event_forwarding": [{**_SIEM, "syslog_protocol": "Udp"}]}),
        Example("FAIL", {}, {"general_options": [{**_OPTIONS_ON, "syslog_protocol": "Tcp"}]}),
        Example("UNKNOWN", {}, {"event_forwarding": [{**_SIEM, "syslog_protocol": "Pigeon"}]}),
        Example("UNKNOWN", {}, {"event_forwarding": [{**_SIEM, "syslog_protocol": None}]}),
        Example("UNKNOWN", {}),
        Example("NOT_APPLICABLE", {}, {"general_options": [_OPTIONS_OFF]}),
    ),
)
def syslog_over_tls(servers: pd.DataFrame, options: pd.DataFrame, forwarding: pd.DataFrame) -> Outcome:
    """Events that cross the network in clear text can be intercepted, changed or suppressed on the way."""
    sent, _ = _sent_to_syslog(servers, options, forwarding)
    protocol = _newer(servers, options, forwarding, "syslog_protocol")
    return explained(
        Outcome(
            (protocol == "Tls").mask(~surely(one_of(protocol, SYSLOG_PROTOCOLS))),
            observed=named(protocol, "word"),
            applies=sent,
            reason=worded(
                servers.index,
                (surely_not(sent), _NOT_SENT),
                (sent.isna(), _NOT_REPORTED),
                (protocol.isna(), "transportProtocol is missing in the answer"),
                default="the server names a protocol that this check does not know",
            ),
        )
    )


@check(
    "SEC-017",
    "All events are sent to the syslog server",
    severity="low",
    tables=_FORWARDING,
    fallback=_EITHER,
    reads=(
        "event_forwarding.syslog_filters",
        "event_forwarding.syslog_server",
        "event_forwarding.syslog_filtered_events",
        "general_options.syslog_filters",
        "general_options.syslog_server",
        "general_options.syslog_events_enabled",
        "general_options.syslog_filtered_events",
        "server",
        "general_options.server",
        "event_forwarding.server",
    ),
    json_path="syslogEventFiltering",
    expected="0 filters",
    failure="{filters|filter} the events that go to the syslog server",
    consequence="could leave an attack out of the central log",
    remediation="Main menu > Options > Event Forwarding > filters: remove those that your SIEM does not need.",
    examples=(
        Example("PASS", {}, {"event_forwarding": [{**_SIEM, "syslog_filters": 0}]}),
        Example("PASS", {}, {"general_options": [{**_OPTIONS_ON, "syslog_filters": 0}]}),
        Example("FAIL", {}, {"event_forwarding": [{**_SIEM, "syslog_filters": 1, "syslog_filtered_events": "110"}]}),
        Example("FAIL", {}, {"general_options": [{**_OPTIONS_ON, "syslog_filters": 2}]}),
        Example("UNKNOWN", {}, {"event_forwarding": [{**_SIEM, "syslog_filters": None}]}),
        Example("UNKNOWN", {}),
        Example("NOT_APPLICABLE", {}, {"general_options": [_OPTIONS_OFF]}),
    ),
)
def syslog_unfiltered(servers: pd.DataFrame, options: pd.DataFrame, forwarding: pd.DataFrame) -> Outcome:
    """Events that a filter drops never reach the SIEM: nobody will find them there when they are needed."""
    sent, _ = _sent_to_syslog(servers, options, forwarding)
    filters = _newer(servers, options, forwarding, "syslog_filters")
    events = _newer(servers, options, forwarding, "syslog_filtered_events").str.replace(",", ", ")
    seen = pd.Series([f"{n} filter{'' if n == 1 else 's'}" for n in filters.fillna(0)], servers.index, dtype="string")
    some = surely(filters > 0)
    return explained(
        Outcome(
            filters == 0,
            observed=worded(
                servers.index,
                (some & surely(events != ""), seen + "; kept back are the events " + named(events, "word")),
                (filters.notna(), seen),
            ),
            applies=sent,
            reason=worded(
                servers.index,
                (surely_not(sent), _NOT_SENT),
                (sent.isna(), _NOT_REPORTED),
                default="syslogEventFiltering is missing in the answer",
            ),
        )
    )


def _sent_to_syslog(
    servers: pd.DataFrame, options: pd.DataFrame, forwarding: pd.DataFrame
) -> tuple[pd.Series, pd.Series]:
    """Whether events go to a syslog server, and to which.

    Only the older answer has a switch; the newer one just names the server. A switch that is off decides.
    """
    switch = beside(servers["server"], options, "server")["syslog_events_enabled"]
    newer = beside(servers["server"], forwarding, "server")["syslog_server"]
    older = beside(servers["server"], options, "server")["syslog_server"].where(surely(switch))
    receiver = newer.fillna(older)
    named = (receiver.notna() & (receiver != "")).astype("boolean")
    sent = surely(named) & ~surely_not(switch)
    return nullable(sent, ~sent & ~surely_not(switch), servers.index), receiver


def _newer(servers: pd.DataFrame, options: pd.DataFrame, forwarding: pd.DataFrame, column: str) -> pd.Series:
    """`column` of the newer answer, else of the older one."""
    newest = beside(servers["server"], forwarding, "server")[column]
    return newest.fillna(beside(servers["server"], options, "server")[column])
