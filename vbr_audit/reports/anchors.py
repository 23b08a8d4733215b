"""The ids of the elements of the page, to which its links lead."""

from __future__ import annotations

import re


def anchor(prefix: str, text: str) -> str:
    """An id for an element: letters, digits, dots and dashes, whatever `text` holds."""
    return f"{prefix}-{re.sub(r'[^A-Za-z0-9.-]+', '-', text)}"
