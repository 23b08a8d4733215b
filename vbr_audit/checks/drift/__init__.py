"""What was configured, what changed between two runs, who changed it, and whether that was approved."""
