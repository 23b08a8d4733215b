"""Cells and sheets that a spreadsheet program opens safely, and how they are read back."""
