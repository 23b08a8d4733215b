"""The checks that ship with the package, one folder per area."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Final

from vbr_audit.checks.engine.registry import Registry

REGISTRY: Final = Registry.of(import_module(each.name) for each in pkgutil.walk_packages(__path__, f"{__name__}."))
"""The checks that this package ships: those of every module below this folder."""
