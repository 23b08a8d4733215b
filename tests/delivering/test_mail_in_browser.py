"""A mail as a picture: it is no wider than a phone, and what a server is called changes nothing of its shape."""

from __future__ import annotations

from pathlib import Path

import pytest
from looking import NeedTool, look_at, too_wide

from vbr_audit.delivering.mail_page import IMAGE, mail_image, mail_texts
from vbr_audit.delivering.message import Message
from vbr_audit.delivering.speaking import Reason
from vbr_audit.delivering.words import Letter


def saved(message: Message, folder: Path) -> Path:
    """The HTML of a mail beside its picture, as a mail program shows them."""
    _, page = mail_texts(Letter(message, Reason.CHANGED, "https://audit.example/run"))
    (folder / "picture.png").write_bytes(mail_image(message))
    path = folder / "mail.html"
    path.write_text(page.replace(f"cid:{IMAGE}", "picture.png"), "utf-8")
    return path


@pytest.mark.browser
def test_a_mail_is_no_wider_than_its_window(hostile: Message, tmp_path: Path, need_tool: NeedTool) -> None:
    found = too_wide([saved(hostile, tmp_path)], [320, 390, 700, 1280], need_tool)
    assert not any(found.get("mail.html", {}).values())


@pytest.mark.browser
def test_a_mail_runs_nothing_and_is_accessible(later: Message, tmp_path: Path, need_tool: NeedTool) -> None:
    seen = look_at(saved(later, tmp_path), need_tool, "phone", acts=False)
    assert (seen["dialogs"], seen["csp"], seen["errors"]) == (0, [], [])
    assert seen["looks"]["phone"]["violations"] == []
