"""The tables that say where the others come from: `servers` and `datasets`. The collection fills them."""

from __future__ import annotations

from typing import Final

from vbr_audit.tables.build.schema import Column, ObjectKind, Sheet, TableSpec

SERVERS: Final = TableSpec(
    name="servers",
    key=("server",),
    help="One row per server of the run.",
    columns=(
        Column("server", "string", "The server's name in this run.", holds="server"),
        Column("url", "string", "The address of the server.", holds="url"),
        Column("revision", "string", "The API revision used.", holds="kept"),
        Column(
            "revision_newest", "string", "The newest revision that both the server and this tool support.", holds="kept"
        ),
        Column("build", "string", "The server's build number.", holds="word"),
        Column("vbr_id", "string", "The id of the installation.", holds="id"),
        Column("account", "string", "The account that signed in.", holds="user"),
        Column("role", "string", "The account's role, where the server reports it.", holds="word"),
        Column("clock_skew_s", "Float64", "The server's clock minus the collector's.", "s"),
        Column("server_time", "datetime", "The server's clock at collection."),
        Column("time_zone", "string", "The server's time zone as it reports it.", holds="word"),
        Column(
            "zone",
            "string",
            "Its time zone as interpreted: an IANA name, or the offset of its clock.",
            holds="word",
        ),
        Column("zone_source", "string", "The source of that time zone.", holds="kept"),
        Column("tls", "string", "How the server's certificate was checked.", holds="word"),
    ),
    kind=ObjectKind("server", "server", "server", cause="server setting"),
    sheet=Sheet("Backup servers", wraps=True),
)

DATASETS: Final = TableSpec(
    name="datasets",
    key=("server", "name"),
    help="One row per server and dataset: what was requested, what was received, and what was not.",
    columns=(
        Column("server", "string", "The server's name in this run.", holds="server"),
        Column("name", "string", "The dataset.", holds="kept"),
        Column("path", "string", "The path that was requested.", holds="word"),
        Column("query", "string", "The query without paging.", holds="word"),
        Column("revision", "string", "The API revision used.", holds="kept"),
        Column("pages", "Int64", "Responses received.", "pages"),
        Column("api_total", "Int64", "The last total that the server reported.", "rows"),
        Column("rows_received", "Int64", "Rows in all responses.", "rows"),
        Column("rows_duplicate", "Int64", "Rows received more than once.", "rows"),
        Column("rows_outside_period", "Int64", "Rows dropped because they lie outside the period.", "rows"),
        Column("rows_kept", "Int64", "Rows in the table.", "rows"),
        Column(
            "naive_dates",
            "Int64",
            "Dates without an offset that are not known, as the server's time zone is not known.",
            "dates",
        ),
        Column("assumed_dates", "Int64", "Dates without an offset, read in the server's time zone.", "dates"),
        Column("impossible_dates", "Int64", "Dates before 1990 or after 2099, treated as not known.", "dates"),
        Column("status", "string", "complete, partial, denied, absent or failed.", holds="word"),
        Column("reason", "string", "Why the dataset is not complete.", holds="server text"),
        Column("started", "datetime", "When the first response was requested."),
        Column("ended", "datetime", "When the last response was received."),
        Column("bytes", "Int64", "Size of all responses, decoded.", "bytes"),
        Column("sha256", "string", "Hash of all responses in order.", holds="digest"),
    ),
    kind=ObjectKind("dataset", "name", "name"),
    sheet=Sheet(is_shown=False),
)
