"""The tables as one Markdown page, made of what their columns, their datasets and the map of job settings declare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

from docs_cells import cell, table_head, table_row

from vbr_audit.checks.derived import DERIVED, EARLIER, SITE
from vbr_audit.checks.engine.tables import TABLES, datasets_behind_table, sources_of
from vbr_audit.datasets import DATASETS, Dataset
from vbr_audit.findings.table import FINDING_COLUMNS
from vbr_audit.reports.excel.findings import FINDING_HELP
from vbr_audit.revisions import KNOWN, NEWEST, OLDEST
from vbr_audit.tables.build.schema import Column, TableSpec
from vbr_audit.tables.jobs.control_list import CONTROLS
from vbr_audit.tables.jobs.controls import UNKNOWN_VARIANT, Profile, get_map

_INTRODUCTION = f"""# Tables

Every table and every column, made from their declarations. A snapshot gives each by its name, as a pandas DataFrame:

```python
snapshot.jobs  # a table
snapshot.repositories["name"]  # a column
```

`va.with_names(snapshot.jobs, snapshot)` puts names beside the ids of any table; the [cookbook](cookbook.md) shows how.

The *key* identifies a row. The type is the dtype of the column; only nullable ones are used, and an empty
table has the same. After the comma stands the unit.

| type | dtype | not known |
|---|---|---|
| text | `StringDtype("python", na_value=pd.NA)` | `NA` |
| Int64 | `Int64` | `NA` |
| Float64 | `Float64` | `NA` |
| yes/no | `boolean` | `NA` |
| instant | `datetime64[us, UTC]` | `NaT` |

`NA` and `NaT` always mean "not known", never "no" and never 0. A table without rows means that there is nothing, or
that its dataset was not read: `snapshot.datasets` says which. A column `…_reported` has the server's own word where
its twin has the newest spelling.

A table is there from the first revision of the REST API that has its dataset ({OLDEST} unless stated); "From … on"
refers to a single column. Before that, it is `NA`. [Datasets, roles and revisions](datasets.md) says who may read
what.
"""

_TYPES: Final = {"string": "text", "boolean": "yes/no", "datetime": "instant"}
_FEW: Final = 5
"""Up to how many job types are named for a setting that not every type has."""


def render_tables() -> str:
    """The whole page as Markdown, ending in a line break."""
    of_server = [spec for name, spec in TABLES.items() if name not in DERIVED]
    made = [TABLES[name] for name in DERIVED]
    lines = [_INTRODUCTION]
    for title, words, specs in (
        ("What a server answers", "", of_server),
        (
            "What the checks make of it",
            "A check of your own may read these by name, as it reads those above. "
            "`snapshot.job_runs` is an attribute too, and `va.protected(snapshot)` gives `protected_objects`; "
            "the others are made inside the engine.",
            made,
        ),
    ):
        lines += [f"## {title}", "", *([words, ""] if words else []), *_index(specs)]
        for spec in specs:
            lines += ["", *_section(spec)]
        lines.append("")
    return "\n".join([*lines, *_findings()]).rstrip() + "\n"


def _findings() -> Iterator[str]:
    """The columns of the findings, which are no table of a snapshot."""
    yield from ("## The findings", "")
    yield "`audit.findings` has one row per server, check and object; `findings.json` and `findings.csv` have the same."
    yield ""
    yield from table_head("column", "type", "description")
    for name in FINDING_COLUMNS:
        yield table_row(f"`{name}`", "Int64" if name == "evidence_row" else "text", cell(FINDING_HELP[name]))


def _index(specs: Sequence[TableSpec]) -> Iterator[str]:
    yield from table_head("table", "columns", "what a row is")
    for spec in specs:
        yield table_row(f"[`{spec.name}`](#{spec.name})", str(len(spec.columns)), cell(spec.help))


def _section(spec: TableSpec) -> Iterator[str]:
    yield f"### `{spec.name}`"
    yield ""
    yield cell(spec.help)
    yield ""
    yield f"- Key: {', '.join(f'`{name}`' for name in spec.key)}"
    yield from _origin(spec.name)
    yield ""
    yield from table_head("column", "type", "description")
    for column in spec.columns:
        yield table_row(f"`{column.name}`", _type(spec, column), cell(_meaning(spec, column)))


def _origin(table: str) -> Iterator[str]:
    """Where the rows come from: requests and roles, other tables, or the run itself."""
    if table in DERIVED:
        made = DERIVED[table]
        words = [_source(name) for name in made.sources] + [f"{_source(name)} where it was read" for name in made.also]
        yield f"- Made of: {', '.join(words)}"
        return
    datasets = [DATASETS[name] for name in sources_of(table)]
    if not datasets:
        yield "- From: the manifest of the run"
    for dataset in datasets:
        yield f"- From: {', '.join(_requests(dataset))}"
        yield f"- Since: {dataset.at(OLDEST).first_revision}; roles: {dataset.access.describe()}"
    filling = [name for name in datasets_behind_table(table) if name not in sources_of(table)]
    if filling:
        yield f"- Also: {', '.join(f'`{name}`' for name in filling)}, for jobs that are known by their state alone"


_GIVEN = {SITE: "the site file", EARLIER: "the settings of an earlier run"}


def _source(name: str) -> str:
    return _GIVEN.get(name) or f"[`{name}`](#{name})"


def _requests(dataset: Dataset) -> Iterator[str]:
    """The request of the newest revision, then those of older ones."""
    yield f"`GET {dataset.path}`"
    for older in dataset.earlier:
        yield f"before {dataset.first_revision} `GET {older.path}`"


def _type(spec: TableSpec, column: Column) -> str:
    """The type and the unit, which may be parts by another column."""
    kind, unit = _TYPES.get(column.dtype, column.dtype), column.unit
    if unit is None:
        return kind
    return f"{kind}, `{unit}`" if unit in spec.names else f"{kind}, {unit}"


def _meaning(spec: TableSpec, column: Column) -> str:
    """The help of a column; of a job setting also since when and for which types of job."""
    if spec.name != "jobs" or column.name not in CONTROLS:
        return column.help
    since = next((revision for revision in KNOWN if _types_with(column.name, revision)), None)
    parts = [column.help]
    if since not in (OLDEST, None):
        parts.append(f"From {since} on.")
    types = _types_with(column.name, NEWEST)
    if 0 < len(types) <= _FEW:
        parts.append(f"Of {', '.join(types)}.")
    return " ".join(parts)


@cache
def _types_with(control: str, revision: str) -> tuple[str, ...]:
    """The types of job that have the setting at `revision`, in any variant."""
    return tuple(kind for kind, profile in _profiles(revision) if profile.supports(control) is not False)


@cache
def _profiles(revision: str) -> tuple[tuple[str, Profile], ...]:
    settings = get_map()
    found = []
    for kind in settings.types:
        variant = f"/{UNKNOWN_VARIANT}" if settings.variant_paths(kind) else ""
        profile = settings.profile(f"{revision}/{kind}{variant}")
        if profile is not None:
            found.append((kind, profile))
    return tuple(found)
