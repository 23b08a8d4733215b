"""Where the built-in report templates and their style sheets are."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from vbr_audit.errors import TemplateError


def builtin_templates() -> Path:
    """The folder of the built-in templates: inside the installed package, else beside it in a checkout."""
    package = Path(str(files("vbr_audit")))
    for folder in (package / "report_templates", package.parent / "report_templates"):
        if folder.is_dir():
            return folder
    raise TemplateError("the built-in report templates are missing", hint="Install the package again.")
