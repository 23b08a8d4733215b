"""Workbooks in a real LibreOffice: one start of it, which takes longer than most conversions, makes all of them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

CSV = ("Text - txt - csv (StarCalc)", "44,34,76,1,,0,false,true,false,false,false,-1")
"""Every sheet as a file of its own: `report.csv` becomes `report-Findings.csv` and so on."""
PDF = ("calc_pdf_Export", "")
XLSX = ("Calc MS Excel 2007 XML", "")

_ORDERS = "CONVERSIONS"
_BASIC = """
Sub Convert
    Dim hidden(0) As New com.sun.star.beans.PropertyValue
    Dim how(1) As New com.sun.star.beans.PropertyValue
    hidden(0).Name = "Hidden" : hidden(0).Value = True
    how(0).Name = "FilterName"
    how(1).Name = "FilterOptions"
    For Each order In Split(Environ("CONVERSIONS"), Chr(10))
        words = Split(order, "|")
        book = StarDesktop.loadComponentFromURL(words(0), "_blank", 0, hidden())
        how(0).Value = words(2)
        how(1).Value = words(3)
        book.storeToURL(words(1), how())
        book.close(True)
    Next
End Sub
"""
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_LIBRARY = 'xmlns:library="http://openoffice.org/2000/library" library:name="Standard"'
_PROFILE = {
    "registrymodifications.xcu": '<oor:items xmlns:oor="http://openoffice.org/2001/registry">'
    '<item oor:path="/org.openoffice.Setup/Office"><prop oor:name="ooSetupInstCompleted" oor:op="fuse">'
    "<value>true</value></prop></item></oor:items>",
    "basic/script.xlc": '<library:libraries xmlns:library="http://openoffice.org/2000/library">'
    '<library:library library:name="Standard" library:link="false"/></library:libraries>',
    "basic/Standard/script.xlb": f'<library:library {_LIBRARY} library:readonly="false">'
    '<library:element library:name="Books"/></library:library>',
    "basic/Standard/Books.xba": '<script:module xmlns:script="http://openoffice.org/2000/script" script:name="Books" '
    f'script:language="StarBasic">{escape(_BASIC)}</script:module>',
}
"""A profile that looks used: into a new one, LibreOffice would put its own empty macros."""


class Conversion(NamedTuple):
    """A workbook, the file that is made of it, and how: `CSV`, `PDF` or `XLSX`."""

    book: Path
    target: Path
    way: tuple[str, str]


def convert(soffice: str, folder: Path, conversions: Iterable[Conversion]) -> None:
    """Make all of these files; `folder` is for the profile, and must be empty."""
    for name, content in _PROFILE.items():
        path = folder / "user" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_HEAD + content, encoding="utf-8")
    orders = ["|".join((one.book.as_uri(), one.target.as_uri(), *one.way)) for one in conversions]
    program = [soffice, f"-env:UserInstallation={folder.as_uri()}", "--headless", "macro:///Standard.Books.Convert"]
    environment = os.environ | {_ORDERS: "\n".join(orders)}
    subprocess.run(program, env=environment, check=True, capture_output=True, timeout=240)
