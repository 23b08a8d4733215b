"""Whether the server can send mail at all: all that jobs and the configuration backup send leaves over it."""

from __future__ import annotations

import pandas as pd


def server_mail(index: pd.Index, options: pd.DataFrame, mail: pd.DataFrame) -> pd.Series:
    """Whether the server can send mail: it is on, and the name of its SMTP server, where one is told, is not empty.

    The newer settings count before those of older revisions.
    """
    newer, older = mail["is_enabled"], options["email_enabled"]
    able = [*(newer & ~_empty(mail["smtp_server"])).dropna(), *(older & ~_empty(options["smtp_server"])).dropna()]
    return pd.Series(pd.array([able[0] if able else pd.NA] * len(index), dtype="boolean"), index=index)


def _empty(names: pd.Series) -> pd.Series:
    return (names.str.strip() == "").fillna(value=False).astype("boolean")
