"""How a client shows itself in a notebook: which server, as whom, how safely. Never a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vbr_audit.display import element, html_facts, shorten

if TYPE_CHECKING:
    from vbr_audit.api.client import Client

_STYLE = (
    ".va-client{font:14px/1.5 system-ui,sans-serif;color:inherit}.va-client dd{margin:0}"
    ".va-client dl{display:grid;grid-template-columns:max-content 1fr;gap:.1em 1em}"
)


def client_html(client: Client) -> str:
    """The facts of `client`, escaped, without script, in the colours of the notebook."""
    facts = {
        "Server": shorten(client.name, 120),
        "Address": shorten(client.url, 200),
        "Account": shorten(client.username, 120),
        "Revision": client.revision,
        "Certificate": shorten(client.tls, 300),
        "State": client.state,
        "Requests": "may change jobs" if client.allow_writes else "only reads",
    }
    inside = element("style", _STYLE, safe=True) + html_facts(facts)
    return element("div", inside, safe=True, class_="va-client")
