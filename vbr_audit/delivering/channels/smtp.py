"""Mail through a server: TLS, or STARTTLS without which nothing is sent; the password by reference."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from vbr_audit.api.address import is_loopback
from vbr_audit.api.tls import PinMismatchError
from vbr_audit.config.yaml_file import Problem
from vbr_audit.delivering.channels.card import Common, Keyring, Text, TrustEntry, Words, required_secret, trust_of
from vbr_audit.delivering.channels.mailing import MailChannel, MailEntry
from vbr_audit.delivering.speaking import Told
from vbr_audit.errors import DeliveryError

_PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}
_AGAIN: Final = "It is sent again with the next delivery."


class SmtpEntry(MailEntry, TrustEntry):
    """A mail server; `security = "none"` is for one on this machine."""

    host: Text
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: Text | None = None
    password_env: Text | None = None
    password_file: Text | None = None
    password_command: Words | None = None
    password_keyring: Keyring | None = None


class SmtpChannel(MailChannel):
    """A mail server that takes mail for others."""

    model = SmtpEntry
    secrets = ("password",)

    @classmethod
    def faults(cls, entry: Mapping[str, Any], common: Common) -> Iterator[Problem]:
        """That nothing crosses a network unprotected, and that an account has a password."""
        yield from super().faults(entry, common)
        if entry.get("security") == "none" and not is_loopback(entry["host"]):
            yield Problem(("security",), 'none is for a server on this machine; use "starttls" or "tls"')
        if entry.get("username"):
            yield from required_secret(entry, "password")

    @property
    def where(self) -> str:
        """The server."""
        return str(self.entry["host"])

    def send(self, content: bytes, key: str, told: Told) -> Told:
        """Hand it over to all recipients or to none, so that sending it again sends nothing twice."""
        password = self.secret("password")
        context = trust_of(self.entry, self.common).context()
        try:
            server = self._connected(context)
        except (OSError, smtplib.SMTPException) as error:
            raise DeliveryError(self._fault(error, "did not take the connection"), hint=_AGAIN) from None
        try:
            self._hand_over(server, content, context, password)
        finally:
            with suppress(OSError, smtplib.SMTPException):
                server.quit()
        return {}

    def _connected(self, context: ssl.SSLContext) -> smtplib.SMTP:
        security = self.entry.get("security", "starttls")
        place = (self.entry["host"], self.entry.get("port") or _PORTS[security])
        if security == "tls":
            return smtplib.SMTP_SSL(*place, timeout=self.timeout, context=context)
        return smtplib.SMTP(*place, timeout=self.timeout)

    def _hand_over(self, server: smtplib.SMTP, content: bytes, context: ssl.SSLContext, password: str | None) -> None:
        try:
            if self.entry.get("security", "starttls") == "starttls":
                server.starttls(context=context)
            if self.entry.get("username"):
                server.login(self.entry["username"], password or "")
            server.ehlo_or_helo_if_needed()
            self._expect(server.mail(self.sender), "refused the sender")
            refused = [reply for reply in map(server.rcpt, self.recipients) if reply[0] >= 300]
            if refused:
                of = f"{len(refused)} of {len(self.recipients)} recipients"
                self._expect(refused[0], f"refused {of}, and nobody was sent the mail")
        except DeliveryError:
            raise
        except (OSError, smtplib.SMTPException) as error:
            raise DeliveryError(self._fault(error, "did not go on"), hint=_AGAIN) from None
        try:
            self._expect(server.data(content), "refused the mail")
        except smtplib.SMTPDataError as error:
            self._expect((error.smtp_code, b""), "refused the mail")
        except (OSError, smtplib.SMTPException):
            raise DeliveryError(f"{self.where} was handed the mail and did not answer", unsure=True) from None

    def _expect(self, reply: tuple[int, bytes], otherwise: str) -> None:
        """Raise `DeliveryError` unless the server agreed; its words are not repeated, as they may echo a secret."""
        if reply[0] >= 300:
            raise DeliveryError(f"{self.where} {otherwise} ({reply[0]})", hint="Look at the log of the mail server.")

    def _fault(self, error: OSError | smtplib.SMTPException, otherwise: str) -> str:
        if isinstance(error, PinMismatchError):
            return f"{self.where} showed another certificate than the pinned one"
        if isinstance(error, ssl.SSLError):
            return f"TLS with {self.where} failed: {getattr(error, 'verify_message', None) or error.reason}"
        # smtplib tells silence as a broken connection, with the timeout behind it
        if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
            return f"{self.where} said nothing for {self.timeout:g} s"
        if isinstance(error, smtplib.SMTPNotSupportedError):
            return f"{self.where} offers no STARTTLS, or no way to sign in that is known here"
        if isinstance(error, smtplib.SMTPAuthenticationError):
            return f"{self.where} refused the account ({error.smtp_code})"
        if isinstance(error, smtplib.SMTPResponseException):
            return f"{self.where} {otherwise} ({error.smtp_code})"
        if isinstance(error, smtplib.SMTPServerDisconnected):
            return f"{self.where} broke the connection"
        return f"{self.where} cannot be reached: {getattr(error, 'strerror', None) or type(error).__name__}"
