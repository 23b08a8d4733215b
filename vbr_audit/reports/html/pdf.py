"""The report as a tagged PDF, printed from the page by WeasyPrint (extra `pdf`).

The document asks for nothing: what is not within the page is refused. Equal runs give equal bytes on one machine; with
other fonts the bytes differ, not the text.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vbr_audit.collection.files import write_bytes
from vbr_audit.errors import ConfigurationError
from vbr_audit.reports.html.environment import make_environment
from vbr_audit.reports.html.rendering import render_html, source_of

if TYPE_CHECKING:
    from vbr_audit.reports.context import ReportContext

STYLE: Final = "pdf.css"
"""What the paper has beside the print style of the page: page numbers."""


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


def write_pdf(context: ReportContext, path: Path, templates_dir: Path | None = None) -> None:
    """Print the page to `path`; raises `ConfigurationError` without WeasyPrint, `TemplateError` and `OutputError`."""
    refuse_without_pdf()
    page = render_html(context, templates_dir)
    write_bytes(path, print_page(page, source_of(make_environment(templates_dir), STYLE)))


def print_page(page: str, style: str) -> bytes:
    """An HTML document as PDF/UA-1: tagged, with title, language and bookmarks; `style` is CSS for the paper."""
    import weasyprint
    from weasyprint.text.fonts import FontConfiguration

    fonts = FontConfiguration()
    nothing = weasyprint.URLFetcher(allowed_protocols=("data",), allow_redirects=False)
    with _quiet():
        paper = weasyprint.CSS(string=style, font_config=fonts, url_fetcher=nothing)
        document = weasyprint.HTML(string=page, url_fetcher=nothing, base_url=None)
        made: Any = document.write_pdf(stylesheets=[paper], font_config=fonts, pdf_variant="pdf/ua-1")
    return bytes(made)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without WeasyPrint's remarks on the rules of the style that only browsers know."""
    loggers = [logging.getLogger(name) for name in ("weasyprint", "fontTools")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
