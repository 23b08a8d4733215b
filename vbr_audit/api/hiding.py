"""Words that no text may repeat: a server can echo the password or a token in what it says about an error."""

from __future__ import annotations

import html
import json
import re
from collections import deque
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, quote_plus

import httpx
from pydantic import SecretStr

HIDDEN: Final = "(hidden)"
_EXTENSION = "vbr_audit.hide"
_KEPT = 16
_TELLING = 6
"""A password of so many characters is hidden also inside of words."""
_TOKEN_HEAD = 8


class Hiding:
    """Takes the password and the latest tokens of one client out of texts, however they are spelt there."""

    def __init__(self, password: SecretStr) -> None:
        self._password = password
        self._tokens: deque[SecretStr] = deque(maxlen=_KEPT)

    def add_token(self, token: SecretStr | None) -> None:
        """Hide `token` from now on."""
        if token is not None and len(token.get_secret_value()) > _TOKEN_HEAD:
            self._tokens.append(token)

    def hide(self, text: str) -> str:
        """`text` without the secrets; of a token its beginning is enough, because texts are cut.

        A short password is part of many words that have nothing to do with it: it is hidden where it stands alone.
        """
        for word in _spellings(self._password.get_secret_value()):
            if len(word) >= _TELLING:
                text = text.replace(word, HIDDEN)
            else:
                text = re.sub(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])", HIDDEN, text)
        for token in tuple(self._tokens):
            head, rest = token.get_secret_value()[:_TOKEN_HEAD], r"[^\s'\"<>,;]*"
            text = re.sub(re.escape(head) + rest, HIDDEN, text)
        return text

    def watch(self, request: httpx.Request) -> httpx.Request:
        """Let the texts of the answer to `request` be cleaned."""
        request.extensions = {**request.extensions, _EXTENSION: self.hide}
        return request


def hidden(text: str, response: httpx.Response) -> str:
    """`text`, which comes from `response`, without the secrets of the client that asked."""
    try:
        hide: Callable[[str], str] | None = response.request.extensions.get(_EXTENSION)
    except RuntimeError:  # an answer without a request
        return text
    return hide(text) if hide is not None else text


def _spellings(secret: str) -> list[str]:
    """`secret` as it is, as JSON, HTML and URLs write it, the longest first; none for an empty one."""
    forms = {secret, json.dumps(secret)[1:-1], html.escape(secret), quote(secret), quote_plus(secret)}
    forms.add(json.dumps(secret, ensure_ascii=False)[1:-1])
    return sorted(forms - {""}, key=len, reverse=True)
