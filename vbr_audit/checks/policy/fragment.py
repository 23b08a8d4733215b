"""How a policy shows itself in a notebook: how many checks run, and what it makes different from their defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vbr_audit.checks.policy.as_text import policy_changes
from vbr_audit.display import count, element, escape, shorten

if TYPE_CHECKING:
    from vbr_audit.checks.policy.policy import Policy

_STYLE = ".va-policy{font:14px/1.5 system-ui,sans-serif;color:inherit}.va-policy ul{margin:.2em 0}"
_MOST = 40
"""So many changes are shown."""


def policy_line(policy: Policy) -> str:
    """The policy in a line of plain text."""
    enabled = sum(use.enabled for use in policy.uses)
    overridden = sum(bool(use.overrides) for use in policy.uses)
    parts = [f"{count(enabled, 'check')} run", f"{len(policy.uses) - enabled} disabled"]
    parts += [f"{overridden} with overrides"] if overridden else []
    return f"{shorten(policy.name, 60)}: {', '.join(parts)}; a run fails from {policy.fail_on}"


def policy_html(policy: Policy) -> str:
    """The policy as a fragment in the colours of the notebook: escaped, without script, at most 20 kB."""
    changes = policy_changes(policy)
    parts = [element("style", _STYLE, safe=True), element("p", element("strong", policy_line(policy)), safe=True)]
    below = [shorten(name, 60) for name in policy.chain[:-1]]
    if below:
        parts.append(element("p", f"It stands on: {', '.join(below[:10])}"))
    if changes:
        items = "".join(element("li", shorten(change, 160)) for change in changes[:_MOST])
        parts.append(element("ul", items, safe=True))
    if len(changes) > _MOST:
        parts.append("<p>" + escape(f"and {count(len(changes) - _MOST, 'more change')}") + "</p>")
    return element("div", "".join(parts), safe=True, class_="va-policy")
