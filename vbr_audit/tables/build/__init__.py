"""What tables are declared with, and how the rows of answers become columns."""
