"""The engine: what a check is, what it is asked with, and how its answers become findings."""
