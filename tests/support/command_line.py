"""The command line in this process, as a user types it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from vbr_audit.cli import app


def invoke(*words: object, **options: Any) -> Result:
    """What `vbr-audit` with these words answers: exit code, stdout and stderr."""
    return CliRunner().invoke(app, [str(word) for word in words], **options)


def write(path: Path, text: str) -> Path:
    """The same path, with this text in it and its folders made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
