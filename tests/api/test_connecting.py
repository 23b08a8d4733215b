"""The first step needs little: a client is there before the libraries of an audit are."""

from __future__ import annotations

import subprocess
import sys


def test_connecting_loads_neither_pandas_nor_the_checks() -> None:
    program = (
        "import sys, vbr_audit as va; va.connect('https://vbr01.example', username='a', password='b').close()\n"
        "heavy = ('pandas', 'numpy', 'jinja2', 'vbr_audit.checks', 'vbr_audit.pipeline')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
