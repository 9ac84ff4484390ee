"""Metrics, and what is built on their names."""
