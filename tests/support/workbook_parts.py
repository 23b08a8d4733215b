"""The parts of a workbook, read from their XML: to load a whole workbook takes as long as to write it."""

from __future__ import annotations

import posixpath
import re
import zipfile
from pathlib import Path

_ATTRIBUTE = re.compile(r'([\w:]+)="([^"]*)"')


def parts_of(path: Path) -> dict[str, str]:
    """Every part of a workbook by its name, as text."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).decode(errors="replace") for name in archive.namelist()}


def kinds_of_cells(parts: dict[str, str]) -> set[str]:
    """The types that cells of any sheet name: without one, a cell holds a number or nothing."""
    sheets = (text for name, text in parts.items() if name.startswith("xl/worksheets/sheet"))
    return {kind for text in sheets for kind in re.findall(r'<c(?= )[^>]* t="(\w+)"', text)}


def sheets_of(parts: dict[str, str]) -> dict[str, str]:
    """The XML of each sheet in order, by the name of the sheet."""
    places = _relations(parts, "xl/workbook.xml")
    return {sheet["name"]: parts[places[sheet["r:id"]]] for sheet in _attributes("sheet", parts["xl/workbook.xml"])}


def tables_of(parts: dict[str, str]) -> dict[str, dict[str, str]]:
    """For each sheet in order its tables: the name of each, and the cells that it covers."""
    sheets = _attributes("sheet", parts["xl/workbook.xml"])
    places = _relations(parts, "xl/workbook.xml")
    found: dict[str, dict[str, str]] = {}
    for sheet in sheets:
        place = places[sheet["r:id"]]
        tables = [parts[target] for target in _relations(parts, place).values() if target.startswith("xl/tables/")]
        heads = [_attributes("table", text)[0] for text in tables]
        found[sheet["name"]] = {head["displayName"]: head["ref"] for head in heads}
    return found


def _attributes(tag: str, text: str) -> list[dict[str, str]]:
    return [dict(_ATTRIBUTE.findall(words)) for words in re.findall(rf"<{tag} ([^>]*)>", text)]


def _relations(parts: dict[str, str], part: str) -> dict[str, str]:
    """The parts that a part refers to, by the id that it gives them."""
    folder, name = posixpath.split(part)
    text = parts.get(f"{folder}/_rels/{name}.rels", "")
    relations = _attributes("Relationship", text)
    return {one["Id"]: posixpath.normpath(posixpath.join("/", folder, one["Target"])).lstrip("/") for one in relations}
