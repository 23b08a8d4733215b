"""`python -m vbr_audit` is `vbr-audit`."""

from vbr_audit.cli import main

main()
