"""The options that several commands share, each said once, and the words that a shell completes in them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vbr_audit.vocabulary import SHEETS, THRESHOLDS, PdfLength, shipped_names

if TYPE_CHECKING:
    from vbr_audit.reports.pdf_signature import PdfSigner
    from vbr_audit.scrub.pseudonyms import ScrubKey


Urls = Annotated[
    list[str] | None, typer.Argument(metavar="[URL]...", help="Address of a VBR server; the default port is 9419.")
]
Servers = Annotated[
    Path | None, typer.Option("--servers", metavar="FILE", help="TOML file with one [[server]] table for each server.")
]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="Run folder, as given with --out.")]

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Settings in TOML; default: ./vbr_audit.toml, which cannot set servers, trust, or code to run.",
    ),
]
Username = Annotated[
    str | None,
    typer.Option(
        "--username", "-u", help="Account to sign in with; a Veeam Backup Viewer is enough for the minimal policy."
    ),
]
PasswordStdin = Annotated[
    bool,
    typer.Option(
        "--password-stdin",
        help="Read the password from standard input; default: VBR_AUDIT_PASSWORD, the keyring, or a prompt.",
    ),
]
Revision = Annotated[
    str | None,
    typer.Option("--revision", help="REST revision, e.g. 1.3-rev1; default: the newest that both sides support."),
]
CaFile = Annotated[Path | None, typer.Option("--ca-file", help="PEM file of the CA that signed the certificate.")]
Fingerprint = Annotated[str | None, typer.Option("--fingerprint", help="SHA-256 of the server's certificate.")]
Insecure = Annotated[
    bool | None, typer.Option("--insecure", help="Do not verify the certificate; every report shows this.")
]
Timeout = Annotated[float | None, typer.Option("--timeout", metavar="S", help="Seconds to wait for a response [60].")]
Deadline = Annotated[
    str | None,
    typer.Option(
        "--deadline", metavar="TIME", help="How long each server may be read, e.g. 30m; what had come by then is kept."
    ),
]
DatasetDeadline = Annotated[
    str | None,
    typer.Option(
        "--dataset-deadline", metavar="TIME", help="How long one dataset may be read; default: half of --deadline."
    ),
]
Shard = Annotated[
    str | None,
    typer.Option(
        "--shard", metavar="K/N", help="Only part K of N of the servers of --servers, e.g. 1/3; see `fleet merge`."
    ),
]
Proxy = Annotated[str | None, typer.Option("--proxy", help="HTTP proxy, e.g. http://proxy.example:3128.")]

History = Annotated[
    Path | None,
    typer.Option(
        "--history",
        metavar="DIR",
        help="Compare the run with this history of runs, and add it; made if it is not there.",
    ),
]
FailOnNew = Annotated[
    str | None,
    typer.Option(
        "--fail-on-new",
        metavar="SEVERITY",
        help="Exit with 1 if something of this severity or worse fails that did not before [never].",
    ),
]

Month = Annotated[str | None, typer.Option("--month", metavar="YYYY-MM", help="One calendar month.")]
Since = Annotated[str | None, typer.Option("--since", metavar="DATE", help="First day of the period, inclusive.")]
Until = Annotated[str | None, typer.Option("--until", metavar="DATE", help="Day after the period, exclusive.")]
Timezone = Annotated[
    str | None,
    typer.Option("--timezone", metavar="IANA", help="Time zone of period and report; default: the server's."),
]
Jobs = Annotated[
    str | None, typer.Option("--jobs", metavar="PATTERN", help="Only jobs whose name matches, e.g. 'SQL*'.")
]


# Words for the completion of a shell, which waits for them: they come without the libraries of a real run.


def complete_checks(incomplete: str) -> list[str]:
    """The shipped checks whose ids begin so."""
    return [check_id for check_id in shipped_names("checks") if check_id.startswith(incomplete)]


def complete_datasets(incomplete: str) -> list[str]:
    """Lists of datasets that go on from what is written: `jobs,ba` as `jobs,backups` and others."""
    return _continued(incomplete, ("all", *shipped_names("datasets")))


def complete_formats(incomplete: str) -> list[str]:
    """Lists of formats that go on from what is written."""
    return _continued(incomplete, shipped_names("formats"))


def complete_severities(incomplete: str) -> list[str]:
    """What `--fail-on` takes."""
    return [word for word in THRESHOLDS if word.startswith(incomplete)]


def complete_sheets(incomplete: str) -> list[str]:
    """What `--sheets` takes."""
    return [word for word in SHEETS if word.startswith(incomplete)]


def complete_profiles(incomplete: str) -> list[str]:
    """The shipped policies; the shell itself offers files where none fits."""
    return [name for name in shipped_names("policies") if name.startswith(incomplete)]


def _continued(incomplete: str, words: Iterable[str]) -> list[str]:
    written, comma, begun = incomplete.rpartition(",")
    taken = written.split(",")
    return [f"{written}{comma}{word}" for word in words if word.startswith(begun) and word not in taken]


Datasets = Annotated[
    str | None,
    typer.Option(
        "--datasets",
        metavar="LIST",
        help="Datasets to read, or all; default: those that reports and checks need.",
        autocompletion=complete_datasets,
    ),
]
MaskAccounts = Annotated[
    bool, typer.Option("--mask-accounts", help="Replace user names and hints before anything is stored.")
]

Policy = Annotated[
    str | None,
    typer.Option(
        "--policy",
        metavar="POLICY",
        help="default, strict, minimal, or a policy in YAML [default].",
        autocompletion=complete_profiles,
    ),
]
Site = Annotated[
    Path | None,
    typer.Option("--site", metavar="FILE", help="Site file in YAML: off-site repositories, tiers, assets."),
]
OwnChecks = Annotated[
    Path | None,
    typer.Option("--checks", metavar="DIR", help="Folder with your own checks: .py files and .yaml rules."),
]
Events = Annotated[
    list[Path] | None,
    typer.Option(
        "--events",
        metavar="FILE",
        help="VBR's events, as XML or lines of syslog, to say who changed settings; repeat it for more files.",
    ),
]
ChangeRegister = Annotated[
    Path | None,
    typer.Option("--change-register", metavar="FILE", help="Approved changes of settings in CSV."),
]
FailOn = Annotated[
    str | None,
    typer.Option(
        "--fail-on",
        metavar="SEVERITY",
        help="Lowest severity whose failing findings give exit code 1: critical, high, medium, low, info, or never; "
        "default: the policy's, else high.",
        autocompletion=complete_severities,
    ),
]
AllowIncomplete = Annotated[
    bool, typer.Option("--allow-incomplete", help="Do not exit 4 if something could not be read.")
]

Scrub = Annotated[
    bool, typer.Option("--scrub", help="Replace the names of servers, jobs, objects and users; leave out the evidence.")
]
ScrubKeyFile = Annotated[
    Path | None,
    typer.Option(
        "--scrub-key", metavar="FILE", help="Key of the pseudonyms; default: your own key, created at its first use."
    ),
]
ScrubOut = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="DIR", help="With --scrub: folder for the run without names.")
]
Out = Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Run folder to write; must be new or empty.")]
Formats = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="LIST",
        help=f"Reports to write, of {','.join(shipped_names('formats'))} "
        f"[{','.join(shipped_names('default_formats'))}].",
        autocompletion=complete_formats,
    ),
]
CsvBom = Annotated[
    bool, typer.Option("--csv-bom", help="Begin CSV files with a byte order mark, so that Excel detects UTF-8.")
]
Sheets = Annotated[
    str,
    typer.Option(
        "--sheets",
        metavar="WHICH",
        help="Tables in report.xlsx: main, with the others as CSV files in the folder data, or all.",
        autocompletion=complete_sheets,
    ),
]
Pdf = Annotated[
    PdfLength,
    typer.Option("--pdf", help="Length of report.pdf: a report of some pages to read, or the full page on paper."),
]
SignPdf = Annotated[
    Path | None,
    typer.Option(
        "--sign-pdf",
        metavar="FILE",
        help="Sign each PDF with this key and its certificate: PKCS#12, PEM, or a TOML file that names them.",
    ),
]
Templates = Annotated[
    Path | None, typer.Option("--templates", metavar="DIR", help="Folder of templates that replace the built-in ones.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace an earlier run in --out; other files stay.")]
ForceChanged = Annotated[
    bool,
    typer.Option("--force", help="Overwrite changed files of the run; with --scrub, replace a run in --out."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only errors.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log each request to stderr.")]
Debug = Annotated[bool, typer.Option("--debug", help="Print tracebacks and debug logs.")]


def split_formats(text: str | None) -> list[str]:
    """`html,xlsx` as a list, the usual ones for None; raises `ConfigurationError` for an unknown or missing format."""
    from vbr_audit.errors import ConfigurationError
    from vbr_audit.reports.formats import DEFAULT_FORMATS, checked_formats

    if text is None:
        return list(DEFAULT_FORMATS)
    names = [part.strip().lower() for part in text.split(",") if part.strip()]
    if not names:
        raise ConfigurationError("--format is empty", hint=f"Give one or more of {','.join(DEFAULT_FORMATS)}.")
    return checked_formats(names)


def refuse_out(out: Path | None) -> None:
    """Raise `ConfigurationError` where another folder is named for reports that stay with their run."""
    from vbr_audit.errors import ConfigurationError

    if out is not None:
        raise ConfigurationError(
            "--out needs --scrub: the reports of a run stay in its folder", hint="Remove --out, or add --scrub."
        )


def take_scrub_key(wanted: bool, file: Path | None, out: Path | None) -> ScrubKey | None:
    """The key for a scrubbed run in `out`, None where none is wanted; raises `ConfigurationError`."""
    from vbr_audit.cli.guard import complain
    from vbr_audit.collection.run_folder import refuse_beside_evidence
    from vbr_audit.errors import ConfigurationError
    from vbr_audit.scrub.pseudonyms import load_key

    if not wanted:
        if file is not None:
            raise ConfigurationError("--scrub-key needs --scrub", hint="Add --scrub.")
        return None
    if out is None:
        raise ConfigurationError("--scrub needs --out", hint="Give a folder for the run without names.")
    refuse_beside_evidence(out)
    key = load_key(file)
    for note in key.notes:
        complain(note)
    return key


def take_pdf_signer(file: Path | None) -> PdfSigner | None:
    """What signs PDFs, read and checked; raises `ConfigurationError`."""
    from vbr_audit.reports.pdf_signature import taken_signer

    return taken_signer(file)


def split_datasets(text: str | None) -> list[str] | None:
    """`jobs,backups` as a list, `all` as every dataset, None as None; raises `ConfigurationError` for another name."""
    from vbr_audit.config.yaml_file import suggestion
    from vbr_audit.datasets import DATASETS
    from vbr_audit.errors import ConfigurationError

    if text is None:
        return None
    names = [part.strip().lower() for part in text.split(",") if part.strip()]
    if names == ["all"]:
        return list(DATASETS)
    for name in names:
        if name not in DATASETS:
            raise ConfigurationError(
                f"--datasets: unknown dataset {name!r}{suggestion(name, DATASETS)}",
                hint=f"Give all, or one or more of {', '.join(DATASETS)}.",
            )
    if not names:
        raise ConfigurationError("--datasets is empty", hint=f"Give all, or one or more of {', '.join(DATASETS)}.")
    return names


def check_fail_on(value: str | None, option: str = "--fail-on") -> str | None:
    """A severity, `never`, or None; raises `ConfigurationError` for anything else."""
    from vbr_audit.errors import ConfigurationError

    if value is None or value in THRESHOLDS:
        return value
    raise ConfigurationError(f"{option}: unknown severity {value!r}", hint=f"Choose one of {', '.join(THRESHOLDS)}.")


def span(value: str | None, option: str = "--deadline") -> str | None:
    """A span of time as written, such as `30m`, or None; raises `ConfigurationError` for anything else."""
    from vbr_audit.config.time_spans import seconds_of
    from vbr_audit.errors import ConfigurationError

    try:
        if value is not None:
            seconds_of(value)
    except ConfigurationError as error:
        raise ConfigurationError(f"{option}: {error.message}", hint=error.hint) from None
    return value


def read_password() -> str:
    """The first line of standard input; raises `ConfigurationError` when it is empty."""
    import sys

    from vbr_audit.errors import ConfigurationError

    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise ConfigurationError(
            "--password-stdin: standard input is empty", hint="Pipe in the password, e.g. from a secret store."
        )
    return line


def refuse_present(path: Path, *, force: bool) -> None:
    """Raise `ConfigurationError` where a file is there already, unless it may be replaced."""
    from vbr_audit.errors import ConfigurationError

    if path.exists() and not force:
        raise ConfigurationError(f"{path} already exists", hint="Give another name, or --force to replace it.")


def write_text(target: str, text: str, *, force: bool) -> None:
    """Write `text` to standard output for `-`, else to a file; raises `ConfigurationError` and `OutputError`."""
    from vbr_audit.collection.files import write_bytes

    if target == "-":
        typer.echo(text, nl=False)
        return
    refuse_present(Path(target), force=force)
    write_bytes(Path(target), text.encode(), for_owner=False)  # a file that people go on to write
