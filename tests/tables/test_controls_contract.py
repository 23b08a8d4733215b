"""The map of controls against the vendor's specifications: no path of it may be a guess."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from specification_facts import job_controls, schemas_of

from vbr_audit.tables.build.enums import CONTROL_WORDS, fold_control_words, fold_job_types
from vbr_audit.tables.jobs import controls
from vbr_audit.tables.jobs.control_list import CONTROLS
from vbr_audit.tables.jobs.documents import KNOWN_KEYS, READ_CONTROLS

REVISIONS = ("1.1-rev0", "1.2-rev1", "1.3-rev0", "1.3-rev1", "1.3-rev2")

# The settings of job_controls.json under their canonical names.
NAMES = {
    "isDisabled": "is_disabled",
    "schedule.runAutomatically": "run_automatically",
    "schedule.daily": "schedule_daily_enabled",
    "schedule.monthly": "schedule_monthly_enabled",
    "schedule.periodically": "schedule_periodically_enabled",
    "schedule.continuously": "schedule_continuously_enabled",
    "schedule.afterThisJob": "schedule_after_job_enabled",
    "retry.isEnabled": "retry_enabled",
    "retry.count": "retry_count",
    "retention.type": "retention_type",
    "retention.quantity": "retention_quantity",
    "gfs.isEnabled": "gfs_enabled",
    "encryption.isEnabled": "encryption_enabled",
    "encryption.type": "encryption_type",
    "encryption.password": "encryption_password_id",
    "encryption.kms": "kms_server_id",
    "backupHealth.isEnabled": "health_check_enabled",
    "appAware.isEnabled": "app_aware_enabled",
    "email notification": "email_enabled",
    "snmp": "snmp_enabled",
    "backupMode": "backup_mode",
    "syntheticFulls.isEnabled": "synthetic_fulls_enabled",
    "activeFulls.isEnabled": "active_fulls_enabled",
    "compression": "compression_level",
    "guestIndexing": "guest_indexing_enabled",
    "storage snapshots": "storage_snapshots_enabled",
    "removeDeletedData": "deleted_data_removal_enabled",
    "proxies auto": "proxies_auto",
    "RPO monitor": "rpo_monitor_enabled",
}
MODE = {
    "PeriodicBackupCopyScheduleModel": "Periodic",
    "ImmediateBackupCopyScheduleModel": "Immediate",
    "AgentBackupPolicyStorageBackupRepositoryModel": "BackupRepository",
    "AgentBackupPolicyStorageCloudConnectRepositoryModel": "CloudConnectRepository",
    "AgentBackupPolicyStorageLocalStorageModel": "LocalStorage",
    "AgentBackupPolicyStorageSharedFolderModel": "SharedFolder",
}


def profiles_of(revision, reported):
    """Every profile of a type, by variant (None: it has none)."""
    job_type = fold_job_types()[reported]
    rules = controls.get_map()._source.types[job_type]
    variants = rules.variant_values or (None,)
    return {v: controls.get_map().profile(f"{revision}/{job_type}" + (f"/{v}" if v else "")) for v in variants}


def assert_same(profile, control, paths):
    expected = " + ".join(paths) or None
    assert profile.supports(control) is bool(paths), (profile.key, control)
    assert profile.path_of(control) == expected, (profile.key, control)


def for_variant(paths, variant):
    """The paths that hold for `variant`, without the marks of the specification's branches."""
    kept = []
    for path in paths:
        branch = re.search(r"<(\w+)>", path)
        if branch is None or MODE[branch[1]] == variant:
            kept.append(re.sub(r"<\w+>", "", path))
    return kept


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_mapped_setting_is_where_the_specifications_have_it(revision):
    compared = 0
    for reported, settings in job_controls(revision).items():
        for variant, profile in profiles_of(revision, reported).items():
            for name, control in NAMES.items():
                assert_same(profile, control, for_variant(settings[name], variant))
                compared += 1
    assert compared >= len(NAMES) * len(job_controls(revision))


@pytest.mark.parametrize("revision", REVISIONS)
def test_settings_with_a_shape_of_their_own(revision):
    for reported, settings in job_controls(revision).items():
        for variant, profile in profiles_of(revision, reported).items():
            # a block tracking that is an object is named there too; the switch inside it is what counts
            blocks = [p for p in settings["CBT"] if p + ".isEnabled" not in settings["CBT"]]
            assert_same(profile, "changed_block_tracking_enabled", blocks)
            repository = [p for p in for_variant(settings["repository"], variant) if p.endswith("RepositoryId")]
            repository += [p for p in for_variant(settings["repository"], variant) if p.endswith("backupRepositoryId")]
            assert_same(profile, "repository_id", sorted(set(repository)))
            kinds = for_variant(settings["schedule mode/type"], None)
            assert_same(profile, "schedule_type", [p for p in kinds if p == "schedule.type"])
            windows = [p for p in for_variant(settings["schedule.backupWindow"], variant) if p.endswith(".isEnabled")]
            assert_same(profile, "backup_window_enabled", windows)
            assert_same(
                profile, "primary_job_id", [p for p in settings["secondary targets / sources"] if p == "primaryJobId"]
            )
            gates = {place.gate for place in profile.settings.get("retention_quantity", ())} - {None}
            assert sorted(gates) == settings["retention.custom flag"]
            gates = {place.gate for place in profile.settings.get("encryption_enabled", ())} - {None}
            assert sorted(gates) == settings["encryption.custom flag"]


@pytest.mark.parametrize("revision", REVISIONS)
def test_the_map_has_exactly_the_types_of_the_revision(revision):
    mapped = {t for t in controls.get_map().types if controls.get_map().has_type(revision, t)}
    assert mapped == {fold_job_types()[reported] for reported in job_controls(revision)}


@pytest.mark.parametrize("revision", REVISIONS)
def test_top_level_keys_are_known(revision):
    for settings in job_controls(revision).values():
        assert set(settings["_top"]) <= KNOWN_KEYS


# What job_controls.json lacks: read from the specifications themselves.
LEVELS = {
    "gfs_weekly_enabled": "gfsPolicy.weekly.isEnabled",
    "gfs_weekly_count": "gfsPolicy.weekly.keepForNumberOfWeeks",
    "gfs_monthly_enabled": "gfsPolicy.monthly.isEnabled",
    "gfs_monthly_count": "gfsPolicy.monthly.keepForNumberOfMonths",
    "gfs_yearly_enabled": "gfsPolicy.yearly.isEnabled",
    "gfs_yearly_count": "gfsPolicy.yearly.keepForNumberOfYears",
    "health_check_weekly_enabled": "backupHealth.weekly.isEnabled",
    "health_check_monthly_enabled": "backupHealth.monthly.isEnabled",
    "app_processing_enabled": "guestProcessing.appAwareProcessing.appSettings[].isProcessingEnabled",
    "app_failure_handling": "guestProcessing.appAwareProcessing.appSettings[].vss",
    "transaction_log_handling": "guestProcessing.appAwareProcessing.appSettings[].transactionLogs",
    "sql_log_handling": "guestProcessing.appAwareProcessing.appSettings[].sql.logsProcessing",
    "pre_script_enabled": "scripts.preCommand.isEnabled",
    "post_script_enabled": "scripts.postCommand.isEnabled",
    "retry_wait_min": "schedule.retry.awaitMinutes",
    "schedule_after_job_name": "schedule.afterThisJob.jobName",
    "schedule_daily_kind": "schedule.daily.dailyKind",
    "schedule_daily_days": "schedule.daily.days[]",
    "schedule_daily_time": "schedule.daily.localTime",
    "schedule_monthly_months": "schedule.monthly.months[]",
    "schedule_periodically_kind": "schedule.periodically.periodicallyKind",
    "schedule_periodically_frequency": "schedule.periodically.frequency",
    "schedule_continuously_days": "schedule.continuously.backupWindow.days[].day",
    "schedule_continuously_hours": "schedule.continuously.backupWindow.days[].hours",
}
BLOCKS = {"swap_blocks_excluded": "excludeSwapFileBlocks", "deleted_blocks_excluded": "excludeDeletedFileBlocks"}


class Schemas:
    """Resolves references, compositions and discriminators of one specification."""

    def __init__(self, schemas):
        self.all = schemas

    def resolve(self, schema):
        while "$ref" in schema:
            schema = self.all[schema["$ref"]]
        return schema

    def properties(self, schema):
        schema = self.resolve(schema)
        found = {}
        for part in schema.get("allOf", ()):
            found |= self.properties(part)
        return found | schema.get("properties", {})

    def branches(self, schema):
        schema = self.resolve(schema)
        mapping = schema.get("discriminator", {}).get("mapping", {})
        return {value: {"$ref": reference} for value, reference in mapping.items()}

    def find(self, schema, path, variant=None):
        """The schema at `path`, going into the branch of `variant` where there are branches; None if absent."""
        for step in path.split("."):
            key = step.removesuffix("[]")
            inner = self.properties(schema)
            branches = self.branches(schema)
            if key not in inner and variant in branches:
                inner = self.properties(branches[variant])
            if key not in inner:
                return None
            schema = self.resolve(inner[key])["items"] if step.endswith("[]") else inner[key]
        return self.resolve(schema)

    def job_types(self):
        return {t: {"$ref": r} for t, r in self.all["JobModel"]["discriminator"]["mapping"].items()}


JSON_TYPES = {"boolean": "boolean", "Int64": "integer", "string": "string"}


@pytest.mark.parametrize("revision", ["1.2-rev1", "1.3-rev1"])
def test_every_path_exists_in_the_schema_of_its_type_with_its_type(revision):
    schemas = Schemas(schemas_of(revision))
    checked = 0
    for reported, schema in schemas.job_types().items():
        for variant, profile in profiles_of(revision, reported).items():
            for control, places in profile.settings.items():
                for place in places:
                    leaf = schemas.find(schema, ".".join(place.paths[0]), variant)
                    assert leaf is not None, (profile.key, control, place)
                    assert leaf["type"] == JSON_TYPES[CONTROLS[control].dtype], (profile.key, control)
                    checked += 1
                    if place.gate:
                        assert schemas.find(schema, place.gate)["type"] == "boolean"
    assert checked > 100


@pytest.mark.parametrize("revision", ["1.2-rev1", "1.3-rev1"])
def test_what_the_map_calls_absent_is_absent(revision):
    """What job_controls.json lacks: wherever a type keeps it, the map has it."""
    schemas = Schemas(schemas_of(revision))
    for reported, schema in schemas.job_types().items():
        for variant, profile in profiles_of(revision, reported).items():
            for control, tail in LEVELS.items():
                places = ["", "storage.", "target.", "backupRepository.", "jobSettings."]
                places += [f"{place}advancedSettings." for place in places]
                exists = any(schemas.find(schema, place + tail, variant) is not None for place in places)
                assert profile.supports(control) is exists, (profile.key, control)
            for control, key in BLOCKS.items():
                places = ["storage.advancedSettings.storageData", "jobSettings.advancedSettings.traffic"]
                places += ["target.advancedSettings.storageData", "backupRepository.advancedSettings.storageData"]
                exists = any(schemas.find(schema, f"{place}.{key}") is not None for place in places)
                assert profile.supports(control) is exists, (profile.key, control)


@pytest.mark.parametrize("revision", ["1.2-rev1", "1.3-rev1"])
def test_words_of_settings_per_machine_are_those_of_the_specification(revision):
    schemas = Schemas(schemas_of(revision))
    seen = set()
    for schema in schemas.job_types().values():
        for control in ("app_failure_handling", "transaction_log_handling", "sql_log_handling"):
            leaf = schemas.find(schema, LEVELS[control])
            folding = fold_control_words()[control]
            for word in () if leaf is None else leaf["enum"]:
                assert folding[word] in CONTROL_WORDS[control]
                seen.add(folding[word])
            assert folding.unknown == set()
    words = {
        w for c in ("app_failure_handling", "transaction_log_handling", "sql_log_handling") for w in CONTROL_WORDS[c]
    }
    assert seen == words - ({"Preserve"} if revision == "1.3-rev1" else set())


def test_variants_and_their_words_are_those_of_the_specification():
    schemas = Schemas(schemas_of("1.3-rev1"))
    for reported, schema in schemas.job_types().items():
        rules = controls.get_map()._source.types[fold_job_types()[reported]]
        for path in rules.variant_by:
            leaf = schemas.find(schema, ".".join(path))
            assert leaf["enum"] == list(rules.variant_values)


def test_1_1_rev1_is_1_1_rev0_with_the_renamed_keys_and_two_more_types():
    get = controls.get_map().profile
    older, newer = get("1.1-rev0/VSphereBackup"), get("1.1-rev1/VSphereBackup")
    assert older.settings.keys() == newer.settings.keys()
    moved = {c for c in READ_CONTROLS if older.path_of(c) != newer.path_of(c)}
    assert moved == {"encryption_password_id", "proxies_auto"}
    assert newer.path_of("proxies_auto") == "storage.backupProxies.autoSelectEnabled"
    for job_type in ("VSphereReplica", "CloudDirectorBackup"):
        assert get(f"1.1-rev1/{job_type}").settings == get(f"1.2-rev1/{job_type}").settings
        assert get(f"1.1-rev0/{job_type}") is None


@pytest.mark.parametrize("revision", ["1.1-rev2", "1.2-rev0"])
def test_revisions_without_a_specification_are_taken_as_1_2_rev1(revision):
    for job_type in controls.get_map().types:
        here = controls.get_map().profile(f"{revision}/{job_type}")
        there = controls.get_map().profile(f"1.2-rev1/{job_type}")
        assert (here is None) == (there is None)
        assert here is None or here.settings == there.settings


def test_an_older_pinned_revision_leaves_unknown_what_only_the_newer_one_has():
    keys = ["1.3-rev1/FileBackup", "1.3-rev1<1.3-rev2/FileBackup", "1.3-rev2/FileBackup", pd.NA, "nonsense"]
    profiles = pd.Series(keys, dtype=pd.StringDtype("python", na_value=pd.NA), index=[5, 6, 7, 8, 9])
    answer = controls.support(profiles, "gfs_enabled")
    assert answer.tolist() == [False, pd.NA, True, pd.NA, pd.NA]
    assert answer.index.tolist() == [5, 6, 7, 8, 9]
    assert str(answer.dtype) == "boolean"
    assert controls.support(profiles, "gfs_level_enabled").tolist() == answer.tolist()
    assert controls.support(profiles, "is_disabled").tolist() == [True] * 5
    assert controls.json_path(profiles, "gfs_enabled").tolist() == [
        pd.NA, pd.NA, "backupRepository.gfsPolicy.isEnabled", pd.NA, pd.NA
    ]  # fmt: skip
    assert controls.json_path(profiles, "is_disabled").tolist() == ["isDisabled"] * 5


@pytest.mark.parametrize(
    "key",
    ["", "/", "1.3-rev1", "1.3-rev1/", "1.3-rev1/Nonsense", "9.9-rev9/VSphereBackup", "1.2-rev1/FileBackup",
     "1.3-rev1/BackupCopy", "1.3-rev1/BackupCopy/Sometimes", "1.3-rev1/FileBackup/Periodic", "1.3-rev1<x/FileBackup"],
)  # fmt: skip
def test_a_profile_that_the_map_does_not_know(key):
    assert controls.get_map().profile(key) is None


def test_copies_have_their_schedule_only_when_periodic():
    keys = pd.Series([f"1.3-rev1/BackupCopy/{v}" for v in ("Periodic", "Immediate", "?")], dtype="object")
    for control in ("retry_enabled", "run_automatically", "is_scheduled", "schedule_after_job_name"):
        assert controls.support(keys, control).tolist() == [True, False, pd.NA]
    assert controls.support(keys, "gfs_enabled").tolist() == [True, True, True]
    assert controls.support(keys, "schedule_continuously_enabled").tolist() == [False, False, False]


def test_support_of_no_jobs_is_an_empty_answer():
    none = pd.Series([], dtype=pd.StringDtype("python", na_value=pd.NA))
    for control in CONTROLS:
        assert str(controls.support(none, control).dtype) == "boolean"
        assert controls.json_path(none, control).dtype == pd.StringDtype("python", na_value=pd.NA)
