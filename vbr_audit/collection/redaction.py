"""What is taken out of an answer before anything is kept: secrets always, names of accounts on request."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

import orjson

from vbr_audit.api.client import Answer
from vbr_audit.api.hiding import HIDDEN, finder_of
from vbr_audit.datasets import Dataset
from vbr_audit.errors import BadAnswerError

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
    }
)
_AUTHOR: Final = re.compile(r"(Created by )([^\s:,]+)")
_SECRET_WORD: Final = re.compile(
    r"passw(or)?d|pwd|passphrase|secret|privatekey|connectionstring|apikey|singleuse\w*credentials|token$"
)
_NO_SECRET: Final = re.compile(
    r"(id|ids|idornull|tag|tags|count|type|types|path|hint|hints|name|time|date|utc|enabled|required|policy|onlogon)$"
)
_STEMS: Final = (
    *(b"passw", b"pwd", b"phrase", b"secret", b"key", b"string", b"token", b"singleuse", b"handshake"),
    *(b"\\u00%d" % digit for digit in (4, 5, 6, 7)),  # letters that are written as escapes
)
_RARE_MARKS: Final = tuple(map(finder_of, (b'assword"', b'ecret"', b'rivateKey"')))
_TEXTS: Final = frozenset({"description", "details", "message", "note"})
_MAIL_NAMES: Final = frozenset({"from", "to", "userid"})
_DOMAIN_ACCOUNT: Final = re.compile(r"(?<![\\\w.$-])[\w.-]+\\[\w.$-]*[\w$]")
_ACCOUNT_NAMES: Final = frozenset(
    {"username", "initiatedby", "createdby", "processedby", "initiatorname", "recipients"}
)
_MASKED: Final = re.compile(rf"account-[0-9a-f]{{8}}|{re.escape(REMOVED)}")


@dataclass(frozen=True)
class Redaction:
    """How answers are cleaned in one run. With `mask_accounts`, names of accounts and hints become pseudonyms.

    The same name gets the same pseudonym within a run and another one in the next: the key is never kept.
    """

    mask_accounts: bool = False
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def clean(self, answer: Answer, dataset: Dataset) -> tuple[Answer, set[str]]:
        """`answer` without secrets and masked names, and the JSON paths of what was replaced (`[]` for any row).

        Raises `BadAnswerError` for an answer that is nested too deeply to be looked through or written again.
        """
        paths: set[str] = set()
        try:
            self._replace(answer, dataset, paths)
            answer = _without_own_secrets(answer, paths)
            body = orjson.dumps(answer.document) if paths else answer.body
        except (RecursionError, orjson.JSONEncodeError):
            raise BadAnswerError(f"{dataset.path}: an answer nested too deeply to be cleaned of secrets") from None
        return replace(answer, body=body), paths

    def _replace(self, answer: Answer, dataset: Dataset, paths: set[str]) -> None:
        if _may_hold_secrets(answer.body, sensitive=dataset.sensitive):
            _remove_secrets(answer.document, "", paths)
        if self.mask_accounts:
            for row in _rows(answer.document, dataset) if dataset.accounts else ():
                self._mask_row(row, dataset.accounts, paths)
            self._mask_anywhere(answer.document, "", paths)

    def pseudonym(self, name: str) -> str:
        """The stand-in for `name`."""
        return f"account-{hmac.new(self._key, name.casefold().encode(), hashlib.sha256).hexdigest()[:8]}"

    def mask_text(self, text: str | None, names: Iterable[str]) -> str | None:
        """`text` with each of `names`, in whatever case and also without its domain, replaced by its pseudonym."""
        for name in names if self.mask_accounts and text else ():
            bare = re.split(r"[\\/]", name)[-1].split("@")[0]
            for word in dict.fromkeys((name, name.replace("\\", "\\\\"), bare)):
                if word and text:
                    text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", self.pseudonym(name), text, flags=re.IGNORECASE)
        return text

    def _mask_anywhere(self, value: Any, where: str, paths: set[str]) -> None:
        """Mask what is called an account wherever it stands, and the accounts in texts that Veeam writes itself:
        `Created by DOMAIN\\user at …`, `DOMAIN\\user was given the role …`."""
        if isinstance(value, list):
            for each in value:
                self._mask_anywhere(each, f"{where}[]", paths)
        elif isinstance(value, dict):
            for name, inner in value.items():
                masked = self._masked(name, inner)
                if masked != inner:
                    value[name] = masked
                    paths.add(_below(where, name))
                elif isinstance(inner, dict | list):
                    self._mask_anywhere(inner, _below(where, name), paths)

    def _masked(self, name: str, value: Any) -> Any:
        """What `value` becomes under the key `name`."""
        if isinstance(value, str):
            plain = _plain(name)
            if plain in _ACCOUNT_NAMES or (plain in _MAIL_NAMES and "@" in value):
                return self.pseudonym(value) if value and not _MASKED.fullmatch(value) else value
            if plain in _TEXTS:
                value = _AUTHOR.sub(lambda match: match[1] + self.pseudonym(match[2]), value)
                value = _DOMAIN_ACCOUNT.sub(lambda match: self.pseudonym(match[0]), value)
            return value
        if isinstance(value, list) and _plain(name) in _ACCOUNT_NAMES:
            return [self._masked(name, each) for each in value]
        return value

    def _mask_row(self, row: Any, names: tuple[str, ...], paths: set[str]) -> None:
        for name in names if isinstance(row, dict) else ():
            value = row.get(name)
            if isinstance(value, str) and value:
                row[name] = self.pseudonym(value)
                paths.add(name)
            elif isinstance(value, dict | list):
                row[name] = _replace_texts(value, self.pseudonym)
                paths.add(name)


def _without_own_secrets(answer: Answer, paths: set[str]) -> Answer:
    """`answer` without the password and the tokens of the session that it was read in, wherever it repeats them."""
    hide = answer.hiding.among_data(answer.body) if answer.hiding else None
    if answer.hiding is None or hide is None:
        return answer
    document = _with_texts(answer.document, hide, "", paths)
    # What a key that stands twice repeats is in no document.
    body = orjson.dumps(document) if answer.hiding.stands_in(answer.body) else answer.body
    return replace(answer, document=document, body=body)


def _with_texts(value: Any, hide: Callable[[str], str], where: str, paths: set[str]) -> Any:
    """`value` with each text in it, keys too, as `hide` leaves it, and without numbers that it would hide as texts."""
    if isinstance(value, int) and hide(str(value)) == HIDDEN:
        paths.add(where)
        return HIDDEN
    if isinstance(value, str):
        left = hide(value)
        if left != value:
            paths.add(where)
        return left
    if isinstance(value, list):
        return [_with_texts(each, hide, f"{where}[]", paths) for each in value]
    if isinstance(value, dict):
        names = {name: hide(name) for name in value}
        for name, left in names.items():
            if left != name:
                paths.add(_below(where, left))
        return {
            names[name]: _with_texts(inner, hide, _below(where, names[name]), paths) for name, inner in value.items()
        }
    return value


def _may_hold_secrets(body: bytes, *, sensitive: bool) -> bool:
    """Whether to look through an answer; in a plain one, where nobody expects any, only for the commonest keys."""
    if not sensitive:
        return any(mark.find_matches_as_indexes(body) for mark in _RARE_MARKS)
    lowered = body.lower()
    return any(stem in lowered for stem in _STEMS)


def _is_secret(name: str) -> bool:
    """Whether the value under the key `name` is a secret, by the vendor's names and by what other names say."""
    word = _plain(name)
    return word in _SECRET_NAMES or (bool(_SECRET_WORD.search(word)) and not _NO_SECRET.search(word))


@lru_cache(maxsize=4096)
def _plain(name: str) -> str:
    """`name` in small letters and digits only: `Access_Token` and `accessToken` are one name."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _remove_secrets(value: Any, where: str, paths: set[str]) -> None:
    """Replace every secret below `value`; a missing one stays null, so that "none set" can still be told."""
    if isinstance(value, list):
        for each in value:
            _remove_secrets(each, f"{where}[]", paths)
    elif isinstance(value, dict):
        for name, inner in value.items():
            place = _below(where, name)
            if not _is_secret(name):
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
