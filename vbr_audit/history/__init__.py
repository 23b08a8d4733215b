"""Runs over time: the tables that each run leaves for later, and what several runs together show.

Every table is made by a pure function of one run's snapshot and results; what several runs show is made of such tables
alone. A server is known by `server_id`: its own id where it is known, else its name in the run.
"""
