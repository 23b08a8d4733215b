"""The servers of a run as a TOML file: one `[[server]]` each, strict, with file and line in every error.

    [[server]]
    url = "https://vbr01.example"
    name = "Hamburg"
    username = "auditor"
    ca_file = "company-ca.pem"        # relative to this file; or fingerprint = "…", or insecure = true
    password_env = "HAMBURG_PASSWORD" # the variable that holds the password; the password itself is refused

In its place may stand `password_file = "/run/secrets/hamburg"` and `password_command = ["pass", "show", "hamburg"]`,
whose first line counts, or `password_keyring = true`. Further keys: `revision`, `timeout` (seconds), `deadline` (such
as `30m`), `proxy`, and `tenant`: whose server it is.
What a server does not say is taken from the command line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from vbr_audit.api.client import Client, connect, parse_url
from vbr_audit.api.negotiate import check_pinned
from vbr_audit.api.tls import Tls, normal_fingerprint
from vbr_audit.collection.files import slug
from vbr_audit.config.secret_sources import KEYS, SecretSource, named_source, password_without_asking
from vbr_audit.config.settings import load_settings
from vbr_audit.config.time_spans import seconds_of
from vbr_audit.config.toml_file import SECRETS, TomlFile
from vbr_audit.config.yaml_file import Problem, model_problems, raise_problems
from vbr_audit.errors import ConfigurationError
from vbr_audit.fleets.shards import Shard

_HINT = 'Correct the file of servers: one [[server]] with url = "https://…" for each; README.md has an example.'
_REFUSED = (
    'a password does not belong in this file; give the name of its variable (password_env = "NAME"), store it in '
    "the keyring, or use --password-stdin"
)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NO_VARIABLE = "must be the name of an environment variable: letters, digits and _"
_SECRET_KEYS = tuple(f"password_{ending}" for ending in KEYS)
_ONE_TABLE = "write [[server]], in double brackets, before each server"

MOST_NAME: Final = 200
"""Characters of a name: reports show it whole."""
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class ServerEntry(BaseModel):
    """One `[[server]]` as written."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    url: Text
    name: Annotated[Text, StringConstraints(max_length=MOST_NAME)] | None = None
    username: Text | None = None
    ca_file: Text | None = None
    fingerprint: Text | None = None
    insecure: bool | None = None
    revision: Text | None = None
    timeout: Annotated[float, Field(gt=0, le=3600)] | None = None
    deadline: Text | None = None
    proxy: Text | None = None
    tenant: Text | None = None
    password_env: Text | None = None
    password_file: Text | None = None
    password_command: Annotated[list[Text], Field(min_length=1)] | None = None
    password_keyring: Literal[True] | None = None


class ServersDocument(BaseModel):
    """The shape of a file of servers."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    server: list[ServerEntry]


@dataclass(frozen=True)
class Server:
    """One server of a run; `place` says where it was named (`servers.toml:3`).

    `secret` says where its password is found, `password` is one that is at hand. `deadline` is how long it may be read,
    in seconds, and `tenant` whose it is.
    """

    url: str
    place: str
    name: str | None = None
    username: str | None = None
    password: SecretStr | None = None
    secret: SecretSource | None = None
    ca_file: Path | None = None
    fingerprint: str | None = None
    insecure: bool | None = None
    revision: str | None = None
    timeout: float | None = None
    deadline: str | None = None
    proxy: str | None = None
    tenant: str | None = None

    @property
    def shown_name(self) -> str:
        """The name that it has in the run: its own, else its host."""
        return self.name or parse_url(self.url).host

    def connect(self, *, asks: bool = True) -> Client:
        """A client for the server, which has not sent anything yet; an error of its settings says where it is named.

        Without `asks`, nobody is asked for a password. Raises `ConfigurationError`.
        """
        facts = {name: getattr(self, name) for name in _FACTS}
        try:
            username = load_settings(username=self.username).username
            password = self.password
            if password is None and username and (self.secret is not None or not asks):
                password = password_without_asking(self.secret, username, str(parse_url(self.url)).rstrip("/"))
            return connect(**facts, password=password)
        except ConfigurationError as error:
            if ":" not in self.place:
                raise
            raise type(error)(f"{self.place}: {error.message}", hint=error.hint) from None


_FACTS: Final = ("url", "name", "username", "ca_file", "fingerprint", "insecure", "revision", "timeout", "proxy")


def load_servers(
    path: str | Path, *, environ: Mapping[str, str], password_given: bool = False, shard: Shard | None = None
) -> tuple[Server, ...]:
    """The servers of the file at `path`, in its order, each with the place of its password where it names one.

    The variables that they name must be in `environ`, unless `password_given` is for all of them. With a `shard`, only
    its servers, though the whole file must be right: variables are looked for only of these. Raises
    `ConfigurationError`, with one line `file:line: key: what` for everything that is wrong.
    """
    path = Path(path)
    file = TomlFile.read(path, error=ConfigurationError, default_name=path.name)
    content = file.content(hint=_HINT)
    variables = None if password_given else environ
    problems = [*_shape_problems(content)]
    for at, entry in _entries(content):
        mine = shard is None or _is_in(shard, entry)
        problems += _entry_problems(at, entry, path, variables if mine else None)
    if problems:
        raise_problems(file, problems, error=ConfigurationError, hint=_HINT)
    entries = ServersDocument.model_validate(content).server
    servers = tuple(_server(entry, file, at, path) for at, entry in enumerate(entries))
    check_names(servers)
    return tuple(server for server in servers if shard is None or shard.holds(server.shown_name))


def _is_in(shard: Shard, entry: dict[str, Any]) -> bool:
    """Whether an entry, which may be wrong, is of the shard."""
    name, url = entry.get("name"), entry.get("url")
    try:
        return shard.holds(name.strip() if isinstance(name, str) and name.strip() else parse_url(str(url)).host)
    except ConfigurationError:
        return False


def check_names(servers: Iterable[Server]) -> None:
    """Raise `ConfigurationError` where two servers have one name, one address, or one file of evidence."""
    seen: dict[str, Server] = {}
    addresses: dict[tuple[str, int | None], Server] = {}
    for server in servers:
        # One name is one file, and reports compare names without regard to case: `Straße` is `STRASSE` there.
        others = {id(each): each for key in _names_of(server) if (each := seen.setdefault(key, server)) is not server}
        for other in others.values():
            same = server.shown_name == other.shown_name
            clash = "two servers are called" if same else f"{other.shown_name!r} would use the same files as"
            also = "" if server.place == other.place else f" (the other: {other.place})"
            raise ConfigurationError(
                f"{server.place}: {clash} {server.shown_name!r}{also}",
                hint="Give each server its own name, with name = in the file of servers.",
            )
        url = parse_url(server.url)
        twin = addresses.setdefault((url.host.casefold().rstrip("."), url.port), server)
        if twin is not server:
            raise ConfigurationError(
                f"{server.place}: {server.shown_name!r} has the address of {twin.shown_name!r} ({twin.place})",
                hint="A server is read once in a run: keep one of the two.",
            )


def _names_of(server: Server) -> tuple[str, str]:
    return slug(server.shown_name), f"name {server.shown_name.casefold()}"


def _shape_problems(content: dict[str, Any]) -> Iterator[Problem]:
    """What the model finds, in the words of this file, and never with a value that may be a password."""
    servers = content.get("server")
    if servers is None or servers == []:
        yield Problem((), "contains no server: " + _ONE_TABLE)
    for problem in model_problems(ServersDocument, content):
        key = str(problem.path[-1])
        if SECRETS.fullmatch(key):
            yield Problem(problem.path, _REFUSED)
        elif key == "password_env":
            yield Problem(problem.path, _NO_VARIABLE)
        elif problem.path != ("server",):
            yield problem
        elif servers is not None:
            yield Problem(problem.path, _ONE_TABLE)


def _entries(content: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    servers = content.get("server")
    for at, entry in enumerate(servers if isinstance(servers, list) else ()):
        if isinstance(entry, dict):
            yield at, entry


def _entry_problems(
    at: int, entry: dict[str, Any], path: Path, variables: Mapping[str, str] | None
) -> Iterator[Problem]:
    """What only its parts know to be wrong with a server; values of a wrong type are left to the model."""
    checks: dict[str, Callable[[str], object]] = {
        "url": parse_url,
        "revision": check_pinned,
        "fingerprint": normal_fingerprint,
        "ca_file": lambda name: Tls(ca_file=path.parent / name).context(),
        "deadline": seconds_of,
        "proxy": _check_proxy,
        "password_env": lambda name: _check_variable(name, variables),
    }
    for key, check in checks.items():
        value = entry.get(key)
        if isinstance(value, str) and value.strip():
            try:
                check(value.strip())
            except ConfigurationError as error:
                yield Problem(("server", at, key), error.message.splitlines()[0])
    trusts = [key for key in ("ca_file", "fingerprint", "insecure") if entry.get(key)]
    secrets = [key for key in _SECRET_KEYS if entry.get(key)]
    for several in (trusts, secrets):
        if len(several) > 1:
            yield Problem(("server", at, several[-1]), f"{' and '.join(several)} exclude each other")


def _check_proxy(address: str) -> None:
    import httpx

    if "@" in address:
        raise ConfigurationError("a proxy's password does not belong in this file; set HTTPS_PROXY instead")
    try:
        httpx.Proxy(address)
    except (httpx.InvalidURL, ValueError):
        raise ConfigurationError("not the address of an HTTP proxy, such as http://proxy.example:3128") from None


def _check_variable(name: str, variables: Mapping[str, str] | None) -> None:
    """The name itself is not repeated: somebody may have written the password there."""
    if not _VARIABLE.fullmatch(name):
        raise ConfigurationError(_NO_VARIABLE)
    if variables is not None and not variables.get(name):
        raise ConfigurationError("this environment variable is not set or is empty")


def _server(entry: ServerEntry, file: TomlFile, at: int, path: Path) -> Server:
    facts = entry.model_dump(exclude={"ca_file", *_SECRET_KEYS})
    return Server(
        **facts,
        ca_file=path.parent / entry.ca_file if entry.ca_file else None,
        secret=named_source(entry.model_dump(), "password", path.parent),
        place=f"{file.name}:{file.line_of(('server', at, 'name' if entry.name else 'url'))}",
    )
