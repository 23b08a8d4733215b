"""Tables of a file of channels, and messages of runs that were made later."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from receivers import Receiver

from vbr_audit.delivering.message import Message
from vbr_audit.simulator.certificate import Certificate

CANARY = "c4n4ry-s3cr3t-0f-th3-ch4nn3l"
"""Every secret of the tests holds it, and nothing that is written or printed may."""
ACCOUNT = "audit@example.com"
MAIL = f'sender = "{ACCOUNT}"\nto = ["team@example.com", "boss@example.com"]\n'


def posting(kind: str, receiver: Receiver, more: str = "") -> str:
    """A table of a channel that posts to the receiver."""
    return f'name = "{kind}"\nkind = "{kind}"\nurl_env = "HOOK"\nca_file = "{receiver.ca_file}"\n{more}'


def smtp(port: int, certificate: Certificate, more: str = "") -> str:
    """A table of a channel that mails through the server on a port."""
    account = f'username = "{ACCOUNT}"\npassword_env = "MAIL_PASSWORD"\n'
    trust = f'ca_file = "{certificate.certificate_file}"\n'
    return f'name = "post"\nkind = "smtp"\nhost = "127.0.0.1"\nport = {port}\n{MAIL}{account}{trust}{more}'


def moved(message: Message, days: int, **changes: Any) -> Message:
    """The message of a run that was made so many days later."""
    now = message.now + dt.timedelta(days=days)
    facts = {"now": now, "month": f"{now:%Y-%m}", "run_id": f"{message.run_id[:8]}-{days}", **changes}
    return dataclasses.replace(message, **facts)
