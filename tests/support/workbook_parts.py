"""The parts of a workbook, read from their XML: to load a whole workbook takes as long as to write it."""

from __future__ import annotations

import posixpath
import re
import zipfile
from pathlib import Path

_ATTRIBUTE = re.compile(r'([\w:]+)="([^"]*)"')
_CELL = re.compile(r"<c(?: [^>]*?)?(?:/>|>.*?</c>)", re.DOTALL)


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


def write_cells(path: Path, sheet: str, texts: dict[tuple[int, str], str]) -> None:
    """Write into a workbook of ours as a reader would: texts by row number and by the heading of their column."""
    parts = parts_of(path)
    part = {each["name"]: each["r:id"] for each in _attributes("sheet", parts["xl/workbook.xml"])}[sheet]
    place = _relations(parts, "xl/workbook.xml")[part]
    heads = re.findall("<t[^>]*>([^<]*)</t>", _row(parts[place], 1))
    changed = parts[place]
    for (number, heading), text in texts.items():
        row = _row(changed, number)
        cells = list(_CELL.finditer(row))
        at = cells[heads.index(heading)]
        filled = f'<c t="inlineStr"><is><t>{text}</t></is></c>'
        changed = changed.replace(row, row[: at.start()] + filled + row[at.end() :])
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in contents.items():
            archive.writestr(name, changed.encode() if name == place else content)


def _row(sheet: str, number: int) -> str:
    (found,) = re.findall(f'<row r="{number}".*?</row>', sheet, re.DOTALL)
    return str(found)


def _attributes(tag: str, text: str) -> list[dict[str, str]]:
    return [dict(_ATTRIBUTE.findall(words)) for words in re.findall(rf"<{tag} ([^>]*)>", text)]


def _relations(parts: dict[str, str], part: str) -> dict[str, str]:
    """The parts that a part refers to, by the id that it gives them."""
    folder, name = posixpath.split(part)
    text = parts.get(f"{folder}/_rels/{name}.rels", "")
    relations = _attributes("Relationship", text)
    return {one["Id"]: posixpath.normpath(posixpath.join("/", folder, one["Target"])).lstrip("/") for one in relations}
