"""The checks that ship with the package, one module per theme; importing this package registers them all."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from vbr_audit.checks.registry import REGISTRY, declaring_into

with declaring_into(REGISTRY):
    for _module in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{_module.name}")
