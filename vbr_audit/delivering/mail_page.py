"""The two texts of a mail, and the picture within it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import jinja2

from vbr_audit.delivering.message import Cause, Message, News
from vbr_audit.delivering.words import Letter, plain_lines, since_words
from vbr_audit.display import number
from vbr_audit.errors import TemplateError
from vbr_audit.reports.html.environment import make_environment
from vbr_audit.reports.html.rendering import HINT, builtin_environment, error_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from vbr_audit.reports.charts.paint import Paint

TEMPLATE: Final = "mail.html.j2"
MOST_BYTES: Final = 80_000
"""What text and HTML together may be: mail programs cut a longer mail."""
ROWS: Final = (20, 10, 5, 2, 0)
"""How many rows each list has; fewer where the mail would be too large."""
IMAGE: Final = "severities@vbr-audit"
"""The id by which the HTML names the picture."""


@dataclass(frozen=True)
class MailPage:
    """What the template of a mail is rendered with, as `mail`: the lists are cut, the totals are not."""

    letter: Letter
    message: Message
    image: str
    image_text: str
    since: str
    gaps: tuple[str, ...]
    news: tuple[News, ...]
    causes: tuple[Cause, ...]


def mail_texts(letter: Letter, templates: Path | None = None) -> tuple[str, str]:
    """The mail as plain text and as HTML, with as many rows as fit; raises `TemplateError`."""
    for most in ROWS:
        text = "\n".join(plain_lines(letter, most=most)) + "\n"
        page = _page(letter, most, templates)
        if len(text.encode()) + len(page.encode()) <= MOST_BYTES:
            break
    return text, page


def _page(letter: Letter, most: int, templates: Path | None) -> str:
    message = letter.message
    environment = builtin_environment() if templates is None else make_environment(templates)
    page = MailPage(
        letter=letter,
        message=message,
        image=f"cid:{IMAGE}",
        image_text=severities_text(message.failing_by_severity),
        since=since_words(message),
        gaps=message.gaps[:most],
        news=message.news[:most],
        causes=message.causes[:most],
    )
    try:
        return environment.get_template(TEMPLATE).render(mail=page)
    except jinja2.TemplateError as error:
        raise TemplateError(error_text(error, TEMPLATE), hint=HINT) from error


def severities_text(counts: Mapping[str, int]) -> str:
    """The picture in words."""
    return "Failing findings: " + ", ".join(f"{severity} {number(many)}" for severity, many in counts.items())


def mail_image(message: Message) -> bytes:
    """The failing findings by severity as a PNG."""
    return _image(tuple(message.failing_by_severity.items()))


@lru_cache(maxsize=8)  # the mail of every channel has the same one
def _image(counts: tuple[tuple[str, int], ...]) -> bytes:
    from vbr_audit.reports.charts.images import draw_png
    from vbr_audit.reports.charts.paint import fill_of

    def draw(axes: Axes, paint: Paint) -> None:
        names = [severity for severity, _ in counts]
        for place, (severity, many) in enumerate(counts):
            colour, hatch = fill_of(severity)
            axes.barh(place, many, color=colour, hatch=hatch, edgecolor=paint.page, height=0.7)
            axes.annotate(
                number(many),
                (many, place),
                (5, 0),
                textcoords="offset points",
                va="center",
                color=paint.ink,
                fontsize=19,
            )
        axes.set_yticks(range(len(names)), names, color=paint.ink)
        axes.invert_yaxis()
        axes.set_xlim(0, max([1, *(many for _, many in counts)]) * 1.12)
        axes.xaxis.set_visible(False)
        axes.tick_params(length=0, labelsize=19)
        for side in axes.spines.values():
            side.set_visible(False)
        axes.set_title("Failing findings by severity", loc="left", color=paint.ink, fontsize=20)

    return draw_png(draw, 3.0, dots=110)
