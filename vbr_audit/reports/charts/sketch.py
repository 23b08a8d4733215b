"""What a drawing is made of: boxes, lines and texts as SVG, coloured by the classes of the page's style.

An attribute beside each class holds the colour of a light page, for paper and for programs that know no style sheet.
There is no style attribute, which the page's content security policy would block, and every text is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from markupsafe import Markup

from vbr_audit.display import shorten
from vbr_audit.reports.charts.palette import look_of, tones

SIZE: Final = 13
"""Of the texts, in units of the drawing."""
LETTER: Final = 6.9
"""How wide a letter is at most, on average."""
_HATCHES: Final = {
    "rising": "M-1 1l2-2M0 6l6-6M5 7l2-2",
    "falling": "M-1 5l2 2M0 0l6 6M5-1l2 2",
    "level": "M0 3h6",
    "upright": "M3 0v6",
    "crossed": "M0 0l6 6M0 6l6-6",
}


def spot(value: float) -> str:
    """A coordinate to a tenth, as short as it can be written."""
    return f"{value:.1f}".removesuffix(".0").replace("-0.", "-.") if value else "0"


def room_of(texts: Iterable[str]) -> float:
    """How wide the longest of some texts is."""
    return max((len(text) for text in texts), default=0) * LETTER


@dataclass
class Sketch:
    """A drawing of a certain width under way; its `name` makes the ids in it the only ones of the page."""

    name: str
    width: float
    parts: list[Markup] = field(default_factory=list)
    hatched: dict[str, Markup] = field(default_factory=dict)

    def text(
        self, x: float, y: float, text: str, *, anchor: str = "start", tone: str = "ink", most: int = 200, size: int = 0
    ) -> None:
        """A line of text, cut to `most` letters; each is a paragraph of its own, whichever way its letters run."""
        where = "" if anchor == "start" else Markup(' text-anchor="{}"').format(anchor)
        high = Markup(' font-size="{}"').format(size) if size else ""
        self.parts.append(
            Markup('<text x="{}" y="{}"{}{}{}>{}</text>').format(
                spot(x), spot(y), where, high, _coloured(tone), shorten(text, most)
            )
        )

    def box(self, x: float, y: float, width: float, height: float, state: str) -> None:
        """A rectangle in colour and hatch of a state."""
        self.path(f"M{spot(x)} {spot(y)}h{spot(width)}v{spot(height)}h-{spot(width)}z", state)

    def path(self, d: str, state: str) -> None:
        """A closed outline in colour and hatch of a state: the lines of the hatch lie over the colour."""
        look = look_of(state)
        self.parts.append(Markup('<path d="{}"{}/>').format(d, _coloured(look.tone)))
        if look.hatch:
            self.parts.append(Markup('<path d="{}" fill="url(#{})"/>').format(d, self._pattern(look.hatch)))

    def line(self, d: str, tone: str, width: float = 1, *, dots: bool = False) -> None:
        """An open line."""
        dashes = Markup(' stroke-dasharray="2 3"') if dots else ""
        self.parts.append(
            Markup('<path d="{}" class="s-{}" fill="none" stroke="{}" stroke-width="{}"{}/>').format(
                d, tone, tones()[tone], spot(width), dashes
            )
        )

    def point(self, x: float, y: float, state: str, reach: float = 4.5) -> None:
        """A mark of a state's shape, with a rim that parts it from what is below."""
        look, rim = look_of(state), Markup(' stroke="{}"').format(tones()["bg"])
        colour = Markup(' class="c-{} s-bg" fill="{}"').format(look.tone, tones()[look.tone]) + rim
        if look.point == "circle":
            self.parts.append(Markup('<circle cx="{}" cy="{}" r="{}"{}/>').format(spot(x), spot(y), reach, colour))
            return
        corners = {
            "square": f"M{spot(x - reach)} {spot(y - reach)}h{2 * reach}v{2 * reach}h-{2 * reach}z",
            "triangle": f"M{spot(x)} {spot(y - reach)}l{reach} {2 * reach}h-{2 * reach}z",
            "diamond": f"M{spot(x)} {spot(y - reach)}l{reach} {reach}l-{reach} {reach}l-{reach}-{reach}z",
        }
        self.parts.append(Markup('<path d="{}"{}/>').format(corners[look.point], colour))

    def _pattern(self, hatch: str) -> str:
        """The id of the pattern of a hatch, which the drawing then holds."""
        name = f"{self.name}-{hatch}"
        self.hatched[name] = Markup(
            '<pattern id="{}" width="6" height="6" patternUnits="userSpaceOnUse">'
            '<path d="{}" class="s-bg" fill="none" stroke="{}" stroke-opacity=".55"/></pattern>'
        ).format(name, _HATCHES[hatch], tones()["bg"])
        return name

    def drawn(self, height: float, title: str, description: str, style: str) -> Markup:
        """The whole drawing; `title` and `description` are what a reader who does not see it is told."""
        patterns = Markup("<defs>{}</defs>").format(Markup().join(self.hatched.values())) if self.hatched else ""
        return Markup(
            '<svg class="chart {style}" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
            'aria-labelledby="{name}-t {name}-d" font-family="sans-serif" font-size="{size}">'
            '<title id="{name}-t">{title}</title><desc id="{name}-d">{description}</desc>{patterns}{parts}</svg>'
        ).format(
            style=style,
            width=spot(self.width),
            height=spot(height),
            name=self.name,
            size=SIZE,
            title=shorten(title, 500),
            description=shorten(description, 2_000),
            patterns=patterns,
            parts=Markup().join(self.parts),
        )


def _coloured(tone: str) -> Markup:
    return Markup(' class="c-{}" fill="{}"').format(tone, tones()[tone])
