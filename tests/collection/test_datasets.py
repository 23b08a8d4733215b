"""The catalogue of datasets, held against the vendor's specifications."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from specification_facts import path_of, schemas_of

from vbr_audit.datasets import BASIC, BUILDERS, DATASETS, SPECS, Dataset, Shape, datasets_of, parents_of
from vbr_audit.revisions import KNOWN, is_at_least, is_offered

REVISIONS = ("1.2-rev1", "1.3-rev1")


def operation(dataset: Dataset, revision: str) -> Mapping[str, Any] | None:
    return path_of(revision, dataset.at(revision).path)


def cases(*, offered: bool = False) -> list[Any]:
    return [
        pytest.param(dataset, revision, id=f"{dataset.name}-{revision}")
        for dataset in DATASETS.values()
        for revision in REVISIONS
        if dataset.is_offered(revision) or not offered
    ]


@pytest.mark.parametrize(("dataset", "revision"), cases())
def test_a_dataset_is_offered_where_the_specification_has_its_path(dataset, revision):
    assert dataset.is_offered(revision) == (operation(dataset, revision) is not None)


@pytest.mark.parametrize(("dataset", "revision"), cases(offered=True))
def test_order_and_date_filters_are_parameters_of_the_path(dataset, revision):
    found = operation(dataset, revision)
    assert found is not None
    dataset = dataset.at(revision)
    parameters = found["parameters"]
    assert set(dataset.period or ()) <= set(parameters)
    if dataset.order:
        assert dataset.order in schemas_of(revision)[parameters["orderColumn"]["$ref"]]["enum"]
    elif dataset.shape in (Shape.PAGES, Shape.EACH):
        assert "orderColumn" not in parameters


@pytest.mark.parametrize(("dataset", "revision"), cases(offered=True))
def test_the_roles_are_those_of_the_specification(dataset, revision):
    found = operation(dataset, revision)
    assert found is not None
    allowed = {role.removeprefix("Veeam ") for role in dataset.at(revision).access.roles(revision)}
    assert allowed == set(found["roles"])


def test_every_table_of_a_dataset_has_a_specification_and_a_builder():
    for dataset in DATASETS.values():
        for table in dataset.tables:
            assert table in SPECS
            assert table in BUILDERS or table in {"jobs", "server_time", "server_info"}


def test_keys_of_datasets_are_columns_somewhere():
    assert all(dataset.key for dataset in DATASETS.values())


def test_parents_come_before_what_is_read_below_them():
    names = list(DATASETS)
    for name in names:
        for parent in parents_of([name]):
            assert names.index(parent) < names.index(name)


def test_the_basic_datasets_are_in_the_catalogue_and_in_its_order():
    assert [name for name in DATASETS if name in BASIC] == list(BASIC)


def test_datasets_of_tables_bring_their_parents():
    assert datasets_of(["backup_files"]) == ("backups", "backup_files")
    assert datasets_of(["scale_out_extents"]) == ("scale_out_repositories",)


@pytest.mark.parametrize("revision", KNOWN)
def test_an_older_revision_reads_restore_points_and_objects_where_it_has_them(revision):
    points, objects = DATASETS["restore_points"].at(revision), DATASETS["backup_objects"].at(revision)
    assert points.endpoint == ("objectRestorePoints" if revision == "1.1-rev0" else "restorePoints")
    assert (objects.shape is Shape.EACH) == (not is_at_least(revision, "1.3-rev2"))


def test_what_a_revision_without_specification_offers_is_asked():
    assert is_offered("1.2-rev1", "1.1-rev2")
    assert not is_offered("1.2-rev1", "1.1-rev0")
    assert not is_offered("1.3-rev0", "1.2-rev1")


def test_roles_are_described_in_one_line():
    assert DATASETS["users"].access.describe() == "Veeam Backup Administrator"
    assert "Veeam Security Administrator (from 1.3-rev1)" in DATASETS["jobs"].access.describe()


ADDED_IN_SHEETS = {"is_retry", "job_name"}


@pytest.mark.parametrize("name", SPECS)
def test_what_a_card_says_of_its_columns_fits_its_table(name):
    spec = SPECS[name]
    named = set() if spec.kind is None else {spec.kind.id_column, spec.kind.name_column}
    named |= set() if spec.kind is None else {column for _, column in spec.kind.causes}
    assert named | set(spec.key) <= set(spec.names)
    assert set(spec.sheet.first) <= {*spec.names, *ADDED_IN_SHEETS}
    assert set(spec.holds) <= {column.name for column in spec.columns if column.dtype == "string"}


def test_every_table_belongs_to_one_dataset_or_to_the_manifest():
    made = [spec.name for dataset in DATASETS.values() for spec in dataset.specs]
    assert sorted([*made, "servers", "datasets"]) == sorted(SPECS)
    sheets = [spec.sheet.name for spec in SPECS.values() if spec.sheet.name]
    assert len(set(sheets)) == len(sheets)
