"""What `jupyter_client` starts kernels by, if they are to be warm."""

from __future__ import annotations

from typing import Any

from jupyter_client.provisioning import LocalProvisioner
from warm_kernels import fork_kernel


class WarmProvisioner(LocalProvisioner):
    """Kernels of this machine, forked from a warm process instead of started."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Start the kernel; return how to speak to it."""
        self.process = fork_kernel(cmd, env=kwargs["env"], cwd=kwargs.get("cwd"))
        self.pid = self.pgid = self.process.pid
        return self.connection_info
