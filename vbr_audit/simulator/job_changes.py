"""What the writes do to the estate: jobs appear, change and go, start and stop."""

from dataclasses import replace

from vbr_audit.simulator.documents import document_of
from vbr_audit.simulator.estate import Estate
from vbr_audit.simulator.identity import identify
from vbr_audit.simulator.job_bodies import BadBodyError
from vbr_audit.simulator.jobs import Job
from vbr_audit.simulator.plans import REPOSITORIES, Plan
from vbr_audit.simulator.reshape import as_written_in
from vbr_audit.simulator.sessions import Session

Json = dict[str, object]


def create(estate: Estate, body: Json, kind: str, revision: str) -> Job:
    """Add a job; what its specification leaves out gets the server's defaults."""
    name = str(body["name"])
    if any(job.plan.name == name for job in estate.jobs):
        raise BadBodyError(f"A job with the name {name} already exists.")
    plan = Plan(name=name, type=kind)
    defaults = as_written_in(document_of(plan, estate.seed) or {}, revision)
    document = {**defaults, **body, "id": estate.draw_id(), "isDisabled": False}
    job = Job(id=str(document["id"]), plan=plan, backup_id=estate.draw_id(), document=document, written_in=revision)
    job = _following(estate, job, document)
    estate.jobs.append(job)
    return job


def edit(estate: Estate, job: Job, document: Json, revision: str) -> Job:
    """Put a whole document in the place of the one that the job has."""
    name = str(document["name"])
    if any(other.plan.name == name and other.id != job.id for other in estate.jobs):
        raise BadBodyError(f"A job with the name {name} already exists.")
    changed = _following(estate, replace(job, document=document, written_in=revision), document)
    for place, other in enumerate(estate.jobs):
        if other.plan.follows == job.plan.name:
            estate.jobs[place] = replace(other, plan=replace(other.plan, follows=name))
    _put(estate, changed)
    return changed


def delete(estate: Estate, job: Job) -> None:
    """Take a job away; what it did stays in the history."""
    estate.jobs[:] = [each for each in estate.jobs if each.id != job.id]


def switch(estate: Estate, job: Job, *, disabled: bool) -> None:
    """Disable or enable a job."""
    document = None if job.document is None else {**job.document, "isDisabled": disabled}
    _put(estate, replace(job, plan=replace(job.plan, disabled=disabled), document=document))


def start(estate: Estate, job: Job, *, at: int, full: bool) -> Session:
    """Start a job that does not run."""
    if _running(estate, job) is not None:
        raise BadBodyError("The job is already running.")
    last = estate.sessions[-1].created if estate.sessions else at
    session = Session(
        id=estate.draw_id(),
        name=job.plan.name,
        kind=job.session_kind,
        created=max(at, last + 1),
        ended=None,
        result=None,
        state="Starting",
        progress=0,
        job_id=job.id,
        platform=job.platform,
        platform_id=identify(0, "platform", job.platform),
        algorithm="Full" if full else "Increment",
    )
    estate.sessions.append(session)
    return session


def stop(estate: Estate, job: Job, *, at: int, graceful: bool) -> Session:
    """Stop a running job; a graceful stop keeps the machines that are done."""
    session = _running(estate, job)
    if session is None:
        raise BadBodyError("The job is not running.")
    session.state, session.canceled = "Stopped", True
    session.ended = max(at, session.created)
    session.result = "Warning" if graceful else "Failed"
    session.message = "The job was stopped by an operator."
    return session


def _running(estate: Estate, job: Job) -> Session | None:
    runs = (session for session in reversed(estate.sessions) if session.job_id == job.id)
    newest = next(runs, None)
    return newest if newest is not None and newest.ended is None else None


def _following(estate: Estate, job: Job, document: Json) -> Job:
    """The job with a plan that says what its document says, so that its state does too."""
    machines, schedule, storage = (document.get(key) for key in ("virtualMachines", "schedule", "storage"))
    includes = machines.get("includes") if isinstance(machines, dict) else None
    automatic = schedule.get("runAutomatically") if isinstance(schedule, dict) else None
    target = storage.get("backupRepositoryId") if isinstance(storage, dict) else None
    plan = replace(
        job.plan,
        name=str(document["name"]),
        disabled=bool(document["isDisabled"]),
        high_priority=bool(document.get("isHighPriority")),
        members=len(includes) if isinstance(includes, list) else job.plan.members,
        automatic=automatic if isinstance(automatic, bool) else job.plan.automatic,
        repository=job.plan.repository if target is None else _repository(estate, str(target)),
    )
    return replace(job, plan=plan, document={**document, "type": job.plan.type})


def _repository(estate: Estate, wanted: str) -> str:
    for key in REPOSITORIES:
        if identify(estate.seed, "repository", key) == wanted.lower():
            return key
    raise BadBodyError("The backup repository of the job does not exist.")


def _put(estate: Estate, job: Job) -> None:
    for place, other in enumerate(estate.jobs):
        if other.id == job.id:
            estate.jobs[place] = job
