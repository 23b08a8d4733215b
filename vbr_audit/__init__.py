"""Read a Veeam Backup & Replication estate over REST, check it against a policy, report what is wrong and unknown.

>>> import vbr_audit as va
>>> client = va.connect("https://vbr01.example", username="auditor", password="…")
>>> client
<Client of vbr01.example at https://vbr01.example:9419 as 'auditor', revision 1.3-rev2>
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vbr_audit.api.client import Client as Client
    from vbr_audit.api.client import connect as connect
    from vbr_audit.audited import Audit as Audit
    from vbr_audit.checks.engine.outcome import Outcome as Outcome
    from vbr_audit.checks.engine.params import param as param
    from vbr_audit.checks.own.session import check as check
    from vbr_audit.collection.run_folder import load as load
    from vbr_audit.collection.snapshot import Snapshot as Snapshot
    from vbr_audit.errors import CollectionInterrupted as CollectionInterrupted
    from vbr_audit.errors import VbrAuditError as VbrAuditError
    from vbr_audit.fleets.fleet import audit_fleet as fleet
    from vbr_audit.fleets.merging import merge_runs as merge_runs
    from vbr_audit.histories.comparing import diff_runs as diff
    from vbr_audit.histories.history import open_history as history
    from vbr_audit.named_tables import protected as protected
    from vbr_audit.named_tables import with_names as with_names
    from vbr_audit.pipeline import audit_snapshot as audit
    from vbr_audit.pipeline import collect as collect
    from vbr_audit.pipeline import load_audit as load_audit
    from vbr_audit.reports.charts import plot
    from vbr_audit.searchable_table import searchable as searchable
    from vbr_audit.spreadsheet.single_table import to_excel as to_excel
    from vbr_audit.verifying import verify_run as verify

__version__ = "0.1.0"

_HOMES = {
    "Audit": ("audited", "Audit"),
    "Client": ("api.client", "Client"),
    "CollectionInterrupted": ("errors", "CollectionInterrupted"),
    "Outcome": ("checks.engine.outcome", "Outcome"),
    "Snapshot": ("collection.snapshot", "Snapshot"),
    "VbrAuditError": ("errors", "VbrAuditError"),
    "audit": ("pipeline", "audit_snapshot"),
    "check": ("checks.own.session", "check"),
    "collect": ("pipeline", "collect"),
    "connect": ("api.client", "connect"),
    "diff": ("histories.comparing", "diff_runs"),
    "fleet": ("fleets.fleet", "audit_fleet"),
    "history": ("histories.history", "open_history"),
    "load": ("collection.run_folder", "load"),
    "load_audit": ("pipeline", "load_audit"),
    "merge_runs": ("fleets.merging", "merge_runs"),
    "param": ("checks.engine.params", "param"),
    "plot": ("reports.charts.plot", None),
    "protected": ("named_tables", "protected"),
    "searchable": ("searchable_table", "searchable"),
    "to_excel": ("spreadsheet.single_table", "to_excel"),
    "verify": ("verifying", "verify_run"),
    "with_names": ("named_tables", "with_names"),
}

__all__ = [
    "Audit",
    "Client",
    "CollectionInterrupted",
    "Outcome",
    "Snapshot",
    "VbrAuditError",
    "audit",
    "check",
    "collect",
    "connect",
    "diff",
    "fleet",
    "history",
    "load",
    "load_audit",
    "merge_runs",
    "param",
    "plot",
    "protected",
    "searchable",
    "to_excel",
    "verify",
    "with_names",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'vbr_audit' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    home = import_module(f"vbr_audit.{module}")
    value = home if attribute is None else getattr(home, attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
