"""A mail: plain text and HTML that mail programs show, a picture within it, and the reports that are to go with it."""

from __future__ import annotations

import datetime as dt
import mimetypes
import re
from collections.abc import Iterable, Iterator, Mapping
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from vbr_audit.collection.run_folder import FILES
from vbr_audit.config.yaml_file import Problem, suggestion
from vbr_audit.delivering.channels.card import Channel, Common, Entry, Parcel, Text, Words
from vbr_audit.delivering.fleet_message import FLEET_FILES
from vbr_audit.delivering.mail_page import IMAGE, mail_image, mail_texts
from vbr_audit.delivering.message import Message
from vbr_audit.delivering.speaking import Reason, Told
from vbr_audit.delivering.words import Letter

MOST_ATTACHED: Final = 15_000_000
"""Bytes of files that go with a mail: most servers take 20 to 25 MB, and a file grows by a third on its way."""
_POLICY: Final = SMTP.clone(cte_type="7bit")


class MailEntry(Entry):
    """Mail: from whom, to whom, and which files of the run go with it."""

    sender: Text
    to: Words
    attach: list[Text] = Field(default_factory=list)


class MailChannel(Channel):
    """A channel whose message is a mail."""

    @classmethod
    def faults(cls, entry: Mapping[str, Any], common: Common) -> Iterator[Problem]:
        """That the addresses are addresses, and the files those of a run."""
        yield from super().faults(entry, common)
        pairs = [(("sender",), entry["sender"]), *((("to", at), one) for at, one in enumerate(entry["to"]))]
        for path, address in pairs:
            if not _is_address(address):
                yield Problem(path, "is not an address such as audit@example.com")
        known = (*FILES, *FLEET_FILES)
        for at, name in enumerate(entry.get("attach", ())):
            if name not in known:
                yield Problem(("attach", at), f"a run has no such file{suggestion(name, known)}")

    @property
    def sender(self) -> str:
        """The address that the mail is from."""
        return str(self.entry["sender"])

    @property
    def recipients(self) -> tuple[str, ...]:
        """The addresses that the mail is to."""
        return tuple(self.entry["to"])

    def parcels(self, message: Message, reason: Reason, told: Told) -> Iterable[Parcel]:
        """The mail."""
        wanted = [name for name in self.entry.get("attach", ()) if name in message.files]
        files, missing = _files(message.folder, wanted)
        letter = self.letter(message, reason)
        letter = Letter(message, reason, letter.link, tuple(path.name for path in files), missing)
        yield Parcel("", "mail", self._mail(letter, files))

    def shown(self, content: bytes) -> str:
        """The headers, the text, and the names of the files."""
        mail = BytesParser(policy=_POLICY).parsebytes(content)
        body = mail.get_body(("plain",))
        lines = [f"{name}: {mail[name]}" for name in ("From", "To", "Subject")]
        lines += ["", "" if body is None else body.get_content()]
        return "\n".join([*lines, *(f"Attached: {part.get_filename()}" for part in mail.iter_attachments())])

    def _mail(self, letter: Letter, files: Iterable[Path]) -> bytes:
        message = letter.message
        text, page = mail_texts(letter, self.common.templates)
        mail = EmailMessage(policy=_POLICY)
        mail["From"] = self.sender
        mail["To"] = ", ".join(self.recipients)
        mail["Subject"] = _header_text(message.subject)
        mail["Date"] = format_datetime(dt.datetime.now(dt.UTC))
        mail["Message-ID"] = f"<{message.run_id}.{message.digest}.{letter.reason.name.lower()}@{_domain(self.sender)}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(text, cte="quoted-printable")
        mail.add_alternative(page, subtype="html", cte="quoted-printable")
        *_, html = mail.iter_parts()
        html.add_related(mail_image(message), "image", "png", cid=f"<{IMAGE}>", disposition="inline")
        for path in files:
            main, _, sub = (mimetypes.guess_type(path.name)[0] or "application/octet-stream").partition("/")
            mail.add_attachment(path.read_bytes(), maintype=main, subtype=sub, filename=path.name)
        return mail.as_bytes()


def _header_text(text: str) -> str:
    """A text as a header can hold it: what looks encoded would be decoded by whoever reads it."""
    return re.sub(r"=(?=\?)", "= ", text)


def _is_address(text: str) -> bool:
    try:
        return text.isascii() and bool(Address(addr_spec=text).domain) and not re.search(r"[\s,;<>]", text)
    except (HeaderParseError, ValueError, IndexError):
        return False


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


def _files(folder: Path, names: Iterable[str]) -> tuple[list[Path], tuple[str, ...]]:
    """The files that go with a mail, and the names of those that do not, as they are not there or too large."""
    files, missing, left = [], [], MOST_ATTACHED
    for name in dict.fromkeys(names):
        size = (folder / name).stat().st_size if (folder / name).is_file() else left + 1
        if size > left:
            missing.append(name)
        else:
            files.append(folder / name)
            left -= size
    return files, tuple(missing)
