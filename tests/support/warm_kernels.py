"""Kernels of Jupyter that have imported everything before they start: each is forked from a process that is warm.

A fresh kernel spends most of its time on imports and on what the first audit of a process makes. Here one process does
that once, and every notebook gets a copy of it: a process of its own, with a connection of its own, and nothing in it
that another notebook left. What a notebook calls by `!vbr-audit` is forked from it as well. Only for systems that fork.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

NAME = "warm"
LAUNCHER = "ipykernel_launcher"
LOOK_AGAIN_S = 0.05
COMMAND = "vbr-audit"
SIZE_BYTES = 4
ASKING = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as line:
    line.connect({place!r})
    order = json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode()
    socket.send_fds(line, [len(order).to_bytes(4, "big")], [0, 1, 2])
    line.sendall(order)
    sys.exit(int(line.recv(8) or 1))
"""
"""The command that a notebook finds: it imports next to nothing, and gives its streams to one that is warm."""


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

    os.setsid()
    os.environ.clear()
    os.environ.update(order["env"])
    # The workers of a fleet are forked from one process that has imported Dask, not started one by one.
    os.environ["DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD"] = "forkserver"
    os.chdir(order["cwd"])
    random.seed()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdin, sys.stdout):
        os.dup2(nothing, stream.fileno())
    pd.set_option("display.max_columns", 20)  # as in a kernel: pandas looks where it is when it is imported
    app = IPKernelApp.instance(parent_handle=os.getppid())
    app.initialize(order["arguments"])
    app.start()


def run_command(order: list[Any]) -> int:
    """Run `vbr-audit` with the words, the environment, the folder and the streams that are ordered; its exit code."""
    from vbr_audit.cli import main

    words, environment, folder, streams = order
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for own, given in enumerate(streams):
        os.dup2(given, own)
    # Those that were there stay as they were opened: for a file, where this process writes into one.
    sys.stdout, sys.stderr = (os.fdopen(own, "w", encoding="utf-8", closefd=False) for own in (1, 2))
    sys.argv = [COMMAND, *words]
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def answer_command(line: socket.socket) -> None:
    """Run the command that is ordered on this line, and tell there how it ended."""
    with line:
        size, streams, _, _ = socket.recv_fds(line, SIZE_BYTES, 3)
        text = b""
        while len(text) < int.from_bytes(size, "big"):
            text += line.recv(65_536)
        line.sendall(str(run_command([*json.loads(text), streams])).encode())


def offer_command(folder: Path) -> socket.socket:
    """Put a `vbr-audit` into this folder that asks this process for one that is warm; return where it asks."""
    offered = socket.socket(socket.AF_UNIX)
    offered.bind(str(folder / "asked"))
    offered.listen()
    (folder / COMMAND).write_text(ASKING.format(python=sys.executable, place=str(folder / "asked")))
    (folder / COMMAND).chmod(0o700)
    return offered


def _bury(*_: object) -> None:
    """Whoever has ended is gone at once, and its time counts as that of this process."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def main() -> None:
    """Fork a kernel for each line that is read, and a command for each that is asked for."""
    warm_up()
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, _bury)
    with tempfile.TemporaryDirectory() as folder, offer_command(Path(folder)) as offered:
        while True:
            asked, _, _ = select.select([sys.stdin, offered], [], [])
            if offered in asked:
                line, _ = offered.accept()
                fork_off(answer_command, line)
                line.close()
            if sys.stdin in asked:
                text = sys.stdin.readline()
                if not text:
                    return
                order = json.loads(text)
                order["env"]["PATH"] = os.pathsep.join((folder, order["env"]["PATH"]))
                print(fork_off(become_kernel, order), flush=True)


def fork_off(work: Callable[[Any], object], given: Any) -> int:
    """The id of a process of its own that does this work, and ends."""
    if pid := os.fork():
        return pid
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        work(given)
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
