"""The rows of one collection as plain dictionaries, and whether they are all of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vbr_audit.api.client import Client
from vbr_audit.api.job_operations.queries import count
from vbr_audit.api.paging import LIMIT, KeyFilter, PageReader, envelope

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
    count("skip", skip)
    if limit is not None:
        count("limit", limit)
        return _read_window(client, path, query, skip=skip, limit=limit)
    reader = PageReader(lambda at, size: client.get(path, _page(query, at, size)), path=path, workers=1)
    rows = [row for page in reader for row in page.rows]
    return _listing(rows[skip:], reader.total, reader.shortfall)


def _read_window(client: Client, path: str, query: dict[str, str], *, skip: int, limit: int) -> Listing:
    """Advance by the rows received until `limit` rows or the end: a server may cap its pages."""
    keys, found, at = KeyFilter(("id",)), list[Any](), skip
    total: int | None = 0
    while len(found) < limit:
        rows, total = envelope(client.get(path, _page(query, at, min(LIMIT, limit - len(found)))), path)
        fresh = keys.fresh(rows)
        found += fresh
        at += len(rows)
        if not fresh or (total is not None and at >= total):
            break
    found = found[:limit]
    wanted = limit if total is None else min(limit, max(0, total - skip))
    short = f"{len(found):,} different rows came of the {wanted:,} asked for" if len(found) < wanted else None
    if short and total is None:
        short += ", and the server does not tell how many there are"
    return _listing(found, total, short)


def _listing(rows: list[Any], total: int | None, shortfall: str | None) -> Listing:
    objects = [row for row in rows if isinstance(row, dict)]
    odd = len(rows) - len(objects)
    return Listing(objects, total, shortfall or (f"rows that are no JSON object: {odd:,}" if odd else None))


def _page(query: dict[str, str], skip: int, limit: int) -> dict[str, str]:
    return query | {"skip": str(skip), "limit": str(limit)}
