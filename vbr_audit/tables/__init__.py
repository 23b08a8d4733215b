"""The server's answers as typed tables. Pure: decoded JSON in, DataFrames out; no HTTP, no files."""
