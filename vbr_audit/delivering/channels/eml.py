"""A mail as a file on disk, for whatever sends it or keeps it."""

from __future__ import annotations

from vbr_audit.collection.files import write_bytes
from vbr_audit.delivering.channels.card import Text
from vbr_audit.delivering.channels.mailing import MailChannel, MailEntry
from vbr_audit.delivering.speaking import Told
from vbr_audit.errors import DeliveryError, OutputError


class EmlEntry(MailEntry):
    """Mail to a folder."""

    folder: Text


class EmlChannel(MailChannel):
    """A folder of `.eml` files; the same delivery is the same file."""

    model = EmlEntry

    @property
    def where(self) -> str:
        """The folder as the user wrote it."""
        return str(self.entry["folder"])

    def send(self, content: bytes, key: str, told: Told) -> Told:
        """Write it in one move."""
        try:
            write_bytes(self.common.folder / self.entry["folder"] / f"{key}.eml", content)
        except OutputError as error:
            raise DeliveryError(error.message, hint="Check the folder, its permissions and free space.") from None
        return {}
