"""What is taken out of an answer before anything is kept: secrets always, names of accounts on request."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from vbr_audit.api.client import Answer
from vbr_audit.collection.datasets import Dataset

REMOVED: Final = "(removed)"
"""What stands in the evidence in place of a secret."""

_SECRET_NAMES: Final = frozenset(
    {
        "accountkey",
        "clientsecret",
        "communitystring",
        "connectionstring",
        "handshakecode",
        "newsecretkey",
        "passphrase",
        "password",
        "privatekey",
        "recoverytoken",
        "rootpassword",
        "sastoken",
        "secret",
        "secretkey",
        "sharedkey",
        "singleusecredentials",
        "token",
        "access_token",
        "refresh_token",
        "vbr_token",
    }
)
_AUTHOR_MARK: Final = b"Created by "
_AUTHOR: Final = re.compile(r"(Created by )([^\s:,]+)")
_MARKS: Final = tuple(f'"{name}"'.encode() for name in sorted(_SECRET_NAMES))


@dataclass(frozen=True)
class Redaction:
    """How answers are cleaned in one run. With `mask_accounts`, names of accounts and hints become pseudonyms.

    The same name gets the same pseudonym within a run and another one in the next: the key is never kept.
    """

    mask_accounts: bool = False
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def clean(self, answer: Answer, dataset: Dataset) -> tuple[Answer, set[str]]:
        """`answer` without secrets and masked names, and the JSON paths of what was replaced (`[]` for any row)."""
        paths: set[str] = set()
        if dataset.sensitive and _may_hold_secrets(answer.body):
            _remove_secrets(answer.document, "", paths)
        if self.mask_accounts and dataset.accounts:
            for row in _rows(answer.document, dataset):
                self._mask_row(row, dataset.accounts, paths)
        if self.mask_accounts and _AUTHOR_MARK in answer.body:
            self._mask_authors(answer.document, "", paths)
        if not paths:
            return answer, paths
        return Answer(body=orjson.dumps(answer.document), document=answer.document), paths

    def pseudonym(self, name: str) -> str:
        """The stand-in for `name`."""
        return f"account-{hmac.new(self._key, name.casefold().encode(), hashlib.sha256).hexdigest()[:8]}"

    def mask_text(self, text: str | None, names: Iterable[str]) -> str | None:
        """`text` with each of `names` replaced by its pseudonym."""
        for name in names if self.mask_accounts and text else ():
            if name and text:
                text = text.replace(name, self.pseudonym(name))
        return text

    def _mask_authors(self, value: Any, where: str, paths: set[str]) -> None:
        """Mask the account in the descriptions that Veeam writes itself: `Created by DOMAIN\\user at …`."""
        if isinstance(value, list):
            for each in value:
                self._mask_authors(each, f"{where}[]", paths)
        elif isinstance(value, dict):
            for name, inner in value.items():
                place = _below(where, name)
                if name == "description" and isinstance(inner, str):
                    masked = _AUTHOR.sub(lambda match: match[1] + self.pseudonym(match[2]), inner)
                    if masked != inner:
                        value[name] = masked
                        paths.add(place)
                else:
                    self._mask_authors(inner, place, paths)

    def _mask_row(self, row: Any, names: tuple[str, ...], paths: set[str]) -> None:
        for name in names if isinstance(row, dict) else ():
            value = row.get(name)
            if isinstance(value, str) and value:
                row[name] = self.pseudonym(value)
                paths.add(name)
            elif isinstance(value, dict | list):
                row[name] = _replace_texts(value, self.pseudonym)
                paths.add(name)


def _may_hold_secrets(body: bytes) -> bool:
    lowered = body.lower()
    return any(mark in lowered for mark in _MARKS)


def _remove_secrets(value: Any, where: str, paths: set[str]) -> None:
    """Replace every secret below `value`; a missing one stays null, so that "none set" can still be told."""
    if isinstance(value, list):
        for each in value:
            _remove_secrets(each, f"{where}[]", paths)
    elif isinstance(value, dict):
        for name, inner in value.items():
            place = _below(where, name)
            if name.casefold() not in _SECRET_NAMES:
                _remove_secrets(inner, place, paths)
            elif inner is not None and inner != "":
                value[name] = _replace_texts(inner, lambda _: REMOVED)
                paths.add(place)


def _below(where: str, name: str) -> str:
    """The JSON path of `name` below `where`, within a row."""
    return f"{where}.{name}".removeprefix(".").removeprefix("data[].")


def _replace_texts(value: Any, stand_in: Callable[[str], str]) -> Any:
    """`value` with every text and number in it replaced; shapes, null and yes/no stay."""
    if isinstance(value, dict):
        return {name: _replace_texts(inner, stand_in) for name, inner in value.items()}
    if isinstance(value, list):
        return [_replace_texts(inner, stand_in) for inner in value]
    return value if value is None or isinstance(value, bool) else stand_in(str(value))


def _rows(document: Any, dataset: Dataset) -> list[Any]:
    """The rows of a page or list, or the object itself."""
    if not isinstance(document, dict):
        return []
    key = dataset.rows_at or "data"
    rows = document.get(key)
    return rows if isinstance(rows, list) else [document]
