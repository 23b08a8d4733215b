"""The ten operations of the Jobs section: list, states, get, create, edit, delete, start, stop, enable, disable.

Reading takes any client, writing one that was made with `allow_writes`; otherwise `WriteRefusedError` comes before
anything leaves. Documents are plain dictionaries as received; `models` beside it reads them by name. Where "every role"
is said, a Security Administrator is left out from 1.2 to 1.3-rev0.
"""

from __future__ import annotations

import copy
import datetime as dt
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from vbr_audit.api.client import Answer, Client
from vbr_audit.api.job_operations.models import Part, check_specification
from vbr_audit.api.job_operations.writing import check_write, encode_body
from vbr_audit.api.paging import LIMIT, KeyFilter, PageReader, envelope
from vbr_audit.errors import BadAnswerError, ChangedMeanwhileError, ConfigurationError
from vbr_audit.revisions import job_type_name, state_word, stop_key

JOBS = "/api/v1/jobs"
STATES = f"{JOBS}/states"

Document = dict[str, Any]
Change = Mapping[str, Any] | Callable[[Document], Document | None]
"""What an edit does: a nested mapping of the keys to set, or a function that changes a copy or answers a new one."""


def list_jobs(
    client: Client,
    *,
    skip: int = 0,
    limit: int | None = None,
    order_column: str = "Name",
    order_asc: bool = True,
    name_filter: str | None = None,
    type_filter: str | None = None,
) -> Listing:
    """The documents of all jobs, or of at most `limit` after `skip`; `GET jobs`, since 1.1-rev0, every role.

    `order_column`: Name, Type or Description. `name_filter` matches any property, with `*` at either end.
    """
    query = _query(client, order_column, order_asc, name_filter, type_filter)
    return read_listing(client, JOBS, query, skip=skip, limit=limit)


def list_states(
    client: Client,
    *,
    skip: int = 0,
    limit: int | None = None,
    order_column: str = "Name",
    order_asc: bool = True,
    id_filter: str | UUID | None = None,
    name_filter: str | None = None,
    type_filter: str | None = None,
    last_result_filter: str | None = None,
    status_filter: str | None = None,
    workload_filter: str | None = None,
    last_run_after_filter: dt.datetime | None = None,
    last_run_before_filter: dt.datetime | None = None,
    is_high_priority_job_filter: bool | None = None,
    repository_id_filter: str | UUID | None = None,
    objects_count_filter: int | None = None,
) -> Listing:
    """The states of all jobs, also of those without a document; `GET jobs/states`, since 1.1-rev0, every role.

    Dates must know their offset. Statuses and workloads get the first letter, large or small, that the revision writes.
    """
    query = _query(client, order_column, order_asc, name_filter, type_filter)
    revision = client.settle() if status_filter or workload_filter else client.revision
    filters = {
        "idFilter": None if id_filter is None else _identifier("id_filter", id_filter),
        "lastResultFilter": _word("last_result_filter", last_result_filter),
        "statusFilter": _state("status_filter", status_filter, revision),
        "workloadFilter": _state("workload_filter", workload_filter, revision),
        "lastRunAfterFilter": _moment("last_run_after_filter", last_run_after_filter),
        "lastRunBeforeFilter": _moment("last_run_before_filter", last_run_before_filter),
        "isHighPriorityJobFilter": _flag(is_high_priority_job_filter),
        "repositoryIdFilter": (
            None if repository_id_filter is None else _identifier("repository_id_filter", repository_id_filter)
        ),
        "objectsCountFilter": (
            None if objects_count_filter is None else str(_count("objects_count_filter", objects_count_filter))
        ),
    }
    query |= {name: value for name, value in filters.items() if value is not None}
    return read_listing(client, STATES, query, skip=skip, limit=limit)


def get_job(client: Client, job_id: str | UUID) -> Document:
    """The document of one job, as received; `GET jobs/{id}`, since 1.1-rev0, every role.

    Raises `AbsentError` for an id that no job has, and `ApiError` for a type whose settings cannot be read over REST.
    """
    path = _path(job_id)
    return _document(client.get(path), path)


def create_job(client: Client, specification: Mapping[str, Any] | Part) -> Document:
    """Create a job and answer its document; `POST jobs`, since 1.1-rev0, Veeam Backup Administrator.

    The three documented types are checked first; the specification of any other type is sent as it is. The type, and
    the keys of a model made by name, are spelt as the revision does. Raises `ConfigurationError` for a specification
    that lacks what its type needs.
    """
    check_write("POST", JOBS, allowed=client.allow_writes)
    made = specification if isinstance(specification, Part) else None
    check_specification(made.document() if made else dict(specification))
    revision = client.settle()
    body = made.document(revision) if made else copy.deepcopy(dict(specification))
    body["type"] = job_type_name(body["type"], revision)
    return _document(client.request("POST", JOBS, body), JOBS)


def edit_job(client: Client, job_id: str | UUID, change: Change) -> Document:
    """Change one job and answer its new document; `PUT jobs/{id}`, since 1.1-rev0, Veeam Backup Administrator.

    The API requires the whole document, so it is read, `change` is applied to a copy, and all of it goes back: what was
    not changed stays as received, keys that this package does not know included. The job is read again right before
    the write, and `ChangedMeanwhileError` is raised where it changed in between. A small window remains between that
    read and the write, because the API has no way to write only what is still unchanged. An edit that changes nothing
    sends nothing. `change` as a mapping sets keys that exist; raises `ConfigurationError` for one that does not, and
    for an edit that would change id or type or lose a part.
    """
    path = _path(job_id)
    check_write("PUT", path, allowed=client.allow_writes)
    before = _exact(client.get(path), path)
    after = _changed(before, change)
    _check_edit(before, after)
    if _canonical(after) == _canonical(before):
        return before
    if _canonical(_exact(client.get(path), path)) != _canonical(before):
        raise ChangedMeanwhileError(
            f"{path} was changed by someone else while it was edited; nothing was written",
            hint="Look at the job as it is now, and edit it again.",
            path=path,
        )
    answer = client.request("PUT", path, after)
    return _exact(answer, path) if isinstance(answer.document, dict) else get_job(client, job_id)


def delete_job(client: Client, job_id: str | UUID) -> None:
    """Delete one job; `DELETE jobs/{id}`, since 1.1-rev0, Veeam Backup Administrator."""
    client.request("DELETE", _path(job_id))


def start_job(
    client: Client, job_id: str | UUID, *, perform_active_full: bool = False, start_chained_jobs: bool = False
) -> Document | None:
    """Start one job and answer its session, or None: 1.3-rev2 may answer without one.

    `POST jobs/{id}/start`, since 1.1-rev0, Veeam Backup Administrator and Operator.
    """
    body = {"performActiveFull": perform_active_full, "startChainedJobs": start_chained_jobs}
    return _session(client, f"{_path(job_id)}/start", body)


def stop_job(client: Client, job_id: str | UUID, *, graceful: bool = True) -> Document | None:
    """Stop one running job and answer its session, or None; `graceful` keeps what is already processed.

    `POST jobs/{id}/stop`, since 1.1-rev0, Veeam Backup Administrator and Operator.
    """
    path = f"{_path(job_id)}/stop"
    check_write("POST", path, allowed=client.allow_writes)
    return _session(client, path, {stop_key(client.settle()): graceful})


def enable_job(client: Client, job_id: str | UUID) -> None:
    """Let one job run by itself; `POST jobs/{id}/enable`, since 1.1-rev0, Veeam Backup Administrator.

    In 1.1-rev1 an operator may enable a job too, though not disable one.
    """
    client.request("POST", f"{_path(job_id)}/enable")


def disable_job(client: Client, job_id: str | UUID) -> None:
    """Keep one job from running by itself; `POST jobs/{id}/disable`, since 1.1-rev0, Veeam Backup Administrator."""
    client.request("POST", f"{_path(job_id)}/disable")


def _session(client: Client, path: str, body: Document) -> Document | None:
    answer = client.request("POST", path, body)
    return answer.document if isinstance(answer.document, dict) else None


def _changed(before: Document, change: Change) -> Document:
    if isinstance(change, Mapping):
        return merged(before, change)
    draft = copy.deepcopy(before)
    answer = change(draft)
    return draft if answer is None else answer


def _check_edit(before: Document, after: Document) -> None:
    if not isinstance(after, dict):
        raise ConfigurationError("the change answered no document", hint="Answer a dictionary, or None for the copy.")
    encode_body(after)
    lost = lost_keys(before, after)
    if lost:
        raise ConfigurationError(
            f"the edit would lose {', '.join(repr(each) for each in lost[:5])}",
            hint="The API takes whole documents; change values, keep the keys.",
        )
    for key in ("id", "type"):
        if after.get(key) != before.get(key):
            raise ConfigurationError(f"an edit cannot change the {key} of a job", hint="Create another job instead.")


def _canonical(document: Document) -> str:
    """The document as text in which the order of keys does not count; 1, 1.0 and true differ."""
    return json.dumps(document, sort_keys=True)


def _exact(answer: Answer, path: str) -> Document:
    """The document read by the standard library: the fast reader makes floats of whole numbers beyond 64 bits."""
    _document(answer, path)
    document: Document = json.loads(answer.body)
    return document


def _document(answer: Answer, path: str) -> Document:
    if not isinstance(answer.document, dict):
        raise BadAnswerError(f"{path}: expected the document of a job", hint="Is this the VBR REST service?", path=path)
    return answer.document


def _path(job_id: str | UUID) -> str:
    return f"{JOBS}/{_identifier('job_id', job_id)}"


def _query(client: Client, column: str, ascending: bool, name: str | None, job_type: str | None) -> dict[str, str]:
    query = {"orderColumn": _word("order_column", column) or "Name", "orderAsc": str(bool(ascending)).lower()}
    if name is not None:
        query["nameFilter"] = name
    if job_type is not None:
        query["typeFilter"] = job_type_name(_word("type_filter", job_type) or "", client.settle())
    return query


# The values of query parameters: checked before they leave, and written as the API reads them.

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def _identifier(name: str, value: str | UUID) -> str:
    """`value` as a UUID in small letters; anything else never becomes part of a path."""
    text = str(value)
    if not _UUID.fullmatch(text):
        raise ConfigurationError(f"{name} is no UUID: {text[:80]!r}", hint="Take the id from the list of jobs.")
    return text.lower()


def _word(name: str, value: str | None) -> str | None:
    """`value` as one word of an enumeration, or None."""
    if value is not None and not (value.isascii() and value.isalnum()):
        raise ConfigurationError(f"{name} is no word of the API: {value[:80]!r}", hint="Write it as Running.")
    return value


def _state(name: str, value: str | None, revision: str) -> str | None:
    """A status or workload as `revision` writes it, or None."""
    checked = _word(name, value)
    return None if checked is None else state_word(checked, revision)


def _moment(name: str, value: dt.datetime | None) -> str | None:
    """A moment with its explicit offset, or None; one without an offset would be read in the server's zone."""
    if value is not None and value.utcoffset() is None:
        raise ConfigurationError(f"{name} does not know its offset from UTC", hint="Give it a tzinfo, such as dt.UTC.")
    return None if value is None else value.isoformat()


def _flag(value: bool | None) -> str | None:
    """`true`, `false` or None."""
    return None if value is None else str(bool(value)).lower()


def _count(name: str, value: int) -> int:
    """`value`, which must not be negative."""
    if value < 0:
        raise ConfigurationError(f"{name} must not be negative", hint="Leave it out to read all.")
    return value


# The rows of one collection as plain dictionaries, and whether they are all of it.

Row = dict[str, Any]


@dataclass(frozen=True)
class Listing:
    """The rows that came, the server's total (None where it names none), and why they are not all that was asked for,
    if they are not."""

    rows: list[Row]
    total: int | None
    shortfall: str | None

    @property
    def is_whole(self) -> bool:
        """Whether all rows came that were asked for."""
        return self.shortfall is None

    def __repr__(self) -> str:
        return f"<Listing of {len(self.rows):,} rows, {'whole' if self.is_whole else 'not whole'}>"


def read_listing(client: Client, path: str, query: dict[str, str], *, skip: int, limit: int | None) -> Listing:
    """The rows that `GET path` lists for `query`: all from `skip` on, or at most `limit` of them."""
    _count("skip", skip)
    if limit is not None:
        _count("limit", limit)
        return _read_window(client, path, query, skip=skip, limit=limit)
    reader = PageReader(lambda at, size: client.get(path, _page_query(query, at, size)), path=path, workers=1)
    rows = [row for page in reader for row in page.rows]
    return _listing(rows[skip:], reader.total, reader.shortfall)


def _read_window(client: Client, path: str, query: dict[str, str], *, skip: int, limit: int) -> Listing:
    """Advance by the rows received until `limit` rows or the end: a server may cap its pages."""
    keys, rows_read, at = KeyFilter(("id",)), list[Any](), skip
    total: int | None = 0
    while len(rows_read) < limit:
        rows, total = envelope(client.get(path, _page_query(query, at, min(LIMIT, limit - len(rows_read)))), path)
        fresh = keys.fresh(rows)
        rows_read += fresh
        at += len(rows)
        if not fresh or (total is not None and at >= total):
            break
    rows_read = rows_read[:limit]
    wanted = limit if total is None else min(limit, max(0, total - skip))
    short = f"{len(rows_read):,} different rows came of the {wanted:,} asked for" if len(rows_read) < wanted else None
    if short and total is None:
        short += ", and the server does not state how many there are"
    return _listing(rows_read, total, short)


def _listing(rows: list[Any], total: int | None, shortfall: str | None) -> Listing:
    objects = [row for row in rows if isinstance(row, dict)]
    odd = len(rows) - len(objects)
    return Listing(objects, total, shortfall or (f"rows that are no JSON object: {odd:,}" if odd else None))


def _page_query(query: dict[str, str], skip: int, limit: int) -> dict[str, str]:
    return query | {"skip": str(skip), "limit": str(limit)}


# Changing some keys of a document without touching any other.


def merged(document: Mapping[str, Any], change: Mapping[str, Any], *, where: str = "") -> dict[str, Any]:
    """A copy of `document` with the values of `change` at the same paths; objects are merged, anything else replaced.

    Raises `ConfigurationError` for a key that the document does not have: it would be a slip that nobody notices.
    """
    result = copy.deepcopy(dict(document))
    for key, value in change.items():
        path = f"{where}.{key}" if where else str(key)
        if key not in result:
            raise ConfigurationError(
                f"the job has no {path}", hint="Look at its document for the spelling; a function may add new keys."
            )
        old = result[key]
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        result[key] = merged(old, value, where=path) if both else copy.deepcopy(value)
    return result


def lost_keys(before: Mapping[str, Any], after: Mapping[str, Any], *, where: str = "") -> list[str]:
    """The paths of the keys that `before` has and `after` lacks, looking into objects that both have."""
    lost: list[str] = []
    for key, old in before.items():
        path = f"{where}.{key}" if where else key
        if key not in after:
            lost.append(path)
        elif isinstance(old, Mapping) and isinstance(after[key], Mapping):
            lost += lost_keys(old, after[key], where=path)
    return lost
