"""A small VBR server for field tests: documents go in, an audit through the real client comes out.

    vbr = SmallServer("1.3-rev1", now="2026-11-01T06:00:00+01:00")
    nightly = vbr.add_job("Nightly", schedule=schedule_of(daily=daily("22:00")))
    vbr.add_session(nightly, "2026-10-31T22:00:00+01:00", minutes=30)
    audit = audited(vbr, month="2026-10", timezone="Europe/Berlin")
    assert status_of(audit, "RUN-005", "Nightly") == "PASS"

Every builder returns the document that it added, to be changed further, and takes any further key of it, at last and
whatever it had made itself: `vbr.add_session(nightly, ..., state="Idle", endTime=None)`. Words are written as the
revision writes them (`vbr.word`); a key that was overridden is left as it is. What nobody filled is an empty
collection, or an object that does not exist (404).
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any
from urllib.parse import parse_qs

import httpx
import orjson
from pydantic import SecretStr

import vbr_audit as va
from vbr_audit.api.client import Client
from vbr_audit.checks.own.own_checks import known_checks
from vbr_audit.checks.policy.policy import Policy
from vbr_audit.checks.site import load_site
from vbr_audit.display import MONTHS
from vbr_audit.pipeline import Audit
from vbr_audit.revisions import BUILDS, is_at_least
from vbr_audit.tables.build.enums import WEEK

ZERO_ID = str(uuid.UUID(int=0))
BERLIN = "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna"

Document = dict[str, Any]

_OBJECTS = (
    *("serverTime", "serverInfo", "serverCertificate", "license", "configBackup", "generalOptions"),
    *("generalOptions/emailSettings", "generalOptions/notifications", "generalOptions/eventForwarding"),
    *("securityAnalyzer/lastRun", "securityAnalyzer/schedule", "security/settings"),
)
_LISTS = {"trafficRules": "trafficRules", "securityAnalyzer/bestPractices": "items"}
_FILTERED = ("sessions", "taskSessions", "authorization/events")
_TYPES = {"sessions": "sessionType", "taskSessions": "type"}
_API = "/api/v1/"
# Tokens that stand in no other answer, as real ones: where a part of one does, each text is looked through for it.
_TOKENS = {"access_token": "kq4J7wXcV2mB9sLt", "refresh_token": "Zd8fR3nHyP6uG1aE"}


def id_of(*parts: object) -> str:
    """The same id for the same parts, e.g. `id_of("job", "Nightly")`."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "|".join(map(str, parts))))


def moment(text: str | dt.datetime) -> dt.datetime:
    """A date with its offset; one without counts as UTC."""
    read = text if isinstance(text, dt.datetime) else dt.datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=dt.UTC)


def iso(at: str | dt.datetime) -> str:
    """A date as a server writes it."""
    return at if isinstance(at, str) else at.isoformat()


def days(first: str, last: str) -> list[dt.date]:
    """All days from `first` to `last`, both included."""
    begin, end = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    return [begin + dt.timedelta(days=index) for index in range((end - begin).days + 1)]


def local(day: dt.date, time: str, zone: dt.tzinfo) -> dt.datetime:
    """A day's `HH:MM` on the clock of `zone`."""
    return dt.datetime.combine(day, dt.time.fromisoformat(time), tzinfo=zone)


def daily(time: str = "22:00", kind: str = "Everyday", days: Sequence[str] = (), **changes: Any) -> Document:
    """A schedule by days of the week; `kind` is Everyday, WeekDays or SelectedDays."""
    return {"isEnabled": True, "localTime": time, "dailyKind": kind, "days": list(days)} | changes


def monthly(
    time: str = "22:00",
    number: str = "First",
    weekday: str = "Saturday",
    day: int = 1,
    months: Sequence[str] = MONTHS,
    **changes: Any,
) -> Document:
    """A schedule by months: the `number`-th `weekday`, or `day` where `number` is OnDay."""
    when = {"dayNumberInMonth": number, "dayOfWeek": weekday, "dayOfMonth": day, "isLastDayOfMonth": False}
    return {"isEnabled": True, "localTime": time, **when, "months": list(months)} | changes


def periodically(frequency: int = 1, kind: str = "Hours", minute: int = 0, **changes: Any) -> Document:
    """A schedule every so many hours or minutes; `minute` is the start time within an hour."""
    return {
        "isEnabled": True,
        "periodicallyKind": kind,
        "frequency": frequency,
        "startTimeWithinAnHour": minute,
    } | changes


def hours_allowed(*allowed: int, weekdays: Sequence[str] = WEEK) -> Document:
    """A backup window (`backupWindow`) that permits these hours of each day."""
    hours = ",".join(str(int(hour in allowed)) for hour in range(24))
    return {"days": [{"day": day, "hours": hours} for day in weekdays]}


def schedule_of(**parts: Any) -> Document:
    """A job's schedule: `daily`, `monthly`, `periodically`, `continuously` or `afterThisJob` as given, others off."""
    kinds = ("daily", "monthly", "periodically", "continuously", "afterThisJob", "backupWindow")
    retry = {"isEnabled": True, "retryCount": 3, "awaitMinutes": 10}
    return {"runAutomatically": True, **{kind: {"isEnabled": False} for kind in kinds}, "retry": retry} | parts


class SmallServer:
    """Documents of one server. `collections` and `objects` are by path below /api/v1/, `statuses` answer instead."""

    def __init__(
        self,
        revision: str = "1.3-rev1",
        *,
        now: str = "2026-11-01T06:00:00+01:00",
        zone: str | None = BERLIN,
        iana: str | None = None,
        name: str = "vbr01",
    ) -> None:
        self.revision, self.now, self.name = revision, now, name
        clock: Document = {"serverTime": now, "timeZone": zone} | ({"ianaTimeZoneId": iana} if iana else {})
        build = {"buildVersion": BUILDS[revision], "patches": [], "databaseVendor": "PostgreSql"}
        self.objects: dict[str, Document] = {
            "serverTime": clock,
            "serverInfo": {"vbrId": id_of("server", name), "name": name, **build},
        }
        self.collections: dict[str, list[Document]] = {}
        self.statuses: dict[str, int] = {}
        self.answers: dict[str, Callable[[dict[str, str]], tuple[int, Any]]] = {}
        self.asked: list[tuple[str, str]] = []

    # -- documents

    def word(self, text: str) -> str:
        """A word of an enumeration as this revision spells it: a small first letter before 1.3-rev1."""
        return text if is_at_least(self.revision, "1.3-rev1") else text[:1].lower() + text[1:]

    def rows(self, path: str) -> list[Document]:
        """The rows of a collection, to read or to change."""
        return self.collections.setdefault(path, [])

    def add(self, path: str, document: Document, changes: Document | None = None) -> Document:
        """Append a document of any kind."""
        row = document | (changes or {})
        self.rows(path).append(row)
        return row

    def add_job(
        self,
        name: str,
        kind: str = "VSphereBackup",
        *,
        schedule: Document | None = None,
        repository: str = "Repository A",
        retention: tuple[str, int] = ("Days", 7),
        gfs: Document | None = None,
        **changes: Any,
    ) -> Document:
        """A job that backs up machines nightly at 22:00 unless stated otherwise; `gfs` is its whole `gfsPolicy`."""
        storage = {
            "backupRepositoryId": id_of("repository", repository),
            "backupProxies": {"autoSelectEnabled": True, "proxyIds": []},
            "retentionPolicy": {"type": self.word(retention[0]), "quantity": retention[1]},
            "gfsPolicy": gfs or {"isEnabled": False},
            "advancedSettings": {
                "backupModeType": self.word("Incremental"),
                "synthenticFulls": {"isEnabled": True, "weekly": {"isEnabled": True, "days": [self.word("Saturday")]}},
                "activeFulls": {"isEnabled": False},
                "backupHealth": {"isEnabled": False},
                "storageData": {"encryption": {"isEnabled": True, "encryptionPasswordId": id_of("password")}},
            },
        }
        document = {
            "id": id_of("job", name),
            "name": name,
            "type": kind if is_at_least(self.revision, "1.3-rev0") else "Backup" if kind == "VSphereBackup" else kind,
            "description": "",
            "isDisabled": False,
            "isHighPriority": False,
            "virtualMachines": {"includes": [{"inventoryObject": {"platform": "VSphere", "name": "vm"}}]},
            "storage": storage,
            "guestProcessing": {"appAwareProcessing": {"isEnabled": True, "appSettings": []}},
            "schedule": self._spelt(schedule or schedule_of(daily=daily())),
        }
        return self.add("jobs", document, changes)

    def add_copy_job(
        self,
        name: str,
        of: Document,
        *,
        schedule: Document | None = None,
        repository: str = "Repository B",
        retention: tuple[str, int] = ("Days", 7),
        **changes: Any,
    ) -> Document:
        """A backup copy job (from 1.3-rev0 on) of the job `of`, immediate and always running by default."""
        plan = schedule or {"type": "Immediate", "scheduleMode": "Continuous", "backupWindow": None}
        target = {
            "backupRepositoryId": id_of("repository", repository),
            "retentionPolicy": {"type": self.word(retention[0]), "quantity": retention[1]},
            "gfsPolicy": {"isEnabled": False},
            "advancedSettings": {
                "backupHealth": {"isEnabled": False},
                "storageData": {"encryption": {"isEnabled": True}},
            },
        }
        document = {
            "id": id_of("job", name),
            "name": name,
            "type": "BackupCopy",
            "description": "",
            "isDisabled": False,
            "mode": self.word(plan["type"]),
            "sourceObjects": {"includes": {"jobs": [{"id": of["id"], "name": of["name"]}]}, "excludes": {}},
            "target": target,
            "schedule": self._spelt(plan),
        }
        return self.add("jobs", document, changes)

    def add_state(self, job: Document, last_run: str | dt.datetime | None, **changes: Any) -> Document:
        """What `jobs/states` reports a job: idle, and its last run a success."""
        document = {
            "id": job["id"],
            "name": job["name"],
            "type": job["type"],
            "description": job.get("description", ""),
            "status": self.word("Inactive"),
            "lastRun": None if last_run is None else iso(last_run),
            "lastResult": "Success",
            "nextRun": None,
            "workload": self.word("Vm"),
            "repositoryId": ZERO_ID,
            "repositoryName": "Repository A",
            "objectsCount": 1,
            "sessionId": id_of("last session", job["id"]),
            "highPriority": False,
            "progressPercent": 0,
        }
        return self.add("jobs/states", document, changes)

    def add_session(
        self,
        job: Document,
        created: str | dt.datetime,
        *,
        minutes: float | None = 30,
        result: str = "Success",
        **changes: Any,
    ) -> Document:
        """A session of a job that began at `created` and took so many minutes (None: it still runs)."""
        begun = iso(created)
        ended = None if minutes is None else iso(moment(created) + dt.timedelta(minutes=minutes))
        ran = {"result": result if ended else "None", "message": result if ended else "", "isCanceled": False}
        document = {
            "id": id_of("session", self.name, len(self.rows("sessions"))),
            "name": job["name"],
            "jobId": job["id"],
            "sessionType": ("Job" if self.revision.startswith("1.1") else "BackupJob")
            if job["type"] != "BackupCopy"
            else "BackupCopyJob",
            "creationTime": begun,
            "endTime": ended,
            "state": "Stopped" if ended else "Working",
            "progressPercent": 100 if ended else 40,
            "result": ran,
            "resourceId": ZERO_ID,
            "resourceReference": "",
            "parentSessionId": None,
            "usn": len(self.rows("sessions")),
            "platformName": "VSphere",
            "platformId": ZERO_ID,
            "initiatedBy": "NT AUTHORITY\\SYSTEM",
        }
        return self.add("sessions", document, changes)

    def add_task(self, session: Document, name: str, result: str | None = None, **changes: Any) -> Document:
        """The task of one object in a session; without `result` it ended as the session did."""
        ended = result or session["result"]["result"]
        sizes = dict.fromkeys(("readSize", "processedSize", "transferredSize"), 10**9)
        document = {
            "id": id_of("task", self.name, len(self.rows("taskSessions"))),
            "name": name,
            "type": "Backup",
            "sessionId": session["id"],
            "sessionType": session["sessionType"],
            "creationTime": session["creationTime"],
            "endTime": session["endTime"],
            "state": session["state"],
            "result": {"result": ended, "message": ended, "isCanceled": False},
            "algorithm": "Increment",
            "repositoryId": id_of("repository", "Repository A"),
            "progress": {**sizes, "progressPercent": 100, "bottleneck": "Source"},
        }
        return self.add("taskSessions", document, changes)

    def add_backup(
        self,
        job: Document,
        created: str | dt.datetime = "2026-01-01T22:00:00+01:00",
        *,
        repository: str = "Repository A",
        name: str | None = None,
        **changes: Any,
    ) -> Document:
        """The backup that a job writes."""
        title = name or job["name"]
        document = {
            "id": id_of("backup", title, repository),
            "jobId": job["id"],
            "policyUniqueId": "",
            "name": title,
            "platformName": "VSphere",
            "platformId": ZERO_ID,
            "creationTime": iso(created),
            "repositoryId": id_of("repository", repository),
        }
        if is_at_least(self.revision, "1.3-rev0"):
            document |= {"repositoryName": repository, "jobType": job["type"]}
        return self.add("backups", document, changes)

    def add_object(self, backup: Document, name: str, points: int = 1, **changes: Any) -> Document:
        """A machine in a backup."""
        document = {
            "id": id_of("object", name),
            "name": name,
            "type": "VM",
            "platformName": "VSphere",
            "platformId": ZERO_ID,
            "restorePointsCount": points,
            "lastRunFailed": False,
            "objectId": f"vm-{id_of('vm', name)[:6]}",
            "viType": "VirtualMachine",
        }
        return self.add(f"backups/{backup['id']}/objects", document, changes)

    def add_point(
        self,
        backup: Document,
        name: str,
        created: str | dt.datetime,
        kind: str = "Increment",
        *,
        gfs: Iterable[str] = (),
        file: Document | None = None,
        **changes: Any,
    ) -> Document:
        """A restore point of a machine with the backup file that holds it; `file` overrides keys of the file."""
        count = len(self.rows("restorePoints"))
        point_id, file_id = id_of("point", self.name, count), id_of("file", self.name, count)
        object_id = id_of("object", name)
        self.add(
            f"backups/{backup['id']}/backupFiles",
            {
                "id": file_id,
                "name": f"{name}-{count}.{'vbk' if kind == 'Full' else 'vib'}",
                "backupId": backup["id"],
                "objectId": object_id,
                "objectIds": [object_id],
                "restorePointIds": [point_id],
                "dataSize": 10**9,
                "backupSize": 10**9,
                "dedupRatio": 100,
                "compressRatio": 100,
                "creationTime": iso(created),
                "gfsPeriods": [self.word(period) for period in gfs],
            },
            file,
        )
        document = {
            "id": point_id,
            "name": name,
            "platformName": "VSphere",
            "platformId": ZERO_ID,
            "creationTime": iso(created),
            "backupId": backup["id"],
            "type": self.word(kind),
            "sessionId": ZERO_ID,
            "allowedOperations": [],
            "malwareStatus": self.word("Clean"),
            "backupFileId": file_id,
            "guestOsFamily": "Windows",
            "originalSize": 10**10,
        }
        return self.add("restorePoints", document, changes)

    def add_repository(
        self,
        name: str = "Repository A",
        kind: str = "WinLocal",
        *,
        path: str = "D:\\Backup",
        host: str = "host-1",
        immutable_days: int = 0,
        state: Document | None = None,
        **changes: Any,
    ) -> Document:
        """A repository and its state; `state` overrides keys of the state."""
        document: Document = {"id": id_of("repository", name), "name": name, "description": "", "type": kind}
        document["hostId"] = id_of("host", host)
        if kind in ("WinLocal", "LinuxLocal", "LinuxHardened", "Smb", "Nfs"):
            document["repository"] = {
                "path": path,
                "taskLimitEnabled": True,
                "maxTaskCount": 4,
                "advancedSettings": {"perVmBackup": True, "rotatedDrives": False},
            }
            if kind == "LinuxHardened":
                document["repository"]["makeRecentBackupsImmutableDays"] = immutable_days
        else:
            immutability = {"isEnabled": immutable_days > 0, "daysCount": immutable_days}
            document |= {"taskLimitEnabled": True, "bucket": {"bucketName": "b", "immutability": immutability}}
        told = {"id": document["id"], "name": name, "type": kind, "description": "", "hostId": document["hostId"]}
        space = {"capacityGB": 1000.0, "freeGB": 600.0, "usedSpaceGB": 400.0, "isOnline": True, "isOutOfDate": False}
        states = "backupInfrastructure/repositories/states"
        self.add(states, {**told, "hostName": host, "path": path, **space}, state)
        return self.add("backupInfrastructure/repositories", document, changes)

    def _spelt(self, plan: Any) -> Any:
        """Words of a schedule as this revision spells them."""
        if isinstance(plan, dict):
            return {key: value if key == "jobName" else self._spelt(value) for key, value in plan.items()}
        if isinstance(plan, list):
            return [self._spelt(value) for value in plan]
        return self.word(plan) if isinstance(plan, str) and plan[:1].isalpha() else plan

    # -- answers

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer as a WSGI application."""
        path, query = environ["PATH_INFO"], parse_qs(environ["QUERY_STRING"])
        self.asked.append((path, environ["QUERY_STRING"]))
        status, document = self._answer(path, query, environ.get("HTTP_X_API_VERSION", ""))
        body = orjson.dumps(document)
        start(f"{status} -", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def _answer(self, path: str, query: dict[str, list[str]], revision: str) -> tuple[int, Any]:
        if path.startswith("/api/oauth2/"):
            return 200, {**_TOKENS, "token_type": "bearer", "expires_in": 900}
        if revision != self.revision:
            return _refusal(400, f"Unsupported version. The following versions are supported: v{self.revision}")
        below = path.removeprefix(_API)
        if below in self.answers:
            return self.answers[below]({name: values[-1] for name, values in query.items()})
        if below in self.statuses:
            return _refusal(self.statuses[below], "refused")
        if below in self.objects:
            return 200, self.objects[below]
        if below in _OBJECTS:
            return _refusal(404, "not found")
        if below in _LISTS:
            return 200, {_LISTS[below]: self.rows(below)}
        if below.startswith("jobs/") and below != "jobs/states":
            found = [job for job in self.rows("jobs") if job["id"] == below.removeprefix("jobs/")]
            return (200, found[0]) if found else _refusal(404, "not found")
        return 200, _page(self._selected(below, query), query)

    def _selected(self, path: str, query: dict[str, list[str]]) -> list[Document]:
        """The rows that the filters let through, in the order of their dates where they have some."""
        if path == "backupObjects":
            backups = [backup["id"] for backup in self.rows("backups")]
            return [{"backupId": i, **row} for i in backups for row in self.collections.get(f"backups/{i}/objects", [])]
        if path == "objectRestorePoints":
            path = "restorePoints"
        found = list(self.collections.get(path, []))
        if path not in _FILTERED:
            return found
        kinds = {kind for text in query.get("typeFilter", []) for kind in text.split(",")}
        low, high = (query.get(name, [""])[-1] for name in ("createdAfterFilter", "createdBeforeFilter"))
        kept = [
            row
            for row in found
            if not row["creationTime"]
            or (
                (not low or moment(row["creationTime"]) >= moment(low))
                and (not high or moment(row["creationTime"]) <= moment(high))
            )
        ]
        kept = [row for row in kept if not kinds or row.get(_TYPES.get(path, "type")) in kinds]
        return sorted(kept, key=lambda row: moment(row["creationTime"] or "1970-01-01"))


def _page(rows: list[Document], query: dict[str, list[str]]) -> Document:
    skip, limit = int(query.get("skip", ["0"])[-1]), int(query.get("limit", ["200"])[-1])
    page = rows[skip : skip + limit]
    return {"data": page, "pagination": {"total": len(rows), "count": len(page), "skip": skip, "limit": limit}}


def _refusal(status: int, message: str) -> tuple[int, Document]:
    codes = {400: "BadRequest", 403: "AccessDenied", 404: "NotFound"}
    return status, {"errorCode": codes.get(status, "Unexpected"), "message": message, "resourceId": None}


# -- audits


def client_of(server: SmallServer) -> Client:
    """The real client, in process."""
    return Client(
        "http://127.0.0.1",
        name=server.name,
        username="auditor",
        password=SecretStr("secret"),
        transport=httpx.WSGITransport(app=server),
    )


def audited(
    *servers: SmallServer,
    month: str | None = None,
    since: str | dt.datetime | None = None,
    until: str | dt.datetime | None = None,
    timezone: str | None = None,
    datasets: str | Iterable[str] | None = None,
    only: str = "",
    **judged_by: Any,
) -> Audit:
    """The audit of servers through client, collection and checks, by all checks or by `only` some, e.g. `RUN CPY-001`.

    `judged_by` are `site`, `policy`, `waivers` and what else `vbr_audit.audit` takes. A site file, a policy or waivers
    may be given as their text.
    """
    judged_by["policy"] = _only(only) if only else judged_by.get("policy")
    if isinstance(judged_by["policy"], str):
        judged_by["policy"] = _policy_of(judged_by["policy"])
    clients = [client_of(server) for server in servers]
    period = {"month": month, "since": since, "until": until, "timezone": timezone}
    snapshot = va.collect(clients, **period, datasets=datasets, policy=judged_by["policy"], progress=False)
    for client in clients:
        client.close()
    if isinstance(judged_by.get("site"), str):
        judged_by["site"] = load_site(judged_by["site"])
    return va.audit(snapshot, **judged_by)


@cache
def _policy_of(text: str) -> Policy:
    """A policy of this text, read once however many audits are judged by it."""
    return known_checks().policy(text)


def _only(names: str) -> str:
    """A policy with these checks, and those of these areas, alone: `RUN CPY-001`."""
    enabled = [f'  "{name if "-" in name else f"{name}-*"}": {{enabled: true}}' for name in names.split()]
    aside = '  "*": {enabled: false, reason: not part of this test}'
    return "\n".join(["version: 1", "checks:", aside, *enabled, ""])


def finding(audit: Audit, check: str, object_name: str | None = None) -> Document:
    """The one finding of a check about an object of this name (None: of the check's only object)."""
    rows = audit.findings[audit.findings["check_id"] == check]
    if object_name is not None:
        rows = rows[rows["object_name"] == object_name]
    found = rows.to_dict("records")
    if len(found) != 1:
        raise AssertionError(f"{check} has {len(found)} findings about {object_name or 'anything'}, not one")
    return {str(name): value for name, value in found[0].items()}


def status_of(audit: Audit, check: str, object_name: str | None = None) -> str:
    """What a check says of an object: PASS, FAIL, UNKNOWN or NOT_APPLICABLE."""
    return str(finding(audit, check, object_name)["status"])


def statuses_of(audit: Audit, check: str) -> dict[str, str]:
    """What a check says of each object, by its name."""
    rows = audit.findings[audit.findings["check_id"] == check]
    return dict(zip(rows["object_name"], rows["status"], strict=True))
