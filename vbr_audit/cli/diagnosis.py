"""What `vbr-audit doctor` found of a server, in words and as JSON.

The JSON is `{"schema": 1, "policy": name, "servers": […]}`. Each server has `name`, `url`, `host`, `port`, `answered`,
`error` and `hint` (why not), `tls` (how its certificate is trusted), `certificate` (`sha256`, `expires`), `account`,
`revision`, `revision_newest`, `revisions_offered`, `revisions_beyond` (newer than all that we know), `build`,
`build_reason`, `clock_skew_s`, `datasets` (`name, title, path, first_revision, reach, reason, roles, rows`) and
`checks` (`id, title, answer, needs, missing`). What is not known is null; texts of the server are made harmless.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vbr_audit.checks.policy.needs import Prospect, prospects
from vbr_audit.cli.guard import Exit
from vbr_audit.collection.survey import Probe, Reach, Survey, certificate_of, take_survey
from vbr_audit.display import count, day, duration, iso, plain
from vbr_audit.errors import ConnectError
from vbr_audit.revisions import BUILDS, NEWEST

if TYPE_CHECKING:
    from vbr_audit.api.client import Client
    from vbr_audit.api.tls import Certificate
    from vbr_audit.checks.policy.policy import Policy

_WORDS = {Reach.READABLE: "yes"}
_SKEW_S = 60.0


@dataclass(frozen=True)
class Diagnosis:
    """One server as `doctor` found it: `survey` and `prospects`, or `error` where it did not answer or let us in."""

    name: str
    url: str
    host: str
    port: int
    tls: str
    account: str
    certificate: Certificate | None
    survey: Survey | None
    prospects: tuple[Prospect, ...]
    error: ConnectError | None
    looked_at: dt.datetime


def diagnose(client: Client, policy: Policy, *, has_site: bool = False) -> Diagnosis:
    """Look at the server of `client`; a server that cannot be used is a diagnosis too."""
    facts: dict[str, Any] = {
        "name": client.name,
        "url": client.url,
        "host": client.host,
        "port": client.port,
        "tls": client.tls,
        "account": client.username,
        "looked_at": dt.datetime.now(dt.UTC),
    }
    try:
        survey = take_survey(client)
    except ConnectError as error:
        return Diagnosis(**facts, certificate=certificate_of(client), survey=None, prospects=(), error=error)
    answers = prospects(policy, survey, has_site=has_site)
    return Diagnosis(**facts, certificate=survey.certificate, survey=survey, prospects=answers, error=None)


def exit_code_of(diagnoses: Sequence[Diagnosis]) -> Exit:
    """0 when every server lets the checks read what they need, 3 when none answers, else 4."""
    if all(diagnosis.survey is None for diagnosis in diagnoses):
        return Exit.NOT_COLLECTED
    whole = all(d.survey is not None and all(p.answer == "yes" for p in d.prospects) for d in diagnoses)
    return Exit.DONE if whole else Exit.INCOMPLETE


def diagnosis_lines(diagnosis: Diagnosis) -> Iterator[str]:
    """The diagnosis as lines for a terminal."""
    yield f"{plain(diagnosis.name)}  {plain(diagnosis.url)}"
    yield _fact("Address", f"{plain(diagnosis.host)}, port {diagnosis.port}")
    yield _fact("Trust", plain(diagnosis.tls))
    yield from _certificate_lines(diagnosis)
    if diagnosis.survey is None:
        assert diagnosis.error is not None  # noqa: S101 - one of the two is always there
        yield _fact("NOT READ", plain(diagnosis.error.message, lines=True).replace("\n", "; "))
        if diagnosis.error.hint:
            yield _fact("Next", plain(diagnosis.error.hint))
        yield ""
        return
    yield from _server_lines(diagnosis.survey)
    yield ""
    yield from _dataset_lines(diagnosis.survey.probes)
    yield ""
    yield from _check_lines(diagnosis.survey, diagnosis.prospects)
    yield ""


def _fact(label: str, text: str) -> str:
    return f"  {label:12} {text}"


def _certificate_lines(diagnosis: Diagnosis) -> Iterator[str]:
    shown = diagnosis.certificate
    if shown is None:
        if diagnosis.url.startswith("https:"):
            yield _fact("Certificate", "a direct connection received none")
        return
    yield _fact("Certificate", f"SHA-256 {shown.sha256}")
    if shown.expires is None:
        yield _fact("", "its expiry date could not be read")
        return
    days = (shown.expires - diagnosis.looked_at).days
    left = f"in {count(days, 'day')}" if days >= 0 else "EXPIRED"
    yield _fact("", f"valid until {day(shown.expires.astimezone(dt.UTC).date())} in UTC ({left})")


def _server_lines(survey: Survey) -> Iterator[str]:
    yield _fact("Account", f"{plain(survey.account)}, signed in")
    newest = f"; both support {survey.revision_newest}" if survey.revision_newest != survey.revision else ""
    yield _fact("Revision", f"{survey.revision} in use{newest}")
    if survey.revisions_beyond:
        yield _fact(
            "NOTE", f"the server also offers {', '.join(survey.revisions_beyond)}, newer than vbr-audit supports"
        )
        yield _fact("", f"({NEWEST}); their new data is not read: look for a newer vbr-audit")
    elif not survey.revisions_offered:
        yield _fact("", "the server does not list the revisions that it offers")
    yield _fact("Build", _build_text(survey))
    yield _fact("Clock", _clock_text(survey.clock_skew_s))


def _build_text(survey: Survey) -> str:
    if survey.build:
        return plain(survey.build)
    least = f"; {survey.revision_newest} came with {BUILDS[survey.revision_newest]}"
    return f"not known: {plain(survey.build_reason or 'the server does not report it')}{least}"


def _clock_text(skew_s: float | None) -> str:
    if skew_s is None:
        return "not known"
    if abs(skew_s) < 1:
        return "same as this computer's"
    loud = "  NOTE: states and periods use the server's clock" if abs(skew_s) >= _SKEW_S else ""
    return f"{duration(abs(skew_s))} {'ahead of' if skew_s > 0 else 'behind'} this computer's{loud}"


def _dataset_lines(probes: Sequence[Probe]) -> Iterator[str]:
    readable = sum(probe.reach is Reach.READABLE for probe in probes)
    yield f"  What this account may read: {readable} of {count(len(probes), 'dataset')}"
    for probe in probes:
        yield f"    {_WORDS.get(probe.reach, probe.reach.value):11}  {probe.name:22} {probe.title}"
        if probe.reach is Reach.DENIED:
            yield f"{'':18}role: {', '.join(probe.roles) or 'none of the built-in ones'}"
        elif probe.reason:
            yield f"{'':18}{plain(probe.reason)}"


def _check_lines(survey: Survey, answers: Sequence[Prospect]) -> Iterator[str]:
    able = [prospect.check_id for prospect in answers if prospect.answer == "yes"]
    yield f"  Checks that can be answered: {len(able)} of {len(answers)}"
    yield from _wrapped(able)
    for prospect in answers:
        if prospect.answer != "yes":
            how = "only in part" if prospect.answer == "in part" else "cannot be answered"
            yield f"    {prospect.check_id} {how}: {prospect.title}"
            lacks = [f"{name} ({survey.probe(name).reach.value})" for name in prospect.missing]
            yield f"            lacks {', '.join(lacks) or 'a site file, given with --site'}"


def _wrapped(ids: Iterable[str]) -> Iterator[str]:
    import textwrap

    yield from textwrap.wrap(
        ", ".join(ids), 100, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False
    )


def diagnoses_json(diagnoses: Iterable[Diagnosis], policy: Policy) -> bytes:
    """All diagnoses as indented JSON; the module says what is in it."""
    import orjson

    servers = [_record(diagnosis) for diagnosis in diagnoses]
    document = {"schema": 1, "policy": plain(policy.name), "servers": servers}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _record(diagnosis: Diagnosis) -> dict[str, Any]:
    seen, shown, error = diagnosis.survey, diagnosis.certificate, diagnosis.error
    certificate = shown and {"sha256": shown.sha256, "expires": iso(shown.expires) if shown.expires else None}
    return {
        "name": plain(diagnosis.name),
        "url": plain(diagnosis.url),
        "host": plain(diagnosis.host),
        "port": diagnosis.port,
        "answered": seen is not None,
        "error": plain(error.message, lines=True) if error else None,
        "hint": plain(error.hint) if error and error.hint else None,
        "tls": plain(diagnosis.tls),
        "certificate": certificate,
        "account": plain(diagnosis.account),
        "revision": seen and seen.revision,
        "revision_newest": seen and seen.revision_newest,
        "revisions_offered": list(seen.revisions_offered) if seen else None,
        "revisions_beyond": list(seen.revisions_beyond) if seen else None,
        "build": plain(seen.build) if seen and seen.build else None,
        "build_reason": plain(seen.build_reason) if seen and seen.build_reason else None,
        "clock_skew_s": seen and seen.clock_skew_s,
        "datasets": [_dataset_record(probe) for probe in seen.probes] if seen else [],
        "checks": [_check_record(prospect) for prospect in diagnosis.prospects],
    }


def _dataset_record(probe: Probe) -> dict[str, Any]:
    reason = plain(probe.reason) if probe.reason else None
    return dataclasses.asdict(probe) | {"reach": probe.reach.value, "reason": reason, "roles": list(probe.roles)}


def _check_record(prospect: Prospect) -> dict[str, Any]:
    record = dataclasses.asdict(prospect)
    return {"id": record.pop("check_id"), **record}
