"""What was found in a snapshot under a policy: it shows itself in a notebook, and writes itself as reports."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from vbr_audit.checks.earlier import Earlier
from vbr_audit.checks.policy.policy import Policy
from vbr_audit.collection import run_folder
from vbr_audit.collection.assemble import without_cycle_search
from vbr_audit.collection.files import alone, write_bytes
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.errors import ConfigurationError
from vbr_audit.findings.results import Results, Summary
from vbr_audit.reports.brand import Brand
from vbr_audit.reports.formats import DEFAULT_FORMATS, FORMATS, XLSX, checked_formats, files_present
from vbr_audit.reports.interface import ReportOptions, checked_length, checked_sheets
from vbr_audit.reports.pdf_signature import PdfSigner, is_signed, taken_signer
from vbr_audit.rules import Rules
from vbr_audit.scrub.pseudonyms import ScrubKey
from vbr_audit.vocabulary import MAIN_SHEETS, PdfLength

if TYPE_CHECKING:
    from vbr_audit.findings.changes import Changes
    from vbr_audit.findings.explain import Explanation
    from vbr_audit.histories.trends import Trend
    from vbr_audit.reports.context import ReportContext


@dataclasses.dataclass(frozen=True, eq=False)
class Audit:
    """The findings of a snapshot under a policy; shows itself in a notebook and writes itself as reports."""

    snapshot: Snapshot
    results: Results
    rules: Rules
    trend: Trend | None = None
    """The months up to this run; None where no earlier run is at hand."""
    samples: pd.DataFrame | None = None
    """The space of its repositories in the year before it (the table `capacity`); None where none is at hand."""

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self.rules.policy

    @property
    def brand(self) -> Brand:
        """Who reports."""
        return self.rules.brand

    @property
    def findings(self) -> pd.DataFrame:
        """One row per server, check and object, worst first, whatever its status."""
        return self.results.findings

    @property
    def failed(self) -> pd.DataFrame:
        """The findings that fail and are not waived."""
        return self.results.failed

    @property
    def causes(self) -> pd.DataFrame:
        """What has to be changed for the failing findings to go: one row per check and job, repository or setting.

        `severity` is the worst of its findings, `findings` how many it would settle; worst first.
        """
        return self.results.causes

    @property
    def coverage(self) -> pd.DataFrame:
        """One row per server and check: how many objects it looked at, and with which answers."""
        return self.results.coverage

    @property
    def changes(self) -> Changes | None:
        """What became of the findings since the earlier run that they are compared with; None without one."""
        return self.results.changes

    @property
    def summary(self) -> Summary:
        """The numbers that every report shows."""
        return self.results.summary

    @cached_property
    def context(self) -> ReportContext:
        """What a report template is given."""
        from vbr_audit.reports.context import build_context

        return build_context(
            *(self.snapshot, self.results),
            brand=self.brand,
            review=self.rules.review,
            trend=self.trend,
            samples=self.samples,
        )

    def explain(self, finding_id: str) -> Explanation:
        """Why a finding is what it is: observed, expected, parameters and their source, and the server's own words.

        `finding_id` may be shortened as long as it is unique, or be `CHECK:object name`. Raises `ConfigurationError`.
        """
        from vbr_audit.findings.explain import explain_finding

        self._demand_names()

        rules = self.rules
        return explain_finding(
            *(finding_id, self.snapshot, self.results, rules.policy, rules.waivers, rules.site), earlier=self._compared
        )

    def waive(
        self,
        findings: pd.DataFrame,
        *,
        owner: str,
        reason: str,
        expires: str | dt.date,
        approved_by: str | None = None,
        ticket: str | None = None,
        path: str | Path | None = None,
    ) -> str:
        """The text of a waiver file (YAML) with an entry for each of `findings`, rows of `audit.findings`.

        Each entry accepts one finding, which must be FAIL or UNKNOWN, by check, server and object, and no other.
        `expires` is its last day, `YYYY-MM-DD`. With `path`, the text is also written there, unless a file is there:
        your own waivers are never written over, the entries go below them by hand. Their ids are not in use in the
        waivers of this audit. Raises `WaiverError` where `va.audit(..., waivers=)` would refuse an entry or it would
        accept nothing, `ConfigurationError` for a table without findings or a file that exists, and `OutputError`.
        """
        from vbr_audit.findings.waiving import waiver_entries

        self._demand_names()
        words = {"owner": owner, "approved_by": approved_by, "reason": reason, "ticket": ticket}
        text = waiver_entries(
            findings,
            words | {"expires": str(expires)},
            known=self.rules.waivers,
            registry=self.rules.checks.registry,
            today=dt.datetime.now(dt.UTC).date(),
            horizon_days=self.policy.waiver_horizon_days,
        )
        if path is not None:
            if Path(path).exists():
                raise ConfigurationError(f"{path}: the file exists", hint="Name another, or add the text by hand.")
            write_bytes(Path(path), text.encode())
        return text

    def what_if(self, check_id: str, **values: Any) -> pd.DataFrame:
        """What a check would find with other parameters: one row per value, or per combination of several.

        `audit.what_if("RUN-005", min_rate=[0.9, 0.95])`; nothing is asked of a server. Raises `PolicyError`.
        """
        from vbr_audit.findings.whatif import try_values

        self._demand_names()

        rules = self.rules
        return try_values(
            *(check_id, values, self.snapshot, rules.policy, rules.waivers, rules.site), earlier=self._compared
        )

    @cached_property
    def _compared(self) -> Earlier:
        """What the run was compared with when it was judged."""
        return self.rules.compared(self.rules.baseline.before(self.snapshot.manifest))

    def scrub(self, key: str | Path | ScrubKey | None = None) -> Audit:
        """This audit without names: the same numbers, with pseudonyms for servers, jobs, objects, users and addresses.

        `key` is a key file, else the user's own: the same key gives the same pseudonyms. Evidence, policy, waivers and
        site file are left out, so that it can be reported, but not be judged anew. Raises `ConfigurationError`.
        """
        from vbr_audit.scrub.pseudonyms import load_key
        from vbr_audit.scrub.scrubbing import Material, scrub_all

        self._demand_names()
        material = Material(self.snapshot, self.results, self.rules)
        clean = scrub_all(key if isinstance(key, ScrubKey) else load_key(key), material)
        return Audit(clean.snapshot, clean.results, clean.rules)

    def _demand_names(self) -> None:
        if self.snapshot.manifest.is_scrubbed:
            raise ConfigurationError(
                "the names of this run were scrubbed, and its evidence was left out",
                hint="Use the run that it was made from.",
            )

    def to_html(self, path: str | Path, *, templates: str | Path | None = None) -> Path:
        """Write the report as one self-contained HTML page; return its path."""
        return self.write("html", path, templates=templates)

    def to_excel(self, path: str | Path, *, sheets: str = MAIN_SHEETS) -> Path:
        """Write the workbook by itself; return its path. With `sheets="all"`, every table is a sheet of it."""
        return self.write("xlsx", path, sheets=sheets)

    def to_json(self, path: str | Path) -> Path:
        """Write findings, coverage and summary as JSON; return the path."""
        return self.write("json", path)

    def to_csv(self, path: str | Path, *, bom: bool = False) -> Path:
        """Write the findings as CSV, guarded against formulas, `bom` with a byte order mark; return the path."""
        return self.write("csv", path, csv_bom=bom)

    def write(
        self,
        kind: str,
        path: str | Path,
        *,
        templates: str | Path | None = None,
        csv_bom: bool = False,
        pdf: str = PdfLength.SHORT,
        sheets: str = MAIN_SHEETS,
        sign_pdf: PdfSigner | str | Path | None = None,
    ) -> Path:
        """Write the report in one of the formats of `--format`, e.g. "junit" or "oscal"; return the path.

        `pdf` is the length of a PDF: "short" (a report to read) or "full" (the whole page on paper). `sheets` says
        which tables the workbook has, "main" or "all", `sign_pdf` is a file that signs a PDF, as in `--sign-pdf`.
        Raises `ConfigurationError` for a format, a length or a choice of sheets that does not exist and for a key that
        cannot sign, and `OutputError`.
        """
        checked_formats([kind])
        signer, folder = taken_signer(sign_pdf), None if templates is None else Path(templates)
        options = ReportOptions(folder, csv_bom, checked_length(pdf), sheets, sign_pdf=signer)
        return self._write(kind, Path(path), options)

    def _write(self, kind: str, path: Path, options: ReportOptions) -> Path:
        with without_cycle_search():  # the texts and cells of a report hold none; what draws its charts is small
            FORMATS[kind].write(self.context, path, options)
        return path

    def save(
        self,
        folder: str | Path,
        *,
        formats: Iterable[str] = DEFAULT_FORMATS,
        templates: str | Path | None = None,
        csv_bom: bool = False,
        pdf: str = PdfLength.SHORT,
        sheets: str = MAIN_SHEETS,
        sign_pdf: PdfSigner | str | Path | None = None,
        force: bool = False,
    ) -> Path:
        """Write the whole run: manifest, evidence, policy, waivers, findings and the reports named in `formats`.

        The tables that are no sheets of the workbook are CSV files in the folder `data`; with `sheets="all"`, all
        are sheets.
        """
        folder, pdf, signer = Path(folder), checked_length(pdf), taken_signer(sign_pdf)
        formats, sheets = checked_formats(formats), checked_sheets(sheets)
        self.snapshot.save(folder, force=force, unwritten=formats)
        writing: dict[str, Any] = {"templates": templates, "csv_bom": csv_bom, "pdf": pdf, "sheets": sheets}
        self.write_outcome(folder, formats=formats, **writing, sign_pdf=signer, force=force)
        return folder

    def write_outcome(
        self,
        folder: Path,
        *,
        formats: Iterable[str] = DEFAULT_FORMATS,
        templates: str | Path | None = None,
        csv_bom: bool = False,
        pdf: str = PdfLength.SHORT,
        sheets: str = MAIN_SHEETS,
        sign_pdf: PdfSigner | str | Path | None = None,
        force: bool = False,
    ) -> None:
        """Write findings and reports into a run folder that already holds manifest and evidence.

        A report that is there and not among the `formats` stays, if it still says the same; else it is written anew
        too: a folder never holds two answers. Raises `ConfigurationError`, unless `force`, where that would write over
        a file that somebody changed, or a signed PDF by an unsigned one; the workbook that the review was read from may
        go.
        """
        wanted, pdf, signer = checked_formats(formats), checked_length(pdf), taken_signer(sign_pdf)
        if others := self._outdated(folder, wanted):
            wanted = checked_formats([*wanted, *others])
        own = None if templates is None else Path(templates)
        options = ReportOptions(own, csv_bom, pdf, sheets, data_files=True, sign_pdf=signer)
        kept, copies = self.rules.kept_files, self.rules.copies
        data = self._data_files(options) if XLSX.name in wanted else None
        names = {run_folder.MANIFEST, *kept, *(FORMATS[kind].file_name for kind in wanted)}
        names |= {f"{kind}/{name}" for kind, files in copies.items() for name in files}
        names |= run_folder.copies_in(folder)
        if data is not None:
            names |= {f"{run_folder.DATA}/{name}" for name in data} | run_folder.listed_in(folder, run_folder.DATA)
        with alone(folder):
            if not force:
                run_folder.refuse_changed(folder, names, carried=self.rules.review.workbook_sha256)
                _refuse_unsigned(folder, wanted, signer)
            run_folder.write_manifest(folder, self.snapshot.manifest, wanted)
            run_folder.write_kept(folder, kept)
            for kind, files in copies.items():
                run_folder.write_files(folder, kind, ((name, (content,)) for name, content in files.items()))
            if data is not None:
                run_folder.write_files(folder, run_folder.DATA, ((name, content()) for name, content in data.items()))
            for kind in wanted:
                self._write(kind, folder / FORMATS[kind].file_name, options)
            run_folder.write_manifest(folder, self.snapshot.manifest)
            run_folder.seal(folder, names)

    def _data_files(self, options: ReportOptions) -> dict[str, Callable[[], Iterator[bytes]]]:
        """What goes beside the workbook, by name: the content is made when it is written, a table at a time."""
        from vbr_audit.reports.data_files import data_contents

        return data_contents(self.context, options)

    def _outdated(self, folder: Path, wanted: Iterable[str]) -> list[str]:
        """The formats that are in `folder`, are not `wanted`, and no longer agree with the findings."""
        from vbr_audit.reports.exports.json import findings_sha256

        present = files_present(folder)
        others = [kind for kind in present if kind not in wanted]
        if not others:
            return []
        now = self.rules.kept_files
        now[run_folder.MANIFEST] = self.snapshot.manifest.to_json()
        if any(run_folder.bytes_of(folder / name) != content for name, content in now.items()):
            return others
        if "json" not in present:
            return []
        kept = run_folder.hash_of(folder / run_folder.FINDINGS_JSON)
        return others if findings_sha256(self.context) != kept else []

    def _repr_html_(self) -> str:
        from vbr_audit.reports.notebook import audit_html

        return audit_html(self.context)

    def __repr__(self) -> str:
        counts = self.summary.counts
        shown = ", ".join(f"{status} {counts[status]:,}" for status in counts if counts[status])
        return f"<Audit: {self.summary.verdict.headline} ({shown or 'no finding'})>"


def _refuse_unsigned(folder: Path, formats: Iterable[str], signer: PdfSigner | None) -> None:
    """Raise `ConfigurationError` where a signed PDF would be replaced by one without a signature."""
    signed = [
        name
        for name in (FORMATS[kind].file_name for kind in formats)
        if name.endswith(".pdf") and is_signed(run_folder.bytes_of(folder / name))
    ]
    if signed and signer is None:
        raise ConfigurationError(
            f"{folder}: {', '.join(signed)} would lose {'its signature' if len(signed) == 1 else 'their signatures'}, "
            "and nothing was written",
            hint="Sign again with --sign-pdf; --force writes without a signature.",
        )
