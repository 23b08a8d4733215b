"""Many servers: one task for each, and one picture of what came of them."""
