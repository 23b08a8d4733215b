"""The charts: which there are, how they are drawn, and as what."""
