"""The options that sign, stamp and check seals, and what they mean together."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from vbr_audit.cli.guard import complain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vbr_audit.histories.seal_checks import Trust
    from vbr_audit.histories.seals import Sealer

    SealBy = Sealer
else:
    SealBy = object  # a shell that completes words does not wait for the real one

Command = TypeVar("Command", bound=Callable[..., None])

_Sign = Annotated[
    Path | None, typer.Option("--sign", metavar="KEY", help="Sign the seal of the run with this ed25519 key, in PEM.")
]
_SignPassphrase = Annotated[
    str | None,
    typer.Option(
        "--sign-passphrase",
        metavar="NAME",
        help="Environment variable with the passphrase of the key [VBR_AUDIT_SIGN_PASSPHRASE].",
    ),
]
_Timestamp = Annotated[
    str | None,
    typer.Option("--timestamp", metavar="URL", help="Ask this time authority (RFC 3161) to stamp the seal."),
]
TimestampCa = Annotated[
    Path | None,
    typer.Option("--timestamp-ca", metavar="FILE", help="PEM file of the CA that time stamps must lead to."),
]
Keys = Annotated[
    list[Path] | None,
    typer.Option("--key", metavar="FILE", help="Public key or certificate of a signer, in PEM; repeat it for more."),
]
Anchor = Annotated[
    str | None,
    typer.Option("--anchor", metavar="HASH", help="Hash of a seal that was kept elsewhere, which must be there."),
]

_OPTIONS: Final[Mapping[str, Any]] = {
    "sign": _Sign,
    "sign_passphrase": _SignPassphrase,
    "timestamp": _Timestamp,
    "timestamp_ca": TimestampCa,
}


def takes_sealer(command: Command) -> Command:
    """Give a command the options that sign and stamp, in the place of its keyword parameter `sealer`."""

    @functools.wraps(command)
    def run(**options: Any) -> None:
        given = {name: options.pop(name) for name in _OPTIONS}
        command(sealer=take_sealer(**given), **options)

    own = inspect.signature(command, eval_str=True)
    parameters = []
    for parameter in own.parameters.values():
        if parameter.name == "sealer":
            parameters += [
                inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=option)
                for name, option in _OPTIONS.items()
            ]
        else:
            parameters.append(parameter)
    signature = own.replace(parameters=parameters)
    run.__signature__ = signature  # type: ignore[attr-defined]
    run.__annotations__ = {name: each.annotation for name, each in signature.parameters.items()}
    return run  # type: ignore[return-value]


def take_sealer(
    sign: Path | None, sign_passphrase: str | None, timestamp: str | None, timestamp_ca: Path | None
) -> SealBy:
    """What a seal is signed and stamped with, read and checked; raises `ConfigurationError`."""
    from vbr_audit.errors import ConfigurationError
    from vbr_audit.histories.seals import UNSIGNED, Sealer
    from vbr_audit.histories.signing import PASSPHRASE, load_signing_key
    from vbr_audit.histories.time_stamps import time_authority

    if sign_passphrase is not None and sign is None:
        raise ConfigurationError("--sign-passphrase needs --sign", hint="Give the key, or leave out the option.")
    if timestamp_ca is not None and timestamp is None:
        raise ConfigurationError("--timestamp-ca needs --timestamp", hint="Give the address of the time authority.")
    if sign is None and timestamp is None:
        return UNSIGNED
    key = None if sign is None else load_signing_key(sign, sign_passphrase or PASSPHRASE)
    return Sealer(key, None if timestamp is None else time_authority(timestamp, timestamp_ca))


def take_trust(keys: list[Path] | None, ca_file: Path | None, anchor: str | None = None) -> Trust:
    """What seals are checked by, read and checked; raises `ConfigurationError`."""
    from vbr_audit.histories.seal_checks import Trust
    from vbr_audit.histories.signing import load_trusted_keys
    from vbr_audit.histories.time_stamps import load_roots

    roots = () if ca_file is None else load_roots(ca_file)
    return Trust(load_trusted_keys(keys or ()), roots, None if anchor is None else anchor.strip().lower())


def tell_seal(head: str, notes: Iterable[str], *, quiet: bool) -> bool:
    """Print the hash of a seal, and on stderr what could not be done for it; return whether all was done."""
    whole = True
    for note in notes:
        complain(note, "The run is kept. Stamp its history later: vbr-audit history seal HISTORY --timestamp URL")
        whole = False
    if not quiet and head:
        typer.echo(f"Seal: {head}")
    return whole
