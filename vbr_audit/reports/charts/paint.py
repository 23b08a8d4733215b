"""Colours, hatches and frames of every drawing: a state has its colour, its hatch and its word.

So a drawing also reads in grey. Nothing here changes matplotlib's settings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Paint:
    """The colours of text and lines, and of the page behind them."""

    ink: str = "#1b1f24"
    line: str = "#c3c9d0"
    page: str = "#ffffff"
    idle: str = "#d3d9df"


LIGHT: Final = Paint()

GREEN, AMBER, RED, GREY = "#3a9178", "#b87d00", "#c9490f", "#8a939d"
FILLS: Final = {
    "Success": (GREEN, ""),
    "Warning": (AMBER, "\\\\\\\\"),
    "Failed": (RED, "////"),
    "PASS": (GREEN, ""),
    "FAIL": (RED, "////"),
    "WAIVED": ("#3b7bc4", "----"),
    "UNKNOWN": ("#8467b5", "||||"),
    "ERROR": ("#b8357c", "xxxx"),
    "NOT_APPLICABLE": (GREY, ""),
    "missed": ("#b8357c", "xxxx"),
    "used": ("#3b7bc4", ""),
    "critical": ("#8c1d12", ""),
    "high": (RED, "////"),
    "medium": (AMBER, "\\\\\\\\"),
    "low": ("#3b7bc4", "----"),
    "info": ("#b4bcc4", ""),
    "protected_share": (GREEN, "o"),
    "success_rate": ("#3b7bc4", "s"),
    "used_share": (AMBER, "^"),
}
OTHER: Final = (GREY, "++++")

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
