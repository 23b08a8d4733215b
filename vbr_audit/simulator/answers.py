"""The bodies of answers: errors, single objects, and pages of a collection."""

from collections.abc import Sequence
from http import HTTPStatus

import orjson
from flask import Response

from vbr_audit.simulator.faults import Faults
from vbr_audit.simulator.queries import DEFAULT_LIMIT, Args, whole

Json = dict[str, object]

_NULL_EVERY, _NULL_AT, _NUMBER_AT = 25, 7, 13

HTML_PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><form>Sign in</form></body></html>"


def error(status: HTTPStatus, code: str, message: str, *, retry_after: str | None = None) -> Response:
    """An error in the shape that every error has."""
    body = orjson.dumps({"errorCode": code, "message": message, "resourceId": None})
    response = Response(body, status=status, content_type="application/json; charset=utf-8")
    if retry_after is not None:
        response.headers["Retry-After"] = retry_after
    return response


def whole_object(value: object) -> Response:
    """One JSON object."""
    return raw(orjson.dumps(value))


def raw(body: bytes) -> Response:
    """A body that is JSON already."""
    return Response(body, content_type="application/json; charset=utf-8")


def one_page(rows: Sequence[bytes | Json], args: Args, faults: Faults, dataset: str) -> Response:
    """One page of rows, encoded or not, in its envelope, bent by the faults that concern paging."""
    skip = whole(args, "skip", 0)
    limit = whole(args, "limit", DEFAULT_LIMIT, least=1)
    cap = faults.count("limit-cap")
    size = min(limit, cap) if cap else limit
    start = 0 if faults.strikes("ignored-skip", dataset) else skip
    if "duplicates" in faults and size > 1:
        places = [n - n // size for n in range(start, start + size)]
        picked = [rows[place] for place in places if place < len(rows)]
    else:
        picked = list(rows[start : start + size])
    chosen = [row if isinstance(row, bytes) else orjson.dumps(row) for row in picked]
    if "null-rows" in faults:
        chosen = [_blanked(row, start + number) for number, row in enumerate(chosen)]
    total = max(0, len(rows) + faults.count("total-high") - faults.count("total-low"))
    pagination = {"total": total, "count": len(chosen), "skip": skip, "limit": limit}
    return raw(b'{"data":[' + b",".join(chosen) + b'],"pagination":' + orjson.dumps(pagination) + b"}")


def _blanked(row: bytes, place: int) -> bytes:
    turn = place % _NULL_EVERY
    if turn == _NULL_AT:
        return b"null"
    return b'"no object"' if turn == _NUMBER_AT else row
