"""What importing costs: `import vbr_audit` and the first `va.connect` against `import pandas`, and `--help` alone."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

PROGRAMS = {
    "python": "",
    "import pandas": "import pandas",
    "import vbr_audit": "import vbr_audit",
    "first va.connect": "import vbr_audit as va; va.connect('https://vbr01.example', username='a', password='b')",
    "vbr-audit --help": "import sys; sys.argv = ['vbr-audit', '--help']; from vbr_audit.cli import main; main()",
}
ROUNDS = 7


def seconds(program: str) -> float:
    """The time of one fresh interpreter."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Print each median above a bare interpreter, and its ratio to `import pandas`."""
    times: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(ROUNDS):
        for name, program in PROGRAMS.items():
            times[name].append(seconds(program))
    medians = {name: statistics.median(values) for name, values in times.items()}
    bare = medians.pop("python")
    pandas = medians["import pandas"] - bare
    for name, median in medians.items():
        print(f"{name:20} {(median - bare) * 1000:7.0f} ms  {(median - bare) / pandas:5.2f} x import pandas")


if __name__ == "__main__":
    main()
