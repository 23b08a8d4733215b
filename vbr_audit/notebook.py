"""How objects show themselves in a notebook: fragments of HTML in its colours, escaped, without script or address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Final

from markupsafe import Markup, escape

from vbr_audit.display import is_known, number, plain

if TYPE_CHECKING:
    from jinja2 import Template

_TEMPLATE: Final = """\
<div class="va"><style>
.va{font:14px/1.5 system-ui,sans-serif;color:inherit;max-width:72em}.va strong{font-weight:650}.va ul{margin:.2em 0}
.va .head,.va .loud{border-left:5px solid #8888;padding:.2em .9em;margin:.4em 0}
.va .fail,.va .loud{border-color:#c9490f}.va .pass{border-color:#3a9178}.va .unk{border-color:#8467b5}
.va dl{display:grid;grid-template-columns:max-content 1fr;gap:.1em 1em}.va dd{margin:0}
.va table{border-collapse:collapse;margin:.5em 0;background:none;color:inherit}
.va th,.va td{text-align:left;vertical-align:top;padding:.2em .9em .2em 0;border-bottom:1px solid #8888;background:none;
color:inherit;white-space:normal;overflow-wrap:anywhere}.va td.n{text-align:right}
.va caption{text-align:left;color:inherit;font-weight:600}
.va pre{border-left:3px solid #8888;padding:.2em .9em;white-space:pre-wrap;overflow-wrap:anywhere}
</style>
{%- for part in parts %}
{%- if part.kind == "line" %}<p{% if part.style %} class="{{ part.style }}"{% endif %}>{{ part.text }}</p>
{%- elif part.kind == "headline" %}<p{% if part.style %} class="{{ part.style }}"{% endif %}>\
<strong>{{ part.text }}</strong>{% if part.detail %}<br><span>{{ part.detail }}</span>{% endif %}</p>
{%- elif part.kind == "facts" %}<dl>\
{% for name, value in part.values.items() %}<dt>{{ name }}</dt><dd>{{ value }}</dd>{% endfor %}</dl>
{%- elif part.kind == "items" %}<ul>{% for text in part.texts %}<li>{{ text }}</li>{% endfor %}</ul>
{%- elif part.kind == "grid" %}<table>{% if part.caption %}<caption>{{ part.caption }}</caption>{% endif %}<thead><tr>\
{% for header in part.headers %}<th scope="col">{{ header }}</th>{% endfor %}</tr></thead><tbody>\
{% for row in part.rows %}<tr>{% for cell in row %}{{ cell_of(cell) }}{% endfor %}</tr>{% endfor %}</tbody></table>
{%- elif part.kind == "document" %}<p>{% for line in part.heading %}{{ line }}{{ "" if loop.last else br }}{% endfor %}\
</p><pre>{% for line in part.lines %}{{ line }}
{% endfor %}</pre>
{%- endif %}
{%- endfor %}</div>"""


@dataclass(frozen=True)
class Line:
    """A paragraph; `style` is one of the classes of the fragment, or none."""

    kind: ClassVar = "line"
    text: str
    style: str = ""


@dataclass(frozen=True)
class Headline:
    """A strong line, and what stands below it."""

    kind: ClassVar = "headline"
    text: str
    detail: str = ""
    style: str = ""


@dataclass(frozen=True)
class Facts:
    """Pairs of name and value."""

    kind: ClassVar = "facts"
    values: Mapping[str, object]


@dataclass(frozen=True)
class Items:
    """A list."""

    kind: ClassVar = "items"
    texts: Sequence[str]


@dataclass(frozen=True)
class Grid:
    """A table with scoped column headers; numbers stand right."""

    kind: ClassVar = "grid"
    headers: Sequence[str]
    rows: Sequence[Sequence[object]]
    caption: str = ""


@dataclass(frozen=True)
class Document:
    """The text of a document, line by line as it is, below its heading."""

    kind: ClassVar = "document"
    heading: Sequence[str]
    lines: Sequence[str]


Part = Line | Headline | Facts | Items | Grid | Document


def fragment(parts: Iterable[Part]) -> str:
    """The parts as one fragment; characters that steer a terminal or reorder a line are shown as pictures."""
    return _template().render(parts=parts, cell_of=_cell, br=Markup("<br>"))


def row_size(row: Sequence[object]) -> int:
    """How many bytes a row of a `Grid` takes; a hostile name may grow sixfold when it is escaped."""
    return len("<tr></tr>") + sum(len(_cell(value).encode()) for value in row)


def _cell(value: object) -> Markup:
    if isinstance(value, int | float) and not isinstance(value, bool) and is_known(value):
        return Markup('<td class="n">{}</td>').format(number(value) if isinstance(value, int) else plain(value))
    return Markup("<td>{}</td>").format(plain(value))


@cache
def _template() -> Template:
    from jinja2 import Environment  # a client that never shows itself needs none

    return Environment(autoescape=True, finalize=_visible).from_string(_TEMPLATE)


def _visible(value: Any) -> Markup:
    return value if isinstance(value, Markup) else escape(plain(value))
