"""The page, the executive page and the PDF, from templates."""
