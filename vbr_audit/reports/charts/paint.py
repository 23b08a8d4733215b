"""Colours, hatches and frames of the drawings by matplotlib; nothing here changes its settings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vbr_audit.reports.charts.palette import look_of, tones

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Paint:
    """The colours of text and lines, of the page behind them, and of a day without a run."""

    ink: str
    line: str
    page: str
    idle: str


_HATCHES: Final = {
    "": "",
    "rising": "////",
    "falling": "\\\\\\\\",
    "level": "----",
    "upright": "||||",
    "crossed": "xxxx",
}


def light_paint() -> Paint:
    """The colours of a light page, as the style sheets of the reports have them."""
    known = tones()
    return Paint(known["ink"], known["line"], known["bg"], known["idle"])


def fill_of(state: str) -> tuple[str, str]:
    """The colour and the hatch of a state, as matplotlib takes them."""
    look = look_of(state)
    return tones()[look.tone], _HATCHES[look.hatch]


_DRAWABLE = re.compile(r"[^ -~\u00a1-\u00ac\u00ae-\u024f\u0370-\u0377\u0384-\u03ce\u0400-\u045f]")


def name_label(text: str, limit: int = 30) -> str:
    """A name from outside as a drawing can hold it: short, in letters that its font has, no formula, no line break."""
    letters = _DRAWABLE.sub("?", text)
    short = letters if len(letters) <= limit else letters[: limit - 1] + "…"
    return (short.strip() or "(no name)").replace("$", r"\$")


def legend_word(word: str) -> str:
    """A word of a server's as a legend can hold it: as `name_label`, and not hidden by a leading underline."""
    letters = _DRAWABLE.sub("?", word).lstrip("_")
    return (letters[:24] or "?").replace("$", r"\$")


def whole_numbers(axis: Any) -> None:
    """Ticks at whole numbers, with commas."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(5, integer=True))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def finish(axes: Axes, paint: Paint, *, grid: str = "") -> None:
    """Frame, grid lines across `grid` (x, y, or none) and colours of text."""
    axes.set_facecolor("none")
    axes.set_axisbelow(True)
    axes.grid(visible=True, axis="both", color="none")
    if grid:
        axes.grid(visible=True, axis="y" if grid == "y" else "x", color=paint.line, linewidth=0.6)
    for side in ("top", "right", *(("left",) if grid == "y" else ("bottom",) if grid == "x" else ("left", "bottom"))):
        axes.spines[side].set_visible(False)
    for spine in axes.spines.values():
        spine.set_color(paint.line)
    axes.tick_params(colors=paint.ink, length=0, labelsize=9.5)
    axes.xaxis.label.set_color(paint.ink)
    axes.yaxis.label.set_color(paint.ink)


def put_legend(axes: Axes, paint: Paint, handles: Any = None) -> None:
    """The legend in one line above the drawing."""
    own, labels = axes.get_legend_handles_labels()
    shown = own if handles is None else handles
    if shown:
        axes.legend(
            handles=shown,
            labels=labels if handles is None else [handle.get_label() for handle in handles],
            loc="lower left",
            bbox_to_anchor=(0, 1.0),
            ncols=len(shown),
            frameon=False,
            labelcolor=paint.ink,
            fontsize=9.5,
            handlelength=1.6,
            columnspacing=1.4,
            borderaxespad=0.3,
        )
