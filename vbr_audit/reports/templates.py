"""A user's own templates, looked at before anything is collected."""

from __future__ import annotations

from pathlib import Path

from vbr_audit.errors import TemplateError
from vbr_audit.reports.html import make_environment


def check_templates(folder: Path | None) -> None:
    """Compile every template in `folder`; raises `TemplateError`, with file and line, for one that is wrong."""
    if folder is None:
        return
    from jinja2 import TemplateSyntaxError

    environment = make_environment(folder)
    for path in sorted(folder.rglob("*.j2")):
        name = path.relative_to(folder).as_posix()
        try:
            environment.get_template(name)
        except TemplateSyntaxError as error:
            raise TemplateError(
                f"{path}:{error.lineno}: {error.message}", hint="Correct the template; --debug shows the rest."
            ) from None
