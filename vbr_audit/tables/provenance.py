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
        Column("url", "string", "The address that was asked.", holds="url"),
        Column("revision", "string", "The API revision that was used.", holds="kept"),
        Column(
            "revision_newest", "string", "The newest revision that the server and this tool both know.", holds="kept"
        ),
        Column("build", "string", "The server's build number.", holds="word"),
        Column("vbr_id", "string", "The id of the installation.", holds="id"),
        Column("account", "string", "The account that signed in.", holds="user"),
        Column("role", "string", "The account's role, where the server reports it.", holds="word"),
        Column("clock_skew_s", "Float64", "The server's clock minus the collector's.", "s"),
        Column("server_time", "datetime", "The server's clock at collection."),
        Column("time_zone", "string", "The server's time zone as it names it.", holds="word"),
        Column(
            "zone",
            "string",
            "Its time zone as it was understood: an IANA name, or the offset of its clock.",
            holds="word",
        ),
        Column("zone_source", "string", "Where that zone comes from.", holds="kept"),
        Column("tls", "string", "How the server's certificate was checked.", holds="word"),
    ),
    kind=ObjectKind("server", "server", "server", cause="server setting"),
    sheet=Sheet("Backup servers", wraps=True),
)

DATASETS: Final = TableSpec(
    name="datasets",
    key=("server", "name"),
    help="One row per server and dataset: what was asked, what came, and what did not.",
    columns=(
        Column("server", "string", "The server's name in this run.", holds="server"),
        Column("name", "string", "The dataset.", holds="kept"),
        Column("path", "string", "The path that was asked.", holds="word"),
        Column("query", "string", "The query without paging.", holds="word"),
        Column("revision", "string", "The API revision that was used.", holds="kept"),
        Column("pages", "Int64", "Answers received.", "pages"),
        Column("api_total", "Int64", "The total that the server named last.", "rows"),
        Column("rows_received", "Int64", "Rows in all answers.", "rows"),
        Column("rows_duplicate", "Int64", "Rows received more than once.", "rows"),
        Column("rows_outside_period", "Int64", "Rows dropped because they lie outside the period.", "rows"),
        Column("rows_kept", "Int64", "Rows in the table.", "rows"),
        Column(
            "naive_dates",
            "Int64",
            "Dates without an offset that are not known, as the server's zone is not.",
            "dates",
        ),
        Column("assumed_dates", "Int64", "Dates that came without an offset, read in the server's zone.", "dates"),
        Column("impossible_dates", "Int64", "Dates before 1990 or after 2099, which are not known.", "dates"),
        Column("status", "string", "complete, partial, denied, absent or failed.", holds="word"),
        Column("reason", "string", "Why it is not complete.", holds="own text"),
        Column("started", "datetime", "When the first answer was asked for."),
        Column("ended", "datetime", "When the last answer was in."),
        Column("bytes", "Int64", "Size of all answers, decoded.", "bytes"),
        Column("sha256", "string", "Hash over all answers in order.", holds="digest"),
    ),
    kind=ObjectKind("dataset", "name", "name"),
    sheet=Sheet(is_shown=False),
)
