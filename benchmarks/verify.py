"""What it takes to verify sealed runs: one of usual size, a history of 24 of them, and one big run.

Each is collected from a simulated server, judged, saved and sealed with a key. Verifying hashes every file and every
page of evidence again, makes the findings again from the evidence, and checks the seals; of a history, it hashes and
checks the seals. *floor* is the SHA-256 of the same files and nothing else, measured in turn with it. All times are of
the processor, the shortest of several rounds. The exit code is 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

sys.path.insert(0, str(Path(__file__).parent))

from history import seconds

import vbr_audit as va
from vbr_audit.collection.files import sha256_of
from vbr_audit.histories.adding import add_to_history
from vbr_audit.histories.seal_checks import Trust, check_run_seal
from vbr_audit.histories.seals import Sealer, seal_run
from vbr_audit.histories.signing import load_signing_key, load_trusted_keys
from vbr_audit.pipeline import load_audit
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, read_moment, serve
from vbr_audit.verifying import verify_run

NOW = "2026-11-15T09:00"
BAR_S = 1.0
"""Seconds to verify a run of usual size, and a history of 24 such runs."""
FORMATS = ("html", "xlsx", "json")


def keys_in(folder: Path) -> tuple[Sealer, Trust]:
    """What signs seals, and what an auditor checks them by."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "key.pem").write_bytes(private)
    (folder / "key.pem").chmod(0o600)
    (folder / "public.pem").write_bytes(public)
    return Sealer(load_signing_key(folder / "key.pem")), Trust(load_trusted_keys([folder / "public.pem"]))


def audited(jobs: int, sessions: int, seed: int = 1) -> va.Audit:
    """A judged run of a simulated server."""
    with (
        serve(now=read_moment(NOW), role="Administrator", jobs=jobs, sessions=sessions, seed=seed) as url,
        va.connect(url, username=DEMO_USERNAME, password=DEMO_PASSWORD) as client,
    ):
        return va.audit(va.collect(client, timezone="UTC", progress=False))


def hashed(folder: Path) -> None:
    """The floor: every file of a folder is read and hashed."""
    for path in folder.rglob("*"):
        if path.is_file():
            sha256_of(path)


def told(name: str, way: Callable[[], object], folder: Path, rounds: int) -> float:
    """Print the row of one way to verify a folder; its seconds."""
    took, floor = seconds(way, rounds), seconds(lambda: hashed(folder), rounds)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    print(f"| {name} | {size:.1f} | {took:.2f} | {floor:.3f} | {took / floor:.1f} x |", flush=True)
    return took


def verified(run: Path, trust: Trust) -> None:
    """Verify one run as the command does; raises where anything does not hold."""
    wrong = [*verify_run(run), *check_run_seal(run, trust).problems]
    if wrong:
        raise SystemExit(f"{run} does not hold: {wrong[0]}")


def verified_history(history: Path, trust: Trust) -> None:
    """Verify a history as the command does; raises where anything does not hold."""
    if wrong := va.history(history).verify(trust):
        raise SystemExit(f"{history} does not hold: {wrong[0]}")


def main() -> None:
    """Print a row for each, then the bars; with `--profile`, also where the time of the usual run goes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=16)
    parser.add_argument("--sessions", type=int, default=2_000)
    parser.add_argument("--runs", type=int, default=24)
    parser.add_argument("--big", type=int, default=200, help="jobs of the big run, with 50 sessions each")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        sealer, trust = keys_in(folder)
        usual, big, history = folder / "usual", folder / "big", folder / "history"
        audit = audited(options.jobs, options.sessions)
        audit.save(usual, formats=FORMATS)
        seal_run(usual, sealer)
        print(f"usual: {len(audit.findings):,} findings\n")
        print("| what | MB | verify s | floor s | against floor |\n|---|---:|---:|---:|---:|")
        usual_s = told("a run of usual size", lambda: verified(usual, trust), usual, options.rounds)
        made = seconds(lambda: load_audit(usual).snapshot.close(), options.rounds)
        for seed in range(1, options.runs + 1):
            one = audited(options.jobs, options.sessions, seed)
            run = one.save(folder / f"run{seed}", formats=FORMATS)
            add_to_history(history, run, one.snapshot, one.results, sealer=sealer)
        name = f"a history of {options.runs} such runs"
        history_s = told(name, lambda: verified_history(history, trust), history, options.rounds)
        audit = audited(options.big, 50 * options.big)
        audit.save(big, formats=FORMATS)
        seal_run(big, sealer)
        told(f"a run of {len(audit.findings):,} findings", lambda: verified(big, trust), big, min(options.rounds, 3))
        print(
            f"\nA run of usual size takes {usual_s / made:.2f} x as long as loading and judging it; bar {BAR_S:.0f} s"
        )
        if options.profile:
            with cProfile.Profile() as profile:
                verified(usual, trust)
            pstats.Stats(profile).sort_stats("cumtime").print_stats(40)
    raise SystemExit(max(usual_s, history_s) > BAR_S)


if __name__ == "__main__":
    main()
