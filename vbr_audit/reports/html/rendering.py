"""The HTML pages: one file each, no request, readable without script, a content security policy of hashes only."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import io
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

import jinja2
from markupsafe import Markup

from vbr_audit.collection.files import write_bytes
from vbr_audit.errors import ConfigurationError, TemplateError
from vbr_audit.reports.charts.page_charts import make_charts
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.html.environment import make_environment
from vbr_audit.reports.html.executive import build_brief
from vbr_audit.reports.html.page import build_page
from vbr_audit.reports.html.paper import build_paper, build_short_page
from vbr_audit.reports.interface import PLAIN_OPTIONS, ReportOptions
from vbr_audit.reports.quiet import without_remarks
from vbr_audit.vocabulary import PdfLength

HINT: Final = "`vbr-audit templates check DIR` names all that is wrong; docs/templates.md says what a template may use."
_SUFFIX = ".j2"

_BROKEN: Final = (TypeError, ValueError, ArithmeticError, LookupError, RecursionError, MemoryError)
"""What the expressions of a template can raise."""


@dataclass(frozen=True)
class PageKind:
    """One HTML page: its template, what it carries within itself, and what its template is given beside the report."""

    template: str
    styles: tuple[str, ...]
    scripts: tuple[str, ...]
    names: Mapping[str, Callable[[ReportContext], Any]]


PAGES: Final[Mapping[str, PageKind]] = {
    "html": PageKind(
        "compliance.html.j2",
        ("style.css", "charts.css"),
        ("script.js",),
        {"page": build_page, "charts": make_charts},
    ),
    "pdf": PageKind(
        "pdf.html.j2",
        ("style.css", "charts.css", "paper.css"),
        (),
        {"page": build_short_page, "brief": build_brief, "charts": make_charts, "paper": build_paper},
    ),
    "executive": PageKind("executive.html.j2", ("style.css", "executive.css"), (), {"brief": build_brief}),
    "executive-pdf": PageKind(
        "executive_pdf.html.j2",
        ("style.css", "executive.css"),
        (),
        {"brief": build_brief, "paper": build_paper},
    ),
}
"""The pages by the format that writes them; the full PDF is the page `html` on paper."""


def given_to(context: ReportContext, kind: str) -> dict[str, Any]:
    """What the template of one of `PAGES` is given beside the report, by name."""
    return {name: build(context) for name, build in PAGES[kind].names.items()}


def render_html(
    context: ReportContext,
    templates_dir: Path | None = None,
    *,
    kind: str = "html",
    given: Mapping[str, Any] | None = None,
) -> str:
    """One of `PAGES` as an HTML document. Templates in `templates_dir` win over the built-in ones of the same name.

    `given` is what `given_to` made of the same report before, where somebody renders it again and again.
    Raises `TemplateError`, with file and line, for a template that is missing, wrong or asks for an unknown name.
    """
    page = PAGES[kind]
    environment = builtin_environment() if templates_dir is None else make_environment(templates_dir)
    given = given_to(context, kind) if given is None else given
    branded = ("brand.css",) if context.brand.is_set else ()
    try:
        css = Markup("\n").join([source_of(environment, name) for name in (*page.styles, *branded)])
        css += Markup(context.brand.css)  # noqa: S704 - colours that were checked, no text
        script = Markup("\n").join([source_of(environment, name) for name in page.scripts])
        return environment.get_template(page.template).render(
            report=context,
            css=css,
            script=script,
            csp=content_policy(css, script),
            **given,
        )
    except (jinja2.TemplateError, *_BROKEN) as error:
        raise TemplateError(error_text(error, page.template), hint=HINT) from error


@cache
def builtin_environment() -> jinja2.Environment:
    """The environment of the built-in templates alone, which are compiled once for all pages."""
    return make_environment()


def error_text(error: Exception, template: str) -> str:
    """`file:line: what` for an error while `template` was rendered."""
    if isinstance(error, jinja2.TemplateSyntaxError):
        return f"{error.name}:{error.lineno}: {error.message}"
    if isinstance(error, RecursionError):
        return f"{template}: it includes itself, or is nested too deeply"
    if isinstance(error, MemoryError):
        return f"{template}: it needs more memory than there is"
    if isinstance(error, jinja2.TemplateNotFound):
        return f"no template called {error.name!r}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith(_SUFFIX)]
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else template
    return f"{place}: {error.message if isinstance(error, jinja2.TemplateError) else error}"


def content_policy(css: str, script: str) -> str:
    """A content security policy that allows this style, this script and embedded images, and nothing else."""
    scripts = f"'{_hash(script)}'" if script else "'none'"
    return (
        f"default-src 'none'; img-src data:; style-src '{_hash(css)}'; script-src {scripts}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def source_of(environment: jinja2.Environment, name: str) -> Markup:
    """The text of a style or script, to stand in the page; raises `TemplateError` where it would end its element."""
    loader = cast("jinja2.BaseLoader", environment.loader)
    text = loader.get_source(environment, name)[0].strip()
    if "</" in text:
        raise TemplateError(f"{name}: '</' would end its element in the page", hint="Write it in another way.")
    return Markup(text)  # noqa: S704 - a file of the package or of the user's own, no data


# The report as a tagged PDF, printed by WeasyPrint (extra `pdf`).
#
# It is for the archive: PDF/A-3 carries the files that a program reads in place of the paper. WeasyPrint writes one
# claim into a file, so that it does not say PDF/UA too, though tags, language, title and bookmarks are there.
#
# The document asks for nothing: what is not within the page is refused. Equal runs give equal bytes on one machine;
# with other fonts the bytes differ, not the text.

PRINT_STYLE: Final = "pdf.css"
"""What the paper has beside the print style of the page: page numbers."""
VARIANT: Final = "pdf/a-3u"
"""The standard that the file claims: archivable, its text as Unicode, with files attached."""
_A4_MM: Final = (210, 297)
_SMALLER, _SMALLEST = 0.08, 0.6
"""By how much less of its size a sheet is tried that was too long, and the least of it that can be read."""
_NO_MOMENT: Final = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


def refuse_without_pdf() -> None:
    """Raise `ConfigurationError` where WeasyPrint, or a library of the system that it needs, is missing."""
    try:
        import weasyprint  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            f"the PDF needs the package {error.name}", hint="Install it with: pip install 'vbr-audit[pdf]'"
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"WeasyPrint cannot load a library of the system: {str(error).splitlines()[0]}",
            hint="Install Pango, on Debian: apt install libpango-1.0-0 libpangoft2-1.0-0",
        ) from None


@dataclass(frozen=True)
class Attached:
    """A file within a PDF: its name, its bytes, what it is, and how it relates to the paper, in words of PDF/A-3."""

    name: str
    content: bytes
    description: str
    relationship: str


def write_pdf(
    context: ReportContext,
    path: Path,
    options: ReportOptions = PLAIN_OPTIONS,
    attached: Iterable[Attached] = (),
    *,
    one_sheet: bool = False,
) -> None:
    """Print the report to `path` in the length of the options, with the files `attached`, signed where they say so.

    With `one_sheet` it is the executive page. Raises `ConfigurationError` without WeasyPrint and for a signature that
    cannot be made, `TemplateError` and `OutputError`.
    """
    refuse_without_pdf()
    moment = context.manifest.run.now
    if one_sheet:
        made = print_sheet(render_html(context, options.templates_dir, kind="executive-pdf"), attached, moment)
    else:
        page = render_html(context, options.templates_dir, kind="html" if options.pdf == PdfLength.FULL else "pdf")
        style = source_of(make_environment(options.templates_dir), PRINT_STYLE)
        made = print_page(page, style, attached, moment)
    write_bytes(path, made if options.sign_pdf is None else options.sign_pdf.sign(made))


def print_page(page: str, style: str, attached: Iterable[Attached] = (), moment: dt.datetime = _NO_MOMENT) -> bytes:
    """An HTML document as PDF/A-3u: tagged, with title, language and bookmarks; `style` is CSS for the paper.

    The files `attached` are dated with `moment`, so that equal runs give equal bytes.
    """
    with _quiet():
        return _as_pdf(_laid_out(page, style), attached, moment)


def print_sheet(page: str, attached: Iterable[Attached] = (), moment: dt.datetime = _NO_MOMENT) -> bytes:
    """An HTML document as PDF/A-3u on one sheet of A4, smaller where it would need two; else like `print_page`.

    What is longer than a sheet at `_SMALLEST` keeps its size, and has more of them.
    """
    with _quiet():
        whole = document = _laid_out(page, "")
        zoom = 1.0
        while len(document.pages) > 1 and zoom > _SMALLEST:
            zoom = round(zoom - _SMALLER, 2)
            width, height = (f"{side / zoom:.3f}mm" for side in _A4_MM)
            document = _laid_out(page, f"@page {{ size: {width} {height} !important }}")
        if len(document.pages) > 1:
            document, zoom = whole, 1.0
        return _as_pdf(document, attached, moment, zoom)


def _laid_out(page: str, style: str) -> Any:
    """The document on its pages, before it is written."""
    import weasyprint
    from weasyprint.text.fonts import FontConfiguration

    fonts = FontConfiguration()
    nothing = weasyprint.URLFetcher(allowed_protocols=("data",), allow_redirects=False)
    paper = weasyprint.CSS(string=style, font_config=fonts, url_fetcher=nothing)
    document = weasyprint.HTML(string=page, url_fetcher=nothing, base_url=None)
    return document.render(stylesheets=[paper], font_config=fonts, pdf_variant=VARIANT, pdf_tags=True)


def _as_pdf(document: Any, attached: Iterable[Attached], moment: dt.datetime, zoom: float = 1.0) -> bytes:
    files = [_attachment(file, moment.astimezone(dt.UTC)) for file in attached]
    return bytes(document.write_pdf(zoom=zoom, pdf_variant=VARIANT, pdf_tags=True, attachments=files))


def _attachment(file: Attached, moment: dt.datetime) -> Any:
    import weasyprint

    return weasyprint.Attachment(
        file_obj=io.BytesIO(file.content),
        name=file.name,
        description=file.description,
        relationship=file.relationship,
        created=moment,
        modified=moment,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without WeasyPrint's remarks on the rules of the style that only browsers know, and on a file that it left open.

    That file is its own colour profile, which it opens for PDF/A and never closes.
    """
    with without_remarks("weasyprint", "fontTools"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
