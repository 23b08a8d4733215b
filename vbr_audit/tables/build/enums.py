"""The words of the API: their one canonical spelling, and which of them are known.

The API changed spellings between revisions (`running` and `Running`, `Backup` and `VSphereBackup`), so words are
compared without regard to case and folded to the newest spelling. A word that no known revision lists stays as
it is and is counted; it is never an error, because the lists grow with every build.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import pandas as pd


def listed(text: str) -> tuple[str, ...]:
    """The words of `text`."""
    return tuple(text.split())


class Folding(dict[Any, Any]):
    """Maps a reported word to its canonical spelling, and remembers what it has seen; None is NA.

    Looking up an unknown word gives the word itself and adds it to `unknown`.
    """

    def __init__(self, known: Iterable[str], renamed: Mapping[str, str] | None = None) -> None:
        super().__init__({None: pd.NA})
        self._known = {word.casefold(): word for word in known}
        self._known |= {old.casefold(): new for old, new in (renamed or {}).items()}
        self.unknown: set[str] = set()

    def __missing__(self, word: str) -> str:
        canonical = self._known.get(word.casefold())
        if canonical is None:
            self.unknown.add(word)
            canonical = word
        if len(self) < _REMEMBERED:
            self[word] = canonical
        return canonical


_REMEMBERED: Final = 10_000


class FoldingOfLists(Folding):
    """Folds each word of a text in which words stand between commas; the whole is unknown when one of them is."""

    def __missing__(self, word: str) -> str:
        if "," not in word and word:
            return super().__missing__(word)
        folded = [self[part] if part else part for part in word.split(",")]
        if any(part in self.unknown for part in word.split(",")):
            self.unknown.add(word)
        return ",".join(folded)


JOB_TYPES: Final = listed(
    """
    Unknown VSphereBackup HyperVBackup VSphereReplica CloudDirectorBackup BackupCopy LegacyBackupCopy
    EntraIDTenantBackup EntraIDTenantBackupCopy EntraIDAuditLogBackup
    FileBackup FileBackupCopy ObjectStorageBackup SureBackupContentScan
    WindowsAgentBackup WindowsAgentBackupFailoverCluster LinuxAgentBackup
    WindowsAgentBackupWorkstationPolicy WindowsAgentBackupServerPolicy
    LinuxAgentBackupWorkstationPolicy LinuxAgentBackupServerPolicy
    CloudBackupAzure CloudBackupAWS CloudBackupGoogle NutanixAHVBackupJob ProxmoxBackupJob IrisBackup
    """
)
RENAMED_JOB_TYPES: Final = {"Backup": "VSphereBackup"}

JOB_STATUSES: Final = ("Running", "Inactive", "Disabled", "Enabled", "Stopping", "Stopped", "Starting")

GOOD_RESULTS: Final = ("Success", "Warning")
"""A run that ended with a warning counts as good."""
ENDED_RESULTS: Final = (*GOOD_RESULTS, "Failed")
RESULTS: Final = ("None", *ENDED_RESULTS)
TASK_ALGORITHMS: Final = ("Full", "Increment", "None", "Synthetic")

WORKLOADS: Final = ("Application", "CloudVm", "File", "Server", "Workstation", "Vm")

SESSION_STATES: Final = listed(
    """
    Stopped Starting Stopping Working Pausing Resuming WaitingTape Idle Postprocessing WaitingRepository
    WaitingSlot ActionRequired
    """
)

SESSION_TYPES: Final = listed(
    """
    AdForestRestore AgentBackup AgentDiscovery AgentManagement AgentOperationActiveFull AgentOperationBackupNow
    AgentOperationPurgeCache AgentPolicy AgentsRecoveryAppliancesManagement ApplianceUpdatesInstall
    ApplicationLevelRestore ArchiveBackup ArchiveCopy ArchiveFreezing ArchiveRehydration ArchiveSync
    ArchiveTierDownload Automation AzureApplianceDeploy AzureInstantRecovery AzureInstantRecoveryMigration
    AzureInstantRecoveryMigrationUndo AzureInstantRecoveryMount AzureInstantRecoveryStart
    AzureInstantRecoveryStop AzureInstantRecoverySwitchover BackgroundOperation BackupCacheSync BackupCopyJob
    BackupCopyJobParent BackupJob CheckpointRemoval CloudDirectorVAppRestore CloudDirectorVmRestore
    CommitFailback ConfigurationBackup ConfigurationResynchronize CopyBackup DeleteBackup DirectBackupSync
    DiskRestore EncryptionAnalysis EndpointBackup EndpointRestore EntraIdRescanRepository EntraIdRestore
    EntraIdRestoreFromCopy EpAgentOperationStopBackup Failback Failover FailoverPlan FailoverPlanTask
    FileBackupArchiveRetrievalProlonging FileBackupHealthCheck FileInstantRecovery FileInstantRecoveryMigration
    FileLevelRestore FileServerSave FirstClassDiskInstantRestore FirstClassDiskQuickMigration HaClusterEdit
    HaSwitchover HostComponentsUpdate IndexCollection Infrastructure InfrastructureItemDeletion
    InstantDiskRecovery InstantRecovery IrisBackup LinuxFileLevelRestore LogsExport MalwareDetection NasRestore
    OracleLogBackup PerVmCopyBackup PerVmMoveBackup PermanentFailover PlannedFailover PlatformBackupJob
    PlatformServiceJob PlatformSnapshotCopyJob PlatformSnapshotJob PostgreSqlLogBackup
    PublishBackupContentViaMount PublishBackupContentViaNfs QuickMigration ReplicaJob RepositoryEvacuate
    RepositoryMaintenance RestoreAgentVolumes RestoreRecoveryApplianceVolumes RestoreVm Retention RetrieveBackup
    SecurityComplianceAnalyzer SqlLogBackup StorageDiscovery StorageMonitoring SureBackup SureBackupContentScan
    SwitchReplicaToProduction TestCredentials UndoFailback UndoFailover UnstructuredDataBackupCopy
    UnstructuredDataBrowse UnstructuredDownloadMeta VeeamUpdaterSettingsSync VolumesDiscover
    """
)
JOB_RUN_TYPES: Final = listed(
    """
    AgentBackup BackupCopyJob BackupCopyJobParent BackupJob EndpointBackup IrisBackup PlatformBackupJob ReplicaJob
    SureBackupContentScan UnstructuredDataBackupCopy
    """
)
"""The kinds of session that are the run of a job, so that one without a job's id is a gap."""

POLICY_RUN_TYPE: Final = "AgentPolicy"
"""The kind of session that is the run of an agent policy where the machines' own sessions hang on it; else the policy
was only handed out."""

_AGENT: Final = ("AgentBackup", "EndpointBackup")
_POLICY: Final = (*_AGENT, POLICY_RUN_TYPE)
_COPY: Final = ("BackupCopyJob", "BackupCopyJobParent", "UnstructuredDataBackupCopy")
_PLATFORM: Final = ("PlatformBackupJob",)
OWN_RUN_TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    job_type: ("BackupJob", *own)
    for job_type, own in {
        "VSphereBackup": (),
        "HyperVBackup": (),
        "CloudDirectorBackup": (),
        "VSphereReplica": ("ReplicaJob",),
        "BackupCopy": _COPY,
        "LegacyBackupCopy": _COPY,
        "FileBackupCopy": _COPY,
        "EntraIDTenantBackupCopy": _COPY,
        "EntraIDTenantBackup": (),
        "EntraIDAuditLogBackup": (),
        "FileBackup": (),
        "ObjectStorageBackup": (),
        "SureBackupContentScan": ("SureBackupContentScan", "SureBackup"),
        "WindowsAgentBackup": _AGENT,
        "WindowsAgentBackupFailoverCluster": _AGENT,
        "LinuxAgentBackup": _AGENT,
        "WindowsAgentBackupWorkstationPolicy": _POLICY,
        "WindowsAgentBackupServerPolicy": _POLICY,
        "LinuxAgentBackupWorkstationPolicy": _POLICY,
        "LinuxAgentBackupServerPolicy": _POLICY,
        "CloudBackupAzure": _PLATFORM,
        "CloudBackupAWS": _PLATFORM,
        "CloudBackupGoogle": _PLATFORM,
        "NutanixAHVBackupJob": _PLATFORM,
        "ProxmoxBackupJob": _PLATFORM,
        "IrisBackup": ("IrisBackup",),
    }.items()
}
"""Which kinds of session are runs of which type of job. `BackupJob` stands for all of them in older revisions (there
`Job`), and which kind a newer one uses is told by no specification: both are taken."""

RESTORES_SINCE: Final[Mapping[str, tuple[str, ...]]] = {
    "1.2-rev1": listed(
        """
        CloudDirectorVAppRestore CloudDirectorVmRestore EntraIdRestore FileLevelRestore FirstClassDiskInstantRestore
        InstantRecovery LinuxFileLevelRestore NasRestore PublishBackupContentViaMount RestoreVm
        """
    ),
    "1.3-rev0": ("AzureInstantRecovery", "EntraIdRestoreFromCopy", "PublishBackupContentViaNfs"),
    "1.3-rev1": ("FileInstantRecovery",),
    "1.3-rev2": listed(
        """
        AdForestRestore ApplicationLevelRestore DiskRestore EndpointRestore InstantDiskRecovery RestoreAgentVolumes
        RestoreRecoveryApplianceVolumes
        """
    ),
}
"""The kinds of session that bring data back, or open it for reading, by the revision that first names them."""

VERIFICATIONS_SINCE: Final[Mapping[str, tuple[str, ...]]] = {
    "1.2-rev1": ("SureBackup",),
    "1.3-rev1": ("SureBackupContentScan",),
}
"""The kinds of session that prove a backup without bringing data back, by the revision that first names them."""

RENAMED_SESSION_TYPES: Final = {"Job": "BackupJob"}

CONTROL_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "schedule_type": ("Immediate", "Periodic", "Continuous", "Custom"),
    "schedule_daily_kind": ("Everyday", "WeekDays", "SelectedDays"),
    "schedule_monthly_number": ("First", "Second", "Third", "Fourth", "Last", "OnDay"),
    "schedule_monthly_weekday": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "schedule_periodically_kind": ("Seconds", "Minutes", "Hours", "Days"),
    "retention_type": ("RestorePoints", "Days", "Months", "Years"),
    "encryption_type": ("ByUserPassword", "ByKms"),
    "backup_mode": ("Full", "Incremental", "ReverseIncremental", "Transform", "TransformForeverIncremental"),
    "compression_level": ("Auto", "None", "DedupFriendly", "Optimal", "High", "Extreme"),
    "app_failure_handling": ("Disabled", "IgnoreFailures", "RequireSuccess"),
    "transaction_log_handling": ("CopyOnly", "Process"),
    "sql_log_handling": ("NeverTruncate", "Preserve", "Truncate", "Backup"),
}
"""The words of each control that holds one of a few; of those that each machine has, the worst first."""

SOUND_WORDS: Final = frozenset({"RequireSuccess", "Process", "Truncate", "Backup"})
"""Of what each machine has: the words with which nothing is wrong."""

RENAMED_CONTROL_WORDS: Final = {"Transofrm": "Transform"}


def fold_job_types() -> Folding:
    """A fresh folding of job types."""
    return Folding(JOB_TYPES, RENAMED_JOB_TYPES)


def fold_control_words() -> dict[str, Folding]:
    """A fresh folding for each control that holds one of a few words; there is no `x_reported` beside these.

    (`job_settings` has every value as received.)
    """
    return {control: Folding(words, RENAMED_CONTROL_WORDS) for control, words in CONTROL_WORDS.items()}


# The known words of the enums of the datasets beside jobs and sessions, over all known revisions.

PLATFORMS: Final = listed(
    """
    VMware HyperV CloudDirector WindowsPhysical LinuxPhysical LinuxPhysicalPpc Tape CustomPlatform EntraID
    UnstructuredData Test MongoDb AWSEC2 EC2 AzureCompute GCE GoogleCloud Iris Nutanix Proxmox
    ApplicationBackupRepository
    """
)
RENAMED_PLATFORMS: Final = (("Vcd", "CloudDirector"), ("NasBackup", "UnstructuredData"))

REPOSITORY_TYPES: Final = listed(
    """
    WinLocal LinuxLocal Smb Nfs AzureBlob AzureDataBox AzureArchive AmazonS3 AmazonSnowballEdge AmazonS3Glacier
    S3Compatible GoogleCloud IBMCloud ExtendableRepository DellDataDomain ExaGrid HPEStoreOnce QuantumDXi WasabiCloud
    LinuxHardened Infinidat Fujitsu VeeamDataCloudVault S3GlacierCompatible S3Integrated Cloud HPStoreOnce Foreign
    SanSnapshotOnly Tape AmazonS3External AzureStorageExternal PlatformServiceExternal GoogleCloudStorageExternal
    PlatformServiceVmbApi AmazonS3GlacierExternal GoogleArchiveStorageExternal AzureArchiveStorageExternal
    HPStoreOnceCloudBank VeeamVault ElevenElevenS3 AbrVirtual VeeamDataCloudVaultArchive
    VeeamDataCloudVaultAwsExternal VeeamDataCloudVaultAzureExternal
    """
)
RENAMED_REPOSITORY_TYPES: Final = (
    ("DDBoost", "DellDataDomain"),
    ("HPStoreOnceIntegration", "HPEStoreOnce"),
    ("Quantum", "QuantumDXi"),
    ("SmartObjectS3", "S3Integrated"),
)

SEVERITIES: Final = ("Clean", "Informative", "Suspicious", "Infected")
"""Of malware events, and how a restore point is marked."""

GFS_PERIODS: Final = ("None", "Weekly", "Monthly", "Quarterly", "Yearly")

ENCRYPTION_TYPES: Final = ("ByUserPassword", "ByKms")

NOTIFICATION_TYPES: Final = ("UseGlobalNotificationSettings", "UseCustomNotificationSettings")

SYSLOG_PROTOCOLS: Final = ("Udp", "Tcp", "Tls")

WEEK: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
