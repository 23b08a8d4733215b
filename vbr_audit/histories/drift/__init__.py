"""Settings over time: the tables of a run, what changed between two runs or over many, who did it, who approved it."""
