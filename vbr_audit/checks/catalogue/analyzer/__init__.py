"""Checks of the Security & Compliance Analyzer (SCA)."""
