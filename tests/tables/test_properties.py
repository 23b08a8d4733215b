"""Whatever JSON a server sends: nothing crashes, dtypes hold, and nothing becomes known out of nothing."""

from __future__ import annotations

import copy

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vbr_audit.datasets import BUILDERS
from vbr_audit.revisions import KNOWN
from vbr_audit.tables import history, server_info, server_time, sessions
from vbr_audit.tables.build.schema import DTYPES, conform
from vbr_audit.tables.jobs import controls
from vbr_audit.tables.jobs import settings as job_settings
from vbr_audit.tables.jobs import states as job_states
from vbr_audit.tables.jobs import table as jobs
from vbr_audit.tables.jobs.control_list import CONTROLS
from vbr_audit.tables.jobs.documents import KNOWN_KEYS

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=30),
    st.sampled_from(
        ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00.1234567+02:00", "9999-12-31T23:59:59Z",
         "0001-01-01T00:00:00+14:00", "Backup", "Job", "None", "3", "true", "00000000-0000-0000-0000-000000000000"]
    ),
)  # fmt: skip
KEYS = sorted(KNOWN_KEYS | sessions.KNOWN_KEYS | job_states.KNOWN_KEYS | {"isEnabled", "weekly", "ianaTimeZoneId"})
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(KEYS), st.text(max_size=5)), inner, max_size=6),
    ),
    max_leaves=25,
)
ROWS = st.lists(
    st.one_of(JSON, st.dictionaries(st.sampled_from(KEYS), JSON, max_size=12)),
    max_size=6,
)
BACKUPS = st.lists(
    st.fixed_dictionaries(
        {"jobId": st.one_of(st.sampled_from(["a", "b"]), SCALARS)},
        optional={"name": SCALARS, "jobType": st.sampled_from(["Backup", "CloudBackupAzure", "ProxmoxBackupJob", 3])},
    ),
    max_size=4,
)
TYPED = st.builds(
    lambda document, job_type: document | {"type": job_type},
    st.dictionaries(st.sampled_from(KEYS), JSON, max_size=12),
    st.sampled_from([*controls.get_map().types, "Backup", "Unknown"]),
)


def assert_dtypes(frame, spec):
    assert tuple(frame.columns) == spec.names
    for column in spec.columns:
        assert frame[column.name].dtype == DTYPES[column.dtype], column.name


# What servers have sent, or might: rows that are no objects, dates at the ends of time, words of another type.
ODD_ROWS = [
    *(None, 3, "x", [], {}, True),
    {
        "id": 1,
        "name": ["x"],
        "jobId": {},
        "creationTime": "0001-01-01T00:00:00+14:00",
        "endTime": "9999-12-31T23:59:59Z",
    },
    {
        "id": "a",
        "type": "Backup",
        "result": "None",
        "state": 2.5,
        "creationTime": "2026-01-01T00:00:00",
        "lastRun": "x",
    },
    {"id": "a", "sessionType": None, "result": {"result": 1, "message": {}}, "isEnabled": "true", "nextRun": 10**30},
]


@pytest.mark.parametrize("module", [sessions, job_states, history])
@example(pages=[ODD_ROWS, [], ODD_ROWS[6:]])
@settings(max_examples=12)
@given(pages=st.lists(ROWS, max_size=3))
def test_any_rows(module, pages):
    builder = module.builder("vbr01")
    for page in pages:
        builder.add(copy.deepcopy(page))
    built = builder.finish()
    assert_dtypes(built.frame, module.SPEC)
    rows = [row for page in pages for row in page]
    objects = [row for row in rows if isinstance(row, dict)]
    assert built.notes.not_objects == len(rows) - len(objects)
    if module is not history:
        assert len(built.frame) == len(objects)
    built.notes.to_dict()


@example(documents=ODD_ROWS, states=ODD_ROWS, backups=[], revision="1.3-rev1", server_revision=None)
@example(documents=[], states=None, backups=[{"jobId": "a", "jobType": 3}], revision=None, server_revision="1.4-rev0")
@settings(max_examples=20)
@given(
    documents=st.one_of(ROWS, st.lists(TYPED, max_size=5)),
    states=st.one_of(st.none(), ROWS),
    backups=st.one_of(st.none(), BACKUPS),
    revision=st.sampled_from([*KNOWN, "nonsense", None]),
    server_revision=st.sampled_from([*KNOWN, "1.4-rev0", "nonsense", None]),
)
def test_any_job_documents(documents, states, backups, revision, server_revision):
    table = None
    if states is not None:
        builder = job_states.builder("vbr01")
        builder.add(states)
        table = builder.finish().frame
    if backups is not None:
        builder = BUILDERS["backups"]("vbr01")
        builder.add(backups)
        backups = builder.finish().frame
    built = jobs.build_jobs(
        documents, table, backups=backups, server="vbr01", revision=revision, server_revision=server_revision
    )
    assert_dtypes(built.jobs, jobs.SPEC)
    assert_dtypes(built.job_settings, job_settings.SPEC)
    objects = [document for document in documents if isinstance(document, dict)]
    with_document = built.jobs["seen_in"].str.split("+").str[0].eq("jobs").astype(bool)
    assert with_document.sum() == len(objects)
    without = built.jobs.loc[~with_document, "job_id"]
    assert without.notna().all()
    assert without.is_unique
    assert not set(without) & set(built.jobs.loc[with_document, "job_id"].dropna())
    assert built.jobs["server"].eq("vbr01").all()
    absent = controls.support(built.jobs["settings_profile"], "encryption_enabled") == False  # noqa: E712
    assert built.jobs.loc[absent.fillna(False), "encryption_enabled"].isna().all()


@settings(max_examples=50)
@given(document=JSON)
def test_any_single_object(document):
    time, info = server_time.parse(document), server_info.parse(document)
    assert_dtypes(server_time.as_table("vbr01", time).frame, server_time.SPEC)
    assert_dtypes(server_info.as_table("vbr01", info).frame, server_info.SPEC)
    assert time.server_time is None or time.server_time.utcoffset() is not None


@example(
    columns={name: ODD_ROWS[at : at + 3] for at, name in enumerate(("extra", "created", "name", "result", "ended"))}
)
@settings(max_examples=12)
@given(
    columns=st.dictionaries(st.sampled_from([*sessions.SPEC.names, "extra"]), st.lists(JSON, min_size=3, max_size=3))
)
def test_conform_takes_anything_of_equal_length(columns):
    frame, _ = conform(columns, sessions.SPEC)
    assert_dtypes(frame, sessions.SPEC)
    again, notes = conform(frame, sessions.SPEC)
    pd.testing.assert_frame_equal(again, frame)
    assert set(notes.to_dict()) <= {"missing_keys"}


def paths_of(profile):
    return [
        (CONTROLS[control].dtype, path)
        for control, places in profile.settings.items()
        for place in places
        for path in place.paths[:1]
    ]


def put(document, path, value):
    for step in path[:-1]:
        listed = step.endswith("[]")
        document = document.setdefault(step.removesuffix("[]"), [{}] if listed else {})
        document = document[0] if listed else document
    listed = path[-1].endswith("[]")
    document[path[-1].removesuffix("[]")] = [value] if listed else value


def nodes(value, above=()):
    """Every path inside `value`, inner nodes too."""
    for key in value:
        yield (*above, key)
        if isinstance(value[key], dict):
            yield from nodes(value[key], (*above, key))
        if isinstance(value[key], list):
            yield from nodes(value[key][0] if isinstance(value[key][0], dict) else {}, (*above, key, 0))


PROFILES = [
    f"{revision}/{job_type}" + (f"/{variant}" if variant else "")
    for revision in KNOWN
    for job_type in controls.get_map().types
    if controls.get_map().has_type(revision, job_type)
    for variant in (controls.get_map()._source.types[job_type].variant_values or ("",))
]


@st.composite
def whole_documents(draw):
    """A document of some profile in which every setting is there, and its revision."""
    key = draw(st.sampled_from(PROFILES))
    profile = controls.get_map().profile(key)
    variant = [*key.split("/"), ""][2]
    document = {"id": "a", "name": "A", "type": profile.type}
    values = {"boolean": st.booleans(), "Int64": st.integers(0, 99), "string": st.sampled_from(["Days", "x"])}
    for dtype, path in paths_of(profile):
        put(document, path, draw(values[dtype]))
    for path in controls.get_map().variant_paths(profile.type):
        put(document, path, variant)
    for places in profile.settings.values():
        if places[0].gate:
            document[places[0].gate] = True
    return key, document


def first_row(documents, key):
    built = jobs.build_jobs(documents, None, server="vbr01", revision=key.split("/")[0])
    return {name: built.jobs[name].iloc[0] for name in ("expected_to_run", *CONTROLS)}, built.jobs


@settings(max_examples=25)
@given(whole=whole_documents())
def test_a_whole_document_gives_every_supported_control(whole):
    key, document = whole
    row, frame = first_row([document], key)
    assert frame["settings_profile"].tolist() == [key]
    for control in CONTROLS:
        supported = bool(controls.support(frame["settings_profile"], control).iloc[0])
        assert (row[control] is not pd.NA) is supported, control
    assert row["expected_to_run"] is not pd.NA


def step_into(parent, step):
    inside = parent.get(step) if isinstance(parent, dict) else None
    return parent[0] if isinstance(parent, list) and parent and step == 0 else inside


@settings(max_examples=25)
@given(whole=whole_documents(), data=st.data())
def test_taking_something_out_never_adds_knowledge_and_never_turns_an_answer(whole, data):
    key, document = whole
    before, _ = first_row([copy.deepcopy(document)], key)
    everything = [path for path in nodes(document) if path not in (("id",), ("name",))]
    for path in data.draw(st.lists(st.sampled_from(everything), min_size=1, max_size=4, unique=True)):
        parent = document
        for step in path[:-1]:
            parent = step_into(parent, step)
        if isinstance(parent, dict):
            parent[path[-1]] = data.draw(st.sampled_from([None, {}, [], "blank"]))
    after, _ = first_row([document], key)
    for name, value in after.items():
        dtype = CONTROLS[name].dtype if name in CONTROLS else "boolean"
        if dtype == "boolean":
            assert value is pd.NA or value == before[name], name
