"""Kernels of Jupyter that have imported everything before they start: each is forked from a process that is warm.

A fresh kernel spends most of its time on imports and on what the first audit of a process makes. Here one process does
that once, and every notebook gets a copy of it: a process of its own, with a connection of its own, and nothing in it
that another notebook left. Only for systems that fork.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from functools import cache
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

NAME = "warm"
LAUNCHER = "ipykernel_launcher"
LOOK_AGAIN_S = 0.05


class Kernel:
    """A kernel that was forked elsewhere, as `jupyter_client` looks at a `Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def poll(self) -> int | None:
        """None while it runs; its exit code is not known here."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return 0
        return None

    def wait(self) -> int:
        """Wait until it has ended."""
        while self.poll() is None:
            time.sleep(LOOK_AGAIN_S)
        return 0

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    terminate = kill


@cache
def _nursery() -> subprocess.Popen[str]:
    """The process that is warm; it ends with this one."""
    # The place of `matplotlib` for pictures is read when it is imported, long before a kernel says it.
    environment = os.environ | {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    program = [sys.executable, "-P", __file__]
    process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True)

    def end() -> None:
        process.communicate()

    atexit.register(end)
    return process


def fork_kernel(command: list[str], *, env: dict[str, str], cwd: str | None = None) -> Kernel:
    """A kernel with the arguments of this command of `jupyter_client`, in this environment and folder."""
    arguments = command[command.index(LAUNCHER) + 1 :]
    nursery = _nursery()
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    nursery.stdin.write(json.dumps({"arguments": arguments, "env": env, "cwd": cwd or os.getcwd()}) + "\n")
    nursery.stdin.flush()
    return Kernel(int(nursery.stdout.readline()))


def use_warm_kernels() -> None:
    """From now on, kernels that this process starts are warm."""
    from jupyter_client.provisioning import KernelProvisionerFactory

    factory = KernelProvisionerFactory.instance()
    factory.provisioners[NAME] = EntryPoint(NAME, "warm_provisioner:WarmProvisioner", factory.GROUP_NAME)
    factory.default_provisioner_name = NAME


def warm_up() -> None:
    """Import what a notebook may, and make what the first audit of a process makes."""
    import ipykernel.kernelapp  # noqa: F401
    import matplotlib.pyplot  # noqa: F401
    import openpyxl  # noqa: F401

    import vbr_audit as va
    from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, serve
    from vbr_audit.tables.build.arrays import make_texts_plainly

    make_texts_plainly()
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(jobs=2, sessions=20, role="Administrator") as url,
        va.connect(url, username=DEMO_USERNAME, password=DEMO_PASSWORD) as client,
    ):
        va.audit(va.collect(client, progress=False)).save(Path(folder, "run"))


def become_kernel(order: dict[str, Any]) -> None:
    """Be the kernel that is ordered, until it is told to end."""
    import pandas as pd
    from ipykernel.kernelapp import IPKernelApp

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["cwd"])
    random.seed()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdin, sys.stdout):
        os.dup2(nothing, stream.fileno())
    pd.set_option("display.max_columns", 20)  # as in a kernel: pandas looks where it is when it is imported
    app = IPKernelApp.instance(parent_handle=os.getppid())
    app.initialize(order["arguments"])
    app.start()


def _bury(*_: object) -> None:
    """Whoever has ended is gone at once, and its time counts as that of this process."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def main() -> None:
    """Fork a kernel for each line that is read."""
    warm_up()
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, _bury)
    for line in sys.stdin:
        if pid := os.fork():
            print(pid, flush=True)
            continue
        try:
            become_kernel(json.loads(line))
        finally:
            os._exit(0)


if __name__ == "__main__":
    main()
