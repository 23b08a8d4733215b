"""What a policy says of the checks: which are enabled, with which parameters and severities."""
