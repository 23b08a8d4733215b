"""The checks that ship with the package, one folder per area; importing this package registers them all."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from vbr_audit.checks.engine.registry import REGISTRY, declaring_into

with declaring_into(REGISTRY):
    for _module in pkgutil.walk_packages(__path__, f"{__name__}."):
        import_module(_module.name)
