"""SQL over a history: statements that would read, write or reach anything, and tables of runs of other versions."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import invoke
from made_runs import judged, made_run

import vbr_audit as va
from vbr_audit.errors import ConfigurationError, EvidenceError
from vbr_audit.histories import stored
from vbr_audit.histories.archive import add_run
from vbr_audit.histories.capacities import CAPACITY
from vbr_audit.histories.sql import select
from vbr_audit.tables.build.schema import Column, TableSpec, conform

HOSTILE = (
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_csv_auto('/etc/passwd')",
    "SELECT * FROM read_json('{place}/secret.json')",
    "SELECT * FROM read_ndjson_objects('{place}/secret.json')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM parquet_metadata('{place}/x.parquet')",
    "SELECT * FROM 'https://127.0.0.1:9/x.csv'",
    "SELECT (SELECT content FROM read_text('/etc/passwd')) AS a FROM numbers",
    "SELECT * FROM sqlite_scan('{place}/x.db', 't')",
    "SELECT * FROM given",
    "WITH gone AS (DELETE FROM numbers RETURNING *) SELECT * FROM gone",
    "WITH made AS (INSERT INTO numbers VALUES (1) RETURNING *) SELECT * FROM made",
    "COPY numbers FROM '/etc/passwd'",
    "COPY numbers TO '{place}/out.parquet' (FORMAT parquet)",
    "IMPORT DATABASE '{place}'",
    "ATTACH ':memory:' AS other",
    "DETACH memory",
    "CREATE OR REPLACE VIEW numbers AS SELECT 2 AS a",
    "CREATE SECRET s (TYPE s3)",
    "CREATE MACRO f() AS 1",
    "INSERT INTO numbers VALUES (1)",
    "SET VARIABLE a = 1",
    "RESET memory_limit",
    "PREPARE a AS SELECT 1",
    "CHECKPOINT",
    "VACUUM",
    "SELECT 1;; COPY (SELECT 1) TO '{place}/out.csv'",
    "SELECT 1 -- a remark\n; ATTACH '{place}/x.db'",
    "SELECT * FROM query_table('/etc/passwd')",
    "SELECT getenv('HOME')",
)


@pytest.fixture(scope="module")
def numbers() -> dict[str, Any]:
    import pyarrow as pa

    return {"numbers": pa.table({"a": [1]})}


@pytest.mark.parametrize("statement", HOSTILE)
def test_what_reads_writes_or_reaches_anything_is_refused(
    numbers: dict[str, Any], tmp_path: Path, statement: str
) -> None:
    (tmp_path / "secret.json").write_text('{"a": 1}')
    given = numbers["numbers"]  # a local variable, which DuckDB would find by its name
    with pytest.raises(ConfigurationError) as caught:
        select(statement.format(place=tmp_path), numbers)
    assert "root:" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["secret.json"]
    assert select("SELECT a FROM numbers", {"numbers": given})["a"].tolist() == [1]


def test_no_setting_of_a_connection_lets_a_file_be_read(numbers: dict[str, Any]) -> None:
    rows = select("SELECT name, value FROM duckdb_settings()", numbers).set_index("name")["value"]
    assert {name: str(rows[name]).lower() for name in ("enable_external_access", "lock_configuration")} == {
        "enable_external_access": "false",
        "lock_configuration": "true",
    }


def with_table(place: Path, history: Path, day: int, spec: TableSpec, values: dict[str, list[Any]]) -> str:
    """Add a run that has one further table; return the name of its folder."""
    run = dataclasses.replace(judged([{"status": "FAIL"}], day=day), run_id=f"{day:x}" * 16)
    new = dataclasses.replace(
        made_run(place / f"run-{day}", run), tables=((spec, conform(values, spec)[0].reindex(columns=spec.names)),)
    )
    return add_run(history, new).folder.name


def narrower(*, without: str = "", changed: str = "") -> TableSpec:
    """The table of the space as another version might have had it."""
    columns = tuple(
        Column(column.name, "string", column.help, holds="kept") if column.name == changed else column
        for column in CAPACITY.columns
        if column.name != without
    )
    return TableSpec(CAPACITY.name, CAPACITY.key, columns, CAPACITY.help)


ROW = {"server_id": ["s"], "repository_id": ["r"], "used_bytes": [5]}


@pytest.mark.parametrize("kind", ["parquet", "json.gz"])
def test_a_column_that_an_older_run_lacks_is_null(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    if kind == "json.gz":
        monkeypatch.setattr(stored, "has_parquet", lambda: False)
    history = tmp_path / "history"
    with_table(tmp_path, history, 0, narrower(without="used_bytes"), ROW)
    with_table(tmp_path, history, 1, CAPACITY, ROW)
    assert {path.name for path in history.rglob("capacity.*")} == {f"capacity.{kind}"}
    rows = va.history(history).sql("SELECT repository_id, used_bytes FROM capacity ORDER BY run_now")
    assert rows["repository_id"].tolist() == ["r", "r"]
    assert rows["used_bytes"].isna().tolist() == [True, False]
    assert len(va.history(history).sql("SELECT * FROM findings JOIN state USING (run_id, key)")) == 2


@pytest.mark.parametrize("kind", ["parquet", "json.gz"])
def test_a_column_of_another_type_is_an_error_that_names_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    if kind == "json.gz":
        monkeypatch.setattr(stored, "has_parquet", lambda: False)
    history = tmp_path / "history"
    folder = with_table(tmp_path, history, 0, narrower(changed="used_bytes"), {**ROW, "used_bytes": ["5"]})
    with pytest.raises(EvidenceError, match=rf"{folder}/tables/capacity\.{kind}: used_bytes is string, not [Ii]nt64"):
        va.history(history).sql("SELECT * FROM capacity")


@pytest.mark.parametrize("package", ["duckdb", "pyarrow"])
def test_without_a_package_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    with_table(tmp_path, tmp_path / "history", 0, CAPACITY, ROW)
    monkeypatch.setitem(sys.modules, package, None)
    done = invoke("history", "sql", tmp_path / "history", "SELECT 1")
    assert done.exit_code == 2
    assert done.stderr.splitlines() == [
        f"vbr-audit: SQL over a history needs the package {package}",
        "  Next: Install it with: pip install 'vbr-audit[history]'",
    ]


def test_text_that_no_file_can_hold_is_kept_without_its_half_of_a_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {**ROW, "server_id": ["s\ud800"], "repository_id": [None], "repository": ["\u0394"]}
    frame = conform(values, CAPACITY)[0]
    ending, content = stored.encoded(frame, CAPACITY)
    assert ending == stored.PARQUET
    monkeypatch.setattr(stored, "has_parquet", lambda: False)
    packed, others = stored.encoded(frame, CAPACITY)
    monkeypatch.undo()
    for name, written in ((f"capacity{ending}", content), (f"capacity{packed}", others)):
        read = stored.decoded(name, written, CAPACITY)
        assert read["server_id"].tolist() == ["s?"]
        assert read["repository_id"].isna().tolist() == [True]
        assert read["repository"].tolist() == ["\u0394"]
