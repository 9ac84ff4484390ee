"""Benchmarks. They start what they need, stand apart from the tests, and assert nothing about time."""
