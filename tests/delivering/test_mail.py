"""A mail that mail programs show: its parts, its size, its picture, and hostile names that stay text."""

from __future__ import annotations

import dataclasses
import email
import re
from email.message import EmailMessage
from email.policy import SMTP
from html.parser import HTMLParser
from pathlib import Path

from delivery_files import MAIL

from vbr_audit.delivering.mail_page import MOST_BYTES
from vbr_audit.delivering.message import Message
from vbr_audit.delivering.sending import Fate, deliver_run

EML = f'name = "disk"\nkind = "eml"\nfolder = "mail"\n{MAIL}'


def mail_of(plan, tmp_path: Path, message: Message, more: str = "", **options: str) -> EmailMessage:
    """The mail that a folder is sent."""
    (outcome,) = deliver_run(plan(EML + more, **options), message)
    assert outcome.fate is Fate.SENT
    (path,) = (tmp_path / "mail").iterdir()
    return email.message_from_bytes(path.read_bytes(), policy=SMTP)  # type: ignore[return-value]


def texts(mail: EmailMessage) -> tuple[str, str]:
    return tuple(mail.get_body((kind,)).get_content() for kind in ("plain", "html"))  # type: ignore[union-attr, return-value]


class Tags(HTMLParser):
    """The names of elements and the attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def check_page(page: str, *, links: set[str]) -> None:
    """Nothing runs, nothing is loaded but the picture by its cid, and every style stands in its element."""
    tags = Tags(page)
    assert tags.names <= {
        *(
            "html",
            "head",
            "meta",
            "title",
            "body",
            "table",
            "tr",
            "td",
            "th",
            "h1",
            "h2",
            "p",
            "b",
            "br",
            "span",
            "img",
        ),
        *("ul", "li", "a"),
    }
    assert {value for name, value in tags.attributes if name == "src"} == {"cid:severities@vbr-audit"}
    assert {value for name, value in tags.attributes if name == "href"} == links
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    assert not [
        value for name, value in tags.attributes if name == "style" and re.search(r"url|data:|expression", value)
    ]


def test_the_parts_of_a_mail(plan, tmp_path: Path, later: Message, runs: Path) -> None:
    mail = mail_of(
        plan,
        tmp_path,
        later,
        'attach = ["findings.json", "report.pdf"]\n',
        head='link = "https://audit.example/{run}"\n',
    )
    text, page = texts(mail)
    assert mail["From"] == "audit@example.com"
    assert mail["To"] == "team@example.com, boss@example.com"
    assert mail["Subject"] == later.subject
    check_page(page, links={f"https://audit.example/{later.run_id}"})
    for shown in (text, page):
        assert later.causes[0].check_id in shown
        assert "ncomplete" in shown or "INCOMPLETE" in shown
        assert "Not attached, as the run does not hold them or they are too large: report.pdf" in shown
        assert dict(later.numbers)["Compliance"] in shown
    assert page.index("This report is incomplete") < page.index(later.headline)
    (picture,) = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert picture["Content-ID"] == "<severities@vbr-audit>"
    assert picture.get_content().startswith(b"\x89PNG")
    (attached,) = mail.iter_attachments()
    assert attached.get_content() == (runs / "later" / "findings.json").read_bytes()


def test_a_mail_about_any_number_of_findings_is_not_cut_by_mail_programs(
    plan, tmp_path: Path, hostile: Message
) -> None:
    many = dataclasses.replace(
        hostile, causes=hostile.causes * 200, news=hostile.news * 200, gaps=("a gap " + "x" * 390,) * 5_000
    )
    text, page = texts(mail_of(plan, tmp_path, many))
    assert len(text.encode()) + len(page.encode()) <= MOST_BYTES
    check_page(page, links=set())
    assert "more in the report" in text


def test_hostile_names_stay_text_and_add_no_header(plan, tmp_path: Path, hostile: Message) -> None:
    evil = "x\r\nBcc: evil@example.com =?utf-8?q?=0d=0aBcc:_evil?= <at>all</at>"
    named = dataclasses.replace(hostile, servers=(evil, *hostile.servers))
    mail = mail_of(plan, tmp_path, named)
    assert set(mail.keys()) == {
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type")
    }
    raw = mail.as_bytes()
    assert not re.search(rb"^Bcc:", raw, re.MULTILINE)
    text, page = texts(mail)
    check_page(page, links=set())
    assert "\x1b" not in text + page
    assert "\u202e" not in text + page
    assert "&lt;script&gt;" in page or "h0st1l3" in page
