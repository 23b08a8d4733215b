"""The HTML report: one file, no request, readable without script, under a content security policy of hashes only."""

from __future__ import annotations

import base64
import hashlib
import traceback
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from vbr_audit.display import count, day, duration, iso, moment, number, percent, plain, size
from vbr_audit.errors import TemplateError
from vbr_audit.reports.charts import make_charts
from vbr_audit.reports.page import COUNTED, MAX_ROWS, build_page
from vbr_audit.reports.words import DEFINITIONS, STATUS_MEANINGS, STATUS_WORDS, badge, level_badge

if TYPE_CHECKING:
    from jinja2 import BaseLoader, Environment

    from vbr_audit.reports.context import ReportContext

TEMPLATE = "compliance.html.j2"
_SUFFIX = ".j2"


def render_html(context: ReportContext, templates_dir: Path | None = None) -> str:
    """The report as one HTML document. Templates in `templates_dir` win over the built-in ones of the same name.

    Raises `TemplateError`, with file and line, for a template that is missing, wrong or asks for an unknown name.
    """
    import jinja2

    environment = make_environment(templates_dir)
    try:
        css = _source(environment, "style.css")
        script = _source(environment, "script.js")
        return environment.get_template(TEMPLATE).render(
            report=context,
            page=build_page(context),
            charts=make_charts(context),
            css=css,
            script=script,
            csp=content_policy(css, script),
        )
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(f"{error.name}:{error.lineno}: {error.message}", hint=_HINT) from error
    except jinja2.TemplateNotFound as error:
        raise TemplateError(f"no template called {error.name!r}", hint=_HINT) from error
    except jinja2.TemplateError as error:
        raise TemplateError(f"{_place(error)}: {error.message}", hint=_HINT) from error


_HINT = "The README.md beside the built-in templates says what a template may use."


def make_environment(templates_dir: Path | None = None) -> Environment:
    """The Jinja environment of the reports: sandboxed, strict about unknown names, escaping in every template.

    A name is looked for in `templates_dir`, then among the built-in templates; `builtin:NAME` is always the
    built-in one, so that a replacement can extend what it replaces.
    """
    from jinja2 import ChoiceLoader, FileSystemLoader, PrefixLoader, StrictUndefined, select_autoescape
    from jinja2.sandbox import SandboxedEnvironment

    builtin = FileSystemLoader(builtin_templates())
    users = []
    if templates_dir is not None:
        if not templates_dir.is_dir():
            raise TemplateError(f"no folder of templates: {templates_dir}", hint="Check the path given.")
        users.append(FileSystemLoader(templates_dir))
    environment = SandboxedEnvironment(
        loader=ChoiceLoader([*users, builtin, PrefixLoader({"builtin": builtin}, delimiter=":")]),
        autoescape=select_autoescape(["html", "html.j2", "j2"], default=True),
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        number=number, percent=percent, duration=duration, size=size, iso=iso, day=day, plain=plain, count=count
    )
    environment.globals.update(
        badge=badge,
        level_badge=level_badge,
        moment=moment,
        STATUS_WORDS=STATUS_WORDS,
        STATUS_MEANINGS=STATUS_MEANINGS,
        DEFINITIONS=DEFINITIONS,
        COUNTED=COUNTED,
        MAX_ROWS=MAX_ROWS,
    )
    return environment


def builtin_templates() -> Path:
    """The folder of the built-in templates: inside the installed package, else beside it in a checkout."""
    package = Path(str(files("vbr_audit")))
    for folder in (package / "report_templates", package.parent / "report_templates"):
        if folder.is_dir():
            return folder
    raise TemplateError("the built-in report templates are missing", hint="Install the package again.")


def content_policy(css: str, script: str) -> str:
    """A content security policy that allows this style, this script and embedded images, and nothing else."""
    return (
        f"default-src 'none'; img-src data:; style-src '{_hash(css)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _source(environment: Environment, name: str) -> Any:
    from markupsafe import Markup

    loader = cast("BaseLoader", environment.loader)
    text = loader.get_source(environment, name)[0].strip()
    if "</" in text:
        raise TemplateError(f"{name}: '</' would end its element in the page", hint="Write it in another way.")
    return Markup(text)  # noqa: S704 - a file of the package or of the user's own, no data


def _shown(value: Any) -> Any:
    """What an expression of a template prints: text without anything that could steer, markup as it stands."""
    from jinja2 import Undefined
    from markupsafe import Markup

    if isinstance(value, Markup | Undefined):
        return value
    return plain(value, lines=True)


def _place(error: BaseException) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith(_SUFFIX)]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else TEMPLATE
