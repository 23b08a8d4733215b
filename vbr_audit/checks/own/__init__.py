"""Checks that the package does not ship: Python files, installed packages, notebook cells and YAML rules."""
