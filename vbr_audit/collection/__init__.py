"""Which datasets make one picture of a server, and what was missing from it."""
