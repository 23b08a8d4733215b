"""Four small servers, read in one run and in three shards."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from command_line import invoke, write
from core_checks import CORE_TEXT, core_policy

from vbr_audit.checks import needed_datasets
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, ServerUrl, serve

NOW = dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC)
NAMES = ("hamburg", "ulm", "graz", "turin")
TERMS = ("--month", "2026-10", "--timezone", "UTC", "--format", "json", "--fail-on", "never", "--quiet")
TENANT = "Hansa Kontor"
PASSWORD = f"{DEMO_PASSWORD}\n"


@dataclass(frozen=True)
class Estate:
    """The servers, up and named in a file, the policy for them, and the runs: of all servers, and of each shard."""

    file: Path
    urls: dict[str, ServerUrl]
    policy: Path
    needed: tuple[str, ...]
    whole: Path
    shards: tuple[Path, ...]


@contextmanager
def read_estate(folder: Path) -> Iterator[Estate]:
    """The servers, and the runs of them in `folder`."""
    needed = sorted(needed_datasets(core_policy().uses))
    policy = write(folder / "core.yaml", CORE_TEXT)
    words = (
        "--policy",
        str(policy),
        "--username",
        DEMO_USERNAME,
        "--password-stdin",
        "--datasets",
        ",".join(needed),
        *TERMS,
    )
    with ExitStack() as stack:
        start = {"jobs": 3, "sessions": 20, "now": NOW, "role": "Administrator"}
        urls = [stack.enter_context(serve(seed=seed, **start)) for seed in range(len(NAMES))]
        named = dict(zip(NAMES, urls, strict=True))
        entries = [f'[[server]]\nname = "{name}"\nurl = "{url}"\ntenant = "{TENANT}"\n' for name, url in named.items()]
        file = write(folder / "servers.toml", "".join(entries))
        parts = {"whole": (), **{f"shard{k}": ("--shard", f"{k}/3") for k in (1, 2, 3)}}
        for name, part in parts.items():
            done = invoke("audit", "--servers", file, *part, *words, "--out", folder / name, input=PASSWORD)
            assert done.exit_code == 0, done.output
        yield Estate(
            file, named, policy, tuple(needed), folder / "whole", tuple(folder / f"shard{k}" for k in (1, 2, 3))
        )
