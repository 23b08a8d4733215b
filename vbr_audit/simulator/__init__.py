"""A small Veeam Backup & Replication server for the demo, the notebooks and the tests.

It stands apart from the toolkit and shares no code with it, so that a mistake in one does not hide in the
other. It reads like the real server and misbehaves on demand. Needs the extra `demo`.
"""

from vbr_audit.simulator.access import ROLES
from vbr_audit.simulator.app import create_app
from vbr_audit.simulator.clock import read_moment
from vbr_audit.simulator.faults import DATASETS, FAULTS, Fault
from vbr_audit.simulator.options import DEMO_PASSWORD, DEMO_USERNAME, SimulatorOptions
from vbr_audit.simulator.revisions import REVISIONS
from vbr_audit.simulator.server import ServerUrl, serve
from vbr_audit.simulator.simulator import Simulator
from vbr_audit.simulator.site import DEMO_ASSETS, DEMO_SITE

__all__ = [
    "DATASETS",
    "DEMO_ASSETS",
    "DEMO_PASSWORD",
    "DEMO_SITE",
    "DEMO_USERNAME",
    "FAULTS",
    "REVISIONS",
    "ROLES",
    "Fault",
    "ServerUrl",
    "Simulator",
    "SimulatorOptions",
    "create_app",
    "read_moment",
    "serve",
]
