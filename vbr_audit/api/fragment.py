"""How a client shows itself in a notebook: which server, as whom, how safely. Never a secret."""

from __future__ import annotations

from collections.abc import Mapping

from vbr_audit.display import element, html_facts, shorten

_STYLE = (
    ".va-client{font:14px/1.5 system-ui,sans-serif;color:inherit}.va-client dd{margin:0}"
    ".va-client dl{display:grid;grid-template-columns:max-content 1fr;gap:.1em 1em}"
)


_LONGEST = 300
"""Maximum number of characters of a fact that are shown."""


def client_html(facts: Mapping[str, str]) -> str:
    """The `facts` of a client, escaped, without script, in the colours of the notebook."""
    short = {name: shorten(value, _LONGEST) for name, value in facts.items()}
    inside = element("style", _STYLE, safe=True) + html_facts(short)
    return element("div", inside, safe=True, class_="va-client")
