"""Many servers: the runs of their parts as one."""
