"""Tables without names: each text column by the rule that is declared for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import orjson
import pandas as pd

from vbr_audit.checks.derived import left_objects, protection
from vbr_audit.checks.engine.objects import OBJECTS, UNREAD, default_cause
from vbr_audit.findings.evaluation import COVERAGE_COLUMNS
from vbr_audit.findings.requirements import REQUIREMENT_COLUMNS
from vbr_audit.scrub.free_text import REMOVED, TextScrubber, folded, is_ordinary
from vbr_audit.scrub.pseudonyms import Pseudonyms
from vbr_audit.tables.build.arrays import STRING, strings_of

# What each text column holds, so that a scrub knows what to put in its place: declared here, never guessed.

How = Literal["name", "names", "id", "ids", "digest", "word", "said", "text", "prose", "json", "kept"]


@dataclass(frozen=True)
class Rule:
    """How the values of a column are scrubbed.

    `name` and `names` (with commas between them) become pseudonyms that begin with `kind`; `id`, `ids` and `digest`
    become keyed ones. In a `word` of the API's the names are replaced, in what this tool `said` also what people wrote,
    in a `text` of the server's also names that are ordinary words. `prose`, which people wrote, goes; of `json` numbers
    and known words stay.
    """

    how: How
    kind: str = ""


KINDS: Final = (
    *("server", "host", "repository", "job", "object", "user", "mail", "company", "file", "path", "bucket", "rule"),
    *("hint", "certificate", "fingerprint", "address", "url", "group"),
)
"""The kinds of names; a text that is a name of several kinds goes by the first of them."""

_ID, _IDS, _DIGEST = Rule("id"), Rule("ids"), Rule("digest")
_WORD, _SAID, _TEXT, _KEPT = Rule("word"), Rule("said"), Rule("text"), Rule("kept")
_PROSE, _JSON = Rule("prose"), Rule("json")


def _name(kind: str) -> Rule:
    return Rule("name", kind)


def _each(names: str, rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


_COMMON: Final[Mapping[str, Rule]] = {
    **_each("server", _name("server")),
    **_each(
        "host_name parent_name smtp_server syslog_server dns_name endpoint primary_fqdn secondary_fqdn", _name("host")
    ),
    **_each("repository_name scale_out_repository", _name("repository")),
    **_each("run_after_job schedule_after_job_name job_name backup_name", _name("job")),
    **_each("machine", _name("object")),
    **_each("username account initiated_by created_by processed_by", _name("user")),
    **_each("sender", _name("mail")),
    **_each("recipients", Rule("names", "mail")),
    **_each("licensed_to", _name("company")),
    **_each("path cache_folder", _name("path")),
    **_each("bucket", _name("bucket")),
    **_each("hint", _name("hint")),
    **_each("subject issued_to issued_by", _name("certificate")),
    **_each("thumbprint", _name("fingerprint")),
    **_each("source_ip_start source_ip_end target_ip_start target_ip_end", _name("address")),
    **_each("url", _name("url")),
    **_each("sha256", _DIGEST),
    **_each(
        "job_id session_id repository_id host_id credentials_id backup_id encryption_password_id restore_point_id "
        "platform_id scale_out_repository_id unique_id kms_server_id archive_repository_id vbr_id replica_point_id "
        "policy_unique_id backup_object_id object_id backup_file_id replica_id proxy_id primary_job_id "
        "run_after_job_id parent_session_id resource_id original_session_id oldest_session_id task_session_id "
        "mount_server_id capacity_encryption_password_id capacity_kms_server_id managed_server_id parent_id "
        "wan_accelerator_id cloud_credentials_id last_success_session_id traffic_rule_id exclusion_id "
        "best_practice_id malware_event_id machine_uuid authorization_event_id user_id object_key "
        "protection_group_id entity_id mount_id cluster_id instance_id worker_id role_id",
        _ID,
    ),
    **_each(
        "source_job_ids source_repository_ids source_backup_ids credentials_ids vi_credentials_ids object_ids "
        "gateway_ids role_ids",
        _IDS,
    ),
    **_each(
        "best_practice type state status result platform session_type algorithm severity source engine tier role "
        "roles object_type "
        "job_type scan_type scan_result scan_state antivirus_name bottleneck malware_status gfs_periods "
        "guest_os_family encryption_state edition key_algorithm key_size "
        "immutability_mode extent_type placement_policy capacity_encryption_type transport_mode updates_state "
        "credentials_storage_type vi_host_type cache_size_unit authentication_type email_settings_type mail_server "
        "syslog_protocol syslog_filtered_events throttling_unit notification_type daily_scan_local_time "
        "last_result workload next_run_policy resource_reference schedule_type "
        "schedule_daily_kind schedule_daily_days schedule_daily_time schedule_monthly_months schedule_monthly_time "
        "schedule_monthly_number schedule_monthly_weekday schedule_periodically_days schedule_periodically_hours "
        "schedule_continuously_days schedule_continuously_hours backup_window_days backup_window_hours zone "
        "schedule_periodically_kind retention_type encryption_type app_failure_handling transaction_log_handling "
        "sql_log_handling backup_mode compression_level disks_to_process build patches time_zone "
        "iana_time_zone tls worst_malware gaps_h maybe_gaps_h media "
        "agent_status agent_version sensitivity detection_engine activities trust_mode mode primary_role primary_state "
        "secondary_role secondary_state workload_type standing",
        _WORD,
    ),
    **_each("result_message details", _TEXT),
    **_each("description note paths", _PROSE),
    **_each("value", _JSON),
    **_each(
        "control json_path seen_in settings_profile storage_class immutability_kind revision revision_newest "
        "zone_source",
        _KEPT,
    ),
}
"""What columns of this name hold in every table that `_BY_TABLE` does not say otherwise of."""


def _named(tables: str, kind: str) -> dict[str, dict[str, Rule]]:
    return {table: {"name": _name(kind)} for table in tables.split()}


_BY_TABLE: Final[Mapping[str, Mapping[str, Rule]]] = {
    **_named(
        "jobs job_states sessions edge_sessions offload_sessions restore_sessions backups replicas analyzer_last_run",
        "job",
    ),
    **_named("task_sessions restore_tasks backup_objects restore_points replica_points", "object"),
    **_named("global_exclusions assets", "object"),
    **_named("repositories repository_states scale_out_repositories scale_out_extents", "repository"),
    **_named("proxies proxy_states managed_servers wan_accelerators kms_servers server_info", "host"),
    **_named("users cloud_credentials", "user"),
    **_named("discovered_entities malware_exclusions instant_recoveries hyperv_instant_recoveries", "object"),
    **_named("file_restore_mounts published_disks license_instances", "object"),
    **_named("license_sockets", "host"),
    **_named("protection_groups roles custom_roles", "group"),
    **_named("high_availability_cluster", "host"),
    "backup_files": {"name": _name("file")},
    "traffic_rules": {"name": _name("rule")},
    "authorization_events": {"name": _TEXT, "description": _TEXT},
    "datasets": {"name": _KEPT, "path": _WORD, "query": _WORD, "reason": _SAID},
    protection.SPEC.name: {
        "name": _name("object"),
        "jobs": Rule("names", "job"),
        **_each(
            "repositories offsite_repositories protected_repositories stale_repositories unlocked_repositories",
            Rule("names", "repository"),
        ),
    },
    left_objects.SPEC.name: {"names": _SAID},
    "coverage": {**dict.fromkeys(COVERAGE_COLUMNS, _KEPT), "server": _name("server"), "reason": _SAID},
    "requirements": {**dict.fromkeys(REQUIREMENT_COLUMNS, _KEPT), **_each("framework title why", _SAID)},
    "findings": {
        **_each("title remediation", _KEPT),
        **_each("finding_id cause", _DIGEST),
        **_each("check_id area severity object_type status result waiver_expires cause_kind", _KEPT),
        **_each("observed expected json_path reason", _SAID),
        **_each("waiver_id", _name("waiver")),
        **_each("waiver_owner", _name("user")),
        **_each("object_id cause_key", _ID),
        **_each("object_name cause_name", _PROSE),
    },
}
"""What single tables hold in columns that elsewhere hold something else, or are nowhere else."""

_REPORTED: Final = "_reported"


def rule_of(table: str, column: str) -> Rule | None:
    """How `column` of `table` is scrubbed; a word as the server wrote it as the word itself; None if undeclared."""
    own = _BY_TABLE.get(table, {})
    rule = own.get(column) or _COMMON.get(column)
    if rule is None and column.endswith(_REPORTED):
        return rule_of(table, column.removesuffix(_REPORTED))
    return rule


def object_rules() -> dict[str, tuple[Rule, bool]]:
    """For each kind of object that findings speak of: how its name is scrubbed, and whether its id is that name."""
    found: dict[str, tuple[Rule, bool]] = {}
    for table, kind in OBJECTS.items():
        found[kind.kind] = (rule_of(table, kind.name_column) or _PROSE, kind.id_column == kind.name_column)
    return found


def cause_rules() -> dict[str, tuple[Rule, bool]]:
    """The same of each kind of cause: what is no object by itself is called by the name of one."""
    found = object_rules()
    for table, kind in OBJECTS.items():
        found[default_cause(table)] = found[kind.kind]
    return found | {"machine": (_name("object"), False), UNREAD: found["server"]}


_NO_NAME: Final = re.compile(r"[\d:.,TZ+ -]*")
_COMMA: Final = re.compile(r"(,\s*)")
_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True)
class Scrubber:
    """What replaces the names of one estate: whole values by `pseudonyms`, running text by `texts`."""

    pseudonyms: Pseudonyms
    texts: TextScrubber

    def name(self, kind: str, value: str) -> str:
        """The pseudonym of a name."""
        return self.pseudonyms.name(kind, value)

    def value(self, value: str, rule: Rule) -> str:
        """What a cell becomes under `rule`; what is empty stays."""
        return self._maker(rule)(value) if value else value

    def _maker(self, rule: Rule) -> Callable[[str], str]:
        """What makes the new value of a cell that is not empty."""
        names, clean = self.pseudonyms, self.texts.clean
        makers: Mapping[str, Callable[[str], str]] = {
            "name": lambda value: names.name(rule.kind, value),
            "names": lambda value: _each_between_commas(value, lambda part: names.name(rule.kind, part)),
            "id": names.identifier,
            "ids": lambda value: _each_between_commas(value, names.identifier),
            "digest": names.hashed,
            "word": lambda value: clean(value, prose=False),
            "said": clean,
            "text": lambda value: clean(value, own=False),
            "prose": lambda value: REMOVED,
            "json": self._json,
            "kept": lambda value: value,
        }
        return makers[rule.how]

    def _json(self, value: str) -> str:
        try:
            document = orjson.loads(value)
        except orjson.JSONDecodeError:
            return REMOVED
        return orjson.dumps(self._leaves(document)).decode()

    def _leaves(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._leaves(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._leaves(inner) for inner in value]
        if not isinstance(value, str) or not value or _NO_NAME.fullmatch(value):
            return value
        if _UUID.fullmatch(value):
            return self.pseudonyms.identifier(value)
        term = self.texts.terms.get(folded(value))
        if is_ordinary(folded(value)):
            return value
        return term.stand_in if term else REMOVED

    def column(self, values: pd.Series, rule: Rule) -> pd.Series:
        """A text column under `rule`, in the same order."""
        codes, uniques = pd.factorize(values.to_numpy(dtype=object), use_na_sentinel=True)
        made = np.empty(len(uniques) + 1, dtype=object)
        make = self._maker(rule)
        made[:-1] = [make(value) if value else value for value in uniques]
        made[-1] = pd.NA
        return pd.Series(strings_of(made[codes]), index=values.index, dtype=STRING)

    def frame(self, table: str, frame: pd.DataFrame) -> pd.DataFrame:
        """The table called `table`: text columns by their rules, one that is not declared as prose; others stay."""
        changed = {
            name: self.column(frame[name], rule_of(table, str(name)) or _PROSE)
            for name in frame.columns
            if frame[name].dtype == STRING
        }
        return frame.assign(**changed)

    def findings(self, findings: pd.DataFrame, own_checks: Collection[str]) -> pd.DataFrame:
        """The findings: objects by their kind, and the words of `own_checks`, which are the user's own."""
        frame = self.frame("findings", findings)
        self._name(frame, findings, object_rules(), ("object_type", "object_id", "object_name"))
        self._name(frame, findings, cause_rules(), ("cause_kind", "cause_key", "cause_name"))
        own = findings["check_id"].isin(list(own_checks)).to_numpy(dtype=bool, na_value=False)
        for name in ("title", "remediation"):
            frame.loc[own, name] = self.column(findings.loc[own, name], Rule("text"))
        return frame

    def _name(
        self,
        frame: pd.DataFrame,
        findings: pd.DataFrame,
        rules: Mapping[str, tuple[Rule, bool]],
        columns: tuple[str, str, str],
    ) -> None:
        """Write into `frame` the pseudonyms of what `findings` name, by its kind; `columns` are kind, id and name."""
        kinds, ids, names = (findings[name] for name in columns)
        for kind, (rule, id_is_name) in rules.items():
            rows = kinds.eq(kind).to_numpy(dtype=bool, na_value=False)
            unnamed = rows & names.eq(ids).to_numpy(dtype=bool, na_value=False)
            frame.loc[rows, columns[2]] = self.column(names[rows], rule)
            if id_is_name:
                frame.loc[rows, columns[1]] = self.column(ids[rows], rule)
            else:
                # What has no name of its own is called by its id.
                frame.loc[unnamed, columns[2]] = frame.loc[unnamed, columns[1]]


def names_in(table: str, frame: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Every name in a table with its kind; texts that people wrote are of the kind `REMOVED`, ids but UUIDs of `id`."""
    for column in frame.columns:
        rule = rule_of(table, str(column))
        if frame[column].dtype != STRING or rule is None or rule.how not in ("name", "names", "prose", "id", "ids"):
            continue
        kind = {"prose": REMOVED, "id": "id", "ids": "id"}.get(rule.how, rule.kind)
        for value in frame[column].dropna().unique():
            parts = _COMMA.split(value)[::2] if rule.how in ("names", "ids") else [value]
            yield from ((kind, part) for part in parts if part.strip() and not (kind == "id" and _is_dull(part)))


_LONG_ID: Final = 8


def _is_dull(identifier: str) -> bool:
    """Whether an id need not be looked for in texts: UUIDs are found by their form, short ones are everywhere."""
    return len(identifier) < _LONG_ID or _UUID.fullmatch(identifier) is not None


def _each_between_commas(value: str, make: Callable[[str], str]) -> str:
    parts = _COMMA.split(value)
    return "".join(part if at % 2 else make(part) for at, part in enumerate(parts))
