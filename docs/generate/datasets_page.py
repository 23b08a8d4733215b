"""What is read over REST as one Markdown page: datasets, requests, revisions, and which role may read what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from docs_cells import cell, table_head, table_row

from vbr_audit.checks.policy.needs import datasets_to_read
from vbr_audit.checks.policy.policy import load_policy
from vbr_audit.datasets import BASIC, DATASETS, Dataset
from vbr_audit.datasets.roles import Role
from vbr_audit.revisions import BUILDS, KNOWN, NEWEST, OLDEST, UNSPECIFIED

_INTRODUCTION = f"""# Datasets, roles and revisions

Everything that is asked of a server is a `GET` below `/api/v1/`, beside signing in and out. This page is made from
the catalogue of datasets, which tests hold against the vendor's specifications.

A dataset is one collection or object of the REST API. `--datasets` chooses some by name, `--datasets all` takes every
one; without it, what every report shows is read, and what the checks of the policy need. `vbr-audit doctor` tries one
row of each and says what your account may read of your server.

What a role may not read is recorded as *denied*, and the checks that need it answer UNKNOWN: the run goes on, and
ends with exit code 4.

## Revisions

The newest revision that both sides know is used; `--revision` pins one. Job settings are mapped for all of these:

{{revisions}}

Full specifications of {", ".join(UNSPECIFIED[:-1])} and {UNSPECIFIED[-1]} were not at hand: whatever 1.2-rev1 offers
is asked of them too, and what they lack is recorded as *absent*.

## Datasets

*Read* says when a dataset is read without being named: `always`, for the `default` policy, or for the `minimal` one
too. Where rows stood elsewhere in an older revision, its path is named as well. ◆ marks answers that may hold
secrets, which are replaced before anything is kept; ◇ those with user names or hints, which `--mask-accounts` turns
into pseudonyms.

{{datasets}}

## Roles

Veeam's built-in roles, with what each may read in {NEWEST}. "from" names the revision that opened a dataset to the
role; the others were open to it in the first revision that has them. A custom role reads what the server allows it.

{{roles}}

[Tables](tables.md) tells what becomes of the answers, [Checks](checks.md) which check needs which dataset.
"""
_SECRETS: Final = "◆"
_ACCOUNTS: Final = "◇"


def render_datasets() -> str:
    """The whole page as Markdown, ending in a line break."""
    return _INTRODUCTION.format(
        revisions="\n".join(_revisions()), datasets="\n".join(_datasets()), roles="\n".join(_roles()).rstrip()
    )


def _revisions() -> Iterator[str]:
    yield from table_head("revision", "came with build")
    for revision in KNOWN:
        yield table_row(revision, BUILDS[revision])


def _datasets() -> Iterator[str]:
    default, minimal = (datasets_to_read(load_policy(name)) for name in ("default", "minimal"))
    yield from table_head("dataset", "what it is", "request", "since", "read")
    for name, dataset in DATASETS.items():
        read = "always" if name in BASIC else "minimal" if name in minimal else "default" if name in default else ""
        paths = [f"`{dataset.path}`", *(f"before: `{older.path}`" for older in dataset.earlier)]
        since = dataset.at(OLDEST).first_revision
        yield table_row(f"`{name}`", cell(dataset.title) + _marks(dataset), "<br>".join(paths), since, read)


def _marks(dataset: Dataset) -> str:
    marks = (_SECRETS if dataset.sensitive else "") + (_ACCOUNTS if dataset.accounts else "")
    return f" {marks}" if marks else ""


def _roles() -> Iterator[str]:
    for role in Role:
        may = [dataset for dataset in DATASETS.values() if dataset.access.allows(role, NEWEST)]
        yield f"### {role}"
        yield ""
        yield f"{len(may)} of {len(DATASETS)} datasets: {', '.join(_opened(dataset, role) for dataset in may)}."
        yield ""


def _opened(dataset: Dataset, role: Role) -> str:
    since = dataset.access.since[role]
    later = since not in (OLDEST, dataset.first_revision)
    return f"`{dataset.name}`" + (f" (from {since})" if later else "")
