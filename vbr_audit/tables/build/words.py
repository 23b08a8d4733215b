"""The known words of the enums of the datasets beside jobs and sessions, over all known revisions."""

from __future__ import annotations

from typing import Final

from vbr_audit.tables.build.enums import listed

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
