"""Other people's systems at their worst: hostile names, unknown kinds, documents with nothing in them."""

from dataclasses import replace
from random import Random

from vbr_audit.simulator.clock import DAY, HOUR, TICKS
from vbr_audit.simulator.identity import draw, identify
from vbr_audit.simulator.jobs import Job
from vbr_audit.simulator.plans import Plan
from vbr_audit.simulator.sessions import Session

Json = dict[str, object]

TEXTS = (
    "=1+1",
    "=cmd|' /C calc'!A0",
    "+1",
    "-1",
    "@SUM(A1)",
    "\tTab first",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{7*7}}",
    "Control \x00 \x07 \x1b[31mred\x1b[0m",
    "Three hundred characters " + "x" * 275,
    "Backup 🚀👩\u200d💻 ünïcode",
    "",
    "Right to left \u202egnp.exe",
    "#REF!",
    "javascript:alert(1)",
    "Two\nlines",
)

_BARE = "Stripped document"
_NULL = "Nulls everywhere"
_FUTURE = "From the future"


def hostile_jobs(seed: int) -> list[Job]:
    """One job for each hostile text, and three whose documents say nothing that anyone knows."""
    jobs = [_named(text, number, seed) for number, text in enumerate(TEXTS)]
    bare = Job.planned(Plan(name=_BARE), seed)
    null = Job.planned(Plan(name=_NULL), seed)
    future = Job.planned(Plan(name=_FUTURE, type="FutureBackup2030"), seed)
    head: Json = {"id": future.id, "name": _FUTURE, "type": "FutureBackup2030", "isDisabled": False}
    body: Json = {"quantumVault": {"entangled": True}, "schedule": {"kind": "WheneverNeeded"}}
    return [
        *jobs,
        replace(bare, document={"id": bare.id, "name": _BARE, "type": "VSphereBackup"}),
        replace(null, document=_nulled(null.document or {})),
        replace(future, document=head | body, status="Hibernating"),
    ]


def _named(text: str, number: int, seed: int) -> Job:
    job = Job.planned(Plan(name=text, members=1), seed)
    job_id = identify(seed, "hostile job", str(number))
    document = (job.document or {}) | {"id": job_id, "description": TEXTS[(number + 1) % len(TEXTS)]}
    return replace(job, id=job_id, document=document)


def _nulled(document: Json) -> Json:
    kept = {"id", "name", "type"}
    return {key: value if key in kept else None for key, value in document.items()}


def hostile_sessions(jobs: list[Job], *, now: int, seed: int) -> list[Session]:
    """Sessions of the hostile jobs, with hostile messages, and some that break every expectation."""
    chance = Random(f"{seed}/hostile")
    made = [
        Session(
            id=draw(chance),
            name=job.plan.name,
            kind=job.session_kind,
            created=now - day * DAY - 3 * HOUR - number * TICKS,
            ended=now - day * DAY - 2 * HOUR - number * TICKS,
            result=("Success", "Warning", "Failed")[(number + day) % 3],
            message=TEXTS[number % len(TEXTS)],
            job_id=job.id,
            platform="VMware",
            initiated_by=TEXTS[(number + 2) % len(TEXTS)],
        )
        for day in range(4)
        for number, job in enumerate(jobs)
    ]
    for number, oddities in enumerate(_oddities()):
        created = now - 5 * DAY - number * HOUR
        made.append(
            Session(
                id=draw(chance),
                name=f"Odd session {number + 1}",
                kind="BackupJob",
                created=created,
                ended=created + HOUR // 2,
                result="Success",
                oddities=oddities,
            )
        )
    return made


def _oddities() -> tuple[Json, ...]:
    return (
        {"sessionType": "QuantumSync", "state": "Levitating", "result": {"result": "Maybe", "message": None}},
        {"name": None, "jobId": None, "result": None, "endTime": None, "state": None, "initiatedBy": None},
        {"creationTime": "2026-13-45T99:00:00+02:00"},
        {"creationTime": "2026-03-01T02:00:00"},
        {"endTime": "0001-01-01T00:00:00"},
        {"endTime": "9999-12-31T23:59:59.9999999Z"},
        {"result": "Success"},
        {"progressPercent": "many", "usn": "none"},
    )
