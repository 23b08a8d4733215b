"""Words that no text may repeat: a server can echo the password or a token in its error message.

A long secret is hidden everywhere and in every spelling. A short one is part of many words that have nothing
to do with it: it is known by what stands beside it, which is a key that names a secret, quotes, or the user of a URL.
In the words of the server one that is not quite so short is hidden too where it stands alone; words of our own stay.
"""

from __future__ import annotations

import base64
import json
import re
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, lru_cache
from html.entities import codepoint2name
from typing import Final

import httpx
from ahocorasick_rs import BytesAhoCorasick
from pydantic import SecretStr

HIDDEN: Final = "(hidden)"


def finder_of(sign: bytes) -> BytesAhoCorasick:
    """What finds `sign` in a body: for one sign alone it takes a tenth of the time of `bytes.find`."""
    return BytesAhoCorasick([sign])


_EXTENSION = "vbr_audit.hide"
_KEPT = 16
_LONG: Final = 8
"""A secret of this many characters or more is hidden inside words too."""
_SHORT: Final = 2
"""A secret this short is hidden only beside a key that marks it as one."""

_BEGINNING: Final = 16
"""Minimum length of a token to be hidden among data: a beginning that is shorter can be a word like any other."""
_ESCAPE: Final = r"\\+(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2})|%[0-9a-fA-F]{2}|&#?\w{1,8};"
_ESCAPE_IN_BYTES: Final = re.compile(_ESCAPE.encode())
_ESCAPE_SIGNS: Final = tuple(map(finder_of, (b"\\u", b"\\x", b"%", b"&")))
"""One of these is in every body in which an escape is: it is found far sooner than the escape."""

_NAMES: Final = r"passw(?:or)?d|passphrase|pwd|secret|access_?token|refresh_?token|api[-_]?key"
_MARKS: Final = "\"'`“”„‘’‹›«»"
_QUOTE: Final = rf"(?:\\*[{_MARKS}]|&(?:quot|apos|#39|#x27|#34|lt|gt);)"
_KEYED: Final = re.compile(
    rf"(?i)((?:{_NAMES})(?:\s*=\s*|\\*[\"']\s*[:=]\s*))(?!null|true|false)"
    r"(\"(?:[^\"\\]|\\.)*\"|\\+\"(?:[^\"\\]|\\(?!\"))*\\+\"|'[^']*'|[^\s&;,'\"<>}\]]+)"
)
"""A key that names a secret, and the value that stands beside it: `password=...`, `"password": "..."`."""
_NAMED: Final = (
    rf"(?i:(?:{_NAMES}|authorization|credentials?|token|pass|pw)[\w-]*{_QUOTE}?"
    rf"(?:\s*(?:=>?|:)\s*|\s+is\s+|\s+was\s+|\s+)(?:(?:basic|bearer)\s+)?)"
)

_Secrets = tuple[tuple[str, ...], tuple[str, ...]]
"""Words, and the beginnings of tokens that are hidden to their end."""


class Hiding:
    """Takes the passwords and the latest tokens of one client out of texts, however they are spelt there."""

    def __init__(self, password: SecretStr, *, username: str = "") -> None:
        self._passwords = [(username, password)]
        self._tokens: deque[SecretStr] = deque(maxlen=_KEPT)
        self._among_data: _AmongData | None = None
        self._compiled: dict[bool, tuple[_Secrets, list[re.Pattern[str]]]] = {}
        _ALL.add(self)

    def add_password(self, username: str, password: str) -> None:
        """Hide the password of another account, e.g. that of a proxy."""
        self._passwords.append((username, SecretStr(password)))

    def add_token(self, token: SecretStr | None) -> None:
        """Hide `token` from now on."""
        if token is not None:
            self._tokens.append(token)

    def hide(self, text: str) -> str:
        """`text`, which the server wrote, without the secrets."""
        return self._without(text, alone=True)

    def hide_in_sentence(self, text: str) -> str:
        """`text`, a sentence of our own that may quote the server, without the secrets."""
        return self._without(text, alone=False)

    def among_data(self, body: bytes) -> Callable[[str], str] | None:
        """What takes the secrets out of texts of `body`, which holds data of the server; None if none can be there.

        Words beside a key that names a secret stay: they are data, unless they are secrets of this client.
        """
        secrets = self._secrets(_BEGINNING)
        data = self._among_data  # threads share it: each goes on with the one that it looked at
        if data is None or data.secrets != secrets:
            data = self._among_data = _AmongData(secrets)
        return data.without if data.is_in(body) else None

    def stands_in(self, body: bytes) -> bool:
        """Whether one of the long secrets stands in `body` as it is."""
        words = [word for word in (*self._words(), *self._long_tokens()) if len(word) >= _LONG]
        return any(word.encode("utf-8", "surrogatepass") in body for word in words)

    def watch(self, request: httpx.Request) -> httpx.Request:
        """Let the texts of the answer to `request` be cleaned."""
        request.extensions = {**request.extensions, _EXTENSION: self.hide}
        return request

    def _without(self, text: str, *, alone: bool) -> str:
        return _KEYED.sub(_without_value, _hidden_by(self._patterns(alone=alone), text) if text else text)

    def _patterns(self, *, alone: bool) -> list[re.Pattern[str]]:
        """Where the secrets are hidden; made anew where they are others: a server may refuse many requests."""
        secrets = self._secrets(_LONG)  # the beginning of a token is enough, because texts are cut
        known, patterns = self._compiled.get(alone, (None, []))
        if known != secrets:
            patterns = _hiding_places(secrets, alone=alone)
            self._compiled[alone] = secrets, patterns
        return patterns

    def _secrets(self, length: int) -> _Secrets:
        """The words, and the beginnings of this length of the longer tokens."""
        return tuple(self._words()), tuple(token[:length] for token in self._long_tokens())

    def _words(self) -> Iterator[str]:
        """The passwords, also as basic authentication writes them, and the tokens that are no longer than these."""
        for username, password in tuple(self._passwords):
            secret = password.get_secret_value()
            yield from (secret, *_in_base64(username, secret))
        yield from (token for token in self._all_tokens() if len(token) <= _LONG)

    def _long_tokens(self) -> Iterator[str]:
        return (token for token in self._all_tokens() if len(token) > _LONG)

    def _all_tokens(self) -> list[str]:
        return [token.get_secret_value() for token in tuple(self._tokens)]


class _AmongData:
    """Takes secrets out of the data of a server, where most texts hold none and many are equal.

    A body is looked through where a part of a secret stands in it, or a sign in another spelling: these places are few,
    also where the secret holds a word that every page has.
    """

    def __init__(self, secrets: _Secrets) -> None:
        """`secrets` are words, and the beginnings of tokens that are hidden to their end."""
        self.secrets = secrets
        words, beginnings = secrets
        hidden = (*filter(None, words), *beginnings)
        runs = {max(re.findall("[A-Za-z0-9]+", word), key=len, default="") for word in hidden}
        self._all_may_hold_one = "" in runs
        self._finders = [finder_of(run.encode()) for run in runs if run]
        self._suspicious = re.compile("|".join([*map(re.escape, runs), _ESCAPE]))
        self.without = lru_cache(maxsize=4096)(self._without)

    @cached_property
    def _patterns(self) -> list[re.Pattern[str]]:
        """Where the secrets are hidden: compiled for the first suspicious text, because most data hold none."""
        return _hiding_places(self.secrets, alone=False)

    def _without(self, text: str) -> str:
        return _hidden_by(self._patterns, text) if self._suspicious.search(text) else text

    def is_in(self, body: bytes) -> bool:
        """Whether a text or a number of `body`, which is JSON, may hold a secret."""
        return self._all_may_hold_one or any(self.without(text) != text for text in self._texts(body))

    def _texts(self, body: bytes) -> Iterator[str]:
        """What stands between the quotes around each suspicious place; for a number it is the signs around it."""
        seen: set[bytes] = set()
        for finder in self._finders:
            seen.update(_around(body, finder))
        for finder in _ESCAPE_SIGNS:
            seen.update(_around(body, finder, where=_ESCAPE_IN_BYTES))
        for part in seen:
            yield json.loads(f'"{part.decode("utf-8", "replace")}"', strict=False)


def _around(body: bytes, finder: BytesAhoCorasick, where: re.Pattern[bytes] | None = None) -> Iterator[bytes]:
    """The texts that hold what `finder` looks for, as they are written in `body`; with `where`, only if this fits."""
    end = 0
    for _, at, _ in finder.find_matches_as_indexes(body):
        if at < end or (where is not None and not where.match(body, at)):
            continue
        rest = _REST_OF_TEXT.match(body, at)
        end = rest.end() if rest else at
        yield body[_start_of_text(body, at) : end]


def _start_of_text(body: bytes, at: int) -> int:
    """Where the text begins that `at` is in: behind the nearest quote before it that no backslash escapes."""
    quote = body.rfind(b'"', 0, at)
    while quote > 0:
        before = quote
        while before and body[before - 1] == _BACKSLASH:
            before -= 1
        if (quote - before) % 2 == 0:
            break
        quote = body.rfind(b'"', 0, before)
    return quote + 1


_BACKSLASH: Final = ord("\\")
_REST_OF_TEXT: Final = re.compile(rb'(?:[^"\\]|\\.)*', re.DOTALL)

_ALL: weakref.WeakSet[Hiding] = weakref.WeakSet()


def hidden(text: str, response: httpx.Response) -> str:
    """`text`, which comes from `response`, without the secrets of the client that asked."""
    try:
        hide: Callable[[str], str] | None = response.request.extensions.get(_EXTENSION)
    except RuntimeError:  # an answer without a request
        return text
    return hide(text) if hide is not None else text


def hidden_from_all(text: str) -> str:
    """`text`, a line of a log or a traceback, without the secrets of every client that is in use."""
    for hiding in tuple(_ALL):
        text = hiding.hide_in_sentence(text)
    return text


def _hidden_by(patterns: Iterable[re.Pattern[str]], text: str) -> str:
    for pattern in patterns:
        text = pattern.sub(lambda match: (match.groupdict().get("before") or "") + HIDDEN, text)
    return text


def _hiding_places(secrets: _Secrets, *, alone: bool) -> list[re.Pattern[str]]:
    """Where words are hidden, and tokens from their beginnings to their ends."""
    words, beginnings = secrets
    return [*(pattern for word in words for pattern in _places(word, alone=alone)), *map(_to_the_end, beginnings)]


def _to_the_end(beginning: str) -> re.Pattern[str]:
    """A token, from its beginning to its end."""
    return re.compile(_spelt(beginning) + r"[^\s'\"<>,;]*")


def _places(secret: str, *, alone: bool) -> Iterator[re.Pattern[str]]:
    """Where `secret` is hidden, by its length; nowhere for an empty one."""
    if not secret:
        return
    spelt = _spelt(secret)
    if len(secret) >= _LONG:
        yield re.compile(spelt)
        return
    end = r"(?![^\W_])" if secret[-1].isalnum() else ""
    yield re.compile(rf"(?P<before>{_NAMED}{_QUOTE}?){spelt}{end}")
    yield re.compile(rf"(?P<before>{_QUOTE}|>){spelt}(?={_QUOTE}|<)")
    yield re.compile(rf"(?P<before>//[^/\s@]*:){spelt}(?=@)")
    if alone and len(secret) > _SHORT:
        start = r"(?<![^\W_])" if secret[0].isalnum() else ""
        yield re.compile(f"{start}{spelt}{end}")


def _spelt(secret: str) -> str:
    """A pattern of `secret` as it is and as JSON, HTML, URLs and Python write it, also mixed."""
    return "".join(map(_spelt_sign, secret))


@lru_cache(maxsize=512)
def _spelt_sign(sign: str) -> str:
    code = ord(sign)
    units = sign.encode("utf-16-be", "surrogatepass")
    escaped = "".join(rf"\\+u(?i:{units[at]:02x}{units[at + 1]:02x})" for at in range(0, len(units), 2))
    in_url = "".join(f"%(?:25)*(?i:{byte:02x})" for byte in sign.encode("utf-8", "surrogatepass"))
    forms = [escaped, in_url, rf"&#(?:0*{code}|[xX]0*(?i:{code:x}));"]
    if code in codepoint2name:
        forms.append(f"&{codepoint2name[code]};")
    if code < 256:
        forms.append(rf"\\+x(?i:{code:02x})")
    if sign == "\\":
        forms.append(r"\\{1,4}")
    elif sign in "\"'`/":
        forms.append(r"\\*" + re.escape(sign))
    else:
        forms += [re.escape(sign), re.escape(json.dumps(sign)[1:-1])]
    if sign == " ":
        forms.append(r"\+")
    return f"(?:{'|'.join(dict.fromkeys(forms))})"


def _in_base64(username: str, secret: str) -> Iterator[str]:
    """`secret` as a header of basic authentication writes it, with its user and alone."""
    for text in (f"{username}:{secret}", secret) if secret else ():
        coded = base64.b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")
        yield from dict.fromkeys((coded, coded.replace("+", "-").replace("/", "_")))


def _without_value(match: re.Match[str]) -> str:
    """What a key that names a secret gives, with its value hidden and the quotes around it kept."""
    mark = re.match(r"\\*[\"']", match[2])
    around = mark[0] if mark else ""
    return f"{match[1]}{around}{HIDDEN}{around}"
