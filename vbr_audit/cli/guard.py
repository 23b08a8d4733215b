"""What every command does around its own work: logging, and errors as words and exit codes."""

from __future__ import annotations

import errno
import functools
import logging
import sys
from collections.abc import Callable
from enum import IntEnum
from typing import Any, TypeVar

import typer

from vbr_audit import errors
from vbr_audit.display import plain

Command = TypeVar("Command", bound=Callable[..., None])


class Exit(IntEnum):
    """The exit codes of the command line."""

    DONE = 0
    FAILING = 1
    USAGE = 2
    NOT_COLLECTED = 3
    INCOMPLETE = 4
    NOT_WRITTEN = 5
    NOT_DELIVERED = 6
    INTERRUPTED = 130


_CODES: tuple[tuple[type[errors.VbrAuditError], Exit], ...] = (
    (errors.ConfigurationError, Exit.USAGE),
    (errors.CheckError, Exit.USAGE),
    (errors.CollectionInterrupted, Exit.INTERRUPTED),
    (errors.DeliveryError, Exit.NOT_DELIVERED),
    (errors.OutputError, Exit.NOT_WRITTEN),
    (errors.EvidenceError, Exit.INCOMPLETE),
    (errors.ConnectError, Exit.NOT_COLLECTED),
    (errors.ApiError, Exit.NOT_COLLECTED),
)


_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def guarded(command: Command) -> Command:
    """Turn the errors of `command` into a message on stderr and an exit code; `--debug` adds the traceback."""

    @functools.wraps(command)
    def run(**options: Any) -> None:
        debug = bool(options.get("debug"))
        _log(verbose=bool(options.get("verbose")), debug=debug)
        try:
            command(**options)
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except KeyboardInterrupt:
            complain("interrupted")
            raise typer.Exit(Exit.INTERRUPTED) from None
        except errors.VbrAuditError as error:
            _explain(error, debug=debug)
            raise typer.Exit(code_of(error)) from None
        except BrokenPipeError:
            sys.stderr.close()
            raise typer.Exit(Exit.NOT_WRITTEN) from None
        except OSError as error:
            if error.errno not in _NO_ROOM:
                _explain_defect(error, debug=debug)
                raise typer.Exit(Exit.INCOMPLETE) from None
            complain(
                f"the output could not be written: {error.strerror}",
                "Free disk space there, or write to another place.",
            )
            raise typer.Exit(Exit.NOT_WRITTEN) from None
        except Exception as error:
            _explain_defect(error, debug=debug)
            raise typer.Exit(Exit.INCOMPLETE) from None

    return run  # type: ignore[return-value]


def code_of(error: errors.VbrAuditError) -> Exit:
    """The exit code that `error` stands for."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), Exit.INCOMPLETE)


def complain(message: str, hint: str | None = None) -> None:
    """Print an error and its next step to stderr, safe for a terminal."""
    typer.echo(f"vbr-audit: {plain(message, lines=True)}", err=True)
    if hint:
        typer.echo(f"  Next: {plain(hint, lines=True)}", err=True)


def _explain(error: errors.VbrAuditError, *, debug: bool) -> None:
    if debug:
        _print_traceback(error)
    complain(error.message, error.hint)


def _explain_defect(error: Exception, *, debug: bool) -> None:
    if debug:
        _print_traceback(error)
    complain(
        f"a defect in vbr-audit: {type(error).__name__}: {error}",
        "Run the command again with --debug and report the traceback; it contains no password.",
    )


def _print_traceback(error: Exception) -> None:
    import traceback

    from vbr_audit.api.hiding import hidden_from_all

    typer.echo(plain(hidden_from_all("".join(traceback.format_exception(error))), lines=True), err=True)


class _WithoutSecrets(logging.Formatter):
    """Hides the secrets of all clients: the log of the HTTP library holds the headers that a server answers."""

    def format(self, record: logging.LogRecord) -> str:
        from vbr_audit.api.hiding import hidden_from_all

        return hidden_from_all(super().format(record))


class _ToStderr(logging.Handler):
    """Writes to what stderr is at that moment: a process that runs several commands may have closed an earlier one."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            print(self.format(record), file=sys.stderr, flush=True)
        except Exception:  # as every handler: a message that cannot be written ends no command
            self.handleError(record)


def _log(*, verbose: bool, debug: bool) -> None:
    level = logging.DEBUG if debug else logging.INFO if verbose else logging.WARNING
    handler = _ToStderr()
    handler.setFormatter(_WithoutSecrets("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # httpx and httpcore write what a server answered, headers and all; our own lines name each answer.
    for name in ("matplotlib", "PIL", "fontTools", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
