"""The page about report templates, made of what the templates are given."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Final

from jinja2 import nodes

from vbr_audit.reports.html.environment import CONSTANTS, FILTERS, FUNCTIONS, TABLE_METHODS, VERSION, make_environment
from vbr_audit.reports.html.rendering import PAGES
from vbr_audit.reports.html.templates import ROOTS, Member, classes_in, list_templates, members_of, reachable

BLOCKS: Final = {
    "title": "the title of the window",
    "branding": "the name or logo of the brand, above the heading",
    "header": "heading, terms of the run, contents",
    "summary": "what is incomplete, the verdict, the big numbers",
    "findings": "what is wrong, what has no answer, what is accepted; on the executive page the risks and areas",
    "appendix": "all that follows: charts, 3-2-1-1-0, checks, limits, provenance, method",
    "footer": "sign-off",
}
"""The blocks that are promised to stay, and what they hold."""

_ROOT_WORDS: Final = {
    "report": "everything about the run; the same for every page",
    "page": "the rows of the tables of `compliance.html.j2`; in `pdf.html.j2` fewer of them",
    "brief": "the rows of `executive.html.j2`, of which `pdf.html.j2` shows some",
    "charts": "a list: the pictures of `compliance.html.j2` and `pdf.html.j2`, each with its message and its numbers",
    "paper": "what `pdf.html.j2` has beside `page` and `brief`",
}

_INTRODUCTION = f"""# Report templates

The HTML report, the executive page and the PDF are rendered from Jinja templates. You can replace each of them.

    vbr-audit templates list                                  # all templates and their purpose
    vbr-audit templates copy executive.html.j2 --to our       # a copy to change; --all copies all of them
    vbr-audit templates check our                             # renders them with an invented run
    vbr-audit report RUN --templates our                      # uses them; also for audit, check and demo

A file in your folder replaces the built-in one of the same name; `builtin:NAME` is always the built-in one,
so that yours can extend it:

```jinja
{{# vbr-audit templates: {VERSION} #}}
{{% extends "builtin:compliance.html.j2" %}}
{{% block summary %}}
<p>Prepared for the board.</p>
{{{{ super() }}}}
{{% endblock %}}
```

The first line declares the version of this page that the template is written for. This is version {VERSION}; a template
with another version is refused before anything is collected.

## Rules

- Text is escaped in every template, and control characters are shown as symbols. You cannot turn escaping off:
  there is no `safe` filter and no `autoescape` tag.
- An unknown name is an error with file, line and the most similar name.
- Templates run in a sandbox. They read values; they cannot call functions with side effects, such as saving a run or
  writing a table to a file, and cannot read files outside their folder. The sandbox does not stop a template that never
  ends.
- A page allows no `style="…"` attribute, no inline event handler, no external file and no inline SVG: its content
  security policy contains only the hashes of its styles and scripts, and images as `data:`.
- Equal runs give equal bytes: templates have no access to the time or to random numbers.

## Brand

A name, a logo and colours need no template. `--brand FILE`, `VBR_AUDIT_BRAND`, or `brand` in a settings file gives
a file such as this one:

```yaml
version: 1
name: Example Ltd.
logo: logo.png        # PNG, JPEG or SVG, in the folder of this file; at most 200 kB; shown instead of the name
colour: "#0a529c"     # the bar at the top and the background of the name; the text is black or white, by contrast
accent: "#0a7a5c"     # links; made darker or lighter until the contrast is 4.5 : 1; default: the colour
```

`VBR_AUDIT_BRAND_NAME`, `_LOGO`, `_COLOUR` and `_ACCENT` set the same keys one by one; the file takes precedence.
"""


def render_templates_page() -> str:
    """The whole page as Markdown, ending in a line break."""
    return "\n".join([_INTRODUCTION, *_files(), *_blocks(), *_names(), *_helpers(), *_classes()]).rstrip() + "\n"


def blocks_of_pages() -> frozenset[str]:
    """The blocks that the pages offer."""
    environment = make_environment()
    found = set()
    for name in ("base.html.j2", *(kind.template for kind in PAGES.values())):
        source = environment.loader.get_source(environment, name)[0] if environment.loader else ""
        found |= {block.name for block in environment.parse(source).find_all(nodes.Block)}
    return frozenset(found)


def _files() -> Iterator[str]:
    yield from ("## Templates", "", "| template | what it is for |", "|---|---|")
    for file in list_templates():
        yield f"| `{file.name}` | {_cell(file.purpose)} |"
    yield ""


def _blocks() -> Iterator[str]:
    yield from ("## Blocks", "", "These blocks stay; everything else may change with a new version.", "")
    yield from ("| block | what it holds |", "|---|---|")
    for name, words in BLOCKS.items():
        yield f"| `{name}` | {words} |"
    yield ""


def _names() -> Iterator[str]:
    yield from ("## Names", "", "| name | type | what it holds |", "|---|---|---|")
    for name, cls in ROOTS.items():
        yield f"| `{name}` | {_link(cls)} | {_ROOT_WORDS[name]} |"
    yield "| `css`, `script`, `csp` | text | the style, the script and the content security policy of the page |"
    yield ""


def _helpers() -> Iterator[str]:
    yield from ("## Filters, functions, constants", "", "| name | what it gives |", "|---|---|")
    for name, function in (*FILTERS.items(), *FUNCTIONS.items()):
        mark = f"`\\| {name}`" if name in FILTERS else f"`{name}()`"
        yield f"| {mark} | {_cell(_first_sentence(function.__doc__))} |"
    yield f"| {', '.join(f'`{name}`' for name in CONSTANTS)} | words and bounds that the built-in templates share |"
    yield from (
        "",
        "Jinja's own filters are there but for `safe`, `urlize` and `random`. Of a table (a DataFrame) or a column",
    )
    yield f"these methods may be called: {', '.join(f'`{name}`' for name in TABLE_METHODS)}."
    yield ""


def _classes() -> Iterator[str]:
    yield from ("## What the names hold", "")
    yield "Types are written as Python writes them. `tuple[X, ...]` is a list of X, `None` is what is not known."
    for cls in reachable():
        members = members_of(cls).values()
        described = any(member.help for member in members)
        yield from ("", f"### {cls.__name__}", "", _cell(inspect.cleandoc(cls.__doc__ or "")), "")
        yield "| name | type |" + (" what it holds |" if described else "")
        yield "|---|---|" + ("---|" if described else "")
        for member in members:
            words = f" {_cell(_first_paragraph(member.help))} |" if described else ""
            yield f"| `{member.name}` | {_type(member, cls)} |{words}"


def _type(member: Member, cls: type) -> str:
    known = {one.__name__: one for one in classes_in(member.type, cls)}
    text = re.sub(r"Annotated\[([^,\[\]]+).*", r"\1", member.type)
    parts = re.split(r"(\b[A-Z]\w+\b)", _cell(text))
    return "".join(_link(known[part]) if part in known else part for part in parts)


def _link(cls: type) -> str:
    return f"[{cls.__name__}](#{cls.__name__.lower()})"


def _first_sentence(text: str | None) -> str:
    return re.split(r"(?<=\.)\s", _first_paragraph(text), maxsplit=1)[0]


def _first_paragraph(text: str | None) -> str:
    return " ".join(inspect.cleandoc(text or "").split("\n\n")[0].split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
