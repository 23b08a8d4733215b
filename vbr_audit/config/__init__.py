"""Files that a user writes: read within bounds, with each problem at its line and a suggestion."""
