"""Whether the PDFs of a run carry its data, and hold as they were signed. Needs the extra `sign-pdf`."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vbr_audit.collection.run_folder import FINDINGS_JSON, MANIFEST, bytes_of
from vbr_audit.errors import ConfigurationError
from vbr_audit.reports.formats import FORMATS
from vbr_audit.reports.pdf_signature import demand_pyhanko, is_signed
from vbr_audit.reports.quiet import without_remarks

if TYPE_CHECKING:
    from pyhanko.pdf_utils.reader import PdfFileReader

CARRIED: Final = (FINDINGS_JSON, MANIFEST)
"""The files of a run that each of its PDFs carries."""
_BROKEN: Final = (
    *(zlib.error, ValueError, TypeError, LookupError, AttributeError, AssertionError, RecursionError),
    *(NotImplementedError, ArithmeticError),
)
"""What pyHanko raises, beside errors of its own, where a file is no PDF or was changed."""
_DEEPEST: Final = 10


@dataclass(frozen=True)
class PdfsReport:
    """What is wrong with the PDFs of a run, and what else there is to know of them."""

    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def check_pdfs(folder: Path) -> PdfsReport:
    """Compare what the PDFs of a run carry with its files, and their bytes with their signatures.

    Who signed is told, not judged: no certificate is followed to its root. Without pyHanko nothing of it is done, and
    a note says so. Raises `OutputError` for a file that cannot be read.
    """
    names = [card.file_name for card in FORMATS.values() if card.file_name.endswith(".pdf")]
    present = [name for name in names if (folder / name).is_file()]
    if not present:
        return PdfsReport()
    try:
        demand_pyhanko()
    except ConfigurationError as error:
        return PdfsReport(notes=(f"{', '.join(present)}: neither attachments nor signatures compared: {error.hint}",))
    problems, notes = [], []
    for name in present:
        found = _looked_at(bytes_of(folder / name), folder)
        problems += [f"{name}: {problem}" for problem in found.problems]
        notes += [f"{name}: {note}" for note in found.notes]
    return PdfsReport(tuple(problems), tuple(notes))


def attached_files(reader: PdfFileReader) -> dict[str, bytes]:
    """The files attached to a PDF, by name."""
    files = {}
    for name, entry in _names(_part(_part(reader.root, "/Names", {}), "/EmbeddedFiles", {})):
        files[str(_part(entry, "/UF", name))] = bytes(entry["/EF"]["/F"].data)
    return files


def _names(node: Any, depth: int = 0) -> Iterator[tuple[Any, Any]]:
    """The entries of a tree of names."""
    pairs = _part(node, "/Names", ())
    for at in range(0, len(pairs) - 1, 2):
        yield pairs[at], pairs[at + 1]
    kids = _part(node, "/Kids", ()) if depth < _DEEPEST else ()
    for at in range(len(kids)):
        yield from _names(kids[at], depth + 1)


def _part(node: Any, name: str, otherwise: Any) -> Any:
    """What stands there under a name, wherever in the file it is; `get` would give a reference."""
    return node[name] if name in node else otherwise  # noqa: SIM401


def _looked_at(content: bytes, folder: Path) -> PdfsReport:
    from pyhanko.pdf_utils.misc import PdfError
    from pyhanko.pdf_utils.reader import PdfFileReader

    try:
        reader = PdfFileReader(io.BytesIO(content))
        problems = list(_file_problems(attached_files(reader), folder))
        with without_remarks("pyhanko"):
            signed = [*_signatures(reader)]
    except (PdfError, *_BROKEN):
        return PdfsReport(problems=("it cannot be read as a PDF of a run",))
    problems += [text for holds, text in signed if not holds]
    if not signed and is_signed(content):
        problems.append("it holds a signature that is in none of its fields")
    notes = ["its attached files are those of the run"] if not problems else []
    notes += [text for holds, text in signed if holds]
    return PdfsReport(tuple(problems), tuple(notes if signed or problems else [*notes, "it is not signed"]))


def _file_problems(files: dict[str, bytes], folder: Path) -> Iterator[str]:
    for name in CARRIED:
        if name not in files:
            yield f"{name} is not attached to it"
        elif (folder / name).is_file() and files[name] != bytes_of(folder / name):
            yield f"the {name} attached to it is not that of the run"
    for name in files.keys() - set(CARRIED):
        yield f"{name!r} is attached to it, which no report carries"


def _signatures(reader: PdfFileReader) -> Iterator[tuple[bool, str]]:
    """For each signature whether it holds for the whole file, and what to say of it."""
    from pyhanko.sign.validation.generic_cms import validate_sig_integrity
    from pyhanko.sign.validation.status import SignatureCoverageLevel

    for signature in reader.embedded_signatures:
        own = signature.signer_cert
        who = f"{own.subject.human_friendly} (certificate {own.sha256.hex()})"
        holds = validate_sig_integrity(signature.signer_info, own, "data", signature.compute_digest())
        if not all(holds):
            yield False, f"the signature of {who} does not hold: it was changed after it was signed"
        elif signature.evaluate_signature_coverage() != SignatureCoverageLevel.ENTIRE_FILE:
            yield False, f"the signature of {who} is not for the whole file: something was added after it"
        else:
            yield True, f"signed by {who}; whether that is the signer whom you know is yours to compare"
