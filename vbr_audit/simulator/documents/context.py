"""What a document refers to: its own id and the ids of the things around it."""

from dataclasses import dataclass

from vbr_audit.simulator.identity import ZERO, identify
from vbr_audit.simulator.plans import Plan

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Context:
    """One plan together with the seed from which the ids of its surroundings follow."""

    plan: Plan
    seed: int

    @property
    def job_id(self) -> str:
        """The id of the job itself."""
        return self.job_id_of(self.plan.name)

    @property
    def repository_id(self) -> str:
        """The id of the repository that the job writes to."""
        return self.repository_id_of(self.plan.repository)

    def job_id_of(self, name: str) -> str:
        """The id of the job of that name."""
        return identify(self.seed, "job", name)

    def repository_id_of(self, key: str) -> str:
        """The id of a repository, by its key in the plans."""
        return identify(self.seed, "repository", key)

    def other_id(self, kind: str, name: str = "") -> str:
        """The id of any other thing that the job names."""
        return identify(self.seed, kind, name)

    def sources(self) -> list[str]:
        """The names of the jobs that this one reads from."""
        return [name.strip() for name in self.plan.source.split(",") if name.strip()]

    def head(self, *, described: bool = True, prioritised: bool = True) -> Json:
        """The properties that jobs of nearly every type share."""
        plan = self.plan
        head: Json = {"id": self.job_id, "name": plan.name, "type": plan.type, "isDisabled": plan.disabled}
        if described:
            head["description"] = f"Created by HANSA\\backupadmin: {plan.name}"
        if prioritised:
            head["isHighPriority"] = plan.high_priority
        return head

    def encryption(self) -> Json:
        """The encryption part, with the password or the key server that it needs."""
        plan = self.plan
        password = plan.encrypted and not plan.key_server
        return {
            "isEnabled": plan.encrypted,
            "encryptionType": "ByKms" if plan.key_server else "ByUserPassword",
            "encryptionPasswordId": self.other_id("password") if password else ZERO,
            "encryptionPasswordUniqueId": "backup-2025" if password else None,
            "kmsServerId": self.other_id("kms") if plan.encrypted and plan.key_server else None,
        }
