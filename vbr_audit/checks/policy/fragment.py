"""How a policy shows itself in a notebook: how many checks run, and what it makes different from their defaults."""

from __future__ import annotations

from collections.abc import Sequence

from vbr_audit.checks.policy.changes import policy_changes
from vbr_audit.checks.policy.use import CheckUse
from vbr_audit.display import count, element, escape, shorten

_STYLE = ".va-policy{font:14px/1.5 system-ui,sans-serif;color:inherit}.va-policy ul{margin:.2em 0}"
_MOST = 40
"""Maximum number of changes that are shown."""


def policy_line(name: str, uses: Sequence[CheckUse], fail_on: str) -> str:
    """A policy in a line of plain text."""
    enabled = sum(use.enabled for use in uses)
    overridden = sum(bool(use.overrides) for use in uses)
    parts = [f"{count(enabled, 'check')} run", f"{len(uses) - enabled} disabled"]
    parts += [f"{overridden} with overrides"] if overridden else []
    return f"{shorten(name, 60)}: {', '.join(parts)}; a run fails from {fail_on}"


def policy_html(line: str, uses: Sequence[CheckUse], below: Sequence[str]) -> str:
    """A policy as a fragment in the colours of the notebook: escaped, without script, at most 20 kB.

    `line` is the policy in a line, `below` names what it stands on.
    """
    changes = policy_changes(uses)
    parts = [element("style", _STYLE, safe=True), element("p", element("strong", line), safe=True)]
    below = [shorten(name, 60) for name in below]
    if below:
        parts.append(element("p", f"It stands on: {', '.join(below[:10])}"))
    if changes:
        items = "".join(element("li", shorten(change, 160)) for change in changes[:_MOST])
        parts.append(element("ul", items, safe=True))
    if len(changes) > _MOST:
        parts.append("<p>" + escape(f"and {count(len(changes) - _MOST, 'more change')}") + "</p>")
    return element("div", "".join(parts), safe=True, class_="va-policy")
