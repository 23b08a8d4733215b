"""All that the server holds beyond jobs and sessions, made on the first request and kept for each revision."""

from vbr_audit.simulator.holdings.keeper import Holdings

__all__ = ["Holdings"]
