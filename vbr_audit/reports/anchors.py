"""The ids of the elements of the page, to which its links lead."""

from __future__ import annotations

import re


def anchor(prefix: str, text: str) -> str:
    """An id for an element: letters, digits, dots and dashes, whatever `text` holds."""
    return f"{prefix}-{re.sub(r'[^A-Za-z0-9.-]+', '-', text)}"


def finding_anchor(finding_id: str) -> str:
    """The id of the element that shows a finding."""
    return anchor("f", finding_id)


def check_anchor(check_id: str) -> str:
    """The id of the element that shows a check."""
    return anchor("check", check_id)


def cause_anchor(cause: str) -> str:
    """The id of the element that shows a cause."""
    return anchor("c", cause)
