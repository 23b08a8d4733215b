"""Every error that this package raises on purpose, in one tree.

    VbrAuditError
    ├── ConfigurationError      the user's words are wrong; nothing was asked of a server
    │   ├── PolicyError         a policy file
    │   ├── WaiverError         a waiver file
    │   ├── RuleError           a file of own rules
    │   ├── FrameworkError      a framework file
    │   └── TemplateError       a report template
    ├── ConnectError            a server cannot be used at all
    │   ├── UnreachableError    no answer: name, port, route, timeout
    │   ├── TlsError            the certificate is not trusted, or is not the pinned one
    │   ├── SignInError         the server refused the account
    │   └── RevisionError       no REST revision that both sides speak
    ├── ApiError                one request failed; carries `status`, `code`, `path`
    │   ├── DeniedError         403: this account may not read it
    │   ├── AbsentError         404: this server does not have it
    │   ├── TransientError      5xx, 429, a broken transfer: worth another try
    │   │   └── OutcomeUnknownError     but it was a write: look before it is asked again
    │   ├── ChangedMeanwhileError   a job is not what it was when its edit began; nothing was written
    │   └── BadAnswerError      an answer, but not what the API promises
    ├── DeadlinePassedError     the time that a server or a dataset was given is over
    ├── WriteRefusedError       a write was asked of a client that only reads
    ├── CollectionInterrupted   Ctrl-C while reading; `.partial` is a usable snapshot
    ├── EvidenceError           a run folder cannot be read, or is not what was written
    ├── TimeStampError          a time authority gave no time stamp that holds
    ├── CheckError              a check is declared wrongly
    ├── DeliveryError           a message about a run did not reach those who were to get it
    └── OutputError             a file could not be written

Each carries `hint`, the next step for the reader. None carries a query string, a token or a password.
"""

from __future__ import annotations

import os
import traceback
from typing import Any


class VbrAuditError(Exception):
    """Something that a user can act upon: `message`: what failed and where; `hint`: what to do next."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nHint: {self.hint}" if self.hint else self.message

    def _render_traceback_(self) -> list[str]:
        """What IPython and Jupyter show: the message and the next step; all of it where VBR_AUDIT_DEBUG is 1."""
        if os.environ.get("VBR_AUDIT_DEBUG") == "1":
            text = "".join(traceback.format_exception(self))
        else:
            text = f"{type(self).__name__}: {self.message}" + (f"\n  Next: {self.hint}" if self.hint else "")
        # a message may quote a server, and a notebook obeys the escape sequences of a terminal
        return [
            "".join(sign if sign.isprintable() or sign == "\t" else "\ufffd" for sign in line)
            for line in text.split("\n")
        ]


class ConfigurationError(VbrAuditError):
    """An argument, a setting or a file of the user's is wrong."""


class PolicyError(ConfigurationError):
    """A policy file is wrong; the message begins with file and line."""


class SiteError(ConfigurationError):
    """A site file, or its list of assets, is wrong; the message begins with file and line."""


class WaiverError(ConfigurationError):
    """A waiver file is wrong; the message begins with file and line."""


class FrameworkError(ConfigurationError):
    """A framework file is wrong; the message begins with file and line."""


class RuleError(ConfigurationError):
    """A file of own rules is wrong; the message begins with file and line."""


class TemplateError(ConfigurationError):
    """A report template is missing or does not render."""


class ConnectError(VbrAuditError):
    """A server cannot be used at all."""


class UnreachableError(ConnectError):
    """No answer from the address: name, port, route or timeout."""


class TlsError(ConnectError):
    """The server's certificate is not trusted, or is not the pinned one."""

    def __init__(self, message: str, *, hint: str | None = None, fingerprint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.fingerprint = fingerprint


class SignInError(ConnectError):
    """The server refused the account."""


class RevisionError(ConnectError):
    """No REST revision that both sides speak; `supported` is what the server listed."""

    def __init__(self, message: str, *, hint: str | None = None, supported: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.supported = supported


class ApiError(VbrAuditError):
    """One request failed: HTTP `status`, the server's error `code`, and the `path` without its query."""

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        status: int | None = None,
        code: str | None = None,
        path: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code
        self.path = path


class DeniedError(ApiError):
    """403: the account's role may not read this."""


class AbsentError(ApiError):
    """404: the server does not offer this."""


class TransientError(ApiError):
    """A 5xx, a 429 or a broken transfer; `retry_after` is what the server asked for, in seconds."""

    def __init__(self, message: str, *, retry_after: float | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.retry_after = retry_after


class OutcomeUnknownError(TransientError):
    """A write got no clear answer: the server may or may not have acted. It was sent once and is not repeated."""


class ChangedMeanwhileError(ApiError):
    """Someone else changed a job between the first read of an edit and its write; nothing was written."""


class BadAnswerError(ApiError):
    """The server answered something else than the API promises: HTML, cut JSON, another shape."""


class DeadlinePassedError(VbrAuditError):
    """The time for a server (`whole`), or for one of its datasets, is over; nothing more is asked in it."""

    def __init__(self, message: str, *, hint: str | None = None, whole: bool = True) -> None:
        super().__init__(message, hint=hint)
        self.whole = whole


class WriteRefusedError(VbrAuditError):
    """A request that would change the server, on a client that only reads."""


class CollectionInterrupted(VbrAuditError):  # noqa: N818 - the name is part of the public contract
    """Reading was interrupted; `partial` is the snapshot of what had been read by then."""

    def __init__(self, message: str, *, hint: str | None = None, partial: Any = None) -> None:
        super().__init__(message, hint=hint)
        self.partial = partial


class EvidenceError(VbrAuditError):
    """A run folder cannot be read, or does not hold what its manifest says."""


class TimeStampError(VbrAuditError):
    """A time authority cannot be reached, or gave no time stamp that holds."""


class CheckError(VbrAuditError):
    """A check is declared wrongly: a clash of ids, an unknown column, a missing remediation."""


class DeliveryError(VbrAuditError):
    """A message was not taken by its channel; `unsure` says that it may have been all the same.

    The text names the channel and a host, never a path or a query of an address: these can be secrets.
    """

    def __init__(self, message: str, *, hint: str | None = None, unsure: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.unsure = unsure


class OutputError(VbrAuditError):
    """A file could not be written."""
