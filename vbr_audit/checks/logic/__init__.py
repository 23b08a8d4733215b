"""Three-valued logic, dates and codes over columns: what checks and derived tables are written with."""
