"""The charts as SVG for the page: each shape on a wide page and on a phone, its letters readable on both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from textwrap import wrap
from typing import Final

from markupsafe import Markup

from vbr_audit.display import number, percent
from vbr_audit.reports.charts.chart_list import short_day
from vbr_audit.reports.charts.palette import look_of
from vbr_audit.reports.charts.shapes import Bars, Cells, Columns, Lines, Ranges, Series, Shape
from vbr_audit.reports.charts.sketch import LETTER, SIZE, Sketch, room_of, spot

WIDE: Final = 1000
NARROW: Final = 400
"""Units; the page scales a drawing to its column."""
_LINE: Final = 18
_NAME: Final = 30
_SHORT_NAME: Final = 16
_WORD: Final = 36
"""Letters of a name beside a drawing, where that is narrow, and of a word above it."""
_TICKS: Final = 5
_WIDE_LETTER: Final = 7.4
_APART: Final = 4
"""Half of the room between two texts of an axis."""
NO_RUN: Final = "no run"


@dataclass(frozen=True)
class Frame:
    """Where the values are drawn."""

    left: float
    top: float
    right: float
    bottom: float

    def x(self, share: float) -> float:
        """The place of a share of the width."""
        return self.left + (self.right - self.left) * share

    def y(self, share: float) -> float:
        """The place of a share of the height, from below."""
        return self.bottom - (self.bottom - self.top) * share


def draw(shape: Shape, name: str, title: str, description: str, *, is_wide: bool) -> Markup:
    """A chart as one SVG element; equal shapes give equal text."""
    style = "wide" if is_wide else "narrow"
    sketch = Sketch(f"chart-{name}-{style}", WIDE if is_wide else NARROW)
    if isinstance(shape, Columns):
        height = _columns(sketch, shape)
    elif isinstance(shape, Lines):
        height = _lines(sketch, shape)
    elif isinstance(shape, Bars):
        height = _bars(sketch, shape)
    elif isinstance(shape, Ranges):
        height = _ranges(sketch, shape)
    else:
        height = _cells(sketch, shape)
    return sketch.drawn(height, title, description, style)


def _columns(sketch: Sketch, shape: Columns) -> float:
    known = [one for one in shape.series if any(one.values)]
    totals = [sum(one.values[at] or 0 for one in known) for at in range(len(shape.steps))]
    ticks = whole_ticks(max([*totals, 1]))
    top = _legend(sketch, [(one.word, one.state) for one in known], shape)
    frame = Frame(room_of(map(number, ticks)) + 10, top + 16, sketch.width - 6, top + 196)
    scale = max([*totals, ticks[-1]])
    for tick in ticks:
        _tick(sketch, frame, tick / scale, number(tick))
    _time_axis(sketch, frame, shape.steps, shape.notes, shape.gaps)
    step = (frame.right - frame.left) / max(len(shape.steps), 1)
    labelled = shape.has_totals and room_of(map(number, totals)) <= step
    for at, total in enumerate(totals):
        x, y = frame.left + step * (at + 0.12), frame.bottom
        for one in known:
            height = (one.values[at] or 0) / scale * (frame.bottom - frame.top)
            if height:
                sketch.box(x, y - height, step * 0.76, max(height - 0.8, 0.4), one.state)
            y -= height
        if labelled and not (shape.gaps and shape.gaps[at]):
            sketch.text(x + step * 0.38, y - 5, number(total), anchor="middle")
    return _foot(sketch, frame, shape)


def _lines(sketch: Sketch, shape: Lines) -> float:
    known = [one for one in shape.series if any(value is not None for value in one.values)]
    last = [(one, next(value for value in reversed(one.values) if value is not None)) for one in known]
    is_wide = sketch.width == WIDE
    named = len(known) > 1
    words = [f"{percent(value)} {one.word}" if is_wide and named else percent(value) for one, value in last]
    top = _legend(sketch, [(one.word, one.state) for one in known] if named and not is_wide else [], shape)
    frame = Frame(46, top + 14, sketch.width - (room_of(words) + 14 if named else 24), top + 184)
    for at in range(_TICKS + 1):
        share = at / _TICKS
        _tick(sketch, frame, share, f"{(shape.base + (1 - shape.base) * share) * 100:.0f} %")
    _time_axis(sketch, frame, shape.steps, shape.notes, shape.gaps)
    step = (frame.right - frame.left) / max(len(shape.steps), 1)
    for one in known:
        _line_of(sketch, frame, one, step, shape.base, is_labelled=shape.is_labelled)
    if named:
        ends = [_height(frame, value, shape.base) for _, value in last]
        _end_labels(sketch, frame, list(zip(words, ends, strict=True)))
    return _foot(sketch, frame, shape)


def _height(frame: Frame, value: float, base: float) -> float:
    return frame.y((value - base) / (1 - base))


def _line_of(sketch: Sketch, frame: Frame, one: Series, step: float, base: float, *, is_labelled: bool) -> None:
    """One line with its points; what is not known breaks it."""
    spots = [
        None if value is None else (frame.left + step * (at + 0.5), _height(frame, value, base), value)
        for at, value in enumerate(one.values)
    ]
    for is_known, part in groupby(spots, key=lambda found: found is not None):
        if is_known:
            d = "L".join(f"{spot(found[0])} {spot(found[1])}" for found in part if found)
            sketch.line(f"M{d}", look_of(one.state).tone, 2.2)
    for found in spots:
        if found:
            sketch.point(found[0], found[1], one.state)
            if is_labelled and step >= room_of([percent(found[2])]):
                sketch.text(found[0], found[1] - 9, percent(found[2]), anchor="middle")


def _end_labels(sketch: Sketch, frame: Frame, labels: Sequence[tuple[str, float]]) -> None:
    """The last number and the word of each line beside its end, moved apart where they would lie on each other."""
    below = frame.top - _LINE
    for word, y in sorted(labels, key=lambda label: label[1]):
        below = max(y, below + SIZE + 2)
        sketch.text(frame.right + 4, below + 4, word)


def _bars(sketch: Sketch, shape: Bars) -> float:
    known = [one for one in shape.series if any(one.values)]
    is_wide = sketch.width == WIDE
    y = _legend(sketch, [(one.word, one.state) for one in known] if len(known) > 1 else [], shape)
    left = room_of(name[:_NAME] for name in shape.names) + 10 if is_wide else 0
    right = sketch.width - (room_of(shape.ends) + 12 if is_wide else 0)
    totals = [sum(one.values[at] or 0 for one in known) for at in range(len(shape.names))]
    longest = max([*totals, 1e-9])
    for at, name in enumerate(shape.names):
        y = _bar_name(sketch, name, shape.ends[at], y, right)
        x, whole = left, totals[at] if shape.as_share else longest
        for one in known:
            length = (one.values[at] or 0) / whole * (right - left) if whole else 0
            if length:
                sketch.box(x, y, max(length - 0.8, 0.6), 17, shape.states[at] if shape.states else one.state)
            x += length
        y += 26
    for text in (shape.counted, shape.below):
        if text:
            y += _LINE
            sketch.text(left, y - 4, text, tone="soft")
    return y + 4


def _bar_name(sketch: Sketch, name: str, end: str, y: float, right: float) -> float:
    """The name of a bar and its number: beside it on a wide page, above it on a phone; return where the bar begins."""
    if sketch.width == WIDE:
        sketch.text(right + 8, y + 13, end)
        sketch.text(0, y + 13, name, most=_NAME)
        return y
    sketch.text(0, y + 13, name, most=int((sketch.width - room_of([end]) - 16) / LETTER))
    sketch.text(sketch.width, y + 13, end, anchor="end")
    return y + _LINE


def _ranges(sketch: Sketch, shape: Ranges) -> float:
    is_wide = sketch.width == WIDE
    y = _legend(sketch, [(shape.usual.word, shape.usual.state), (shape.longest.word, shape.longest.state)], shape)
    left = room_of(name[:_NAME] for name in shape.names) + 16 if is_wide else 6
    right = sketch.width - (room_of(shape.ends) + 14 if is_wide else 6)
    scale = max([value or 0 for value in shape.longest.values] + [1])
    for at, name in enumerate(shape.names):
        y = _bar_name(sketch, name, shape.ends[at], y, right)
        first, last = ((one.values[at] or 0) / scale * (right - left) + left for one in (shape.usual, shape.longest))
        sketch.line(f"M{spot(first)} {spot(y + 9)}H{spot(last)}", "line", 4)
        sketch.point(first, y + 9, shape.usual.state)
        sketch.point(last, y + 9, shape.longest.state, 5.5)
        y += 26
    sketch.text(left, y + 12, f"from 0 to {number(scale)} minutes", tone="soft")
    return y + _LINE


def _cells(sketch: Sketch, shape: Cells) -> float:
    is_wide = sketch.width == WIDE
    most, size, high = (_NAME, 12, 16) if is_wide else (_SHORT_NAME, 11, 14)
    top = _legend(sketch, [(word, state) for state, word in shape.words], shape)
    left = min(max((len(name) for name in shape.names), default=0), most) * LETTER * size / SIZE + 8
    bottom = top + high * len(shape.rows)
    wide = (sketch.width - left) / max(len(shape.days), 1)
    for at, name in enumerate(shape.names):
        sketch.text(0, top + high * at + high - 4, name, most=most, size=size)
    for state, _ in shape.words:
        d = "".join(_cells_of(shape, state, left, top, wide, high))
        sketch.path(d, state)
    rules = [f"M{spot(left)} {spot(top + high * at)}H{spot(sketch.width)}" for at in range(len(shape.rows) + 1)]
    rules += [f"M{spot(left + wide * at)} {spot(top)}V{spot(bottom)}" for at in range(len(shape.days) + 1)]
    sketch.line("".join(rules), "bg", 1.6)
    words = [short_day(each) for each in shape.days]
    for at in _shown_steps(len(words), wide, words):
        x, room = left + wide * at, sketch.width - room_of([words[at]])
        if x <= room or at == 0:  # one that has no room would lie over the one before
            sketch.text(min(x, room), bottom + size + 2, words[at], tone="soft", size=size)
    return bottom + size + 8


def _cells_of(shape: Cells, state: str, left: float, top: float, wide: float, high: float) -> Iterator[str]:
    """The outlines of the days that held `state`, those beside each other as one."""
    for row, states in enumerate(shape.rows):
        at = 0
        for held, group in groupby(states):
            many = len(list(group))
            if held == state:
                x, y = spot(left + wide * at), spot(top + high * row)
                yield f"M{x} {y}h{spot(wide * many)}v{spot(high)}h-{spot(wide * many)}z"
            at += many


def _legend(sketch: Sketch, entries: Sequence[tuple[str, str]], shape: Shape) -> float:
    """The states with their words above a drawing, in as many lines as they need; return where the drawing begins."""
    shown = list(entries)
    if isinstance(shape, Columns | Lines) and any(shape.gaps):
        shown.append((NO_RUN, NO_RUN))
    x, y = 0.0, 0.0
    for word, state in shown:
        wide = 40 + min(len(word), _WORD) * _WIDE_LETTER
        if x and x + wide > sketch.width:
            x, y = 0.0, y + _LINE
        if isinstance(shape, Lines | Ranges) and state != NO_RUN:
            sketch.point(x + 7, y + 8, state)
        else:
            sketch.box(x, y + 2, 14, 11, state)
        sketch.text(x + 20, y + 12, word or "(no word)", most=_WORD)
        x += wide
    return y + _LINE + 8 if shown else 0.0


def _tick(sketch: Sketch, frame: Frame, share: float, text: str) -> None:
    y = spot(frame.y(share))
    sketch.line(f"M{spot(frame.left)} {y}H{spot(frame.right)}", "line")
    sketch.text(frame.left - 6, frame.y(share) + 4, text, anchor="end", tone="soft")


def _time_axis(sketch: Sketch, frame: Frame, steps: Sequence[str], notes: Sequence[str], gaps: Sequence[bool]) -> None:
    """The steps below, gaps hatched from top to bottom, and a dotted line where the rules changed."""
    step = (frame.right - frame.left) / max(len(steps), 1)
    for at in _shown_steps(len(steps), step, steps):
        middle, room = frame.left + step * (at + 0.5), sketch.width - room_of([steps[at]]) / 2 - _APART
        if middle <= room + 2 * _APART or at == 0:  # one that has no room would lie over the one before
            sketch.text(min(middle, room), frame.bottom + _LINE, steps[at], anchor="middle", tone="soft")
    for at, is_gap in enumerate(gaps):
        if is_gap:
            sketch.box(frame.left + step * (at + 0.12), frame.top, step * 0.76, frame.bottom - frame.top, NO_RUN)
    for at, note in enumerate(notes):
        if note:
            x = spot(frame.left + step * at)
            sketch.line(f"M{x} {spot(frame.top)}V{spot(frame.bottom + 6)}", "ink", 1.4, dots=True)


def _foot(sketch: Sketch, frame: Frame, shape: Columns | Lines) -> float:
    """What must be known of the axes stands below them; return where the drawing ends."""
    y = frame.bottom + _LINE
    changes = [f"{note} before {step}" for note, step in zip(shape.notes, shape.steps, strict=False) if note]
    texts = [f"Dotted, where the rules changed: {', '.join(changes)}."] if changes else []
    if isinstance(shape, Lines) and shape.base:
        texts.append(f"The axis begins at {shape.base * 100:.0f} %.")
    for text in texts:
        for line in wrap(text, int(sketch.width / LETTER)):
            y += _LINE
            sketch.text(0, y, line, tone="soft")
    return y + 8


def _shown_steps(many: int, wide: float, texts: Sequence[str]) -> range:
    """The steps that have room for their text, beginning with the first."""
    return range(0, many, max(1, -int(-(room_of(texts) + 2 * _APART) // max(wide, 0.1))))


def whole_ticks(top: float) -> tuple[int, ...]:
    """Whole numbers from 0 to `top` or a little above, in steps of 1, 2 or 5 times a power of ten."""
    power = 1
    while True:
        for unit in (1, 2, 5):
            if unit * power * _TICKS >= top:
                return tuple(range(0, int(-(-top // (unit * power))) * unit * power + 1, unit * power))
        power *= 10
