"""The outcome of a run for machines and other tools: one module per format, a function from context to bytes.

Equal results give equal bytes; numbers come from `context.summary` and the tables of `context.results`.
"""
